/** English: the lesson on the loss. */
export const lossEn = {
  parts: [
    {
      title: "One error",
      text: [
        "A line is to predict `y` from `x`: it says `ŷ = w·x + b`. The weight `w` is how steep it is, the bias `b` is its height at `x = 0`. `ŷ` is read “y hat” and means: what is predicted.",
        "At each point the prediction is wrong by the error `e = ŷ − y`, the dashed distance. It is positive where the line is too high.",
      ],
      task: "Choose a point and move the line until the error there is between −0.1 and 0.1. What becomes of the other points?",
    },
    {
      title: "Squares, and their mean",
      text: [
        "One number for all points is needed. The sum of the errors would not do: +2 and −2 would cancel. So each error is squared, and the *mean squared error* (MSE) is the mean of the squares over the `n` points. This is our *loss* `L`.",
        "A square grows fast: twice the error costs four times as much. In the drawing each error is the side of its square, and `L` is the mean area.",
      ],
      task: "Move `w` and `b` until `L` is at most 0.1. The lowest that a line can reach here is 0.06.",
    },
    {
      title: "Other losses, and an outlier",
      text: [
        "Which line is the best depends on what counts. MSE is the mean of `e²`; MAE, the mean *absolute* error, is the mean of `|e|`; *Huber* takes `e²/2` up to `|e| = 1`, and from there on the straight `|e| − 1/2`.",
        "Three lines begin at yours. Training moves each of them by gradient descent until its own loss is small. The MAE line never rests entirely: the slope of `|e|` is 1 or −1 however small the error is, so each step overshoots a little.",
      ],
      task: "Pull one point far away from the others (drag it, or use its slider) and train at least 150 steps, until the slopes `w` of the MSE and MAE lines differ by more than 0.3. Which of the three runs after the outlier?",
    },
    {
      title: "A valley over w",
      text: [
        "Leave the points and `b` as they are and ask only: what does each `w` cost? The answers form a curve, a valley. A line is one place on it; yours has been set to `w = −1.5`, away from the bottom.",
        "The slope of the curve at this place is the gradient `∂L/∂w`, the orange tangent. If it is positive, a larger `w` makes the loss larger, and `w` should become smaller. At the bottom it is 0.",
      ],
      task: "Go to the bottom: find a `w` whose `∂L/∂w` is between −0.1 and 0.1. You can click on the curve, too.",
    },
    {
      title: "Classes: the cost of being sure",
      text: [
        "Is it class 1 or class 0? The network gives a score `z`, and `p = σ(z)` makes it a probability of class 1. *Cross-entropy* is `−ln` of the probability that the right class got. Sure and right costs nearly nothing, sure and wrong costs much, without limit.",
        "Its gradient is simple: `∂L/∂z = p − y`. The more wrong, the stronger the pull, up to 1. With the square `(p − y)²` it would be different: who is entirely wrong would get almost no gradient, because σ is flat there.",
      ],
      task: "Be sure and wrong: make the cross-entropy larger than 5. Compare the two gradients.",
    },
  ],
  drawing: "Points and line",
  plot: (w: string, b: string): string => `Five points and the line ŷ = w · x + b with w = ${w} and b = ${b}`,
  plotOfLines: (lines: string): string => `Five points and three lines: ${lines}`,
  line: (name: string, w: string, b: string): string => `${name}: w = ${w}, b = ${b}`,
  point: (number: number, x: string, y: string): string => `Point ${number}: x = ${x}, y = ${y}`,
  pointKeys: "Up and down keys move a point.",
  pointY: (number: number, x: string): string => `y of point ${number} (x = ${x})`,
  pointsBack: "Points as at the start",
  sliders: { w: "w (weight): how steep", b: "b (bias): how high" },
  rate: "Learning rate",
  training: "Training",
  fits: { mse: "MSE", mae: "MAE", huber: "Huber" },
  steps: (steps: number): string => `Lines after ${steps} ${steps === 1 ? "step" : "steps"}`,
  loss: "its loss",
  and: " and ",
  lost: (names: string): string =>
    `The numbers of ${names} run away, to infinity: with this learning rate each step goes farther beyond the bottom than the one before. Choose a smaller rate and begin from the start.`,
  formula: "Formula",
  error: "The error of the chosen point",
  mean: "Mean squared error",
  slope: "Gradient of the loss with respect to w",
  valley: "The loss over w",
  tangent: "tangent",
  answer: "An answer",
  rightClass: "The right class",
  classIs: (y: number): string => `Right is class ${y} (y = ${y})`,
  score: "z (score)",
  entropy: "cross-entropy L",
  square: "square Q",
  squareBeside: "For comparison the square of the error:",
  scoreCurve: "What each score costs",
};
