/** English: the lesson of momentum, RMSProp and Adam. */
export const optimizersEn = {
  parts: [
    {
      title: "SGD: straight downhill",
      text: [
        "Now there are two weights, `ŷ = w₁·x₁ + w₂·x₂`, and the loss is a landscape over both. The map shows it from above: the more its grey stands out from the page, the higher; lines join places of equal loss, and inside of the green line the loss is below 0.01: the bottom.",
        "The input `x₂` is about six times as large as `x₁`, so the loss changes far more with `w₂`: a *ravine*. SGD goes against the gradient (orange), which points across the ravine rather than along it. The rate must be small enough for the steep direction, and then the flat one takes many steps.",
      ],
      task: "From the given start, find a rate with which SGD is at the bottom after at most 70 steps, and stays there.",
    },
    {
      title: "Momentum: a velocity",
      text: [
        "Momentum keeps a velocity `v` for each weight: `v′ = μ·v + g`, and moves by it: `w′ = w − η·v′`. At each step the share `μ` of the old velocity is kept, so old gradients count less and less.",
        "Across the ravine gradients change their sign and cancel in the sum. Along it they have the same sign and add up, to at most `1/(1 − μ)` times one gradient. With `μ` too near to 1 the weights run past the bottom and swing back.",
      ],
      task: "From the given start, bring momentum to the bottom in at most 30 steps. Change both `η` and `μ`: half the steps of SGD are enough.",
    },
    {
      title: "RMSProp: a step size for each weight",
      text: [
        "The same two weights before a sigmoid, `ŷ = σ(w₁·x₁ + w₂·x₂)`: where it is sure, the landscape is a *plateau* with tiny gradients. SGD hardly moves there.",
        "RMSProp keeps a mean `s` of squared gradients, `s′ = ρ·s + (1 − ρ)·g²`, and divides by its root: `w′ = w − η·g/(√s′ + ε)`. What is left of `g` is its size compared with what it was lately, so a weight moves about `η` in each step, be its gradients large or tiny. The other side: with a fixed rate it also moves about `η` near the bottom.",
      ],
      task: "From the given start, find a rate with which RMSProp is at the bottom after at most 80 steps, and stays there.",
    },
    {
      title: "Adam: both, and corrected",
      text: [
        "A valley that *bends*: the way along it is flat and changes its direction, its walls are steep.",
        "Adam divides a mean of gradients `m` (as momentum) by the root of a mean of squares `s` (as RMSProp). Both means begin at 0, and so are too small at first: after `t` steps only the share `1 − βᵗ` of them is made of gradients. Dividing by that gives `m̂` and `ŝ`. In the first step `m̂ = g` and `ŝ = g²`: each weight moves by `η`.",
      ],
      task: "From the given start, bring Adam to the bottom in at most 80 steps.",
    },
    {
      title: "All at once",
      text: [
        "The four from one start. Choose a landscape, move the start, change the rates. At a *saddle* the gradient is 0 though it goes down on two sides: who comes there slowly is held up for long.",
        "None is the best everywhere. Adam and RMSProp ask for little tuning: a rate that is good here is often good elsewhere. SGD with a rate that fits can be faster, or not arrive at all.",
      ],
      task: "Find a case in which SGD reaches the bottom in fewer steps than Adam, and both reach it. The loss at the start must be above 0.3.",
    },
  ],
  optimizers: { sgd: "SGD", momentum: "Momentum", rmsprop: "RMSProp", adam: "Adam" },
  lands: { ravine: "Ravine", plateau: "Plateau", saddle: "Saddle", bend: "Bent valley" },
  about: {
    ravine: "ŷ = w₁·x₁ + w₂·x₂, 4 examples, x₂ much larger than x₁",
    plateau: "ŷ = σ(w₁·x₁ + w₂·x₂), 4 examples",
    saddle: "L = (w₁·w₂ − 1)²: two weights one behind the other, one example",
    bend: "L = (1 − w₁)² + 5·(w₂ − w₁²)²",
  },
  live: "The landscape and the ways on it",
  land: "Landscape",
  start: (weight: string): string => `Start: ${weight}`,
  givenStart: "Given start",
  shownSteps: "Steps made",
  rate: "Learning rate η",
  momentumKeep: "Share kept of the velocity μ",
  adamKeep: "Share kept of the mean β₁",
  rmspropKeepSquares: "Share kept of the squares ρ",
  adamKeepSquares: "Share kept of the squares β₂",
  optimizer: "Optimiser",
  weight: "Weight",
  told: (count: number, places: string): string =>
    `The landscape after ${count} steps. ${places}. Start is set by clicking, or by the sliders.`,
  toldOne: (name: string, w1: string, w2: string, loss: string): string =>
    `${name}: w₁ = ${w1}, w₂ = ${w2}, loss ${loss}`,
  bottom: "At the bottom",
  atStep: (step: number): string => `from step ${step}`,
  diverged: (step: number): string => `diverged at step ${step}`,
  notYet: "not yet",
  never: (steps: number): string => `not in ${steps} steps`,
  hasDiverged: (names: string): string =>
    `${names}: the numbers became infinite, that is larger than 3.4×10³⁸, the largest with 32 bits. Choose a smaller rate; all is computed anew from the start.`,
  and: ", ",
  table: "Where each stands",
  losses: "Loss",
  step: "step",
  next: (step: number): string => `Step ${step} in numbers`,
  over: "No further step is computed here.",
  legend: "Orange: against the gradient. Green: the next step.",
  notes: {
    w: "the weight",
    g: "its gradient, from the backward pass",
    η: "the learning rate",
    v: "the velocity",
    s: "the mean of squared gradients",
    m: "the mean of gradients",
    μ: "the share of the velocity that is kept",
    ρ: "the share of the mean that is kept",
    "β₁": "the share of the mean of gradients that is kept",
    "β₂": "the share of the mean of squares that is kept",
    m̂: "the mean of gradients, corrected for its start at 0",
    ŝ: "the mean of squares, corrected for its start at 0",
    ε: "a tiny number, so that nothing is divided by 0",
  },
  computing: "Being computed…",
};
