/** English: the lesson of gradient descent. */
export const descentEn = {
  parts: [
    {
      title: "The slope says which way",
      text: [
        "A model with one weight: `ŷ = w·x`. Its loss `L` is the mean of the squared errors of 8 examples. For each `w` that is one number, so it can be drawn: a curve over `w`, in blue. The lower, the better the line fits the examples.",
        "The backward pass gives `g = ∂L/∂w`, the *slope* of this curve where the weight stands, drawn in orange. Where `g` is below 0 the loss falls to the right; where it is above 0 the loss falls to the left. The steeper the curve, the further `g` is from 0.",
        "A check: move `w` by 0.01, and divide what that changes of `L` by 0.01. It is nearly `g`.",
      ],
      task: "Move the weight to the bottom: to a slope between −0.05 and 0.05. Drag in the drawing, or use the slider.",
    },
    {
      title: "One step",
      text: [
        "Gradient descent moves the weight against the slope: `w′ = w − η·g`. The number `η` (eta) is the *learning rate*: how far for how much slope. The green arrow is the next step, `−η·g`.",
        "At `w′` a forward pass gives the new loss, a backward pass the new slope, and so on. Nobody says where the bottom is. Near it the slope is small, so the steps become small by themselves.",
      ],
      task: "Make steps, one by one or with “Train”, until the slope is between −0.01 and 0.01.",
    },
    {
      title: "How far: the learning rate",
      text: [
        "Leave some steps on the screen and move `η`: all of them are computed anew. Small: the weight creeps. Larger: it arrives soon. Larger still: it jumps over the bottom, to and fro. Too large: every jump ends higher up, until the numbers are infinite. [The same in a network](#/playground?data=wave&loss=mse&opt=sgd&layers=8relu_8relu&lr=10).",
        "For this bowl it can be said exactly. `L″` is how fast the slope itself changes, here the same everywhere. One step multiplies the distance to the bottom, `w − w*`, by `1 − η·L″`. It shrinks if that factor is between −1 and 1: if `η` is below `2/L″`.",
      ],
      task: "From `w = −0.5`, find an `η` so that after at most 5 steps the slope is between −0.01 and 0.01.",
    },
    {
      title: "Two valleys",
      text: [
        "Now the model is a wave, `ŷ = sin(w·x)`, and the weight says how fast it swings. The loss has two valleys: a deep one, and one where the wave fits badly but every small change makes it worse.",
        "The slope knows only the place where the weight stands. So the descent ends in the valley in which it begins; on the top of the hill between them it is decided which. Only a large rate may jump across.",
      ],
      task: "Let it come to rest in both valleys, to a slope between −0.01 and 0.01: once in the deep one, and from another start in the other one.",
    },
    {
      title: "A plateau",
      text: [
        "A sigmoid, `ŷ = σ(w·x)`. At `w = −6` it gives the wrong answers and is very sure of them: the curve is nearly flat, `g` is tiny, and so is each step. This is called a *vanishing gradient*.",
        "A small slope does not say that the bottom is near. A larger rate helps on the plateau, but the same rate can be too large in the valley.",
      ],
      task: "From `w = −6`, or from further left, bring the loss below 0.01 in at most 50 steps.",
    },
    {
      title: "Batches: the slope of a few examples",
      text: [
        "Networks learn from millions of examples; the slope of all of them would cost too much for one step. So each step takes a *batch* of a few, drawn filled. The loss of the batch is a curve of its own (dashed) with another bottom, so its slope `g` is only roughly that of all.",
        "The weight never comes to rest: each batch pulls it to its own bottom. A smaller rate makes smaller steps, and the pulls even out; but the way takes longer. That is why rates often begin large and become smaller.",
      ],
      task: "With batches of 2, keep the loss of all examples below 0.19 from step 30 to step 60.",
    },
  ],
  weight: "weight w",
  loss: "loss L",
  target: "target y, model ŷ",
  lossTitle: "The loss for each weight",
  examplesTitle: "The examples and the model",
  start: "Start: weight w",
  rate: "Learning rate η",
  batch: "Examples in a batch",
  otherBatches: "Other batches",
  shownSteps: "Steps made",
  told: (count: number, w: string, loss: string, slope: string, move: string): string =>
    `The loss over the weight. After ${count} steps: w = ${w}, L = ${loss}, slope ${slope}. The next step adds ${move} to w.`,
  examplesTold: (w: string, ground: "bowl" | "valleys" | "plateau"): string =>
    `8 examples, and ${{ bowl: "the line", valleys: "the wave", plateau: "the sigmoid" }[ground]} of the model for w = ${w}.`,
  formula: "The slope and the next step",
  notes: {
    w: "the weight",
    g: "the slope, from the backward pass",
    b: "the slope of the batch, from the backward pass",
    r: "the learning rate",
    c: "how fast the slope changes",
    d: "the distance to the bottom is this many times what it was",
    n: "nearly the slope: how much the loss changes for a small move",
  },
  step: "step",
  ofBatch: "g, batch",
  ofAll: "g, all",
  table: "The last steps",
  broken: (step: number): string =>
    `Diverged: at step ${step} the numbers became infinite, that is larger than 3.4×10³⁸, the largest with 32 bits. Choose a smaller rate, or go back to the start.`,
  end: (steps: number): string => `${steps} steps: no more are computed here.`,
  computing: "Being computed…",
};
