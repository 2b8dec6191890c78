/** The arguments of a contraction of the schedule, as the contraction kernel reads them. Floor: codegen. */
import { itemSize } from "../../../base/dtype.ts";
import { internal } from "../../../base/errors.ts";
import { type ContractKernel, type Offsets, exchanged } from "../../../schedule/kernel.ts";
import { type ContractOptions, contractArguments, contractArgs } from "./contract.ts";
import type { ContractDtype, Tile } from "./lanes.ts";
import { contractUnits, withBlocks } from "./blocks.ts";

/** Takes the arguments of a command, in order. */
export interface ContractWriter {
  word(value: number): void;
  address(buffer: number, addend: number): void;
  table(places: Int32Array, unit: number): void;
}

/** The options of the code for a contraction. */
export function contractOptionsOf(
  kernel: ContractKernel,
  tiles: Readonly<Record<ContractDtype, Tile>>,
): ContractOptions {
  const { dtype } = kernel;
  if (dtype !== "float32" && dtype !== "float64" && dtype !== "int32") throw internal(`a contraction of ${dtype}`);
  const mode = (offsets: Offsets): "table" | "linear" => ("table" in offsets ? "table" : "linear");
  return {
    dtype,
    tile: tiles[dtype],
    aM: mode(kernel.aM),
    aK: mode(kernel.aK),
    bK: mode(kernel.bK),
    bN: mode(kernel.bN),
  };
}

/** Writes the arguments of a call and gives its number of units. */
export function writeContractArguments(
  given: ContractKernel,
  options: ContractOptions,
  threads: number,
  writer: ContractWriter,
): number {
  if (given.batch.length > 3) throw internal("a contraction with more than three batch loops");
  const isColumn = given.n === 1 && given.cM === 1 && options.aM === options.bN && options.aK === options.bK;
  const kernel = isColumn ? exchanged(given) : given;
  const unit = itemSize[kernel.dtype];
  const stride = (o: Offsets): number => ("stride" in o ? o.stride * unit : 0);
  const [x, y, z] = [0, 1, 2].map((i) => kernel.batch[i] ?? { extent: 1, a: 0, b: 0, c: 0 }) as [Loop, Loop, Loop];
  const record = withBlocks(
    options,
    {
      a: 0,
      b: 0,
      c: 0,
      m: kernel.m,
      n: kernel.n,
      k: kernel.k,
      aM: stride(kernel.aM),
      aK: stride(kernel.aK),
      bK: stride(kernel.bK),
      bN: stride(kernel.bN),
      cM: kernel.cM * unit,
      batch0: x.extent,
      batch0A: x.a * unit,
      batch0B: x.b * unit,
      batch0C: x.c * unit,
      batch1: y.extent,
      batch1A: y.a * unit,
      batch1B: y.b * unit,
      batch1C: y.c * unit,
      batch2: z.extent,
      batch2A: z.a * unit,
      batch2B: z.b * unit,
      batch2C: z.c * unit,
      reduce: kernel.fold.extent,
      reduceA: kernel.fold.a * unit,
      reduceB: kernel.fold.b * unit,
    },
    threads,
  );
  const words = contractArgs(record);
  contractArguments.forEach((name, i) => {
    if (name === "a") writer.address(isColumn ? 1 : 0, kernel.aOffset * unit);
    else if (name === "b") writer.address(isColumn ? 0 : 1, kernel.bOffset * unit);
    else if (name === "c") writer.address(2, 0);
    else {
      const offsets = name === "aM" || name === "aK" || name === "bK" || name === "bN" ? kernel[name] : undefined;
      if (offsets !== undefined && "table" in offsets) writer.table(offsets.table, unit);
      else writer.word(words[i] as number);
    }
  });
  return contractUnits(record);
}

type Loop = ContractKernel["batch"][number];
