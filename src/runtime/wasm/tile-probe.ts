/**
 * Measures which tile of the product kernel is fastest on this engine and processor: registers and compilers differ, the
 * bits do not. Floor: runtime.
 */
import { contractArgs, contractKernel, contractWorkspaceBytes } from "../../codegen/wasm/contract/contract.ts";
import { contractUnits, withBlocks } from "../../codegen/wasm/contract/blocks.ts";
import type { Tile } from "../../codegen/wasm/contract/lanes.ts";
import { assembleModule } from "../../codegen/wasm/module.ts";

/**
 * Rows and columns of the tiles to choose from: for compilers that spill early, for 16 registers (a product that is not
 * fused needs one more), for 32.
 */
const shapes = (fma: boolean) =>
  [
    [4, 8],
    [fma ? 6 : 5, 8],
    [8, 8],
  ] as const;

/** Each candidate runs for so long in each round, in milliseconds; clocks of pages may be as coarse as that. */
const windowTime = 2;
const leastRounds = 3;
const mostRounds = 5;
/** Optimised code comes after some calls, and is so much faster. */
const jump = 1.7;
/** A round that brings no more than this was the last. */
const progress = 1.15;
/** Another tile must be so much faster than the usual one. */
const clearly = 1.1;

/** Rows, columns and depth of the product that is measured. */
const size = 96;

/** A tile, and a product that is done with it. */
export interface TileCandidate {
  readonly tile: Tile;
  readonly run: () => void;
}

interface Measured {
  readonly tile: Tile;
  readonly run: () => void;
  first: number;
  best: number;
}

/** The tile with which float32 products run fastest; `usual` unless another one clearly does. Takes 20 to 30 ms. */
export function fastestTile(usual: Tile): Tile {
  return fastestOf(
    tilesToChooseFrom(usual.fma).map((tile): TileCandidate => ({ tile, run: productOf(tile) })),
    usual,
  );
}

export function tilesToChooseFrom(fma: boolean): Tile[] {
  return shapes(fma).map(([mr, nr]) => ({ mr, nr, fma }));
}

/** The fastest candidate if it is one whose optimised code was seen to be clearly faster, else `usual`. */
export function fastestOf(
  candidates: readonly TileCandidate[],
  usual: Tile,
  now = (): number => performance.now(),
): Tile {
  const measured = candidates.map(({ tile, run }): Measured => ({ tile, run, first: 0, best: 0 }));
  for (let round = 1, moves = true; round <= mostRounds && (moves || round <= leastRounds); round++) {
    moves = false;
    for (const candidate of measured) {
      const rate = rateOf(candidate.run, now);
      if (round === 1) candidate.first = rate;
      if (rate > candidate.best * progress) moves = true;
      candidate.best = Math.max(candidate.best, rate);
    }
  }
  const isUsual = ({ tile: { mr, nr } }: Measured): boolean => mr === usual.mr && nr === usual.nr;
  const own = measured.find(isUsual);
  const fastest = measured.reduce((a, b) => (b.best > a.best ? b : a));
  if (own === undefined || fastest.best < own.best * clearly) return usual;
  const jumps = ({ first, best }: Measured): boolean => best > first * jump;
  // One may have got its optimised code and the other not: such a race says nothing.
  return jumps(fastest) && !jumps(own) ? usual : fastest.tile;
}

/** Runs a millisecond, counted from one tick of the clock to another. */
function rateOf(run: () => void, now: () => number): number {
  const before = now();
  let start = before;
  for (; start === before; start = now()) run();
  let runs = 0;
  let time = 0;
  for (; time < windowTime; time = now() - start) {
    run();
    runs++;
  }
  return runs / time;
}

/** A product of two square matrices. */
function productOf(tile: Tile): () => void {
  const bytes = 4 * size * size;
  const [args, a] = [64, 1024];
  const [b, c, workspace] = [a + bytes, a + 2 * bytes, a + 3 * bytes];
  const pages = Math.ceil((workspace + contractWorkspaceBytes("float32", tile)) / 65536);
  const memory = new WebAssembly.Memory({ initial: pages });
  const options = { dtype: "float32", tile } as const;
  const strides = { aM: 4 * size, aK: 4, bK: 4 * size, bN: 4, cM: 4 * size };
  const record = withBlocks(options, { a, b, c, m: size, n: size, k: size, ...strides });
  new Int32Array(memory.buffer).set(contractArgs(record), args / 4);
  const module = new WebAssembly.Module(assembleModule({ run: contractKernel(options) }));
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const run = exports["run"] as (args: number, from: number, to: number, workspace: number) => undefined;
  const units = contractUnits(record);
  return () => run(args, 0, units, workspace);
}
