/** Rotary positions as a function. Floor: nn. */
import { TwopassError, showShape } from "../../base/errors.ts";
import type { Value } from "../../ir/value.ts";
import { rotatePairs } from "../../ops/composite/rotary.ts";
import { kit } from "../../ops/kit.ts";
import { makeLeaf } from "../../ops/leaf.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { checkWhole, floatingVertex, resultOf, withDefaults } from "./common.ts";

export interface RotaryOptions {
  /** Pair i turns by base^(−2i / D) a place; default 10000. */
  readonly base?: number;
  /** The place of the first element of L; default 0. */
  readonly offset?: number;
  /** Whether pairs are neighbours (2i, 2i + 1), as in the paper, or lie half a vector apart (i, i + D / 2). Default true. */
  readonly interleaved?: boolean;
}

export interface RotaryTable {
  readonly cos: Float32Array;
  readonly sin: Float32Array;
}

/** cos and sin of place · base^(−2i / dim) for `length` places from `start` on: [length, dim / 2] each. */
export function rotaryTable(op: string, start: number, length: number, dim: number, base: number): RotaryTable {
  if (!(base > 0)) throw new TwopassError({ op, problem: "base must be above 0", facts: `got ${base}` });
  const half = dim / 2;
  const [cos, sin] = [new Float32Array(length * half), new Float32Array(length * half)];
  for (let i = 0; i < half; i++) {
    const step = base ** (-i / half);
    for (let place = 0; place < length; place++) {
      cos[place * half + i] = Math.cos((start + place) * step);
      sin[place * half + i] = Math.sin((start + place) * step);
    }
  }
  return { cos, sin };
}

/** The last table that was made: the layers of a model ask for the same one in turn. */
let latest: { readonly key: string; readonly table: RotaryTable } | undefined;

function tableFor(op: string, start: number, length: number, dim: number, base: number): RotaryTable {
  const key = `${start} ${length} ${dim} ${base}`;
  if (latest?.key !== key) latest = { key, table: rotaryTable(op, start, length, dim, base) };
  return latest.table;
}

/** Checks an input [..., L, D] and gives L and D. */
export function placesOf(op: string, x: Value): readonly [length: number, dim: number] {
  const [length, dim] = x.shape.slice(-2);
  if (length !== undefined && dim !== undefined && dim % 2 === 0) return [length, dim];
  throw new TwopassError({
    op,
    problem: "the input must be [..., L, D] with an even D",
    facts: `shape ${showShape(x.shape)}`,
    shapes: [x.shape],
  });
}

/**
 * Rotary positions: each pair (a, b) of the vector at place m becomes (a cos mθ − b sin mθ, a sin mθ + b cos mθ), where
 * θ = base^(−2i / D) for pair i. Applied to queries and keys, their products depend on the distance of places alone.
 * Su et al., "RoFormer: Enhanced Transformer with Rotary Position Embedding" (2021).
 *
 * @param input [..., L, D], such as queries of shape [N, heads, L, D]; D even.
 * @returns as the input.
 * @example
 * await applyRotary(tensor([[1, 0], [1, 0]])).array(); // [[1, 0], [0.5403, 0.8415]]
 */
export function applyRotary(input: Tensor, options?: RotaryOptions): Tensor {
  const op = "applyRotary";
  const { base, offset, interleaved } = withDefaults(op, options, { base: 10000, offset: 0, interleaved: true });
  const x = floatingVertex(op, input);
  const [length, dim] = placesOf(op, x);
  const table = tableFor(op, checkWhole(op, "offset", offset, 0), length, dim, base);
  const part = (data: Float32Array): Value =>
    kit.cast(makeLeaf([length, dim / 2], "float32", { kind: "data", data }), x.dtype);
  return resultOf(rotatePairs(kit, x, part(table.cos), part(table.sin), interleaved), [input]);
}
