/** The functions that are lines of float32 instructions, on every device, over the whole range of float32. */
import { describe, expect, test } from "vitest";
import { type Scalar, ScalarBuilder } from "../../src/ir/scalar.ts";
import type { OpDef } from "../../src/ir/op.ts";
import { table } from "../../src/ops/table.ts";
import { cTargets } from "../../src/codegen/c/target.ts";
import { tensor } from "../../src/tensor/creation.ts";
import { currentEngine } from "../../src/tensor/engines.ts";
import { onEachDevice } from "../devices.ts";
import { float32Bound } from "./bounds.ts";
import { inputScalar, interpret, scalarOrder } from "./scalar-interpreter.ts";
import { ulpError } from "./ulp.ts";

/** Instructions of each line without constants and casts of bits: they bound the speed of elementwise kernels. */
const counts = {
  exp: 14,
  exp2: 14,
  expm1: 19,
  log: 30,
  log2: 36,
  log10: 37,
  log1p: 34,
  tanh: 22,
  sigmoid: 17,
  erf: 26,
  sin: 49,
  cos: 49,
  tan: 59,
  rsqrt: 2,
  reciprocal: 1,
} as const;
type Name = keyof typeof counts;
const names = Object.keys(counts) as Name[];

/** One in so many of the 2³² bit patterns; a prime, so that all mantissas and exponents come. */
const stride = 4001;

/** Where lines of instructions change their ways: bounds, rounding steps, powers of two; the ends of float32. */
function special(): number[] {
  const numbers = [0, Infinity, 9.02, 10, 3.92, 3.95, 17.4, 20, 30, 88.7228, 89, 103.97, 104, 128, 129, 149, 150, 151];
  for (let n = -149; n < 128; n++) numbers.push(2 ** n, Math.SQRT1_2 * 2 ** n);
  for (let k = 1; k < 310; k++) numbers.push((k / 2) * Math.LN2, (k / 4) * Math.LN2, k / 2);
  for (let k = 1; k < 130; k++) numbers.push((k * Math.PI) / 4, ((4096 * k + 1) * Math.PI) / 2);
  // The float32 number closest to a multiple of π/2, by 2⁻²⁹: Muller, Elementary Functions, on range reduction.
  numbers.push(16367173 * 2 ** 72);
  return numbers;
}

/** Three neighbours of each number on both sides and their negatives; behind Infinity and 0 they are NaN. */
function withNeighbours(numbers: readonly number[]): number[] {
  const bits = new Int32Array(Float32Array.from(numbers).buffer);
  return [...bits].flatMap((b) => [-3, -2, -1, 0, 1, 2, 3].flatMap((d) => [b + d, (b + d) ^ -2147483648]));
}

const near = withNeighbours(special());
const all = Array.from({ length: Math.floor(2 ** 32 / stride) }, (_, i) => i * stride);
const sample = new Float32Array(Int32Array.from([...near, ...all]).buffer);
/** Fewer, for what takes longer. */
const some = sample.filter((_, i) => i < near.length || i % 64 === 0);

/** Exact results of the sample, once for all devices. */
const exactOf = once((name) => Float64Array.from(sample, table[name].scalar as (x: number) => number));
/** What the instructions give for some of it, multiplyAdd rounding twice or once. */
const interpretedOf = [false, true].map((isFused) => once((name) => interpret(lineOf(table[name]), [some], isFused)));

/** Whether the vectors of the device that works now multiply and add in one. */
function isFused(): boolean {
  const isa = /^instructions: (\w+)$/m.exec(currentEngine().device.report())?.[1];
  return isa !== undefined && cTargets[isa as keyof typeof cTargets].fma;
}

function once<Result>(make: (name: Name) => Result): (name: Name) => Result {
  const known = new Map<Name, Result>();
  return (name) => {
    const result = known.get(name) ?? make(name);
    known.set(name, result);
    return result;
  };
}

async function resultOf(name: Name, x: Float32Array): Promise<Float32Array> {
  return (await tensor(x)[name]().data()) as Float32Array;
}

function lineOf(op: OpDef): Scalar {
  const s = new ScalarBuilder();
  return (op.lower as NonNullable<OpDef["lower"]>)(s, [inputScalar(s, "float32", 0)], "float32");
}

test("lines are no longer than they were, and call nothing", () => {
  const found = names.map((name) => {
    const order = scalarOrder(lineOf(table[name]));
    expect(order.filter((v) => v.instruction === "call")).toEqual([]);
    return [name, order.filter((v) => !["const", "load", "bitcast"].includes(v.instruction)).length];
  });
  expect(Object.fromEntries(found)).toEqual(counts);
});

onEachDevice((device) => {
  test.each(names)("%s is as near as it says", async (name) => {
    // The js device calls the reference itself.
    const x = device === "js" ? sample.subarray(0, near.length) : sample;
    const got = await resultOf(name, x);
    const exact = exactOf(name);
    let worst = 0;
    let place = 0;
    const zeros: number[] = [];
    for (let i = 0; i < got.length; i++) {
      const [y, want] = [got[i] as number, exact[i] as number];
      if (Object.is(y, Math.fround(want))) continue;
      if (y === want) zeros.push(sample[i] as number);
      const error = ulpError("float32", y, want);
      if (error > worst) [worst, place] = [error, sample[i] as number];
    }
    expect(zeros, "zeros of the other sign").toEqual([]);
    expect(worst, `at ${place}`).toBeLessThanOrEqual(float32Bound(name));
  });

  test.skipIf(device === "js").each(names)("%s has the bits of its instructions", async (name) => {
    const got = await resultOf(name, some);
    const want = (interpretedOf[Number(isFused())] as (typeof interpretedOf)[number])(name);
    expect([...some].filter((_, i) => !Object.is(got[i], want[i]))).toEqual([]);
  });

  test("odd and even functions are so to the last bit", async () => {
    const mirrored = some.map((x) => -x);
    for (const name of ["tanh", "erf", "sin", "tan", "cos"] as const) {
      const [y, z] = [await resultOf(name, some), await resultOf(name, mirrored)];
      const sign = name === "cos" ? 1 : -1;
      expect([...some].filter((_, i) => !Object.is(z[i], sign * (y[i] as number)))).toEqual([]);
    }
  });

  test("bounded functions stay within their bounds", async () => {
    for (const name of ["tanh", "erf", "sin", "cos", "sigmoid"] as const) {
      const low = name === "sigmoid" ? 0 : -1;
      const y = await resultOf(name, some);
      expect([...some].filter((_, i) => (y[i] as number) < low || (y[i] as number) > 1)).toEqual([]);
    }
  });

  describe("at the ends of float32", () => {
    const at = async (name: Name, x: number): Promise<number> =>
      (await resultOf(name, Float32Array.of(x, x)))[0] as number;
    const smallest = 2 ** -149;
    const largest = 2 ** 128 - 2 ** 104;

    test("exponentials overflow and underflow where float32 does", async () => {
      // Neighbours in float32: log of the largest number lies between them.
      const [below, above] = [88.72283172607422, 88.72283935546875];
      expect(await at("exp", below)).toBe(Math.fround(Math.exp(below)));
      expect(await at("exp", above)).toBe(Infinity);
      expect(await at("expm1", below)).toBe(Math.fround(Math.expm1(below)));
      expect(await at("expm1", above)).toBe(Infinity);
      expect(await at("exp", -103.9)).toBe(smallest);
      expect(await at("exp", -104)).toBe(0);
      expect(await at("exp2", 127.99999)).toBeLessThanOrEqual(largest);
      expect(await at("exp2", 128)).toBe(Infinity);
      expect(await at("exp2", -149)).toBe(smallest);
      expect(await at("exp2", -150)).toBe(0);
      expect(await at("sigmoid", -103.9)).toBe(smallest);
      expect(await at("sigmoid", 17.4)).toBe(1);
    });

    test("subnormal numbers and zeros keep their digits and signs", async () => {
      for (const name of ["expm1", "log1p", "tanh", "sin", "tan"] as const) {
        for (const x of [-0, -smallest, smallest, 5 * smallest, -(2 ** -127)]) expect(await at(name, x)).toBe(x);
      }
      expect(await at("log", smallest)).toBe(Math.fround(-149 * Math.LN2));
      expect(await at("log2", 3 * smallest)).toBe(Math.fround(Math.log2(3 * smallest)));
    });

    test("poles, and what is no number", async () => {
      expect(await at("log", -smallest)).toBeNaN();
      expect(await at("log", -0)).toBe(-Infinity);
      expect(await at("log1p", -1)).toBe(-Infinity);
      expect(await at("log1p", -1.0000001)).toBeNaN();
      expect(await at("cos", Infinity)).toBeNaN();
      expect(await at("tanh", -10)).toBe(-1);
      expect(await at("erf", 3.8)).toBeLessThan(1);
      expect(await at("erf", -4)).toBe(-1);
    });

    test("powers of two are exact", async () => {
      const n = Float32Array.from({ length: 277 }, (_, i) => i - 149);
      const powers = n.map((k) => 2 ** k);
      expect(await resultOf("log2", powers)).toEqual(n);
      expect(await resultOf("exp2", n)).toEqual(powers);
    });
  });
});
