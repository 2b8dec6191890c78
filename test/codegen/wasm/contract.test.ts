import { describe, expect, test } from "vitest";
import {
  type ContractDtype,
  type ContractOptions,
  type ContractRecord,
  type ContractSizes,
  contractArgs,
  contractArguments,
  contractKernel,
  contractWorkspaceBytes,
  type OffsetMode,
  type Tile,
} from "../../../src/codegen/wasm/contract/contract.ts";
import { contractUnits, withBlocks } from "../../../src/codegen/wasm/contract/blocks.ts";
import { Fn } from "../../../src/codegen/wasm/function.ts";
import { assembleModule } from "../../../src/codegen/wasm/module.ts";
import { engineFeatures } from "../../../src/runtime/wasm/features.ts";
import { type Exported, instantiate } from "./instantiate.ts";

const arrays = { float32: Float32Array, float64: Float64Array, int32: Int32Array };
const tiles: Record<ContractDtype, Tile> = {
  float32: { mr: 4, nr: 8, fma: false },
  float64: { mr: 4, nr: 4, fma: false },
  int32: { mr: 4, nr: 8, fma: false },
};

/** Arithmetic that rounds like the dtype. */
const arithmetic = {
  float32: {
    add: (x: number, y: number) => Math.fround(x + y),
    multiply: (x: number, y: number) => Math.fround(x * y),
  },
  float64: { add: (x: number, y: number) => x + y, multiply: (x: number, y: number) => x * y },
  int32: { add: (x: number, y: number) => (x + y) | 0, multiply: Math.imul },
};

/** Blocks of k of at most 256, as equal as can be: the defined order of a sum. */
function product(
  dtype: ContractDtype,
  k: number,
  a: (k: number) => number,
  b: (k: number) => number,
  before?: number,
): number {
  const { add, multiply } = arithmetic[dtype];
  const step = Math.ceil(k / Math.ceil(k / 256)) || 1;
  let total = before;
  for (let start = 0; start < Math.max(k, 1); start += step) {
    let sum = 0;
    for (let i = start; i < Math.min(k, start + step); i++) sum = add(sum, multiply(a(i), b(i)));
    total = total === undefined ? sum : add(total, sum);
  }
  return total ?? 0;
}

/** Numbers in [-1, 1), or small integers for int32. */
let state = 1;
function random(dtype: ContractDtype): number {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return dtype === "int32" ? ((state >>> 8) % 2001) - 1000 : state / 2 ** 31 - 1;
}

/** A kernel with a memory: operands are laid out one behind the other, with cells between that must not change. */
class Harness {
  readonly memory = new WebAssembly.Memory({ initial: 128 });
  readonly dtype: ContractDtype;
  readonly tile: Tile;
  readonly bytes: number;
  readonly #words = new Int32Array(this.memory.buffer);
  readonly #elements: Float32Array | Float64Array | Int32Array;
  readonly #kernels = new Map<string, Exported>();
  #top = 1024;

  constructor(dtype: ContractDtype, tile = tiles[dtype]) {
    this.dtype = dtype;
    this.tile = tile;
    this.bytes = arrays[dtype].BYTES_PER_ELEMENT;
    this.#elements = new arrays[dtype](this.memory.buffer as ArrayBuffer);
  }

  reset(): void {
    this.#top = 1024;
  }

  allocate(count: number, fill: () => number): number {
    const at = this.#top;
    this.#elements[at / this.bytes] = 77;
    const start = at + this.bytes;
    for (let i = 0; i < count; i++) this.#elements[start / this.bytes + i] = fill();
    this.#elements[start / this.bytes + count] = 77;
    this.#top = start + (count + 1) * this.bytes;
    return start;
  }

  operand(count: number): number {
    return this.allocate(count, () => random(this.dtype));
  }

  table(offsets: readonly number[]): number {
    const at = (this.#top + 3) & ~3;
    this.#words.set(
      offsets.map((offset) => offset * this.bytes),
      at / 4,
    );
    this.#top = (at + 4 * offsets.length + 7) & ~7;
    return at;
  }

  at(address: number, index = 0): number {
    return this.#elements[address / this.bytes + index] ?? NaN;
  }

  /** Whether the cells in front of and behind an operand are as they were. */
  guarded(address: number, count: number): boolean {
    return this.at(address, -1) === 77 && this.at(address, count) === 77;
  }

  /** Runs a product for so many threads, its units cut into ranges of `size`, the last range first. */
  run(options: Partial<ContractOptions>, sizes: ContractSizes, how: How = {}): void {
    const { threads = 1, size = Infinity, ...chosen } = how;
    const key = JSON.stringify(options);
    const all = { dtype: this.dtype, tile: this.tile, ...options };
    let kernel = this.#kernels.get(key);
    if (kernel === undefined) {
      kernel = instantiate(contractKernel(all), this.memory);
      this.#kernels.set(key, kernel);
    }
    this.#top = (this.#top + 15) & ~15;
    const workspace = this.#top;
    const behind = (workspace + contractWorkspaceBytes(this.dtype, this.tile)) / this.bytes;
    this.#elements[behind] = 77;
    const record = { ...withBlocks(all, sizes, threads), ...chosen };
    const units = contractUnits(record);
    this.#words.set(contractArgs(record), 0);
    const step = Math.min(size, Math.max(units, 1));
    for (let from = Math.floor(units / step) * step; from >= 0; from -= step) {
      kernel(0, from, Math.min(from + step, units), workspace);
    }
    if (this.#elements[behind] !== 77) throw new Error("the kernel wrote behind its workspace");
  }
}

/** How a product is done: for so many threads, by ranges of so many units, or with blocks of one's own. */
type How = { readonly threads?: number; readonly size?: number } & Partial<
  Pick<ContractRecord, "batchBlock" | "mBlock" | "nBlock" | "mBlocks" | "nBlocks" | "packsA" | "packsB">
>;

/** Runs C = A B with transposed or plain operands and compares every element, bit for bit. */
function expectMatmul(
  harness: Harness,
  m: number,
  n: number,
  k: number,
  aTransposed: boolean,
  bTransposed: boolean,
): void {
  harness.reset();
  const { bytes, dtype } = harness;
  const [aM, aK] = aTransposed ? [1, m] : [k, 1];
  const [bK, bN] = bTransposed ? [1, k] : [n, 1];
  const [a, b] = [harness.operand(m * k), harness.operand(k * n)];
  const c = harness.allocate(m * n, () => 5);
  const strides = { aM: aM * bytes, aK: aK * bytes, bK: bK * bytes, bN: bN * bytes, cM: n * bytes };
  harness.run({}, { a, b, c, m, n, k, ...strides });
  const wrong: string[] = [];
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      const expected = product(
        dtype,
        k,
        (q) => harness.at(a, i * aM + q * aK),
        (q) => harness.at(b, q * bK + j * bN),
      );
      const got = harness.at(c, i * n + j);
      if (got !== expected) wrong.push(`[${i}, ${j}] is ${got}, not ${expected}`);
    }
  }
  if (!harness.guarded(c, m * n)) wrong.push("a cell beside C has changed");
  expect({ m, n, k, wrong }).toEqual({ m, n, k, wrong: [] });
}

const layouts = [
  [false, false],
  [true, false],
  [false, true],
  [true, true],
] as const;

describe.each(["float32", "float64", "int32"] as const)("%s", (dtype) => {
  const harness = new Harness(dtype);

  test("small and odd sizes in all layouts", () => {
    const sizes = [1, 2, 3, 5, 7, 9, 17, 33];
    for (const m of sizes) {
      for (const n of sizes) {
        for (const k of [0, 1, 2, 3, 4, 5, 9, 17]) for (const [a, b] of layouts) expectMatmul(harness, m, n, k, a, b);
      }
    }
  });

  test("sizes that cross blocks, and those at which packing starts", () => {
    for (const [a, b] of layouts) {
      expectMatmul(harness, 66, 98, 37, a, b);
      expectMatmul(harness, 7, 100, 600, a, b);
      expectMatmul(harness, 300, 9, 257, a, b);
      expectMatmul(harness, 1, 130, 300, a, b);
      expectMatmul(harness, 130, 1, 300, a, b);
      expectMatmul(harness, 1024, 25, 3, a, b);
      expectMatmul(harness, 13, 1024, 6, a, b);
    }
  });
});

describe("tiles", () => {
  test.each([
    [5, 8],
    [6, 8],
    [4, 4],
    [4, 16],
    [8, 4],
  ])("%d x %d has the same bits", (mr, nr) => {
    const harness = new Harness("float32", { mr, nr, fma: false });
    for (const [m, n, k] of [
      [1, 50, 7],
      [11, 13, 9],
      [70, 100, 300],
    ] as const) {
      for (const [a, b] of layouts) expectMatmul(harness, m, n, k, a, b);
    }
  });

  // Where relaxed SIMD is behind a flag, this sets it.
  engineFeatures();
  const probe = new Fn(["v128"]);
  probe.push(probe.params[0], probe.params[0], probe.params[0]).op("f32x4.relaxed_madd", "drop");
  const fused = WebAssembly.validate(assembleModule({ probe }));
  test.skipIf(!fused).each([
    ["float32", 6, 8],
    ["float64", 4, 4],
  ] as const)("%s with fused multiply-add is at least as near", (dtype, mr, nr) => {
    const harness = new Harness(dtype, { mr, nr, fma: true });
    const { bytes } = harness;
    const [m, n, k] = [71, 101, 300];
    const [a, b, c] = [harness.operand(m * k), harness.operand(k * n), harness.allocate(m * n, () => 0)];
    harness.run({}, { a, b, c, m, n, k, aM: k * bytes, aK: bytes, bK: n * bytes, bN: bytes, cM: n * bytes });
    const unit = dtype === "float32" ? 2 ** -24 : 2 ** -53;
    for (let i = 0; i < m; i += 7) {
      for (let j = 0; j < n; j += 5) {
        let exact = 0;
        for (let q = 0; q < k; q++) exact += harness.at(a, i * k + q) * harness.at(b, q * n + j);
        expect(Math.abs(harness.at(c, i * n + j) - exact)).toBeLessThan(k * unit * 4);
      }
    }
  });

  test("fused multiply-add is another kernel", () => {
    const tile = tiles.float32;
    const plain = assembleModule({ f: contractKernel({ dtype: "float32", tile }) });
    const madd = assembleModule({ f: contractKernel({ dtype: "float32", tile: { ...tile, fma: true } }) });
    expect(madd).not.toEqual(plain);
    expect(WebAssembly.validate(madd)).toBe(fused);
  });
});

describe("offsets", () => {
  const modes: readonly OffsetMode[] = ["linear", "table"];
  const m = 11;
  const n = 19;
  const k = 14;

  /** Offsets of an axis in elements: a stride, as a table contiguous in runs of `run`, or in no order. */
  const offsets = (mode: OffsetMode, count: number, stride: number, run: number): number[] =>
    Array.from({ length: count }, (_, i) => {
      if (mode === "linear") return i * stride;
      return run > 0 ? (i + 3 * Math.floor(i / run)) * stride : ((i * 7 + 3) % count) * stride + (i % 2);
    });

  test.each(["float32", "float64", "int32"] as const)("every mode of every axis, %s", (dtype) => {
    const harness = new Harness(dtype);
    for (const aM of modes) {
      for (const aK of modes) {
        for (const bK of modes) {
          for (const bN of modes) {
            // Rows contiguous along one axis or the other, in runs or not at all.
            for (const [along, across] of [
              [1, 200],
              [200, 1],
              [40, 90],
            ] as const) {
              for (const run of [0, 5, 6, 100]) {
                harness.reset();
                const at = {
                  aM: offsets(aM, m, across, run),
                  aK: offsets(aK, k, along, run),
                  bK: offsets(bK, k, along, run),
                  bN: offsets(bN, n, across, run),
                };
                const [a, b] = [harness.operand(8000), harness.operand(8000)];
                const c = harness.allocate(m * n, () => 5);
                const argument = (mode: OffsetMode, list: readonly number[]): number =>
                  mode === "table" ? harness.table(list) : (list[1] ?? 0) * harness.bytes;
                harness.run(
                  { aM, aK, bK, bN },
                  {
                    a,
                    b,
                    c,
                    m,
                    n,
                    k,
                    cM: n * harness.bytes,
                    aM: argument(aM, at.aM),
                    aK: argument(aK, at.aK),
                    bK: argument(bK, at.bK),
                    bN: argument(bN, at.bN),
                  },
                );
                const got = Array.from({ length: m * n }, (_, i) => harness.at(c, i));
                const expected = at.aM.flatMap((row) =>
                  at.bN.map((column) =>
                    product(
                      dtype,
                      k,
                      (q) => harness.at(a, row + (at.aK[q] ?? 0)),
                      (q) => harness.at(b, column + (at.bK[q] ?? 0)),
                    ),
                  ),
                );
                const which = { aM, aK, bK, bN, along, across, run };
                expect({ ...which, got }).toEqual({ ...which, got: expected });
                expect(harness.guarded(c, m * n)).toBe(true);
              }
            }
          }
        }
      }
    }
  });
});

describe("loops", () => {
  const harness = new Harness("float32");
  const { bytes } = harness;

  test.each([0, 1])("three batch loops and a reduction, accumulate %d", (accumulate) => {
    harness.reset();
    const [m, n, k] = [5, 9, 6];
    const [outer, middle, inner, reduced] = [2, 3, 2, 4];
    // A is [outer, reduced, inner, m, k] for all of middle; B is [middle, reduced, k, n] for all of outer and inner.
    const a = harness.operand(outer * reduced * inner * m * k);
    const b = harness.operand(middle * reduced * k * n);
    const count = outer * middle * inner * m * n;
    const c = harness.allocate(count, () => 0.25);
    harness.run(
      {},
      {
        a,
        b,
        c,
        m,
        n,
        k,
        aM: k * bytes,
        aK: bytes,
        bK: n * bytes,
        bN: bytes,
        cM: n * bytes,
        accumulate,
        batch0: outer,
        batch0A: reduced * inner * m * k * bytes,
        batch0C: middle * inner * m * n * bytes,
        batch1: middle,
        batch1B: reduced * k * n * bytes,
        batch1C: inner * m * n * bytes,
        batch2: inner,
        batch2A: m * k * bytes,
        batch2C: m * n * bytes,
        reduce: reduced,
        reduceA: inner * m * k * bytes,
        reduceB: k * n * bytes,
      },
    );
    for (let x = 0; x < outer; x++) {
      for (let y = 0; y < middle; y++) {
        for (let z = 0; z < inner; z++) {
          for (let i = 0; i < m; i++) {
            for (let j = 0; j < n; j++) {
              let expected = accumulate ? 0.25 : undefined;
              for (let r = 0; r < reduced; r++) {
                expected = product(
                  "float32",
                  k,
                  (q) => harness.at(a, (((x * reduced + r) * inner + z) * m + i) * k + q),
                  (q) => harness.at(b, ((y * reduced + r) * k + q) * n + j),
                  expected,
                );
              }
              expect(harness.at(c, (((x * middle + y) * inner + z) * m + i) * n + j)).toBe(expected);
            }
          }
        }
      }
    }
    expect(harness.guarded(c, count)).toBe(true);
  });

  test("one packed A serves all batches, and is packed anew for another", () => {
    harness.reset();
    const [m, n, k, batch] = [10, 12, 8, 3];
    const aK = harness.table(Array.from({ length: k }, (_, i) => k - 1 - i));
    for (const shared of [true, false]) {
      const a = harness.operand(batch * m * k);
      const b = harness.operand(batch * k * n);
      const c = harness.allocate(batch * m * n, () => 0);
      harness.run(
        { aK: "table" },
        {
          a,
          b,
          c,
          m,
          n,
          k,
          aM: k * bytes,
          aK,
          bK: n * bytes,
          bN: bytes,
          cM: n * bytes,
          batch0: batch,
          batch0A: shared ? 0 : m * k * bytes,
          batch0B: k * n * bytes,
          batch0C: m * n * bytes,
        },
      );
      for (let x = 0; x < batch; x++) {
        for (let i = 0; i < m; i++) {
          for (let j = 0; j < n; j++) {
            const row = ((shared ? 0 : x) * m + i) * k;
            const expected = product(
              "float32",
              k,
              (q) => harness.at(a, row + k - 1 - q),
              (q) => harness.at(b, (x * k + q) * n + j),
            );
            expect(harness.at(c, (x * m + i) * n + j)).toBe(expected);
          }
        }
      }
    }
  });

  test("a sum over nothing is zero, or what was there", () => {
    for (const accumulate of [0, 1]) {
      harness.reset();
      const c = harness.allocate(35, () => 3);
      const strides = { aM: 0, aK: bytes, bK: 28, bN: bytes, cM: 28 };
      harness.run({}, { a: 64, b: 64, c, m: 5, n: 7, k: 0, ...strides, accumulate });
      expect(Array.from({ length: 35 }, (_, i) => harness.at(c, i))).toEqual(new Array(35).fill(accumulate ? 3 : 0));
    }
  });

  test("rows of C may lie apart, and no rows or columns write nothing", () => {
    harness.reset();
    const [a, b] = [harness.operand(6), harness.operand(6)];
    const c = harness.allocate(20, () => 9);
    const strides = { aM: 2 * bytes, aK: bytes, bK: 2 * bytes, bN: bytes, cM: 6 * bytes };
    harness.run({}, { a, b, c, m: 0, n: 2, k: 2, ...strides });
    harness.run({}, { a, b, c, m: 3, n: 0, k: 2, ...strides });
    expect(Array.from({ length: 20 }, (_, i) => harness.at(c, i))).toEqual(new Array(20).fill(9));
    harness.run({}, { a, b, c, m: 3, n: 2, k: 2, ...strides });
    harness.run({}, { a, b, c: c + 3 * bytes, m: 3, n: 1, k: 2, ...strides });
    const written = Array.from({ length: 20 }, (_, i) => harness.at(c, i) !== 9);
    expect(written.flatMap((is, i) => (is ? [i] : []))).toEqual([0, 1, 3, 6, 7, 9, 12, 13, 15]);
  });
});

test("an element has the same bits in any matrix, layout and place", () => {
  const harness = new Harness("float32");
  const { bytes } = harness;
  const k = 520;
  const [rows, columns] = [140, 140];
  const [a, b] = [harness.operand(rows * k), harness.operand(k * columns)];
  const bTransposed = harness.allocate(k * columns, () => 0);
  const c = harness.allocate(rows * columns, () => 0);
  const identity = harness.allocate(columns * columns, () => 0);
  const values = new Float32Array(harness.memory.buffer);
  for (let i = 0; i < columns; i++) values[identity / 4 + i * columns + i] = 1;
  // B transposed = I times B read along its columns.
  const strides = { aM: columns * bytes, aK: bytes, bK: bytes, bN: columns * bytes, cM: k * bytes };
  harness.run({}, { a: identity, b, c: bTransposed, m: columns, n: k, k: columns, ...strides });

  const whole = { aM: k * bytes, aK: bytes, bK: columns * bytes, bN: bytes, cM: columns * bytes };
  harness.run({}, { a, b, c, m: rows, n: columns, k, ...whole });
  const reference = Array.from({ length: rows * columns }, (_, i) => harness.at(c, i));
  const part = harness.allocate(rows * columns, () => 0);
  for (const [i0, m, j0, n] of [
    [0, 1, 0, 140],
    [3, 1, 5, 9],
    [1, 140 - 1, 139, 1],
    [2, 13, 1, 70],
    [60, 80, 3, 100],
  ] as const) {
    const rowsFrom = a + i0 * k * bytes;
    harness.run({}, { ...whole, a: rowsFrom, b: b + j0 * bytes, c: part, m, n, k, cM: n * bytes });
    const plain = Array.from({ length: m * n }, (_, i) => harness.at(part, i));
    const turned = { ...whole, bK: bytes, bN: k * bytes, cM: n * bytes };
    harness.run({}, { ...turned, a: rowsFrom, b: bTransposed + j0 * k * bytes, c: part, m, n, k });
    const fromTransposed = Array.from({ length: m * n }, (_, i) => harness.at(part, i));
    const expected = Array.from(
      { length: m * n },
      (_, i) => reference[(i0 + Math.floor(i / n)) * columns + j0 + (i % n)],
    );
    expect(plain).toEqual(expected);
    expect(fromTransposed).toEqual(expected);
  }
});

describe.each([
  { size: [7, 9], kernel: [3, 3], stride: 1 },
  { size: [12, 12], kernel: [3, 2], stride: 1 },
  { size: [9, 11], kernel: [3, 3], stride: 2 },
])("convolution %o", ({ size: [height = 0, width = 0], kernel: [r = 0, s = 0], stride }) => {
  // Integers make every order of summation exact.
  const harness = new Harness("int32");
  const { bytes } = harness;
  const [images, channels, out] = [3, 4, 5];
  const [p, q] = [Math.floor((height - r) / stride) + 1, Math.floor((width - s) / stride) + 1];
  const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
  const grid = (rows: number, columns: number, rowStep: number, step: number): number[] =>
    range(rows).flatMap((i) => range(columns).map((j) => i * rowStep + j * step));
  const taps = range(channels).flatMap((c) => grid(r, s, width, 1).map((offset) => c * height * width + offset));
  const pixels = grid(p, q, stride * width, stride);
  const imageBytes = channels * height * width * bytes;
  const x = harness.operand(images * channels * height * width);
  const weight = harness.operand(out * channels * r * s);
  const gradient = harness.operand(images * out * p * q);
  const tapTable = harness.table(taps);
  const pixelTable = harness.table(pixels);

  test("forward", () => {
    const y = harness.allocate(images * out * p * q, () => 0);
    harness.run(
      { bK: "table", bN: "table" },
      {
        a: weight,
        b: x,
        c: y,
        m: out,
        n: p * q,
        k: taps.length,
        aM: taps.length * bytes,
        aK: bytes,
        bK: tapTable,
        bN: pixelTable,
        cM: p * q * bytes,
        batch0: images,
        batch0B: imageBytes,
        batch0C: out * p * q * bytes,
      },
    );
    for (let i = 0; i < images * out * p * q; i++) {
      const image = Math.floor(i / (out * p * q));
      const o = Math.floor(i / (p * q)) % out;
      let sum = 0;
      for (const [t, tap] of taps.entries()) {
        const from = image * channels * height * width + tap + (pixels[i % (p * q)] ?? 0);
        sum += harness.at(weight, o * taps.length + t) * harness.at(x, from);
      }
      expect(harness.at(y, i)).toBe(sum | 0);
    }
  });

  test("weight gradient", () => {
    const into = harness.allocate(out * taps.length, () => 0);
    harness.run(
      { bK: "table", bN: "table" },
      {
        a: gradient,
        b: x,
        c: into,
        m: out,
        n: taps.length,
        k: p * q,
        aM: p * q * bytes,
        aK: bytes,
        bK: pixelTable,
        bN: tapTable,
        cM: taps.length * bytes,
        reduce: images,
        reduceA: out * p * q * bytes,
        reduceB: imageBytes,
      },
    );
    for (let i = 0; i < out * taps.length; i++) {
      let sum = 0;
      for (let image = 0; image < images; image++) {
        for (const [pixel, offset] of pixels.entries()) {
          const from = image * channels * height * width + (taps[i % taps.length] ?? 0) + offset;
          sum +=
            harness.at(gradient, (image * out + Math.floor(i / taps.length)) * p * q + pixel) * harness.at(x, from);
        }
      }
      expect(harness.at(into, i)).toBe(sum | 0);
    }
  });
});

describe("units", () => {
  // m, n, k, batch, reduce; blocks of rows and columns.
  const shapes = [
    { m: 70, n: 100, k: 300, batch: 1, reduce: 1, blocks: [8, 16] },
    { m: 300, n: 40, k: 20, batch: 1, reduce: 2, blocks: [100, 40] },
    { m: 1, n: 130, k: 30, batch: 3, reduce: 1, blocks: [1, 32] },
    { m: 9, n: 19, k: 5, batch: 5, reduce: 3, blocks: [4, 8] },
  ] as const;

  test.each(shapes)("of %o may be done in any ranges, with the same bits", ({ m, n, k, batch, reduce, blocks }) => {
    const harness = new Harness("float32");
    const { bytes } = harness;
    const [a, b] = [harness.operand(batch * reduce * m * k), harness.operand(batch * reduce * k * n)];
    const c = harness.allocate(batch * m * n, () => 0);
    const strides = { aM: k * bytes, aK: bytes, bK: n * bytes, bN: bytes, cM: n * bytes };
    const [aBytes, bBytes, cBytes] = [m * k * bytes, k * n * bytes, m * n * bytes];
    const outer = { batch1: batch, batch1A: reduce * aBytes, batch1B: reduce * bBytes, batch1C: cBytes };
    const sizes = { a, b, c, m, n, k, ...strides, ...outer, reduce, reduceA: aBytes, reduceB: bBytes };
    const results = (how: How): number[] => {
      for (let i = 0; i < batch * m * n; i++) new Float32Array(harness.memory.buffer)[c / 4 + i] = 5;
      harness.run({}, sizes, how);
      return Array.from({ length: batch * m * n }, (_, i) => harness.at(c, i));
    };
    const whole = results({});
    const [mBlock, nBlock] = blocks;
    const cut = { mBlock, nBlock, mBlocks: Math.ceil(m / mBlock), nBlocks: Math.ceil(n / nBlock) };
    for (const size of [1, 2, 3, 5, Infinity]) {
      for (const batchBlock of [1, 2, 4]) expect(results({ ...cut, size, batchBlock })).toEqual(whole);
      expect(results({ threads: 4, size })).toEqual(whole);
      for (const packsA of [0, 1]) expect(results({ ...cut, size, packsA, packsB: 1 })).toEqual(whole);
    }
    expect(harness.guarded(c, batch * m * n)).toBe(true);
  });

  const options: ContractOptions = { dtype: "float32", tile: tiles.float32 };
  const sizesOf = (m: number, n: number, k: number, batch0 = 1): ContractSizes => {
    const strides = { aM: 4 * k, aK: 4, bK: 4 * n, bN: 4, cM: 4 * n };
    return { a: 0, b: 0, c: 0, m, n, k, ...strides, batch0 };
  };

  test("of one thread are blocks of rows that fit the cache", () => {
    expect(contractUnits(withBlocks(options, sizesOf(200, 5000, 300)))).toBe(1);
    expect(contractUnits(withBlocks(options, sizesOf(1000, 50, 300)))).toBe(4);
  });

  test("are more for more threads, and few where there is little to do", () => {
    for (const threads of [2, 4, 8]) {
      const units = contractUnits(withBlocks(options, sizesOf(512, 512, 512), threads));
      expect(units).toBeGreaterThanOrEqual(threads);
      expect(units).toBeLessThanOrEqual(4 * threads);
      expect(contractUnits(withBlocks(options, sizesOf(30, 30, 30), threads))).toBe(1);
      const shared = withBlocks(options, sizesOf(64, 64, 64, 100), threads);
      expect([shared.mBlocks, shared.nBlocks]).toEqual([1, 1]);
      expect(contractUnits(shared)).toBeGreaterThanOrEqual(4 * threads);
    }
  });

  test("cover rows and columns in whole tiles, also where there are none", () => {
    for (const [m, n] of [
      [512, 512],
      [1, 4096],
      [4096, 1],
      [1001, 333],
      [0, 10],
      [10, 0],
    ] as const) {
      const { mBlock, nBlock, mBlocks, nBlocks } = withBlocks(options, sizesOf(m, n, 3000), 4);
      expect(mBlocks * mBlock).toBeGreaterThanOrEqual(m);
      expect(nBlocks * nBlock).toBeGreaterThanOrEqual(n);
      expect(mBlocks <= 1 || mBlock % 4 === 0).toBe(true);
      expect(nBlocks <= 1 || nBlock % 8 === 0).toBe(true);
      expect(mBlocks * nBlocks === 0).toBe(m * n === 0);
    }
  });
});

test("arguments are in the documented order, with unused loops run once", () => {
  const needed = { a: 1, b: 2, c: 3, m: 5, n: 6, k: 7, aM: 8, aK: 9, bK: 10, bN: 11, cM: 12 };
  const chosen = { batchBlock: 4, mBlock: 15, nBlock: 16, mBlocks: 17, nBlocks: 18, packsA: 19, packsB: 20 };
  const args = contractArgs({ ...needed, ...chosen, batch1: 13, batch1C: 14 });
  const loops = [1, 0, 0, 0, 13, 0, 0, 14, 1, 0, 0, 0, 1, 0, 0, 0];
  expect(args).toEqual([1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, ...loops, 4, 15, 16, 17, 18, 19, 20]);
  expect(contractArguments.indexOf("packsB")).toBe(args.length - 1);
});
