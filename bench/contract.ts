/**
 * Speed of the WebAssembly contraction kernel: npx tsx bench/contract.ts [filter]
 *
 * Prints per shape, for the best round and for the median: GFLOP/s, and the share of the multiply-add peak measured in turn
 * with it. On a machine with other load only the best round means much.
 */

import {
  type ContractOptions,
  type ContractSizes,
  contractArgs,
  contractKernel,
  contractWorkspaceBytes,
} from "../src/codegen/wasm/contract/contract.ts";
import { contractUnits, withBlocks } from "../src/codegen/wasm/contract/blocks.ts";
import { Fn } from "../src/codegen/wasm/function.ts";
import { assembleModule } from "../src/codegen/wasm/module.ts";
import { chooseTiles, engineFeatures } from "../src/runtime/wasm/features.ts";
import { wasmPeak } from "./limits/wasm-peak.ts";

const rounds = 15;
const roundMilliseconds = 4;

const memory = new WebAssembly.Memory({ initial: 4096 });
const words = new Int32Array(memory.buffer);
const floats = new Float32Array(memory.buffer);

function instantiate(fn: Fn): (...args: number[]) => void {
  const module = new WebAssembly.Module(assembleModule({ fn }));
  return new WebAssembly.Instance(module, { env: { memory } }).exports["fn"] as (...args: number[]) => void;
}

const features = engineFeatures();
const fma = features.fma && !process.argv.includes("--no-fma");
const float32Tile = chooseTiles({ ...features, fma }).float32;

let top = 4096;
const argumentsAt = 1024;

function allocate(bytes: number): number {
  const at = top;
  top += (bytes + 63) & ~63;
  return at;
}

/** Memory filled with numbers in [-1, 1). */
function operand(count: number): number {
  const at = allocate(4 * count);
  for (let i = 0; i < count; i++) floats[at / 4 + i] = Math.random() * 2 - 1;
  return at;
}

function table(offsets: readonly number[]): number {
  const at = allocate(4 * offsets.length);
  words.set(offsets, at / 4);
  return at;
}

interface Case {
  readonly name: string;
  readonly options?: Partial<ContractOptions>;
  readonly flops: number;
  readonly args: () => ContractSizes;
}

interface Transposed {
  readonly a?: boolean;
  readonly b?: boolean;
  readonly batch?: number;
}

function matmul(m: number, n: number, k: number, { a = false, b = false, batch = 1 }: Transposed = {}): Case {
  const letters = `${a ? "T" : "N"}${b ? "T" : "N"}`;
  return {
    name: `${letters} ${batch > 1 ? `${batch} x ` : ""}${m}x${n}x${k}`,
    flops: 2 * m * n * k * batch,
    args: () => ({
      a: operand(batch * m * k),
      b: operand(batch * k * n),
      c: operand(batch * m * n),
      m,
      n,
      k,
      aM: a ? 4 : 4 * k,
      aK: a ? 4 * m : 4,
      bK: b ? 4 : 4 * n,
      bN: b ? 4 * k : 4,
      cM: 4 * n,
      batch0: batch,
      batch0A: 4 * m * k,
      batch0B: 4 * k * n,
      batch0C: 4 * m * n,
    }),
  };
}

interface Conv {
  readonly images: number;
  readonly channels: number;
  readonly out: number;
  readonly size: number;
  readonly pad: number;
  readonly kernel: number;
}

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** Forward: weight [out, C R S] times the padded image at offsets by (c, r, s) and by pixel. */
function convForward({ images, channels, out, size, pad, kernel }: Conv, name = "conv forward"): Case {
  const padded = size + 2 * pad;
  const pixels = padded - kernel + 1;
  const taps = channels * kernel * kernel;
  return {
    name: `${name} ${images} x ${channels}->${out} ${kernel}x${kernel} ${size}`,
    options: { bK: "table", bN: "table" },
    flops: 2 * images * out * taps * pixels * pixels,
    args: () => ({
      a: operand(out * taps),
      b: operand(images * channels * padded * padded),
      c: operand(images * out * pixels * pixels),
      m: out,
      n: pixels * pixels,
      k: taps,
      aM: 4 * taps,
      aK: 4,
      bK: table(tapOffsets(channels, kernel, padded)),
      bN: table(pixelOffsets(pixels, padded)),
      cM: 4 * pixels * pixels,
      batch0: images,
      batch0B: 4 * channels * padded * padded,
      batch0C: 4 * out * pixels * pixels,
    }),
  };
}

/** Input gradient: the forward product with the weight rotated and its channels exchanged, read through a table. */
function convInputGradient({ images, channels, out, size, pad, kernel }: Conv): Case {
  const pixels = size + 2 * pad - kernel + 1;
  const forward = convForward({ images, channels: out, out: channels, size: pixels, pad: kernel - 1 - pad, kernel });
  const area = kernel * kernel;
  return {
    ...forward,
    name: `conv input gradient ${images} x ${channels}->${out} ${kernel}x${kernel} ${size}`,
    options: { aK: "table", bK: "table", bN: "table" },
    args: () => ({
      ...forward.args(),
      aM: 4 * area,
      aK: table(range(out).flatMap((o) => range(area).map((rs) => 4 * (o * channels * area + area - 1 - rs)))),
    }),
  };
}

/** Weight gradient: output gradient [out, pixels] times the image, summed over the images. */
function convWeightGradient({ images, channels, out, size, pad, kernel }: Conv): Case {
  const padded = size + 2 * pad;
  const pixels = padded - kernel + 1;
  const taps = channels * kernel * kernel;
  return {
    name: `conv weight gradient ${images} x ${channels}->${out} ${kernel}x${kernel} ${size}`,
    options: { bK: "table", bN: "table" },
    flops: 2 * images * out * taps * pixels * pixels,
    args: () => ({
      a: operand(images * out * pixels * pixels),
      b: operand(images * channels * padded * padded),
      c: operand(out * taps),
      m: out,
      n: taps,
      k: pixels * pixels,
      aM: 4 * pixels * pixels,
      aK: 4,
      bK: table(pixelOffsets(pixels, padded)),
      bN: table(tapOffsets(channels, kernel, padded)),
      cM: 4 * taps,
      reduce: images,
      reduceA: 4 * out * pixels * pixels,
      reduceB: 4 * channels * padded * padded,
    }),
  };
}

function tapOffsets(channels: number, kernel: number, padded: number): number[] {
  return range(channels).flatMap((ch) =>
    range(kernel).flatMap((r) => range(kernel).map((s) => 4 * ((ch * padded + r) * padded + s))),
  );
}

function pixelOffsets(pixels: number, padded: number): number[] {
  return range(pixels).flatMap((p) => range(pixels).map((q) => 4 * (p * padded + q)));
}

const convs: readonly Conv[] = [
  { images: 64, channels: 1, out: 32, size: 28, pad: 0, kernel: 3 },
  { images: 64, channels: 32, out: 64, size: 26, pad: 0, kernel: 3 },
  { images: 32, channels: 64, out: 64, size: 32, pad: 1, kernel: 3 },
];

const cases: readonly Case[] = [
  ...[64, 128, 256, 512, 1024].map((size) => matmul(size, size, size)),
  matmul(512, 512, 512, { a: true }),
  matmul(512, 512, 512, { b: true }),
  // Layers 784-512-256-10 at batch 128: forward, weight gradient, input gradient.
  ...[
    [512, 784],
    [256, 512],
    [10, 256],
  ].flatMap(([outputs = 0, inputs = 0]) => [
    matmul(128, outputs, inputs),
    matmul(inputs, outputs, 128, { a: true }),
    matmul(128, inputs, outputs, { b: true }),
  ]),
  // A small transformer: 768 tokens, width 128.
  matmul(768, 128, 128),
  matmul(768, 384, 128),
  matmul(768, 512, 128),
  matmul(768, 128, 512),
  matmul(128, 512, 768, { a: true }),
  matmul(768, 128, 512, { b: true }),
  matmul(64, 64, 32, { b: true, batch: 48 }),
  matmul(64, 32, 64, { batch: 48 }),
  matmul(64, 32, 64, { a: true, batch: 48 }),
  // Tiny and thin.
  matmul(32, 16, 2),
  matmul(32, 16, 1, { b: true }),
  matmul(1, 512, 512),
  matmul(8, 256, 256),
  ...convs.map((conv) => convForward(conv)),
  ...convs.map(convInputGradient),
  ...convs.map(convWeightGradient),
];

const measured = wasmPeak(fma);
const peak = (): number => measured.rate() / 1e9;
const kernels = new Map<string, (...args: number[]) => void>();

const median = (values: readonly number[]): number => values.toSorted((x, y) => x - y)[values.length >> 1] ?? 0;

function milliseconds(run: () => void): number {
  const start = performance.now();
  run();
  return performance.now() - start;
}

function measure({ name, options = {}, flops, args }: Case): void {
  top = 4096;
  const key = JSON.stringify(options);
  const kernel = kernels.get(key) ?? instantiate(contractKernel({ dtype: "float32", tile: float32Tile, ...options }));
  kernels.set(key, kernel);
  const workspace = allocate(contractWorkspaceBytes("float32", float32Tile));
  const record = withBlocks({ dtype: "float32", tile: float32Tile, ...options }, args());
  const units = contractUnits(record);
  words.set(contractArgs(record), argumentsAt / 4);

  const runs = (count: number): void => {
    for (let i = 0; i < count; i++) kernel(argumentsAt, 0, units, workspace);
  };
  // The engine compiles in the background; go on until it must be done.
  let count = 1;
  while (milliseconds(() => runs(count)) < roundMilliseconds) count *= 2;
  for (let i = 0; i < 4; i++) runs(count);

  const speeds: number[] = [];
  const peaks: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const before = peak();
    speeds.push((flops * count) / milliseconds(() => runs(count)) / 1e6);
    peaks.push((before + peak()) / 2);
  }
  const shares = speeds.map((speed, i) => speed / (peaks[i] ?? 1));
  const best = Math.max(...speeds);
  const microseconds = flops / best / 1e3;
  const columns = [
    name.padEnd(48),
    `${microseconds.toFixed(microseconds < 10 ? 2 : 0)} us`.padStart(10),
    `${best.toFixed(1)} GF`.padStart(10),
    `${((100 * best) / Math.max(...peaks)).toFixed(0)}%`.padStart(6),
    `${median(speeds).toFixed(1)} GF`.padStart(10),
    `${(100 * median(shares)).toFixed(0)}%`.padStart(6),
  ];
  console.log(columns.join(""));
}

console.log(
  `V8 ${process.versions.v8}, tile ${float32Tile.mr}x${float32Tile.nr}, ${fma ? "relaxed madd" : "mul + add"}`,
);
console.log(`${"".padEnd(48)}${"best".padStart(26)}${"median".padStart(16)}`);
for (let i = 0; i < 20; i++) peak();
const filter = process.argv.slice(2).find((argument) => !argument.startsWith("--")) ?? "";
for (const item of cases) if (item.name.includes(filter)) measure(item);
