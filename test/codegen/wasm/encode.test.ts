import { expect, test } from "vitest";
import { signedLeb, signedLeb64, unsignedLeb } from "../../../src/codegen/wasm/encode.ts";
import { Fn } from "../../../src/codegen/wasm/function.ts";
import { instantiate } from "./instantiate.ts";

const edges = [
  0,
  1,
  63,
  64,
  65,
  127,
  128,
  8191,
  8192,
  16383,
  16384,
  2 ** 20,
  2 ** 27 - 1,
  2 ** 27,
  2 ** 30,
  2 ** 31 - 1,
];

test("the engine reads back signed constants", () => {
  for (const value of [...edges, ...edges.map((x) => -x), -(2 ** 31)]) {
    const fn = new Fn([], ["i32"]).i32(value);
    expect(instantiate(fn)()).toBe(value | 0);
    const wide = BigInt(value) * 2n ** 32n - 1n;
    expect(instantiate(new Fn([], ["i64"]).i64(wide))()).toBe(BigInt.asIntN(64, wide));
  }
  expect(instantiate(new Fn([], ["i32"]).i32(0xffffffff))()).toBe(-1);
});

test("numbers take as few bytes as they can", () => {
  expect(unsignedLeb(127)).toEqual([0x7f]);
  expect(unsignedLeb(128)).toEqual([0x80, 0x01]);
  expect(unsignedLeb(2 ** 32 - 1)).toEqual([0xff, 0xff, 0xff, 0xff, 0x0f]);
  expect(signedLeb(63)).toEqual([0x3f]);
  expect(signedLeb(64)).toEqual([0xc0, 0x00]);
  expect(signedLeb(-64)).toEqual([0x40]);
  expect(signedLeb(-65)).toEqual([0xbf, 0x7f]);
  for (const value of edges) expect(signedLeb64(BigInt(-value))).toEqual(signedLeb(-value));
});

test("floating constants keep their bits", () => {
  for (const value of [0, -0, 1.5, -1 / 3, Infinity, 2 ** -149]) {
    expect(instantiate(new Fn([], ["f32"]).f32(value))()).toBe(Math.fround(value));
    expect(instantiate(new Fn([], ["f64"]).f64(value))()).toBe(value);
  }
});
