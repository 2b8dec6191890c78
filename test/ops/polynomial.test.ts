/** Float32 lowerings against float64 references, over bit patterns from the whole range of float32. */
import { afterAll, describe, expect, test } from "vitest";
import { type Scalar, ScalarBuilder } from "../../src/ir/scalar.ts";
import type { OpDef } from "../../src/ir/op.ts";
import { table } from "../../src/ops/table.ts";
import { inputScalar, interpret, scalarOrder } from "./scalar-interpreter.ts";
import { ulpError } from "./ulp.ts";

/** One in so many of the 2³² bit patterns; a prime, so that all mantissas and exponents come. */
const stride = 4001;
const block = 1024;

const cases: readonly { op: OpDef; bound: number }[] = [
  { op: table.exp, bound: 1 },
  { op: table.exp2, bound: 1.1 },
  { op: table.expm1, bound: 1.7 },
  { op: table.log, bound: 0.9 },
  { op: table.log2, bound: 1 },
  { op: table.log10, bound: 1 },
  { op: table.log1p, bound: 1 },
  { op: table.tanh, bound: 1.4 },
  { op: table.sigmoid, bound: 2.5 },
  { op: table.erf, bound: 1.4 },
  { op: table.sin, bound: 0.51 },
  { op: table.cos, bound: 0.51 },
  { op: table.rsqrt, bound: 1.5 },
  { op: table.reciprocal, bound: 0.5 },
];

function float32Lowering(op: OpDef): Scalar {
  const s = new ScalarBuilder();
  return (op.lower as NonNullable<OpDef["lower"]>)(s, [inputScalar(s, "float32", 0)], "float32");
}

const report: string[] = [];
afterAll(() => {
  console.log(["function   max ulp   at                       not nearest   instructions", ...report].join("\n"));
});

describe("float32 lowerings", () => {
  test.each(cases)("$op.name is within $bound ulp", ({ op, bound }) => {
    const root = float32Lowering(op);
    const reference = op.scalar as (x: number) => number;
    const x = new Float32Array(block);
    const bits = new Int32Array(x.buffer);
    let worst = 0;
    let place = 0;
    let rounded = 0;
    let count = 0;
    const zeros: number[] = [];
    for (let from = 0; from < 2 ** 32; from += block * stride) {
      for (let i = 0; i < block; i++) bits[i] = from + i * stride;
      const y = interpret(root, [x]);
      for (let i = 0; i < block; i++) {
        const got = y[i] as number;
        const exact = reference(x[i] as number);
        count++;
        if (Object.is(got, Math.fround(exact))) continue;
        if (got === 0 && exact === 0) zeros.push(x[i] as number);
        rounded++;
        const error = ulpError("float32", got, exact);
        if (error > worst) {
          worst = error;
          place = x[i] as number;
        }
      }
    }
    const instructions = scalarOrder(root).filter((v) => !["const", "load", "bitcast"].includes(v.instruction)).length;
    const share = `${((100 * rounded) / count).toFixed(2)} %`;
    report.push(
      `${op.name.padEnd(10)} ${worst.toFixed(3).padStart(7)}   ${String(place).padEnd(24)} ${share.padStart(11)}   ${instructions}`,
    );
    expect(zeros).toEqual([]);
    expect(worst).toBeLessThan(bound);
  });

  test("results at the ends of float32", () => {
    const at = (op: OpDef, x: number): number => interpret(float32Lowering(op), [[x]])[0] as number;
    const smallest = 2 ** -149;
    expect(at(table.exp, 88.7228)).toBe(Math.fround(Math.exp(Math.fround(88.7228))));
    expect(at(table.exp, 88.7229)).toBe(Infinity);
    expect(at(table.exp, -103.9)).toBe(smallest);
    expect(at(table.exp, -104)).toBe(0);
    expect(at(table.exp2, 127.99999)).toBeLessThan(Infinity);
    expect(at(table.exp2, 128)).toBe(Infinity);
    expect(at(table.exp2, -149)).toBe(smallest);
    expect(at(table.exp2, -150)).toBe(0);
    expect(at(table.expm1, -0)).toBe(-0);
    expect(at(table.expm1, -smallest)).toBe(-smallest);
    expect(at(table.expm1, 88.7228)).toBeLessThan(Infinity);
    expect(at(table.expm1, 88.7229)).toBe(Infinity);
    expect(at(table.sigmoid, -103.9)).toBe(smallest);
    expect(at(table.sigmoid, 17.4)).toBe(1);
    expect(at(table.log, smallest)).toBe(Math.fround(-149 * Math.LN2));
    expect(at(table.log, -smallest)).toBeNaN();
    expect(at(table.log, -0)).toBe(-Infinity);
    expect(at(table.log1p, -1)).toBe(-Infinity);
    expect(at(table.log1p, -0)).toBe(-0);
    expect(at(table.tanh, -10)).toBe(-1);
    expect(at(table.tanh, -smallest)).toBe(-smallest);
    expect(at(table.erf, 3.9)).toBeLessThan(1);
    expect(at(table.erf, -4)).toBe(-1);
    expect(at(table.sin, -0)).toBe(-0);
    expect(at(table.cos, Infinity)).toBeNaN();
    for (let n = -149; n < 128; n++) {
      expect(at(table.log2, 2 ** n)).toBe(n);
      expect(at(table.exp2, n)).toBe(2 ** n);
    }
  });

  test("sine and cosine next to multiples of π/2, where the reduction cancels most", () => {
    // The float32 numbers nearest to k π/2 for k up to 2²⁰, and the power of two in each.
    const multiples = Float32Array.from({ length: 1 << 16 }, (_, k) => ((k * 16 + 1) * Math.PI) / 2);
    const powers = Float32Array.from({ length: 128 }, (_, k) => 2 ** k);
    // The float32 number closest to a multiple of π/2, by 2⁻²⁹: Muller, Elementary Functions, on range reduction.
    const worst = Float32Array.of(16367173 * 2 ** 72);
    for (const x of [multiples, powers, worst]) {
      for (const op of [table.sin, table.cos]) {
        const y = interpret(float32Lowering(op), [x]);
        const errors = Array.from(y, (got, i) =>
          ulpError("float32", got, (op.scalar as (x: number) => number)(x[i] as number)),
        );
        expect(errors.filter((error) => !(error < 0.51))).toEqual([]);
      }
    }
  });
});
