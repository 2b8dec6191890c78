/**
 * The contraction kernel: matrix products and the three convolution passes. Floor: codegen.
 *
 *   C[b.., m, n] (+)= sum_r sum_k A[b.., r, m, k] * B[b.., r, k, n]
 *
 * A unit is a block of rows and columns of C, of some of the batch; the blocks of columns run fastest, then those of rows,
 * then those of the batch. blocks.ts chooses their sizes.
 *
 * All sizes are run-time arguments, so new shapes need no new code. A convolution is the same product when the image
 * is padded beforehand: the address of an im2col element is then a sum of an offset by (channel, r, s) and one by pixel,
 * both from tables.
 */

import type { ContractDtype, Tile } from "./lanes.ts";
import type { OffsetMode } from "./pack.ts";
import { emitProduct, type ProductRange, productWorkspaceBytes } from "./product.ts";
import { type KernelFn, kernelArgument, kernelFunction } from "../driver.ts";
import type { Local } from "../function.ts";

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
 * A unit is `mBlock` rows by `nBlock` columns of `batchBlock` matrices that follow each other in the batch, and there are
 * `mBlocks` times `nBlocks` of them for these. `packsA` and `packsB` say whether blocks of A and B are copied to the
 * workspace or read where they lie; see withBlocks.
 */
export const contractArguments = [
  ...(["a", "b", "c", "m", "n", "k", "aM", "aK", "bK", "bN", "cM"] as const),
  ...(["batch0", "batch0A", "batch0B", "batch0C"] as const),
  ...(["batch1", "batch1A", "batch1B", "batch1C"] as const),
  ...(["batch2", "batch2A", "batch2B", "batch2C"] as const),
  ...(["reduce", "reduceA", "reduceB", "accumulate"] as const),
  ...(["batchBlock", "mBlock", "nBlock", "mBlocks", "nBlocks", "packsA", "packsB"] as const),
] as const;

export type ContractArgument = (typeof contractArguments)[number];

/** What may be left out: unused loops run once, and C is overwritten. */
type OptionalArgument = Extract<ContractArgument, `batch${string}` | `reduce${string}` | "accumulate">;

type ChosenArgument = "batchBlock" | "mBlock" | "nBlock" | "mBlocks" | "nBlocks" | "packsA" | "packsB";

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
  const [unit, rowBlock, columnBlock, count, rest] = [i32(), i32(), i32(), i32(), i32()];
  const [matrices, matrix, matrixEnd, r] = [i32(), i32(), i32(), i32()];
  const pointers = { A: i32(), B: i32(), C: i32() };

  /** Cuts the last digit off `rest`: it counts up to `extent`. */
  const emitDigit = (extent: Local, into: Local): void => {
    f.push(rest, extent).op("i32.rem_u").set(into);
    f.push(rest, extent).op("i32.div_u").set(rest);
  };

  /** Goes to the unit's blocks. Blocks of columns that follow each other are done as one: A is packed once for all. */
  const emitBlocks = (): void => {
    f.get(unit).set(rest);
    f.i32(0).set(columnBlock).i32(0).set(rowBlock);
    f.get(unit).if(() => {
      emitDigit(args.nBlocks, columnBlock);
      emitDigit(args.mBlocks, rowBlock);
    });
    f.push(args.nBlocks, columnBlock).op("i32.sub").set(count);
    f.push(to, unit).op("i32.sub").set(range.to).minimum(count, range.to).set(count);
    f.push(columnBlock, args.nBlock).op("i32.mul").set(range.from);
    f.push(columnBlock, count).op("i32.add").get(args.nBlock).op("i32.mul").set(range.to);
    f.minimum(range.to, args.n).set(range.to);
    f.push(rowBlock, args.mBlock).op("i32.mul").set(range.i0);
    f.push(args.m, range.i0).op("i32.sub").set(range.rows).minimum(range.rows, args.mBlock).set(range.rows);
    f.push(rest, args.batchBlock).op("i32.mul").tee(matrix);
    f.get(args.batchBlock).op("i32.add").set(matrixEnd).minimum(matrixEnd, matrices).set(matrixEnd);
  };

  /** Goes to the operands of a matrix of the batch. */
  const emitPointers = (): void => {
    f.get(args.a).set(pointers.A).get(args.b).set(pointers.B).get(args.c).set(pointers.C);
    f.get(matrix).if(() => {
      const index = i32();
      f.get(matrix).set(rest);
      for (const loop of ["batch2", "batch1", "batch0"] as const) {
        if (loop === "batch0") f.get(rest).set(index);
        else emitDigit(args[loop], index);
        for (const name of ["A", "B", "C"] as const) {
          f.address(pointers[name], index, args[`${loop}${name}`]).set(pointers[name]);
        }
      }
    });
  };

  f.push(args.batch0, args.batch1).op("i32.mul").get(args.batch2).op("i32.mul").set(matrices);
  f.push(from, to).op("i32.lt_u");
  f.if(() => {
    f.get(from).set(unit);
    f.loop((again) => {
      emitBlocks();
      f.loop((nextMatrix) => {
        emitPointers();
        f.for(r, 0, args.reduce, 1, () => {
          product(pointers.A, pointers.B, pointers.C, () => f.push(args.accumulate, r).op("i32.or"));
          f.increment(pointers.A, args.reduceA).increment(pointers.B, args.reduceB);
        });
        f.push(matrix, 1).op("i32.add").tee(matrix).get(matrixEnd).op("i32.lt_u").brIf(nextMatrix);
      });
      f.push(unit, count).op("i32.add").tee(unit).get(to).op("i32.lt_u").brIf(again);
    });
  });
  return f;
}
