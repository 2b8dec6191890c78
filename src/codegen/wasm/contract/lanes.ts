/**
 * How the contraction kernel spells each dtype in vector instructions, and the tile of its micro-kernel.
 * Floor: codegen.
 */

import type { ValueType } from "../encode.ts";
import type { LoadOp, MemoryLaneOp, PlainOp, StoreOp } from "../opcodes.ts";

export type ContractDtype = "float32" | "float64" | "int32";

/**
 * The block of C that the innermost loop keeps in registers: `mr` rows (at least the lanes of a vector) of `nr` columns
 * (a multiple of the lanes). `fma` rounds a * b + c once and
 * needs relaxed SIMD; otherwise the product is rounded too.
 */
export interface Tile {
  readonly mr: number;
  readonly nr: number;
  readonly fma: boolean;
}

export interface LaneSpelling {
  /** Bytes of one element. */
  readonly bytes: number;
  /** Elements of one vector. */
  readonly lanes: number;
  readonly scalar: ValueType;
  readonly splat: LoadOp;
  readonly loadZero: LoadOp;
  readonly loadLane: MemoryLaneOp;
  readonly multiply: PlainOp;
  readonly add: PlainOp;
  /** a * b + c with one rounding. */
  readonly multiplyAdd: PlainOp | null;
  readonly loadScalar: LoadOp;
  readonly storeScalar: StoreOp;
  readonly addScalar: PlainOp;
}

export const laneSpellings: Readonly<Record<ContractDtype, LaneSpelling>> = {
  float32: {
    bytes: 4,
    lanes: 4,
    scalar: "f32",
    splat: "v128.load32_splat",
    loadZero: "v128.load32_zero",
    loadLane: "v128.load32_lane",
    multiply: "f32x4.mul",
    add: "f32x4.add",
    multiplyAdd: "f32x4.relaxed_madd",
    loadScalar: "f32.load",
    storeScalar: "f32.store",
    addScalar: "f32.add",
  },
  float64: {
    bytes: 8,
    lanes: 2,
    scalar: "f64",
    splat: "v128.load64_splat",
    loadZero: "v128.load64_zero",
    loadLane: "v128.load64_lane",
    multiply: "f64x2.mul",
    add: "f64x2.add",
    multiplyAdd: "f64x2.relaxed_madd",
    loadScalar: "f64.load",
    storeScalar: "f64.store",
    addScalar: "f64.add",
  },
  int32: {
    bytes: 4,
    lanes: 4,
    scalar: "i32",
    splat: "v128.load32_splat",
    loadZero: "v128.load32_zero",
    loadLane: "v128.load32_lane",
    multiply: "i32x4.mul",
    add: "i32x4.add",
    multiplyAdd: null,
    loadScalar: "i32.load",
    storeScalar: "i32.store",
    addScalar: "i32.add",
  },
};
