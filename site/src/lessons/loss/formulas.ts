/** The formulas of the lesson on the loss, with the numbers put in. */
import type { FormulaPart } from "../../view/formula-parts.ts";
import { subscript } from "../../view/number.ts";
import { added, factor, joined, slope } from "../kit/pieces.ts";
import type { Line, LineReading, Point, ScoreReading } from "./lab.ts";

type Lines = readonly (readonly FormulaPart[])[];

const indexed = (name: string, i: number): FormulaPart => ({ name: `${name}${subscript(i + 1)}` });

/** The error of one point. */
export function errorLines({ w, b }: Line, points: readonly Point[], i: number, reading: LineReading): Lines {
  const { x, y } = points[i] as Point;
  const output = { number: reading.outputs[i] };
  return [
    [
      indexed("ŷ", i),
      " = ",
      { name: "w" },
      " · ",
      indexed("x", i),
      " + ",
      { name: "b" },
      " = ",
      { number: w },
      " · ",
      factor(x),
      " + ",
      factor(b),
      " = ",
      output,
    ],
    [
      indexed("e", i),
      " = ",
      indexed("ŷ", i),
      " − ",
      indexed("y", i),
      " = ",
      output,
      " − ",
      factor(y),
      " = ",
      { number: reading.errors[i] },
    ],
  ];
}

/** The mean of the squares. */
export function meanLines({ squares, loss }: LineReading): Lines {
  const symbols = squares.map((_, i) => [indexed("e", i), "²"]);
  return [
    [{ name: "L" }, " = (", ...joined(symbols), ") / ", { name: "n" }],
    [" = (", ...added(squares), ") / ", { number: squares.length }, " = ", { number: loss }],
  ];
}

/** ∂L/∂w of the mean of the squares. */
export function slopeLines(points: readonly Point[], { errors, slopeW }: LineReading): Lines {
  const symbols = points.map((_, i) => [indexed("e", i), " · ", indexed("x", i)]);
  const numbers = points.map(({ x }, i) => [factor(errors[i]), " · ", factor(x)]);
  return [
    [slope("L", "w"), " = 2 / ", { name: "n" }, " · (", ...joined(symbols), ")"],
    [" = 2 / ", { number: points.length }, " · (", ...joined(numbers), ") = ", { number: slopeW }],
  ];
}

/** What an answer costs by cross-entropy, and what goes back. */
export function entropyLines({ z, y, p, loss, slope: back }: ScoreReading): Lines {
  const right: readonly FormulaPart[] = y === 1 ? [{ name: "p" }] : ["(1 − ", { name: "p" }, ")"];
  const number: readonly FormulaPart[] = y === 1 ? [{ number: p }] : ["(1 − ", { number: p }, ")"];
  return [
    [{ name: "p" }, " = σ(", { name: "z" }, ") = 1 / (1 + exp(−", factor(z), ")) = ", { number: p }],
    [{ name: "L" }, " = −ln ", ...right, " = −ln ", ...number, " = ", { number: loss }],
    [slope("L", "z"), " = ", { name: "p" }, " − ", { name: "y" }, " = ", { number: p }, ` − ${y} = `, { number: back }],
  ];
}

/** The same for the square of p − y. */
export function squareLines({ y, p, square, squareSlope }: ScoreReading): Lines {
  const inside: readonly FormulaPart[] = [{ number: p }, ` − ${y}`];
  const [shown, right] = [{ name: "p" }, { name: "y" }];
  return [
    [{ name: "Q" }, " = (", shown, " − ", right, ")² = (", ...inside, ")² = ", { number: square }],
    [
      slope("Q", "z"),
      " = 2 · (",
      shown,
      " − ",
      right,
      ") · ",
      shown,
      " · (1 − ",
      shown,
      ") = ",
      { number: squareSlope },
    ],
  ];
}
