/**
 * The contraction kernel: matrix products and the three convolution passes. Floor: codegen.
 *
 *   C[b.., m, n] (+)= sum_r sum_k A[b.., r, m, k] * B[b.., r, k, n]
 *
 * All sizes are run-time arguments, so new shapes need no new code. A convolution is the same product when the image
 * is padded beforehand: the address of an im2col element is then a sum of an offset by (channel, r, s) and one by pixel,
 * both from tables.
 */

import { type ContractDtype, laneSpellings, type Tile } from "./contract-lanes.ts";
import type { OffsetMode } from "./contract-pack.ts";
import { emitProduct, productWorkspaceBytes } from "./contract-product.ts";
import { type KernelFn, kernelArgument, kernelFunction } from "./driver.ts";
import type { Fn, Local, Operand } from "./function.ts";

export type { ContractDtype, OffsetMode, Tile };

export interface ContractOptions {
  readonly dtype: ContractDtype;
  readonly tile: Tile;
  /** How the offsets of A along m and k, and of B along k and n, are given. Default "linear". */
  readonly aM?: OffsetMode;
  readonly aK?: OffsetMode;
  readonly bK?: OffsetMode;
  readonly bN?: OffsetMode;
}

/**
 * The arguments, in order; all are i32, all strides are in bytes and all addresses multiples of the element size.
 *
 * a, b, c, workspace are addresses. aM .. bN are strides, or addresses of tables of byte offsets. C is contiguous along
 * n and `cM` apart along m. Three batch loops and one reduction loop each have a count (1 if unused) and strides. All
 * counts but that of the reduction may be 0; K = 0 gives zeros.
 * `accumulate` 1 adds to C, 0 overwrites it.
 */
export const contractArguments = [
  ...(["a", "b", "c", "workspace", "m", "n", "k", "aM", "aK", "bK", "bN", "cM"] as const),
  ...(["batch0", "batch0A", "batch0B", "batch0C"] as const),
  ...(["batch1", "batch1A", "batch1B", "batch1C"] as const),
  ...(["batch2", "batch2A", "batch2B", "batch2C"] as const),
  ...(["reduce", "reduceA", "reduceB", "accumulate"] as const),
] as const;

export type ContractArgument = (typeof contractArguments)[number];

/** What may be left out: unused loops run once, and C is overwritten. */
type OptionalArgument = Extract<ContractArgument, `batch${string}` | `reduce${string}` | "accumulate">;

export type ContractRecord = Readonly<Record<Exclude<ContractArgument, OptionalArgument>, number>> &
  Readonly<Partial<Record<OptionalArgument, number>>>;

const counts: ReadonlySet<ContractArgument> = new Set(["batch0", "batch1", "batch2", "reduce"]);

/** The arguments as the kernel reads them. */
export function contractArgs(record: ContractRecord): number[] {
  return contractArguments.map((name) => record[name] ?? (counts.has(name) ? 1 : 0));
}

/** Bytes of workspace that a call needs, at a multiple of 16; calls on other threads need their own. */
export function contractWorkspaceBytes(dtype: ContractDtype, tile: Tile): number {
  return productWorkspaceBytes(dtype, tile);
}

type Arguments = Readonly<Record<ContractArgument, Local>>;

/**
 * Generates the kernel; contractArguments says what it reads. Equal numbers in give equal bits out whatever the layout,
 * the batch, the edges and the tile (for equal `fma`): the order of each sum depends on k alone.
 */
export function contractKernel(options: ContractOptions): KernelFn {
  const all: Required<ContractOptions> = { aM: "linear", aK: "linear", bK: "linear", bN: "linear", ...options };
  const f = kernelFunction();
  const args = Object.fromEntries(contractArguments.map((name, i) => [name, kernelArgument(f, i)])) as Arguments;
  if (all.aM === all.bN && all.aK === all.bK) emitSwap(f, args, laneSpellings[all.dtype].bytes);

  const product = emitProduct(f, args, all);
  const { a, b, c } = args;
  emitRepeat(f, args.batch0, [a, args.batch0A], [b, args.batch0B], [c, args.batch0C], (_i, a0, b0, c0) => {
    emitRepeat(f, args.batch1, [a0, args.batch1A], [b0, args.batch1B], [c0, args.batch1C], (_j, a1, b1, c1) => {
      emitRepeat(f, args.batch2, [a1, args.batch2A], [b1, args.batch2B], [c1, args.batch2C], (_k, a2, b2, c2) => {
        emitRepeat(f, args.reduce, [a2, args.reduceA], [b2, args.reduceB], [c2, 0], (r, aNow, bNow, cNow) => {
          product(aNow, bNow, cNow, () => f.push(args.accumulate, r).op("i32.or"));
        });
      });
    });
  });
  return f;
}

/** A pointer and the bytes it moves on with each turn of a loop. */
type Moving = readonly [pointer: Local, stride: Operand];

/** Runs `body` `count` times, with pointers that start at the given ones. */
function emitRepeat(
  f: Fn,
  count: Local,
  a: Moving,
  b: Moving,
  c: Moving,
  body: (i: Local, a: Local, b: Local, c: Local) => void,
): void {
  const i = f.local("i32");
  const start = ([pointer]: Moving): Local => {
    const now = f.local("i32");
    f.get(pointer).set(now);
    return now;
  };
  const [aNow, bNow, cNow] = [start(a), start(b), start(c)];
  f.for(i, 0, count, 1, () => {
    body(i, aNow, bNow, cNow);
    f.increment(aNow, a[1]).increment(bNow, b[1]).increment(cNow, c[1]);
  });
}

/**
 * A single column of C that is contiguous in memory is computed as a row, with A and B exchanged: a column would fill
 * one lane of each vector, a row fills all. The products and their order are the same.
 */
function emitSwap(f: Fn, args: Arguments, bytes: number): void {
  const pairs = [
    ["a", "b"],
    ["m", "n"],
    ["aM", "bN"],
    ["aK", "bK"],
    ["batch0A", "batch0B"],
    ["batch1A", "batch1B"],
    ["batch2A", "batch2B"],
    ["reduceA", "reduceB"],
  ] as const satisfies readonly (readonly [ContractArgument, ContractArgument])[];
  f.push(args.n, 1)
    .op("i32.eq")
    .push(args.cM, bytes)
    .op("i32.eq", "i32.and")
    .if(() => {
      for (const [x, y] of pairs) f.get(args[x]).get(args[y]).set(args[x]).set(args[y]);
    });
}
