/** Ways for an operand to be something else than a tensor in memory: views whose result has a given shape. */
import type { Value } from "../../../src/ir/value.ts";
import { kit } from "../../../src/ops/kit.ts";

export interface Variant {
  readonly name: string;
  /** The shape of the leaf for a result of `shape`. */
  leaf(shape: readonly number[]): readonly number[];
  view(x: Value, shape: readonly number[]): Value;
}

const reversed = (list: readonly number[]): number[] => [...list].reverse();
const dimsOf = (shape: readonly number[]): number[] => shape.map((_, d) => d);

export const plain: Variant = { name: "plain", leaf: (shape) => shape, view: (x) => x };

export const permuted: Variant = {
  name: "permuted",
  leaf: reversed,
  view: (x, shape) => kit.permute(x, reversed(dimsOf(shape))),
};

export const flipped: Variant = {
  name: "flipped",
  leaf: (shape) => shape,
  view: (x, shape) => (shape.includes(0) ? x : kit.flip(x, dimsOf(shape))),
};

/** Every second element, from the second one on. */
export const strided: Variant = {
  name: "strided",
  leaf: (shape) => shape.map((n) => 2 * n + 1),
  view: (x, shape) =>
    kit.slice(
      x,
      shape.map(() => 1),
      shape.map(() => 2),
      shape,
    ),
};

/** A reshape of a permute: in general no strides of the result describe where its elements lie. */
export const folded: Variant = {
  name: "reshape of permute",
  leaf: (shape) => [shape[0] ?? 1, shape.slice(1).reduce((n, extent) => n * extent, 1)],
  view: (x, shape) => kit.reshape(kit.permute(x, [1, 0]), shape),
};

/** One element of every second dim, repeated. */
export const repeated: Variant = {
  name: "broadcast",
  leaf: (shape) => shape.map((n, d) => (d % 2 === 0 && n > 0 ? 1 : n)),
  view: (x, shape) => kit.expand(x, shape),
};

/** The result of other work that keeps each number, so that it may be fused in front. */
export const computed: Variant = {
  name: "computed",
  leaf: (shape) => shape,
  view: (x) => (x.dtype === "bool" ? kit.or(x, x) : kit.maximum(x, x.dtype === "uint8" ? 0 : -(2 ** 31))),
};

export const variants: readonly Variant[] = [plain, permuted, flipped, strided, folded, repeated, computed];
