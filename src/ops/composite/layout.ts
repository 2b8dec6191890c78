/** Arrangements that take more than one primitive: rolls, repeats, diagonals, triangles, windows, edges. Floor: ops. */
import type { Value } from "../../ir/value.ts";
import type { Kit } from "../kit.ts";
import { takeAt } from "./indexing.ts";

const zeros = (shape: readonly number[]): number[] => shape.map(() => 0);
const ones = (shape: readonly number[]): number[] => shape.map(() => 1);

/** y[i] = x[(i − shift) mod n] along `dim`. */
export function roll(k: Kit, x: Value, dim: number, shift: number): Value {
  const n = x.shape[dim] as number;
  const by = n === 0 ? 0 : ((shift % n) + n) % n;
  if (by === 0) return x;
  return k.concat([k.range(x, dim, n - by, n), k.range(x, dim, 0, n - by)], dim);
}

/** The whole of x `counts[i]` times along dim i; dims of count 1 stay as they are. */
export function repeat(k: Kit, x: Value, counts: readonly number[]): Value {
  const split = x.shape.flatMap((n, i) => (counts[i] === 1 ? [n] : [1, n]));
  const spread = x.shape.flatMap((n, i) => (counts[i] === 1 ? [n] : [counts[i] as number, n]));
  return k.reshape(
    k.expand(k.reshape(x, split), spread),
    x.shape.map((n, i) => n * (counts[i] as number)),
  );
}

/** Each element of `dim` `count` times in a row. */
export function repeatEach(k: Kit, x: Value, dim: number, count: number): Value {
  const n = x.shape[dim] as number;
  const spread = k.expand(k.reshape(x, x.shape.toSpliced(dim, 1, n, 1)), x.shape.toSpliced(dim, 1, n, count));
  return k.reshape(spread, x.shape.with(dim, n * count));
}

/** Where the diagonal `offset` starts, row and column, and its length in a matrix of n rows and m columns. */
function diagonalOf(n: number, m: number, offset: number): { row: number; column: number; length: number } {
  const row = Math.max(-offset, 0);
  const column = Math.max(offset, 0);
  return { row, column, length: Math.max(Math.min(n - row, m - column), 0) };
}

/** y[..., i] = x[..., i − min(offset, 0), i + max(offset, 0)]: every (length + 1)-th element of a square. */
export function diagonal(k: Kit, x: Value, offset: number): Value {
  const outer = x.shape.slice(0, -2);
  const [n, m] = x.shape.slice(-2) as [number, number];
  const { row, column, length } = diagonalOf(n, m, offset);
  const start = length === 0 ? [0, 0] : [row, column];
  const square = k.slice(x, [...zeros(outer), ...start], ones(x.shape), [...outer, length, length]);
  const line = k.reshape(square, [...outer, length * length]);
  return k.slice(line, zeros(line.shape), [...ones(outer), length + 1], [...outer, length]);
}

/** y[..., i − min(offset, 0), i + max(offset, 0)] = x[..., i] in n × m zeros: the opposite of `diagonal`. */
export function diagonalInto(k: Kit, x: Value, n: number, m: number, offset: number): Value {
  const outer = x.shape.slice(0, -1);
  const length = x.shape[outer.length] as number;
  const [row, column] = length === 0 ? [0, 0] : [Math.max(-offset, 0), Math.max(offset, 0)];
  const spaced = k.pad(x, zeros(x.shape), zeros(x.shape), 0, [...zeros(outer), length]);
  const square = k.reshape(spaced, [...outer, length, length]);
  const high = [...zeros(outer), n - length - row, m - length - column];
  return k.pad(square, [...zeros(outer), row, column], high);
}

/** x as the diagonal of square matrices. */
export function diagonalEmbed(k: Kit, x: Value, offset: number): Value {
  const n = (x.shape[x.shape.length - 1] as number) + Math.abs(offset);
  return diagonalInto(k, x, n, n, offset);
}

/** Elements [..., i, j] with j ≤ i + offset ("lower") or j ≥ i + offset ("upper"); the others are 0. */
export function triangle(k: Kit, x: Value, offset: number, part: "lower" | "upper"): Value {
  const [n, m] = x.shape.slice(-2) as [number, number];
  const rows = k.add(k.iota([n, 1], 0), Math.max(-n, Math.min(m, offset)));
  const columns = k.iota([1, m], 1);
  return k.where(part === "lower" ? k.le(columns, rows) : k.ge(columns, rows), x, 0);
}

/** y[..., i, ..., j] = x[..., i · step + j, ...]: windows along `dim`, their elements in a new last dim. */
export function slidingWindows(k: Kit, x: Value, dim: number, size: number, step: number): Value {
  const count = Math.floor(((x.shape[dim] as number) - size) / step) + 1;
  const places = k.add(k.mul(k.iota([count, 1], 0), step), k.iota([1, size], 1));
  const taken = takeAt(k, x, k.reshape(places, [count * size]), dim);
  const split = k.reshape(taken, x.shape.toSpliced(dim, 1, count, size));
  const order = split.shape.map((_, i) => i).filter((i) => i !== dim + 1);
  return k.permute(split, [...order, dim + 1]);
}

/** How elements outside of a tensor follow from those inside: mirrored, the nearest, or from the other end. */
export type EdgeMode = "reflect" | "replicate" | "circular";

/** x with `low` and `high` more elements at the ends of `dim`. */
export function padEdges(k: Kit, x: Value, dim: number, low: number, high: number, mode: EdgeMode): Value {
  const n = x.shape[dim] as number;
  const edge = (count: number, start: number, end: number): Value[] => {
    if (count === 0) return [];
    const part = k.range(x, dim, start, end);
    if (mode === "reflect") return [k.flip(part, [dim])];
    return [mode === "replicate" ? k.expand(part, x.shape.with(dim, count)) : part];
  };
  const front = { reflect: 1, replicate: 0, circular: n - low }[mode];
  const back = { reflect: n - 1 - high, replicate: n - 1, circular: 0 }[mode];
  const taken = (count: number): number => (mode === "replicate" ? 1 : count);
  return k.concat([...edge(low, front, front + taken(low)), x, ...edge(high, back, back + taken(high))], dim);
}
