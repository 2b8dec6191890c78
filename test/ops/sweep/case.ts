/** What a case of the sweep is, and where its elements come from. */
import type { Dtype, TypedArray } from "../../../src/base/dtype.ts";
import { allocate, isFloating } from "../../../src/base/dtype.ts";
import { sizeOf } from "../../../src/base/shape.ts";
import type { OpDef } from "../../../src/ir/op.ts";
import type { Value } from "../../../src/ir/value.ts";

export interface Input {
  readonly shape: readonly number[];
  /** The dtype, where it is not that of the sweep: an index, a condition. */
  readonly dtype?: Dtype;
  /** Elements; by default numbers of the dtype that are all over the range [-2, 2]. */
  readonly element?: (random: () => number) => number;
}

/** One application of a record. */
export interface Case {
  readonly label: string;
  readonly inputs: readonly Input[];
  readonly build: (...x: Value[]) => Value;
}

/** All that the sweep knows of a record. */
export interface Family {
  readonly record: OpDef;
  /** The dtypes of inputs that do not say theirs. */
  readonly dtypes: readonly Dtype[];
  readonly cases: readonly Case[];
  /**
   * How far a result may be from the reference, in units of float32's 2⁻²⁴ (of float64's 2⁻⁵³) times the largest result
   * for the magnitudes of the operands; 0 for what only moves or chooses. Integers are exact whatever this says.
   */
  readonly tolerance: number;
  /** Units of the last place of each element instead, for elementwise records. */
  readonly ulp?: { readonly float32: number; readonly float64: number };
}

/** A repeatable stream of numbers in [0, 1). */
export function randomStream(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A number for each dtype, with the ends of the small ones and ties now and then. */
function plainElement(dtype: Dtype, random: () => number): number {
  const x = random();
  if (dtype === "bool") return x < 0.5 ? 0 : 1;
  if (dtype === "uint8") return Math.floor(x * 256);
  if (dtype === "int32") return x < 0.05 ? -2147483648 : x < 0.1 ? 2147483647 : Math.floor((x - 0.5) * 2000);
  return (x - 0.5) * 4;
}

export function elementsOf(input: Input, dtype: Dtype, shape: readonly number[], random: () => number): TypedArray {
  const own = input.dtype ?? dtype;
  const data = allocate(own, sizeOf(shape));
  for (let i = 0; i < data.length; i++) {
    const x = input.element === undefined ? plainElement(own, random) : input.element(random);
    data[i] = isFloating(own) ? x : own === "bool" ? Math.trunc(x) & 1 : Math.trunc(x);
  }
  return data;
}
