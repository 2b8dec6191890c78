import { beforeAll, describe, expect, test } from "vitest";
import { type CTarget, cTargets } from "../../../src/codegen/c/target.ts";
import type { ContractKernel, Offsets } from "../../../src/schedule/kernel.ts";
import { ContractRunner, type Elements, runnableTargets } from "./contract-support.ts";

type Dtype = "float32" | "float64" | "int32";
const arrays = { float32: Float32Array, float64: Float64Array, int32: Int32Array };

/** Memory behind an operand, which kernels may read but must not use, and behind C, which they must not write. */
const behind = 16;

/** Numbers in [-1, 1), or integers of which products wrap. */
let state = 1;
function random(dtype: Dtype): number {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return dtype === "int32" ? state | 0 : state / 2 ** 31 - 1;
}

function operand(dtype: Dtype, count: number): Elements {
  const data = new arrays[dtype](count + behind).fill(dtype === "int32" ? 12345 : Number.NaN);
  for (let i = 0; i < count; i++) data[i] = random(dtype);
  return data;
}

const stride = (count: number): Offsets => ({ stride: count });
const at = (offsets: Offsets, i: number): number =>
  "table" in offsets ? (offsets.table[i] as number) : i * offsets.stride;

type Parts = Partial<ContractKernel> & Pick<ContractKernel, "m" | "n" | "k">;

/** A kernel on dense row-major operands, but for what is said. */
function kernelOf(dtype: Dtype, parts: Parts): ContractKernel {
  const { n, k } = parts;
  return {
    kind: "contract",
    dtype,
    aOffset: 0,
    bOffset: 0,
    aM: stride(k),
    aK: stride(1),
    bK: stride(n),
    bN: stride(1),
    cM: n,
    batch: [],
    fold: { extent: 1, a: 0, b: 0 },
    ...parts,
  };
}

function matmul(dtype: Dtype, m: number, n: number, k: number, aT: boolean, bT: boolean): ContractKernel {
  return kernelOf(dtype, {
    m,
    n,
    k,
    aM: stride(aT ? 1 : k),
    aK: stride(aT ? m : 1),
    bK: stride(bT ? 1 : n),
    bN: stride(bT ? k : 1),
  });
}

const layouts = [
  [false, false],
  [true, false],
  [false, true],
  [true, true],
] as const;

/** The offsets in A, B and C of each index of the batch. */
function batches(kernel: ContractKernel): { a: number; b: number; c: number }[] {
  return kernel.batch.reduce(
    (list, loop) =>
      list.flatMap(({ a, b, c }) =>
        Array.from({ length: loop.extent }, (_, i) => ({ a: a + i * loop.a, b: b + i * loop.b, c: c + i * loop.c })),
      ),
    [{ a: kernel.aOffset, b: kernel.bOffset, c: 0 }],
  );
}

/** Compares elements with sums in double precision; of a target without fused multiply-add bit for bit. */
function expectProduct(target: CTarget, kernel: ContractKernel, a: Elements, b: Elements, c: Elements, step = 1): void {
  const { m, n, k, fold, dtype } = kernel;
  const isExact = !target.fma || dtype === "int32";
  const round = dtype === "float32" && isExact ? Math.fround : (x: number): number => x;
  const blocks = Math.max(Math.ceil(k / 256), 1);
  const length = Math.max(Math.ceil(Math.ceil(k / blocks) / 16), 1) * 16;
  const tolerance = isExact ? 0 : (dtype === "float32" ? 2e-7 : 4e-16) * Math.sqrt(k * fold.extent + 1) * 4;
  const wrong: string[] = [];
  let checked = 0;
  for (const [number, base] of batches(kernel).entries()) {
    for (let i = number % step; i < m; i += step) {
      for (let j = number % step; j < n; j += step) {
        let total = 0;
        for (let f = 0; f < fold.extent; f++) {
          for (let from = 0; from < k; from += length) {
            let sum = 0;
            for (let q = from; q < Math.min(from + length, k); q++) {
              const x = a[base.a + f * fold.a + at(kernel.aM, i) + at(kernel.aK, q)] as number;
              const y = b[base.b + f * fold.b + at(kernel.bK, q) + at(kernel.bN, j)] as number;
              sum = dtype === "int32" ? (sum + Math.imul(x, y)) | 0 : round(sum + round(x * y));
            }
            total = dtype === "int32" ? (total + sum) | 0 : round(total + sum);
          }
        }
        const got = c[base.c + i * kernel.cM + j] as number;
        if (!(Math.abs(got - total) <= tolerance)) wrong.push(`[${number}; ${i}, ${j}] is ${got}, not ${total}`);
        checked++;
      }
    }
  }
  if (c.subarray(c.length - behind).some((x) => x !== 77)) wrong.push("a cell behind C has changed");
  expect({ m, n, k, wrong: wrong.slice(0, 5), all: checked > 0 || m * n === 0 }).toEqual({
    m,
    n,
    k,
    wrong: [],
    all: true,
  });
}

const elementsOfC = (kernel: ContractKernel): number =>
  Math.max(...batches(kernel).map(({ c }) => c)) + kernel.m * kernel.cM;

function emptyC(kernel: ContractKernel): Elements {
  return new arrays[kernel.dtype as Dtype](elementsOfC(kernel) + behind).fill(77);
}

function expectSameBits(got: Elements, expected: Elements): void {
  const bytes = (data: Elements): Buffer => Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  expect(bytes(got).equals(bytes(expected))).toBe(true);
}

/** Runs a kernel whole, and unit by unit from the last to the first: the bits are the same. */
function run(runner: ContractRunner, kernel: ContractKernel, a: Elements, b: Elements): Elements {
  const c = emptyC(kernel);
  runner.run(kernel, a, b, c);
  const again = emptyC(kernel);
  runner.run(kernel, a, b, again, 1, true);
  expectSameBits(again, c);
  return c;
}

/** Places in runs of `length` with `step` between, the starts of the runs `gap` apart. */
function runsTable(count: number, length: number, gap: number, step = 1): Int32Array {
  return Int32Array.from({ length: count }, (_, i) => Math.floor(i / length) * gap + (i % length) * step);
}

/** Strides and tables: what a convolution has, and what it has not. */
const sizes = { m: 21, n: 75, k: 50 };
const axesOfAllKinds: readonly Partial<ContractKernel>[] = [
  { aM: stride(100), aK: stride(2) },
  { aM: stride(1), aK: { table: runsTable(50, 3, 40).reverse() } },
  { aM: { table: runsTable(21, 4, 70) }, aK: stride(1) },
  { aM: stride(50), aK: { table: runsTable(50, 9, 9).reverse() } },
  { aM: stride(170), aK: { table: runsTable(50, 20, 64) } },
  { aM: { table: runsTable(21, 4, 70) }, aK: { table: runsTable(50, 3, 40) } },
  { bK: stride(3), bN: stride(151) },
  { bK: { table: runsTable(50, 3, 100) }, bN: { table: runsTable(75, 26, 28) } },
  { bK: { table: runsTable(50, 3, 100) }, bN: { table: runsTable(75, 8, 50) } },
  { bK: { table: runsTable(50, 3, 100) }, bN: { table: runsTable(75, 1, 2) } },
  { bK: { table: runsTable(50, 3, 200) }, bN: { table: runsTable(75, 13, 60, 2) } },
  { bK: { table: runsTable(50, 26, 28) }, bN: { table: runsTable(75, 3, 100) } },
  { bK: { table: runsTable(50, 13, 60, 2) }, bN: { table: runsTable(75, 3, 200) } },
  { bK: { table: runsTable(50, 7, 28) }, bN: { table: runsTable(75, 1, 101) } },
  { bK: { table: runsTable(50, 1, 3) }, bN: { table: runsTable(75, 1, 151) } },
  { bK: { table: runsTable(50, 1, 131).reverse() }, bN: stride(1) },
  { bK: stride(1), bN: { table: runsTable(75, 1, 131).reverse() } },
  // Short runs that lie a vector apart, on one target or another: as heads of attention do.
  ...[4, 8, 16].map((gap) => ({ n: 6, bK: { table: runsTable(50, 3, 100) }, bN: { table: runsTable(6, 3, gap) } })),
];

const runnable = new Set(runnableTargets());

describe.each(Object.values(cTargets))("$isa", (target) => {
  const runner = new ContractRunner(target);
  const isMissing = !runnable.has(target);

  // One run of the compiler for most of them.
  beforeAll(() => {
    if (isMissing) return;
    const products = (["float32", "float64", "int32"] as const).flatMap((dtype) =>
      layouts.map(([aT, bT]) => matmul(dtype, 2, 2, 2, aT, bT)),
    );
    runner.compile([...products, ...axesOfAllKinds.map((axes) => kernelOf("float32", { ...sizes, ...axes }))]);
  }, 120_000);

  test.skipIf(isMissing)("small and odd sizes in all layouts", () => {
    for (const [aT, bT] of layouts) {
      for (const m of [1, 3, 4, 5, 8, 9, 14]) {
        for (const n of [1, 5, 16, 17, 33, 65]) {
          for (const k of [0, 1, 7, 16, 33]) {
            const kernel = matmul("float32", m, n, k, aT, bT);
            const [a, b] = [operand("float32", m * k), operand("float32", k * n)];
            expectProduct(target, kernel, a, b, run(runner, kernel, a, b));
          }
        }
      }
    }
  });

  test.skipIf(isMissing)("sizes that cross blocks", () => {
    for (const [aT, bT] of layouts) {
      for (const [m, n, k] of [
        [130, 100, 513],
        [9, 40, 600],
        [70, 3, 257],
        [1, 300, 300],
        [300, 1, 300],
        [270, 35, 20],
        [530, 515, 530],
      ] as const) {
        const kernel = matmul("float32", m, n, k, aT, bT);
        const [a, b] = [operand("float32", m * k), operand("float32", k * n)];
        expectProduct(target, kernel, a, b, run(runner, kernel, a, b), m * n * k > 1e7 ? 41 : 7);
      }
    }
  });

  test.skipIf(isMissing).each(["float64", "int32"] as const)("%s", (dtype) => {
    for (const isTransposed of [false, true]) {
      for (const [m, n, k] of [
        [1, 1, 1],
        [5, 3, 9],
        [13, 37, 41],
        [66, 50, 300],
      ] as const) {
        const kernel = matmul(dtype, m, n, k, isTransposed, isTransposed);
        const [a, b] = [operand(dtype, m * k), operand(dtype, k * n)];
        expectProduct(target, kernel, a, b, run(runner, kernel, a, b));
      }
    }
  });

  test.skipIf(isMissing)("a row has the same bits alone as among others, and a column too", () => {
    const [m, n, k] = [45, 70, 300];
    for (const [aT, bT] of layouts) {
      const whole = matmul("float32", m, n, k, aT, bT);
      const [a, b] = [operand("float32", m * k), operand("float32", k * n)];
      const c = run(runner, whole, a, b);
      for (const i of [0, 7, 44]) {
        const row = run(runner, { ...whole, m: 1, aOffset: at(whole.aM, i) }, a, b);
        expectSameBits(row.slice(0, n), c.slice(i * n, (i + 1) * n));
      }
      for (const j of [0, 31, 69]) {
        const column = run(runner, { ...whole, n: 1, cM: 1, bOffset: at(whole.bN, j) }, a, b);
        expectSameBits(
          column.slice(0, m),
          c.filter((_, i) => i % n === j && i < m * n),
        );
      }
    }
  });

  test.skipIf(isMissing)("all layouts and tables of the same places give the same bits", () => {
    const [m, n, k] = [37, 83, 290];
    const [a, b] = [operand("float32", m * k), operand("float32", k * n)];
    const plain = matmul("float32", m, n, k, false, false);
    const expected = run(runner, plain, a, b);
    const [aTurned, bTurned] = [operand("float32", m * k), operand("float32", k * n)];
    for (let i = 0; i < m; i++) for (let q = 0; q < k; q++) aTurned[q * m + i] = a[i * k + q] as number;
    for (let q = 0; q < k; q++) for (let j = 0; j < n; j++) bTurned[j * k + q] = b[q * n + j] as number;
    for (const [aT, bT] of layouts) {
      const kernel = matmul("float32", m, n, k, aT, bT);
      expectSameBits(run(runner, kernel, aT ? aTurned : a, bT ? bTurned : b), expected);
    }
    const table = (offsets: Offsets, count: number): Offsets => ({
      table: Int32Array.from({ length: count }, (_, i) => at(offsets, i)),
    });
    const bTables = { ...plain, bK: table(plain.bK, k), bN: table(plain.bN, n) };
    expectSameBits(run(runner, bTables, a, b), expected);
    expectSameBits(run(runner, { ...plain, aM: table(plain.aM, m), aK: table(plain.aK, k) }, a, b), expected);
    const turned = matmul("float32", m, n, k, true, true);
    const turnedTables = { ...turned, bK: table(turned.bK, k), bN: table(turned.bN, n) };
    expectSameBits(run(runner, turnedTables, aTurned, bTurned), expected);
  });

  test.skipIf(isMissing)("strides and tables of all kinds", () => {
    const a = operand("float32", 6000);
    const b = operand("float32", 20_000);
    for (const axes of axesOfAllKinds) {
      const kernel = kernelOf("float32", { ...sizes, ...axes, aOffset: 11, bOffset: 5 });
      expectProduct(target, kernel, a, b, run(runner, kernel, a, b));
    }
  });

  test.skipIf(isMissing)("batches, broadcast operands, folds and gaps between rows of C", () => {
    const [m, n, k] = [5, 18, 21];
    const a = operand("float32", 4000);
    const b = operand("float32", 20_000);
    const loops = [
      { extent: 2, a: 300, b: 0, c: 1000 },
      { extent: 3, a: 0, b: 900, c: 300 },
      { extent: 2, a: 105, b: 378, c: 130 },
    ];
    for (const fold of [1, 3, 0].map((extent) => ({ extent, a: 30, b: 60 }))) {
      for (const count of [0, 1, 2, 3]) {
        const kernel = kernelOf("float32", { m, n, k, cM: 25, fold, batch: loops.slice(0, count) });
        expectProduct(target, kernel, a, b, run(runner, kernel, a, b));
      }
      const column = kernelOf("float32", { m: 18, n: 1, k, cM: 1, fold, batch: loops, aM: stride(22) });
      expectProduct(target, column, a, b, run(runner, column, a, b));
    }
  });

  test.skipIf(isMissing)("nothing to do, and nothing to sum", () => {
    const a = operand("float32", 100);
    for (const [m, n, k] of [
      [0, 4, 3],
      [4, 0, 3],
      [4, 5, 0],
    ] as const) {
      const kernel = kernelOf("float32", { m, n, k });
      expectProduct(target, kernel, a, a, run(runner, kernel, a, a));
    }
    const empty = kernelOf("float32", { m: 2, n: 2, k: 2, batch: [{ extent: 0, a: 1, b: 1, c: 4 }] });
    const c = new Float32Array(4).fill(77);
    runner.run(empty, a, a, c);
    expect([...c]).toEqual([77, 77, 77, 77]);
  });

  test.skipIf(isMissing)("not a number and infinities go where they belong", () => {
    const [m, n, k] = [9, 33, 20];
    const [a, b] = [operand("float32", m * k), operand("float32", k * n)];
    a[3 * k + 4] = Number.NaN;
    b[7 * n + 32] = Number.POSITIVE_INFINITY;
    const c = run(runner, matmul("float32", m, n, k, false, false), a, b);
    const kindOf = (x: number): string => (Number.isFinite(x) ? "finite" : Number.isNaN(x) ? "nan" : "infinite");
    const kinds = Array.from(c.subarray(0, m * n), kindOf);
    const expected = kinds.map((_, i) => (Math.floor(i / n) === 3 ? "nan" : i % n === 32 ? "infinite" : "finite"));
    expect(kinds).toEqual(expected);
  });
});
