/**
 * Every record of the table on every device: type, value, derivatives and edges. A record is found by walking the table,
 * so one without cases fails.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { type Dtype, type TypedArray, allocate } from "../../src/base/dtype.ts";
import { setDebug } from "../../src/base/debug.ts";
import { sizeOf } from "../../src/base/shape.ts";
import type { HostTensor, OpDef } from "../../src/ir/op.ts";
import type { Value } from "../../src/ir/value.ts";
import { table } from "../../src/ops/table.ts";
import type { CpuDevice } from "../../src/runtime/cpu/device.ts";
import { JsDevice } from "../../src/runtime/js/device.ts";
import { preparedDevices } from "../cpu-machine.ts";
import { CompiledGraph, runOnce, sameBits } from "../runtime/compiled-graph.ts";
import { type Case, type Family, randomStream } from "./sweep/case.ts";
import {
  type Applied,
  apply,
  applyToMagnitudes,
  dataOf,
  gradients,
  inner,
  moved,
  weightsLike,
} from "./sweep/derivatives.ts";
import { edgeOperands } from "./sweep/edges.ts";
import { elementwiseFamily } from "./sweep/elementwise.ts";
import { families } from "./sweep/families.ts";
import { type Variant, plain, variants } from "./sweep/variants.ts";
import { ulpError } from "./ulp.ts";

const js = new JsDevice();
let fused: CpuDevice;
let unfused: CpuDevice;
setDebug(0, { verify: true });

const { cast, ...single } = table;
const records: readonly (readonly [string, OpDef])[] = [
  ...Object.entries(single),
  ...Object.values(cast).map((op): [string, OpDef] => [op.name, op]),
];

function familyOf(key: string, op: OpDef): Family | undefined {
  return op.kind === "elementwise" ? elementwiseFamily(op) : families[key as keyof typeof families];
}

test("every record has cases", () => {
  const without = records.filter(([key, op]) => (familyOf(key, op)?.cases.length ?? 0) === 0);
  expect(without.map(([key]) => key)).toEqual([]);
  expect(records.filter(([key, op]) => familyOf(key, op)?.record !== op)).toEqual([]);
});

/** The largest finite magnitude, `least` if there is none. */
function largestOf(data: TypedArray, least = 0): number {
  let most = least;
  for (const x of data) if (Math.abs(x) < Infinity) most = Math.max(most, Math.abs(x));
  return most;
}

/** What is wrong with a result, or "". `scale` is how large the numbers are that it is made of. */
function difference(
  family: Family,
  got: TypedArray,
  want: TypedArray,
  scale: number,
  exact?: readonly number[],
): string {
  if (got.constructor !== want.constructor || got.length !== want.length) {
    return `${got.constructor.name} of ${got.length}, not ${want.constructor.name} of ${want.length}`;
  }
  const isFloat = want instanceof Float32Array || want instanceof Float64Array;
  const dtype = want instanceof Float32Array ? "float32" : "float64";
  const near = family.tolerance * 2 ** (dtype === "float32" ? -24 : -53) * Math.max(scale, largestOf(want));
  // The reference itself is half a unit away from the exact result.
  const ulps = (family.ulp?.[dtype] ?? 0) + (exact === undefined && dtype === "float32" ? 0.5 : 0);
  for (let i = 0; i < want.length; i++) {
    const [x, y] = [got[i] as number, want[i] as number];
    if (Object.is(x, y)) continue;
    const isNear =
      isFloat && (family.ulp === undefined ? Math.abs(x - y) <= near : ulpError(dtype, x, exact?.[i] ?? y) <= ulps);
    // Zeros of unlike sign count as different unless something was rounded.
    if (!isNear || (x === 0 && y === 0 && near === 0)) return `element ${i} is ${x}, not ${y}`;
  }
  return "";
}

/** Which ways of reading the operands a case is run with: all for the first dtype of few cases, else plain and one more. */
function variantsOf(family: Family, dtype: number, at: number): readonly Variant[] {
  if (dtype === 0 && family.record.kind !== "elementwise" && family.cases.length < 40) return variants;
  return [plain, variants[1 + ((dtype + at) % (variants.length - 1))] as Variant];
}

/** Runs on all three devices and gives the first disagreement. */
function compare(family: Family, y: Value, magnitudes: Value | undefined): string {
  const [want] = runOnce(js, [y]) as [TypedArray];
  if (want.length !== sizeOf(y.shape)) return `${want.length} elements for [${y.shape.join(", ")}]`;
  if (want.constructor !== allocate(y.dtype, 0).constructor) return `a ${want.constructor.name} for ${y.dtype}`;
  const [got] = runOnce(fused, [y]) as [TypedArray];
  const [alone] = runOnce(unfused, [y]) as [TypedArray];
  const scale = magnitudes === undefined ? 0 : largestOf(runOnce(js, [magnitudes])[0] as TypedArray);
  const wrong = difference(family, got, want, scale);
  if (wrong !== "") return wrong;
  return sameBits(alone, got) ? "" : `unfused ${String(alone)} but fused ${String(got)}`;
}

const attempt = (check: () => string): string => {
  try {
    return check();
  } catch (error) {
    return String(error);
  }
};

/** Shows the first failures in full. */
function expectNone(wrong: readonly string[]): void {
  if (wrong.length > 0) throw new Error(`${wrong.length} cases fail\n${wrong.slice(0, 8).join("\n")}`);
}

/** The reference writes every element of its result, whatever was there before. */
function unwritten(family: Family, c: Case, dtype: Dtype): string {
  const { y } = apply(c, dtype, randomStream(5), plain);
  if (y.op.kind === "leaf") return "";
  const inputs = y.inputs.map(
    (x): HostTensor => ({ shape: x.shape, dtype: x.dtype, data: runOnce(js, [x])[0] as TypedArray }),
  );
  const outs = [1, 77].map((start) => {
    const data = allocate(y.dtype, sizeOf(y.shape)).fill(start);
    y.op.evaluate({ shape: y.shape, dtype: y.dtype, data }, inputs, y.attrs);
    return data;
  }) as [TypedArray, TypedArray];
  return sameBits(...outs) ? "" : `${family.record.name} leaves elements as they were`;
}

/** Type and value on every device. */
function wrongValues(family: Family, op: OpDef): string[] {
  const wrong: string[] = [];
  family.dtypes.forEach((dtype, d) => {
    family.cases.forEach((c, at) => {
      const unset = attempt(() => unwritten(family, c, dtype));
      if (unset !== "") wrong.push(`${dtype} ${c.label}: ${unset}`);
      for (const variant of variantsOf(family, d, at)) {
        const found = attempt(() => {
          const applied = apply(c, dtype, randomStream(1 + at), variant);
          const { y } = applied;
          if (y.op !== op && op.kind !== "leaf") return `the case is one of ${y.op.name}`;
          const large = family.tolerance === 0 ? undefined : applyToMagnitudes(c, applied, variant).y;
          return compare(family, y, large);
        });
        if (found !== "") wrong.push(`${dtype} ${c.label} ${variant.name}: ${found}`);
      }
    });
  });
  return wrong;
}

/** NaN, infinities, signed zeros and the ends of each dtype. */
function wrongEdges(family: Family): string[] {
  const wrong: string[] = [];
  for (const dtype of family.dtypes) {
    for (const { label, y, exact } of edgeOperands(family, dtype)) {
      const found = attempt(() => {
        const [want] = runOnce(js, [y]) as [TypedArray];
        const [got] = runOnce(fused, [y]) as [TypedArray];
        const [alone] = runOnce(unfused, [y]) as [TypedArray];
        const near = difference(family, got, want, 0, exact);
        return near !== "" || sameBits(alone, got) ? near : "fused and unfused differ";
      });
      if (found !== "") wrong.push(`${dtype} ${label}: ${found}`);
    }
  }
  return wrong;
}

/** The cases whose derivatives are checked. */
function casesWithSlopes(family: Family, op: OpDef): readonly Case[] {
  // The rule of loops is a part of differentiation itself.
  if (op.vjp === null && op.kind !== "loop") return [];
  const floats = family.cases.filter(({ inputs }) => inputs.some((x) => x.dtype === undefined));
  const chosen = op.kind === "elementwise" ? floats.filter((_, i) => i % 4 === 1 || i >= 8) : floats;
  return family.dtypes.includes("float64") ? chosen : [];
}

/** Derivatives in float32 on every device. */
function wrongSlopes(chosen: readonly Case[]): string[] {
  const wrong: string[] = [];
  chosen.forEach((c, at) => {
    const variant = variants[at % variants.length] as Variant;
    const found = attempt(() => {
      const random = randomStream(70 + at);
      const { variables, y } = apply(c, "float32", random, variant, true);
      return compareGradients(y, variables, random);
    });
    if (found !== "") wrong.push(`${c.label} ${variant.name}: ${found}`);
  });
  return wrong;
}

const known = records.flatMap(([key, op]) => {
  const family = familyOf(key, op);
  return family === undefined ? [] : [{ key, op, family, chosen: casesWithSlopes(family, op) }];
});

beforeAll(() => {
  const devices = preparedDevices((...noting) => {
    [fused, unfused] = noting;
    for (const { op, family, chosen } of known) {
      wrongValues(family, op);
      wrongEdges(family);
      wrongSlopes(chosen);
    }
  });
  ({ fused, unfused } = devices);
}, 600_000);

describe.each(known)("$key", ({ op, family, chosen }) => {
  test("has the type and the value of the reference on every device", () => expectNone(wrongValues(family, op)));

  test("agrees on NaN, infinities, signed zeros and the ends of each dtype", () => expectNone(wrongEdges(family)));

  if (chosen.length === 0) return;

  // A step must be seen through the rounding to float32, which is of something linear.
  const step = op === table.cast.float32 ? 0.25 : 1e-5;
  test("has the derivatives that differences give", () => {
    const wrong: string[] = [];
    chosen.forEach((c, at) => {
      const found = attempt(() =>
        checkDerivatives(apply(c, "float64", randomStream(50 + at), plain, true), 90 + at, step),
      );
      if (found !== "") wrong.push(`${c.label}: ${found}`);
    });
    expectNone(wrong);
  });

  test("has the same derivatives in float32 on every device", () => expectNone(wrongSlopes(chosen)));
});

/** First and second order and the derivative forward, against central differences in a random direction. */
function checkDerivatives({ variables, y }: Applied, seed: number, step: number): string {
  if (!y.requiresGrad) return "";
  const random = randomStream(seed);
  const w = weightsLike(y, random, true);
  const directions = variables.map((x) => weightsLike(x, random));
  const first = gradients([y], [w], variables);
  const missing = first.findIndex((g) => g === undefined);
  if (missing >= 0) return `nothing reaches operand ${missing}`;
  const found = first as Value[];

  const along = (values: readonly Value[]): [readonly TypedArray[], readonly TypedArray[]] => {
    const graph = new CompiledGraph(js, values);
    const at = (by: number): TypedArray[] => graph.run(moved(variables, directions, by)) as TypedArray[];
    return [at(step), at(-step)];
  };
  /** (f(x + h d) − f(x − h d)) / 2h for f = Σ weightᵢ · valueᵢ. */
  const differenceOf = (values: readonly Value[], weights: readonly Value[]): number => {
    const [up, down] = along(values);
    const data = weights.map(dataOf);
    return (inner(up, data).sum - inner(down, data).sum) / (2 * step);
  };
  const check = (order: string, slopes: readonly (Value | undefined)[], want: number): string => {
    const used = slopes.flatMap((g, i) => (g === undefined ? [] : [[g, directions[i] as Value] as const]));
    const got = inner(
      runOnce(
        js,
        used.map(([g]) => g),
      ),
      used.map(([, d]) => dataOf(d)),
    );
    const most = 2e-6 * (1 + got.size + Math.abs(want));
    return Math.abs(got.sum - want) <= most ? "" : `${order} ${got.sum}, by differences ${want}`;
  };

  const once = check("first", found, differenceOf([y], [w]));
  if (once !== "") return once;
  const v = found.map((g) => weightsLike(g, random));
  const curved = found.flatMap((g, i) => (g.requiresGrad ? [i] : []));
  const second = gradients(
    curved.map((i) => found[i] as Value),
    curved.map((i) => v[i] as Value),
    variables,
  );
  const twice = check("second", second, differenceOf(found, v));
  if (twice !== "") return twice;

  // The derivative forward: Σ gᵢ · dᵢ is linear in w, and its gradient there is the change of y along d.
  const [forward] = gradients(found, directions, [w]);
  const change = forward === undefined ? allocate(y.dtype, sizeOf(y.shape)) : (runOnce(js, [forward])[0] as TypedArray);
  const [[up], [down]] = along([y]) as [[TypedArray], [TypedArray]];
  for (let i = 0; i < change.length; i++) {
    const want = ((up[i] as number) - (down[i] as number)) / (2 * step);
    const got = change[i] as number;
    if (!(Math.abs(got - want) <= 2e-6 * (1 + Math.abs(want)))) return `forward ${i} is ${got}, by differences ${want}`;
  }
  return "";
}

/** First and second derivatives in float32: js and wasm are near each other, fused and unfused are equal. */
function compareGradients(y: Value, variables: readonly Value[], random: () => number): string {
  if (!y.requiresGrad) return "";
  const first = gradients([y], [weightsLike(y, random)], variables) as Value[];
  const curved = first.filter((g) => g.requiresGrad);
  const second = gradients(
    curved,
    curved.map((g) => weightsLike(g, random)),
    variables,
  );
  const all = [y, ...first, ...second].filter((g) => g !== undefined);
  const want = runOnce(js, all);
  const got = runOnce(fused, all);
  const alone = runOnce(unfused, all);
  for (let i = 0; i < all.length; i++) {
    const [a, b] = [got[i] as TypedArray, want[i] as TypedArray];
    if (!sameBits(a, alone[i] as TypedArray)) return `result ${i} fused ${String(a)}, unfused ${String(alone[i])}`;
    const largest = largestOf(b, 1);
    const at = b.findIndex((x, j) => !(Math.abs(x - (a[j] as number)) <= 2e-5 * largest));
    if (at >= 0) return `result ${i} at ${at} is ${a[at]}, not ${b[at]}`;
  }
  return "";
}
