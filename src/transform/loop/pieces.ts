/**
 * Parts of the gradient of a vector. Those who used a part of the vector left a pad of their gradient; where the part is
 * asked for again, what they left is found without computing the pad. Floor: transform.
 */
import { sizeOf } from "../../base/shape.ts";
import type { Value } from "../../ir/value.ts";
import { kit } from "../../ops/kit.ts";
import { listOf, numberOf } from "../../ops/record.ts";
import { table } from "../../ops/table.ts";

/** A vector with its place. */
export interface Piece {
  readonly at: number;
  readonly value: Value;
}

/**
 * Pieces whose sum is the part of `g`, its elements in a row, from `from` to `to`; where none lies it is 0. Places count
 * from `from`.
 */
export function piecesWithin(g: Value, from: number, to: number): Piece[] {
  const size = sizeOf(g.shape);
  if (from >= to || from >= size || to <= 0) return [];
  const { op, attrs, inputs, shape } = g;
  const x = inputs[0];
  if (op === table.add) return inputs.flatMap((part) => piecesWithin(part, from, to));
  if (op.kind === "constant" && numberOf(attrs, "value") === 0) return [];
  if (op.kind === "view" && x !== undefined && attrs["shape"] !== undefined && sizeOf(x.shape) === size) {
    return piecesWithin(x, from, to);
  }
  const row = size / (shape[0] ?? 1);
  if (op.kind === "pad" && x !== undefined && isPadOfRows(g)) {
    return inside(x, row * (listOf(attrs, "low")[0] as number), from, to);
  }
  if (op.kind === "concat" && numberOf(attrs, "dim") === 0) {
    let at = 0;
    return inputs.flatMap((part) => {
      const pieces = inside(part, at, from, to);
      at += sizeOf(part.shape);
      return pieces;
    });
  }
  return [{ at: 0, value: kit.range(kit.reshape(g, [size]), 0, from, to) }];
}

/** Whether a pad puts rows of zeros in front of its operand and behind it, and nothing else. */
function isPadOfRows({ attrs }: Value): boolean {
  const isZero = (n: number): boolean => n === 0;
  const others = ["low", "high"].flatMap((key) => listOf(attrs, key).slice(1));
  return isZero(numberOf(attrs, "value")) && others.every(isZero) && listOf(attrs, "inner").every(isZero);
}

/** The pieces of a value that lies at `at` of a larger one. */
function inside(x: Value, at: number, from: number, to: number): Piece[] {
  const [first, last] = [Math.max(from - at, 0), Math.min(to - at, sizeOf(x.shape))];
  const shift = at + first - from;
  return piecesWithin(x, first, last).map((piece) => ({ at: piece.at + shift, value: piece.value }));
}
