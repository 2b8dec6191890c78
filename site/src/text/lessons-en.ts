/** English: the room of lessons. The texts of each lesson are in lessons/. */
export const lessonsEn = {
  list: "Lessons",
  titles: {
    neuron: "One neuron",
    layer: "A layer",
    loss: "The loss",
    chainRule: "The chain rule on a graph",
    descent: "Gradient descent and its rate",
    optimizers: "Momentum, RMSProp, Adam",
    digit: "A network for digits",
    attention: "Attention in a tiny GPT",
  },
  questions: {
    neuron: "What does a single neuron compute, and what can it learn?",
    layer: "What can several neurons do that one cannot?",
    loss: "How is “how wrong?” made one number?",
    chainRule: "How does the backward pass know each number's share?",
    descent: "Which way does a weight move, and how far?",
    optimizers: "Why not just go downhill?",
    digit: "What do the layers of a network for pictures see?",
    attention: "How does a letter know what stands before it?",
  },
  part: (at: number, count: number): string => `Part ${at} of ${count}`,
  previousPart: "Back",
  nextPart: "Next",
  nextLesson: (title: string): string => `Next lesson: ${title}`,
  task: "Try it",
  taskDone: "✓ Done",
  training: "Training",
  train: "Train",
  pause: "Pause",
  oneStep: "One step",
  fromStart: "From the start",
  /** Of the panel that trains a larger network. */
  network: {
    rate: "Learning rate η",
    steps: "Steps",
    loss: "Loss",
    lossCurve: "Loss by step",
    broken: (step: number): string =>
      `At step ${step} the loss was no longer a finite number: the learning rate is too large. Choose a smaller one and begin “From the start”.`,
  },
};
