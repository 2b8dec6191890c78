/** English: the lesson on the chain rule. */
interface NodeState {
  readonly hasValue: boolean;
  readonly gradient: "none" | "part" | "whole";
}

export const chainRuleEn = {
  parts: [
    {
      title: "Forward: one value after the other",
      text: [
        "One neuron without activation: `s = w·x + b`. Its error is `e = s − y`, and its loss is the square of it: `L = e²`. Here `w` is the weight, `x` the input, `b` the bias and `y` the target.",
        "A *computation graph* splits this into single operations. Each node takes the values of the nodes before it and makes one new value, shown in blue. Hatched means: not computed yet.",
      ],
      task: "Press *Next operation* until `L` has its value. Click a node to see its formula with the numbers put in.",
    },
    {
      title: "Backward: one gradient after the other",
      text: [
        "How much would `L` change if a number changed a little? That ratio is the number's *gradient*, such as `∂L/∂w`, shown in orange.",
        "It begins at the end: `∂L/∂L = 1`. At each edge stands the *local derivative*: how one operation alone reacts to one of its inputs. For `p = w·x` it is `∂p/∂w = x`: the operation need not know the rest of the graph.",
        "The *chain rule* goes back over an edge by one product: the gradient that arrives times the local derivative. So `∂L/∂w = ∂L/∂p · ∂p/∂w`.",
      ],
      task: "Go on until `w`, `x`, `b` and `y` have their gradients.",
    },
    {
      title: "What a gradient says",
      text: [
        "Both passes are done now. `∂L/∂w = 12` at the beginning says: make `w` larger by 0.001, and `L` grows by about 12 · 0.001. At the bottom this is tried out: only nearly the same, because the nudge is not infinitely small.",
        "Trying out needs one more forward pass for each number. The backward pass has found all gradients at once, in about the time of two forward passes. That is why networks with millions of weights can be trained.",
      ],
      task: "Change only `x` until `∂L/∂w` is 0. There are two such places: at one of them the loss is 0, at the other one the weight has no influence.",
    },
    {
      title: "A number that is used twice",
      text: [
        "Here the same weight `w` stands at two places: `p₁ = w·x₁` and `p₂ = w·x₂`. Convolutions use each weight many times, and so do networks that read texts.",
        "A change of `w` reaches `L` on two paths, and the effects add up. So does the gradient: `∂L/∂w = ∂L/∂p₁ · x₁ + ∂L/∂p₂ · x₂`. Step through the backward pass: `w` first gets one share (marked by +), then the other one.",
      ],
      task: "Do both passes. Then choose `x₁` and `x₂` so that both paths cancel: `∂L/∂w` is 0, but the shares are not.",
    },
    {
      title: "A factor that lets nothing through",
      text: [
        "Now the neuron has the activation `h = tanh(z)`. Its local derivative is `1 − h²`. Near `z = 0` that is close to 1. Far from 0 the curve of tanh is flat, and the derivative is close to 0: the neuron is *saturated*.",
        "All that goes back to `w`, `x` and `b` is multiplied by this factor. In deep networks many such factors are multiplied, and little is left at the first layers: the gradient *vanishes*.",
      ],
      task: "Do both passes. Then make `∂h/∂z` smaller than 0.01 while the error `e` stays larger than 0.1. The loss is large, and still `w` learns next to nothing.",
    },
  ],
  graph: (formula: string): string => `Computation graph of ${formula}`,
  legend: "Blue: value. Orange, ∂: gradient of L. At an edge: local derivative.",
  passes: "Both passes",
  play: "Play",
  previous: "Previous operation",
  next: "Next operation",
  toLoss: "Forward to L",
  toEnd: "Backward to the inputs",
  inputs: "Numbers that you can change",
  roles: { w: "weight", x: "input", b: "bias", y: "target", "x₁": "input", "x₂": "input" },
  node: (title: string, value: string, gradient: string, state: NodeState): string => {
    const found = { none: "no gradient yet", part: `gradient so far ${gradient}`, whole: `gradient ${gradient}` };
    return `${title}: ${state.hasValue ? `value ${value}` : "no value yet"}, ${found[state.gradient]}`;
  },
  atStart: "Only the inputs have values.",
  seed: "Backward begins: ∂L/∂L = 1.",
  forward: (formula: string): string => `Forward: ${formula}`,
  backward: (name: string, gradient: string, shares: string): string =>
    `Backward through ${name}, whose gradient is ${gradient}: ${shares}`,
  share: (name: string, share: string): string => `${share} to ${name}`,
  notFinite:
    "The numbers are too large: a value or a gradient has become infinite, or NaN, which is no number. Choose smaller ones, or begin from the start.",
  details: (name: string): string => `The node ${name}`,
  leaf: "Value: given, not computed",
  value: "Value",
  local: "Local derivatives",
  gradient: "Gradient",
  nudge: "Tried out: moved by 0.001",
};
