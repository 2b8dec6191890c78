/**
 * Attention as a composite: its derivatives are those of the primitives it stands for, on every device, and it keeps no
 * weights where the device has kernels for it.
 */
import { describe, expect, test } from "vitest";
import type { TypedArray } from "../../src/base/dtype.ts";
import type { Value } from "../../src/ir/value.ts";
import { type Masking, attention, attentionWeights } from "../../src/ops/composite/attention.ts";
import { kit } from "../../src/ops/kit.ts";
import { CpuDevice } from "../../src/runtime/cpu/device.ts";
import type { Device } from "../../src/runtime/device.ts";
import { JsDevice } from "../../src/runtime/js/device.ts";
import { startNativeDevice } from "../../src/runtime/native/node/machine.ts";
import { WasmMachine } from "../../src/runtime/wasm/machine.ts";
import { CompiledGraph, dataLeaf, runOnce } from "../runtime/compiled-graph.ts";
import { planOf } from "../schedule/models.ts";
import { randomStream } from "./sweep/case.ts";
import { gradients, weightsLike } from "./sweep/derivatives.ts";

const js = new JsDevice();
const native = startNativeDevice();
const devices: [string, Device][] = [
  ["js", js],
  ["wasm", new CpuDevice(new WasmMachine())],
  ...(typeof native === "string" ? [] : [["native", native] satisfies [string, Device]]),
];

interface Case {
  readonly name: string;
  readonly batch: readonly number[];
  readonly rows: number;
  readonly keys: number;
  readonly width: number;
  readonly valueWidth: number;
  readonly causal?: boolean;
  readonly allowed?: readonly number[];
  readonly bias?: readonly number[];
  readonly isBiasVariable?: boolean;
}

const cases: readonly Case[] = [
  { name: "plain", batch: [2], rows: 5, keys: 7, width: 3, valueWidth: 4 },
  { name: "causal", batch: [2, 2], rows: 6, keys: 6, width: 4, valueWidth: 4, causal: true },
  { name: "bool mask with an empty row", batch: [2], rows: 4, keys: 6, width: 3, valueWidth: 2, allowed: [4, 6] },
  {
    name: "both masks",
    batch: [2, 3],
    rows: 4,
    keys: 5,
    width: 2,
    valueWidth: 3,
    allowed: [2, 1, 1, 5],
    bias: [3, 4, 1],
  },
  {
    name: "a mask that learns",
    batch: [2],
    rows: 4,
    keys: 5,
    width: 2,
    valueWidth: 3,
    bias: [4, 5],
    isBiasVariable: true,
  },
  { name: "several blocks", batch: [1], rows: 70, keys: 140, width: 5, valueWidth: 6, causal: true },
];

interface Graph {
  readonly variables: readonly Value[];
  readonly q: Value;
  readonly key: Value;
  readonly v: Value;
  readonly mask: Masking;
}

const scale = 0.6;

function graphOf(c: Case, dtype: "float32" | "float64"): Graph {
  const random = randomStream(7 * c.rows + c.keys);
  const leaf = (shape: readonly number[], isVariable = true): Value =>
    dataLeaf(
      shape,
      dtype,
      Float64Array.from({ length: shape.reduce((n, extent) => n * extent, 1) }, () => 2 * random() - 1),
      isVariable,
    );
  const q = leaf([...c.batch, c.rows, c.width]);
  const key = leaf([...c.batch, c.keys, c.width]);
  const v = leaf([...c.batch, c.keys, c.valueWidth]);
  const columns = c.allowed?.at(-1) ?? 1;
  const size = (c.allowed ?? []).reduce((n, extent) => n * extent, 1);
  const seen = Array.from({ length: size }, (_, i) => Number(Math.floor(i / columns) !== 1 && random() < 0.7));
  const bias = c.bias === undefined ? undefined : leaf(c.bias, c.isBiasVariable === true);
  const mask = {
    causal: c.causal === true,
    allowed: c.allowed === undefined ? undefined : dataLeaf(c.allowed, "bool", seen),
    bias,
  };
  const learns = c.isBiasVariable === true && bias !== undefined ? [bias] : [];
  return { variables: [q, key, v, ...learns], q, key, v, mask };
}

const ways: Readonly<Record<"composite" | "primitives", (g: Graph) => Value>> = {
  composite: ({ q, key, v, mask }) => attention(kit, q, key, v, mask, scale),
  primitives: ({ q, key, v, mask }) => kit.matmul(attentionWeights(kit, kit.mul(q, scale), key, mask), v),
};

/** The result, its gradients, and theirs. */
function allOf(graph: Graph, way: keyof typeof ways): Value[] {
  const random = randomStream(3);
  const y = ways[way](graph);
  const first = gradients([y], [weightsLike(y, random)], graph.variables) as Value[];
  const seeds = first.map((g) => weightsLike(g, random));
  const second = gradients(first, seeds, graph.variables) as Value[];
  return [y, ...first, ...second];
}

/** The largest difference of elements, in units of the largest of the same tensor, at least 1. */
function distance(got: readonly TypedArray[], want: readonly TypedArray[]): number {
  expect(got.map((list) => list.length)).toEqual(want.map((list) => list.length));
  const largest = (list: Iterable<number>): number => {
    let most = 0;
    for (const x of list) most = Math.max(most, Math.abs(x));
    return most;
  };
  return largest(
    want.map((list, n) => {
      const far = Array.from(list, (x, i) => x - (got[n]?.[i] as number));
      return largest(far) / Math.max(largest(list), 1);
    }),
  );
}

describe.each(cases)("$name", (c) => {
  test("has the derivatives of its primitives, first and second", () => {
    const graph = graphOf(c, "float64");
    expect(distance(runOnce(js, allOf(graph, "composite")), runOnce(js, allOf(graph, "primitives")))).toBeLessThan(
      1e-12,
    );
  });

  test.each(devices)("is the same on %s", (_, device) => {
    const graph = graphOf(c, "float32");
    expect(distance(runOnce(device, allOf(graph, "composite")), runOnce(js, allOf(graph, "primitives")))).toBeLessThan(
      2e-5,
    );
  });
});

test("nothing is computed for an empty batch, no rows and no keys", () => {
  const sizes = [
    { batch: [0], rows: 3, keys: 4 },
    { batch: [2], rows: 0, keys: 4 },
    { batch: [2], rows: 3, keys: 0 },
  ];
  for (const size of sizes) {
    const graph = graphOf({ name: "", width: 2, valueWidth: 2, ...size, allowed: [1, 1] }, "float32");
    for (const [, device] of devices) {
      const [y, ...rest] = runOnce(device, allOf(graph, "composite")) as [TypedArray, ...TypedArray[]];
      expect([...y, ...rest.flatMap((list) => [...list])].every((x) => x === 0)).toBe(true);
    }
  }
});

/** A training step's graph: a loss and its gradients. */
function stepOf(length: number, way: keyof typeof ways): Value[] {
  const graph = graphOf(
    { name: "", batch: [2, 2], rows: length, keys: length, width: 8, valueWidth: 8, causal: true },
    "float32",
  );
  const y = kit.square(ways[way](graph));
  const loss = kit.sum(y, [0, 1, 2, 3]);
  return [loss, ...(gradients([loss], [kit.full([], 1, "float32")], graph.variables) as Value[])];
}

test("where it is made of primitives it takes no more kernels than they do, and no more memory", () => {
  const [fast, plain] = (["composite", "primitives"] as const).map((way) => planOf(stepOf(64, way)).plan);
  expect(fast?.steps.length).toBeLessThanOrEqual(plain?.steps.length ?? 0);
  expect(fast?.arenaBytes).toBeLessThanOrEqual(plain?.arenaBytes ?? 0);
});

test.skipIf(typeof native === "string")("with kernels of its own it keeps no weights", () => {
  const bytes = [256, 512].map((length) => {
    const { plan } = new CompiledGraph(native as CpuDevice, stepOf(length, "composite"));
    expect(plan.explain()).toMatch(/attention/);
    return plan.arenaBytes;
  }) as [number, number];
  // Four heads of 512 × 512 weights alone are 4 MiB.
  expect(bytes[1]).toBeLessThan(2 ** 20);
  expect(bytes[1] / bytes[0]).toBeLessThan(2.1);
});
