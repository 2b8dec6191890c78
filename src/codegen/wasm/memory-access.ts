/**
 * Loads and stores of lanes: contiguous, repeated, or at a distance. Addresses are on the stack or in locals; the
 * register forms are those of vector.ts. Floor: codegen.
 */
import { type Dtype, itemSize } from "../../base/dtype.ts";
import type { Fn, Local } from "./function.ts";
import type { Lanes } from "./vector.ts";

/** How many lanes a piece of code works on: a whole vector, or lane 0 alone. */
export type Width = "vector" | "single";

/** One element from `address` in all lanes. */
export function loadSplat(f: Fn, dtype: Dtype, address: Local): void {
  f.get(address);
  if (dtype === "float64") f.load("v128.load64_splat");
  else if (itemSize[dtype] === 4) f.load("v128.load32_splat");
  else f.load("i32.load8_u").op("i32x4.splat");
  if (dtype === "bool") f.op("i32x4.neg");
}

/** Elements that lie one behind the other. */
export function loadNext(f: Fn, dtype: Dtype, lanes: Lanes, address: Local): void {
  f.get(address);
  if (dtype === "float64") f.load("v128.load", 0, 3);
  else if (itemSize[dtype] === 4) {
    if (lanes === 4) f.load("v128.load", 0, 2);
    else f.load("v128.load64_zero", 0, 2);
  } else {
    if (lanes === 4) f.load("v128.load32_zero", 0, 0);
    else f.load("i32.load16_u", 0, 0).op("i32x4.splat");
    f.op("i16x8.extend_low_i8x16_u", "i32x4.extend_low_i16x8_u");
  }
  if (dtype === "bool") f.op("i32x4.neg");
}

/** Elements at addresses that `address(lane)` pushes. */
export function loadLanes(f: Fn, dtype: Dtype, lanes: Lanes, address: (lane: number) => void): void {
  const bytes = itemSize[dtype];
  f.i32x4(0);
  // A lane load takes the address below the vector, so the vector goes through a local.
  const vector = f.local("v128");
  f.set(vector);
  for (let lane = 0; lane < lanes; lane++) {
    if (bytes === 1) {
      f.get(vector);
      address(lane);
      f.load("i32.load8_u").lane("i32x4.replace_lane", lane).set(vector);
    } else {
      address(lane);
      f.get(vector)
        .memoryLane(bytes === 8 ? "v128.load64_lane" : "v128.load32_lane", lane)
        .set(vector);
    }
  }
  f.get(vector);
  if (dtype === "bool") f.op("i32x4.neg");
}

/** Bytes of the lanes in the lowest bytes. */
function packBytes(f: Fn, dtype: Dtype, value: Local, temporary: Local): void {
  f.get(value);
  if (dtype === "bool") f.i32x4(1).op("v128.and");
  f.tee(temporary).get(temporary).shuffle([0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12]);
}

/** Writes lanes one behind the other. */
export function storeNext(f: Fn, dtype: Dtype, lanes: Lanes, address: Local, value: Local, temporary: Local): void {
  f.get(address);
  if (dtype === "float64") f.get(value).store("v128.store", 0, 3);
  else if (itemSize[dtype] === 4) {
    f.get(value);
    if (lanes === 4) f.store("v128.store", 0, 2);
    else f.memoryLane("v128.store64_lane", 0, 0, 2);
  } else {
    packBytes(f, dtype, value, temporary);
    f.memoryLane(lanes === 4 ? "v128.store32_lane" : "v128.store16_lane", 0, 0, 0);
  }
}

/** Writes the first `count` lanes to addresses that `address(lane)` pushes. */
export function storeLanes(
  f: Fn,
  dtype: Dtype,
  count: number,
  value: Local,
  temporary: Local,
  address: (lane: number) => void,
): void {
  const bytes = itemSize[dtype];
  let source = value;
  if (bytes === 1) {
    packBytes(f, dtype, value, temporary);
    f.set(temporary);
    source = temporary;
  }
  const op = bytes === 8 ? "v128.store64_lane" : bytes === 4 ? "v128.store32_lane" : "v128.store8_lane";
  for (let lane = 0; lane < count; lane++) {
    address(lane);
    f.get(source).memoryLane(op, lane);
  }
}
