/** English: the lesson of a layer. */
export const layerEn = {
  plane: "The probability p of class 1 over the plane",
  network: "The network",
  layers: { input: "Input", hidden: "Hidden layer", output: "Output" },
  bent: "tanh",
  straight: "none",
  units: "Hidden units",
  isBent: "Activation tanh",
  otherStart: "Another start",
  hidden: (unit: string): string => `Unit ${unit}`,
  output: "Output",
  oneLine: "The same as one neuron",
  loss: "Loss of this example",
  target: (label: number): string => `This example is of class ${label}: y = ${label}.`,
  back: (unit: string): string => `Back to ${unit}`,
  update: "Update",
  /** What is done at each moment of a step. */
  moments: [
    "weighted sums of the hidden units",
    "activations of the hidden units",
    "output",
    "loss of this example",
    "gradients of the output and of its weights",
    "share of each hidden unit",
    "gradients of the hidden weights",
    "every weight loses η times its gradient",
  ],
  parts: {
    lines: {
      title: "Each unit has a line of its own",
      text: [
        "Several neurons that get the same inputs are a *layer*. Each of them, a *unit*, has its own weights and its own bias, and so its own line in the square.",
        "What these units give is no answer yet, but new numbers for the same place: `h₁`, `h₂` and so on. They are *hidden* between input and output. Each is `h = tanh(s)` of the unit's weighted sum `s`: towards 1 on one side of its line, towards −1 on the other. In the network's drawing, each unit shows its own map of the square.",
      ],
      task: "Choose a hidden unit in the drawing of the network. Then move the ring from one side of its line to the other, and watch the sign of its `h`.",
    },
    add: {
      title: "The output adds the units",
      text: [
        "The output is a neuron too. Its inputs are the hidden units: `z = v₁ · h₁ + v₂ · h₂ + … + c`, with weights `v` and a bias `c` of its own. `p = σ(z)` is the probability of class 1.",
        "Each unit rises across its own line, or falls if its `v` is below 0. So their sum can rise and then fall again, and the border, where `p = 0.5`, need not be straight any more.",
        "These points are XOR, where one neuron failed. With two units, training comes to about 90% at best. Three are often enough, but not from every start.",
      ],
      task: "Get more than 95% right by training. Try other numbers of units, and other starts.",
    },
    straight: {
      title: "Without activation it stays a line",
      text: [
        "Take the activation away, so that `h = s`. Then the output adds multiples of `x₁`, of `x₂` and of 1, and nothing else. The sum of them is again a multiple of `x₁`, one of `x₂` and a number: that is one neuron.",
        "Its weights are below: `w₁` is the sum of every `v` times its unit's weight from `x₁`. No matter how many units or layers there are, the border is one straight line. It takes the bend of the activation to make more of it.",
      ],
      task: "Switch the activation off and, with at least two units, train for 300 steps. See what becomes of the border.",
    },
    circle: {
      title: "The smallest layer that does it",
      text: [
        "Now class 1 is a disc, and class 0 a ring around it. One line cuts off one side. Two make a strip or a corner. How many does it take to close the border around the disc?",
        "Nobody tells the units where their lines should be. Each weight follows its gradient alone, and the lines find places around the disc.",
      ],
      task: "Get 95% right with as few units as possible.",
    },
    back: {
      title: "The way back through the layer",
      text: [
        "This is one step on one example, the point closest to where the ring was put. The forward pass (blue) computes sums, activations, output and loss. The backward pass (orange) goes the same way back.",
        "At the output, `∂L/∂z = p − y`. From there each unit gets its share, `∂L/∂h = ∂L/∂z · v`: the larger the size of its weight `v`, the larger its share. The slope of tanh, which is `1 − h²`, leads to `∂L/∂s`; this times an input is the gradient of the weight from that input.",
        "What is multiplied on the way back was there before: the weights, and `p`, `h` and the inputs, which the forward pass left. This is why the forward pass comes first. In the [playground](#/playground?data=circle&layers=3tanh) every network can be stepped through like this.",
      ],
      task: "Go on until the shares of the hidden units are there. Choose the unit with the largest share in size, whatever its sign.",
    },
  },
};
