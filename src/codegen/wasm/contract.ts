/**
 * The contraction kernel: matrix products and the three convolution passes. Floor: codegen.
 *
 *   C[b.., m, n] (+)= sum_r sum_k A[b.., r, m, k] * B[b.., r, k, n]
 *
 * A unit is a block of rows and columns of one C; the blocks of columns run fastest, then those of rows, then the batch.
 * contract-blocks.ts chooses their sizes.
 *
 * All sizes are run-time arguments, so new shapes need no new code. A convolution is the same product when the image
 * is padded beforehand: the address of an im2col element is then a sum of an offset by (channel, r, s) and one by pixel,
 * both from tables.
 */

import type { ContractDtype, Tile } from "./contract-lanes.ts";
import type { OffsetMode } from "./contract-pack.ts";
import { emitProduct, type ProductRange, productWorkspaceBytes } from "./contract-product.ts";
import { type KernelFn, kernelArgument, kernelFunction } from "./driver.ts";
import type { Local } from "./function.ts";

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
 * a, b, c are addresses. aM .. bN are strides, or addresses of tables of byte offsets. C is contiguous along n and `cM`
 * apart along m. Three batch loops and one reduction loop each have a count (1 if unused) and strides. All counts but that
 * of the reduction may be 0; K = 0 gives zeros. `accumulate` 1 adds to C, 0 overwrites it.
 * A unit is `mBlock` rows by `nBlock` columns, and there are `mBlocks` times `nBlocks` of them in each C. `packsA` and
 * `packsB` say whether blocks of A and B are copied to the workspace or read where they lie; see withBlocks.
 */
export const contractArguments = [
  ...(["a", "b", "c", "m", "n", "k", "aM", "aK", "bK", "bN", "cM"] as const),
  ...(["batch0", "batch0A", "batch0B", "batch0C"] as const),
  ...(["batch1", "batch1A", "batch1B", "batch1C"] as const),
  ...(["batch2", "batch2A", "batch2B", "batch2C"] as const),
  ...(["reduce", "reduceA", "reduceB", "accumulate"] as const),
  ...(["mBlock", "nBlock", "mBlocks", "nBlocks", "packsA", "packsB"] as const),
] as const;

export type ContractArgument = (typeof contractArguments)[number];

/** What may be left out: unused loops run once, and C is overwritten. */
type OptionalArgument = Extract<ContractArgument, `batch${string}` | `reduce${string}` | "accumulate">;

type ChosenArgument = "mBlock" | "nBlock" | "mBlocks" | "nBlocks" | "packsA" | "packsB";

/** What a call computes. */
export type ContractSizes = Readonly<Record<Exclude<ContractArgument, OptionalArgument | ChosenArgument>, number>> &
  Readonly<Partial<Record<OptionalArgument, number>>>;

/** What a call computes, and how. */
export type ContractRecord = ContractSizes & Readonly<Record<ChosenArgument, number>>;

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
 * the batch, the blocks, the edges and the tile (for equal `fma`): the order of each sum depends on k alone.
 */
export function contractKernel(options: ContractOptions): KernelFn {
  const all: Required<ContractOptions> = { aM: "linear", aK: "linear", bK: "linear", bN: "linear", ...options };
  const f = kernelFunction();
  const [, from, to, workspace] = f.params;
  const args = Object.fromEntries(contractArguments.map((name, i) => [name, kernelArgument(f, i)])) as Arguments;

  const i32 = (): Local => f.local("i32");
  const range: ProductRange = { i0: i32(), rows: i32(), from: i32(), to: i32() };
  const product = emitProduct(f, workspace, args, range, all);
  const [unit, rowBlock, columnBlock, count] = [i32(), i32(), i32(), i32()];
  const [index0, index1, index2] = [i32(), i32(), i32()];
  const [a, b, c] = [i32(), i32(), i32()];

  const emitUnits = (): void => {
    // Blocks of columns that follow each other are done as one: A is packed once for all.
    f.push(args.nBlocks, columnBlock).op("i32.sub").set(count);
    f.push(to, unit).op("i32.sub").set(range.to).minimum(count, range.to).set(count);
    f.push(columnBlock, args.nBlock).op("i32.mul").set(range.from);
    f.push(columnBlock, count).op("i32.add").get(args.nBlock).op("i32.mul").set(range.to);
    f.minimum(range.to, args.n).set(range.to);
    f.push(rowBlock, args.mBlock).op("i32.mul").set(range.i0);
    f.push(args.m, range.i0).op("i32.sub").set(range.rows).minimum(range.rows, args.mBlock).set(range.rows);
    for (const [pointer, name] of [
      [a, "A"],
      [b, "B"],
      [c, "C"],
    ] as const) {
      f.address(args[name === "A" ? "a" : name === "B" ? "b" : "c"], index0, args[`batch0${name}`]);
      f.push(index1, args[`batch1${name}`]).op("i32.mul", "i32.add");
      f.push(index2, args[`batch2${name}`]).op("i32.mul", "i32.add").set(pointer);
    }
    const r = i32();
    f.for(r, 0, args.reduce, 1, () => {
      product(a, b, c, () => f.push(args.accumulate, r).op("i32.or"));
      f.increment(a, args.reduceA).increment(b, args.reduceB);
    });
  };
  /** Goes on by one of a loop's turns; beyond its end to its start, and on in the loop outside of it. */
  const emitNext = (index: Local, extent: Local, outside: () => void): void => {
    f.push(index, 1).op("i32.add").tee(index).get(extent).op("i32.ge_u");
    f.if(() => {
      f.i32(0).set(index);
      outside();
    });
  };
  const loops = [
    [columnBlock, args.nBlocks],
    [rowBlock, args.mBlocks],
    [index2, args.batch2],
    [index1, args.batch1],
  ] as const;

  f.push(from, to).op("i32.lt_u");
  f.if(() => {
    f.get(from).tee(unit);
    f.if(() => {
      const rest = i32();
      f.get(from).set(rest);
      for (const [index, extent] of loops) {
        f.push(rest, extent).op("i32.rem_u").set(index);
        f.push(rest, extent).op("i32.div_u").set(rest);
      }
      f.get(rest).set(index0);
    });
    f.loop((again) => {
      emitUnits();
      f.increment(unit, count);
      f.i32(0).set(columnBlock);
      emitNext(rowBlock, args.mBlocks, () =>
        emitNext(index2, args.batch2, () => emitNext(index1, args.batch1, () => f.increment(index0, 1))),
      );
      f.push(unit, to).op("i32.lt_u").brIf(again);
    });
  });
  return f;
}
