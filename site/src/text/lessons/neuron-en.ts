/** English: the lesson of one neuron. */
export const neuronEn = {
  plane: { z: "The weighted sum z over the plane", a: "The activation a over the plane" },
  line: "z = 0",
  weights: "Weights and bias",
  point: "The ring",
  sum: "The weighted sum",
  bent: "The activation",
  lineOf: "The line",
  activation: "Activation function",
  activations: { sigmoid: "sigmoid", tanh: "tanh", relu: "ReLU" },
  bend: (a: string, z: string, slope: string): string => `Curve of the activation: a is ${a} at z ${z}, slope ${slope}`,
  gradient: (of: string): string => `Gradient of ${of}`,
  update: (of: string): string => `Update of ${of}`,
  legend: "Orange: where L grows. Green: the next step, η times as long.",
  /** What the lesson of a layer says too of what it trains. */
  run: {
    right: "right",
    loss: "loss L",
    steps: "steps",
    step: "step",
    rate: "learning rate η",
    notFinite:
      "The numbers have become infinite: the last step was so long that they left what a computer can hold. Take a smaller learning rate, or smaller weights, and begin anew.",
  },
  parts: {
    sum: {
      title: "A weighted sum",
      text: [
        "A neuron takes some numbers in and gives one number out. Here two come in, `x₁` and `x₂`: the place of the ring in the square.",
        "Each input has a *weight*, `w₁` or `w₂`: how much it counts, and with which sign. The *bias* `b` is added whatever comes in. Together they make the *weighted sum* `z`.",
        "The square shows `z` at every place at once: violet where it is above 0, ochre where it is below, pale where it is close to 0.",
      ],
      task: "Bring `z` close to 0, between −0.05 and 0.05, with at least one weight above 0.5 or below −0.5. Drag the ring, or use the sliders.",
    },
    bend: {
      title: "The activation bends it",
      text: [
        "The neuron then puts `z` through a function whose curve is no straight line, the *activation function*. What comes out, the *activation* `a`, is the neuron's answer.",
        "The *sigmoid* `σ(z) = 1 / (1 + e⁻ᶻ)` gives numbers between 0 and 1, which can be read as probabilities. *tanh* gives numbers between −1 and 1. *ReLU* keeps what is above 0 and makes the rest 0.",
        "The dashed line touches the curve at the neuron's place. Its slope `∂a/∂z` tells how fast `a` changes when `z` does. Where the sigmoid is flat, a change of `z` has almost no effect. Training will need this slope.",
      ],
      task: "With the sigmoid, bring `a` above 0.95. How large must `z` be for that?",
    },
    line: {
      title: "z = 0 is a line",
      text: [
        "Here are points of two classes: circles are class 0, squares are class 1. With the sigmoid, `a` is the probability of class 1 as the neuron has it. It answers 1 where `a` is above 0.5, and that is where `z` is above 0.",
        "All places with `z = 0` lie on one straight line. The arrow on it points to where `z` grows, the direction of `(w₁, w₂)`.",
        "The weights turn the line, the bias shifts it. Weights and bias three times as large leave the line where it is, and only make the passage from 0 to 1 steeper.",
      ],
      task: "Get 95% of the points right by hand, with the sliders of `w₁`, `w₂` and `b`.",
    },
    train: {
      title: "Training does it",
      text: [
        "How wrong is the neuron? The *loss* `L` is one number for that: −ln of the probability that it gave to the right class, as a mean over all points. [The lesson on the loss](#/lessons?lesson=loss) has more about it.",
        "The *gradient* tells for each weight how fast `L` grows when the weight grows. For `w₁` it is the mean of `(a − y) · x₁` over all points, where `y` is the right answer, 0 or 1.",
        "A step goes the other way: each weight loses the *learning rate* `η` times its gradient. Many such steps are the training.",
      ],
      task: "Press *From the start*, then *Train*. Come to 95% without a hand on the weights.",
    },
    xor: {
      title: "What one neuron cannot do",
      text: [
        "Now class 1 is where `x₁` and `x₂` have different signs, as in the logical *exclusive or*, XOR. The classes lie crosswise, and wherever a line is drawn, many points are on its wrong side.",
        "Training finds no way either. The weights shrink until `a` is close to 0.5 everywhere, and the loss stays close to 0.69, which is ln 2: the loss of somebody who says “one half” to everything. More steps do not help, because there are no better weights.",
        "One line is not enough. Several are the subject of [the next lesson](#/lessons?lesson=layer). The [playground](#/playground?data=xor&layers=none) has the same neuron with all its numbers.",
      ],
      task: "Train for 200 steps. Watch the loss and the share of points that are right.",
    },
  },
};
