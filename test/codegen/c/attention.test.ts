/** Attention in C on every target: values against the reference, masks, layouts, edges of blocks, cuts into units. */
import { describe, expect, test } from "vitest";
import {
  attentionSource,
  attentionWorkspaceBytes,
  writeAttentionArguments,
} from "../../../src/codegen/c/attention/attention.ts";
import { prelude } from "../../../src/codegen/c/prelude.ts";
import type { CTarget } from "../../../src/codegen/c/target.ts";
import type { HostTensor } from "../../../src/ir/op.ts";
import type { Value } from "../../../src/ir/value.ts";
import { kit } from "../../../src/ops/kit.ts";
import { table } from "../../../src/ops/table.ts";
import { type AttentionKernel, isAttentionTaken, planAttention } from "../../../src/schedule/attention.ts";
import { JsDevice } from "../../../src/runtime/js/device.ts";
import { randomStream } from "../../ops/sweep/case.ts";
import { dataLeaf, runOnce } from "../../runtime/compiled-graph.ts";
import { type CKernel, CMemory, runnableTargets } from "./compiler.ts";
import { compileProducts } from "./conv-support.ts";

const js = new JsDevice();
const types = ["uintptr_t", "int64_t", "int64_t", "uintptr_t"];

type Role = AttentionKernel["role"];

/** The two kernels of a target. */
class Kernels {
  readonly target: CTarget;
  readonly #known = new Map<Role, CKernel>();

  constructor(target: CTarget) {
    this.target = target;
  }

  get(kernel: AttentionKernel): CKernel {
    let found = this.#known.get(kernel.role);
    if (found === undefined) {
      const source = `${prelude(this.target)}${attentionSource(kernel, "k0", this.target)}`;
      found = compileProducts(source, this.target).func("k0", "void", types) as CKernel;
      this.#known.set(kernel.role, found);
    }
    return found;
  }
}

interface Case {
  readonly name: string;
  readonly batch?: readonly number[];
  readonly rows: number;
  readonly keys: number;
  readonly width: number;
  readonly valueWidth: number;
  readonly causal?: boolean;
  readonly scale?: number;
  /** Shape of a mask that is repeated to the scores. */
  readonly mask?: readonly number[];
  readonly isBool?: boolean;
  readonly parts?: number;
  /** Heads behind the rows in memory, as slices of one tensor. */
  readonly isSliced?: boolean;
}

const cases: readonly Case[] = [
  { name: "one of everything", rows: 1, keys: 1, width: 1, valueWidth: 1 },
  { name: "whole blocks", batch: [2], rows: 64, keys: 128, width: 32, valueWidth: 32 },
  { name: "odd sizes", batch: [3], rows: 37, keys: 131, width: 19, valueWidth: 45 },
  { name: "many keys for few rows", rows: 3, keys: 300, width: 8, valueWidth: 7 },
  { name: "wide", rows: 33, keys: 20, width: 256, valueWidth: 250 },
  { name: "causal", batch: [2], rows: 70, keys: 70, width: 16, valueWidth: 16, causal: true },
  { name: "causal, more rows", rows: 75, keys: 40, width: 9, valueWidth: 3, causal: true, parts: 3 },
  { name: "causal, more keys", rows: 40, keys: 75, width: 9, valueWidth: 3, causal: true },
  { name: "causal, no scale", rows: 40, keys: 40, width: 4, valueWidth: 3, causal: true, scale: 0 },
  { name: "causal, negative scale", rows: 40, keys: 40, width: 4, valueWidth: 3, causal: true, scale: -1.5 },
  { name: "a mask of bool", batch: [2], rows: 35, keys: 50, width: 8, valueWidth: 8, mask: [35, 50], isBool: true },
  {
    name: "keys that are padding",
    batch: [2, 2],
    rows: 35,
    keys: 50,
    width: 8,
    valueWidth: 8,
    mask: [2, 1, 1, 50],
    isBool: true,
  },
  {
    name: "rows that see nothing",
    batch: [2],
    rows: 35,
    keys: 50,
    width: 8,
    valueWidth: 8,
    mask: [2, 35, 1],
    isBool: true,
  },
  {
    name: "an added mask",
    batch: [2, 3],
    rows: 20,
    keys: 150,
    width: 8,
    valueWidth: 8,
    mask: [3, 20, 150],
    causal: true,
  },
  { name: "an added mask of rows", batch: [2], rows: 20, keys: 15, width: 8, valueWidth: 8, mask: [20, 1] },
  { name: "runs of rows", batch: [2], rows: 150, keys: 33, width: 8, valueWidth: 12, parts: 4 },
  { name: "slices", batch: [2, 3], rows: 40, keys: 40, width: 12, valueWidth: 12, causal: true, isSliced: true },
];

function valuesOf(c: Case): { forward: Value; gradient: Value } {
  const random = randomStream(c.rows + c.keys);
  const batch = c.batch ?? [];
  const leaf = (shape: readonly number[], element = (): number => 4 * random() - 2): Value => {
    const size = shape.reduce((n, extent) => n * extent, 1);
    return dataLeaf(shape, "float32", Float32Array.from({ length: size }, element));
  };
  let own: Value[];
  if (c.isSliced === true) {
    const [n, heads] = batch as [number, number];
    const x = leaf([n, c.rows, 3 * heads * c.width]);
    own = [0, 1, 2].map((i) => {
      const part = kit.range(x, 2, i * heads * c.width, (i + 1) * heads * c.width);
      return kit.permute(kit.reshape(part, [n, c.rows, heads, c.width]), [0, 2, 1, 3]);
    });
  } else {
    own = [
      leaf([...batch, c.rows, c.width]),
      leaf([...batch, c.keys, c.width]),
      leaf([...batch, c.keys, c.valueWidth]),
    ];
  }
  const masks: Value[] = [];
  if (c.mask !== undefined) {
    const size = c.mask.reduce((n, extent) => n * extent, 1);
    const seen = Float32Array.from({ length: size }, () =>
      c.isBool === true ? Number(random() < 0.7) : 4 * random() - 2,
    );
    const mask = dataLeaf(c.mask, c.isBool === true ? "bool" : "float32", seen);
    masks.push(kit.broadcast(mask, [...batch, c.rows, c.keys]));
  }
  const attrs = { scale: c.scale ?? 0.6, causal: c.causal ?? false };
  const forward = kit.apply(table.attention, [...own, ...masks], attrs);
  const made = dataLeaf(forward.shape, "float32", runOnce(js, [forward])[0] as Float32Array);
  const inputs = [...own, made, leaf([...batch, c.rows, c.valueWidth]), ...masks];
  return { forward, gradient: kit.apply(table.attentionGradient, inputs, { ...attrs, parts: c.parts ?? 1 }) };
}

/** Runs the kernel of a vertex in the given order of units. Throws where it writes behind a buffer. */
function run(
  kernels: Kernels,
  value: Value,
  order: (units: number) => readonly (readonly [number, number])[],
): Float32Array {
  const { kernel, reads } = planAttention(value, (v) => v.op.kind === "leaf");
  const size = value.shape[0] as number;
  const workspaceBytes = attentionWorkspaceBytes(kernels.target);
  const inputs = reads.map((read) => (read.leaf as { data: Float32Array }).data);
  const bytes = inputs.reduce((sum, data) => sum + data.byteLength + 256, 4 * size + 512);
  const memory = new CMemory(bytes + workspaceBytes + 8192);
  const offsets = inputs.map((data) => {
    const offset = memory.allocate(data.byteLength);
    memory.bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
    return offset;
  });
  offsets.push(memory.allocate(4 * size));
  const result = offsets.at(-1) as number;
  const workspace = memory.allocate(workspaceBytes);
  const words: number[] = [];
  const units = writeAttentionArguments(kernel, {
    word: (word) => words.push(word),
    address: (buffer, addend) => words.push(memory.address(offsets[buffer] as number) + addend),
  });
  const args = memory.allocate(8 * words.length);
  memory.bytes.set(new Uint8Array(BigInt64Array.from(words, BigInt).buffer), args);
  for (const [from, to] of order(units)) kernels.get(kernel)(memory.address(args), from, to, memory.address(workspace));
  for (const end of [result + 4 * size, workspace + workspaceBytes]) {
    if (memory.bytes.subarray(end, end + 16).some((byte) => byte !== 0xa5)) throw new Error("written behind a buffer");
  }
  return new Float32Array(memory.bytes.slice(result, result + 4 * size).buffer);
}

const whole = (units: number): [number, number][] => [[0, units]];
const backward = (units: number): [number, number][] =>
  Array.from({ length: units }, (_, i) => [units - 1 - i, units - i]);

/** The largest distance from the reference, in units of the largest element of the same part. */
function worst(got: Float32Array, value: Value): number {
  const inputs = value.inputs.map(
    (x): HostTensor => ({ shape: x.shape, dtype: x.dtype, data: runOnce(js, [x])[0] as Float32Array }),
  );
  const data = new Float32Array(got.length);
  value.op.evaluate({ shape: value.shape, dtype: "float32", data }, inputs, value.attrs);
  const size = data.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  return got.reduce((most, x, i) => Math.max(most, Math.abs(x - (data[i] as number))), 0) / Math.max(size, 1);
}

describe.each(runnableTargets().map((target) => [target.isa, new Kernels(target)] as const))("%s", (_, kernels) => {
  test.each(cases)("$name", (c) => {
    const { forward, gradient } = valuesOf(c);
    for (const value of [forward, gradient]) {
      expect(isAttentionTaken(value)).toBe(true);
      const got = run(kernels, value, whole);
      expect(worst(got, value)).toBeLessThan(4e-6);
      expect(run(kernels, value, backward)).toEqual(got);
    }
  });

  test("weights are right from the largest to the smallest", () => {
    const size = 4000;
    // Scores 0 and x: the first of two values is 1 and the second 0, so the result is 1 / (1 + 2^x).
    const x = Float32Array.from({ length: size }, (_, i) => -(i / size) * 120);
    const key = dataLeaf(
      [size, 2, 1],
      "float32",
      Float32Array.from({ length: 2 * size }, (_, i) => (i % 2 === 0 ? 0 : (x[i >> 1] as number))),
    );
    const q = dataLeaf([size, 1, 1], "float32", new Float32Array(size).fill(1));
    const v = dataLeaf(
      [size, 2, 1],
      "float32",
      Float32Array.from({ length: 2 * size }, (_, i) => i % 2),
    );
    const got = run(kernels, kit.apply(table.attention, [q, key, v], { scale: 1, causal: false }), whole);
    const weight = (score: number): number => Math.exp(score) / (1 + Math.exp(score));
    const near = Array.from(x.entries()).filter(([, score]) => score >= -87);
    const most = near.reduce((far, [i, score]) => Math.max(far, Math.abs((got[i] as number) / weight(score) - 1)), 0);
    // The score itself is rounded in units of log 2.
    expect(most).toBeLessThan(90 * 2 ** -23);
    // Subnormal weights may be 0.
    expect(Math.max(...got.slice(near.length, size))).toBeLessThan(2e-38);
  });

  test("a score that is no number gives none, a row that sees nothing 0", () => {
    const q = dataLeaf([2, 1], "float32", [Number.NaN, 1]);
    const key = dataLeaf([3, 1], "float32", [1, 2, 3]);
    const v = dataLeaf([3, 1], "float32", [5, 5, 5]);
    const attrs = { scale: 1, causal: false };
    const free = run(kernels, kit.apply(table.attention, [q, key, v], attrs), whole);
    expect(free[0]).toBeNaN();
    expect(free[1]).toBeCloseTo(5, 5);
    const hidden = dataLeaf([2, 3], "float32", [0, 0, 0, -Infinity, -Infinity, -Infinity]);
    const masked = run(kernels, kit.apply(table.attention, [q, key, v, hidden], attrs), whole);
    expect(masked[0]).toBeNaN();
    expect(masked[1]).toBe(0);
  });
});

test("what has no kernel: other dtypes, no elements, wide rows, many dims in front", () => {
  const taken = (batch: readonly number[], rows: number, width: number, dtype: "float32" | "float64"): boolean => {
    const x = kit.full([...batch, rows, width], 0, dtype);
    return isAttentionTaken(kit.apply(table.attention, [x, x, x], { scale: 1, causal: false }));
  };
  expect(taken([2, 1, 3, 4], 5, 256, "float32")).toBe(true);
  expect(taken([2], 5, 6, "float64")).toBe(false);
  expect(taken([0], 5, 6, "float32")).toBe(false);
  expect(taken([2], 5, 257, "float32")).toBe(false);
  expect(taken([2, 2, 2, 2], 5, 6, "float32")).toBe(false);
});
