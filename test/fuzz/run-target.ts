/** Runs mutated files through one reader and reports what broke a promise. */
import { TwopassError } from "../../src/base/errors.ts";
import { RandomStream } from "../../src/base/random-stream.ts";
import { type Allocated, startCount } from "./allocations.ts";
import { type Material, mutate } from "./mutate.ts";
import { type FuzzTarget, allowance, mostHeap, utf8 } from "./target.ts";

export interface Failure {
  /** Number of the file: the same one with the same seed; -1 - i for the good file i. */
  readonly file: number;
  /** From this file on, how many there are of which one failed; default 1. */
  readonly files?: number;
  readonly problem: string;
  readonly bytes: Uint8Array;
}

export interface FuzzResult {
  readonly accepted: number;
  readonly refused: number;
  readonly failures: readonly Failure[];
  readonly milliseconds: number;
  /** The most of array buffers, and of the heap, that one file allocated, as a share of what it may. */
  readonly mostBuffers: number;
  readonly mostHeap: number;
}

interface Trial extends Allocated {
  readonly isAccepted: boolean;
  readonly error: unknown;
  readonly milliseconds: number;
}

/** The mutated file of this number. */
export function fileOf(target: FuzzTarget, seed: number, file: number): Uint8Array {
  const random = new RandomStream(seed, `${target.name}-${file}`);
  const material: Material = { seeds: target.seeds, tokens: (target.tokens ?? []).map(utf8) };
  const bytes = mutate(random, material);
  return file % 2 === 0 || target.repair === undefined ? bytes : target.repair(bytes);
}

export interface RunOptions {
  readonly seed: number;
  readonly from: number;
  readonly count: number;
  /** Milliseconds that a reader may take for one file; default 1000. */
  readonly mostMilliseconds?: number;
  readonly onFile?: (file: number) => void;
}

/** Files `from` to `from + count - 1`. `onFile` is called now and then with the number of the next file. */
export async function runTarget(
  target: FuzzTarget,
  { seed, from, count, mostMilliseconds = 1000, onFile }: RunOptions,
): Promise<FuzzResult> {
  const failures: Failure[] = [];
  let accepted = 0;
  let refused = 0;
  let [buffersShare, heapShare] = [0, 0];
  for (const [i, bytes] of target.seeds.entries()) {
    const { isAccepted, error } = await attempt(target, bytes);
    if (!isAccepted) failures.push({ file: -1 - i, problem: `a good file is refused: ${show(error)}`, bytes });
  }
  const start = performance.now();
  let lastCall = start;
  for (let file = from; file < from + count; file++) {
    if (performance.now() - lastCall > 200) {
      lastCall = performance.now();
      onFile?.(file);
    }
    const bytes = fileOf(target, seed, file);
    const trial = await attempt(target, bytes);
    const most = target.mostBytes?.(bytes) ?? 4 * bytes.length + allowance;
    const heap = mostHeap(bytes);
    const isFine = (x: Trial): boolean => x.heap <= heap && x.milliseconds <= mostMilliseconds;
    // The compiler's memory and a busy machine's delays do not come back; a reader's do.
    let least = trial;
    for (let again = 0; again < 3 && !isFine(least); again++) {
      const other = await attempt(target, bytes);
      const milliseconds = Math.min(least.milliseconds, other.milliseconds);
      least = { ...trial, heap: Math.min(least.heap, other.heap), milliseconds };
    }
    buffersShare = Math.max(buffersShare, trial.buffers / most);
    heapShare = Math.max(heapShare, least.heap / heap);
    if (trial.isAccepted) accepted++;
    else if (trial.error instanceof TwopassError && trial.error.op !== "internal") refused++;
    else failures.push({ file, problem: `threw ${show(trial.error)}`, bytes });
    if (least.milliseconds > mostMilliseconds) {
      failures.push({ file, problem: `took ${Math.round(least.milliseconds)} ms`, bytes });
    }
    for (const [kind, found, bound] of [
      ["of array buffers", trial.buffers, most],
      ["on the heap", least.heap, heap],
    ] as const) {
      if (found <= bound) continue;
      const problem = `allocated ${found} bytes ${kind} for a file of ${bytes.length}, at most ${bound}`;
      failures.push({ file, problem, bytes });
    }
  }
  const milliseconds = performance.now() - start;
  return { accepted, refused, failures, mostBuffers: buffersShare, mostHeap: heapShare, milliseconds };
}

async function attempt(target: FuzzTarget, bytes: Uint8Array): Promise<Trial> {
  const own = bytes.slice();
  const allocated = startCount();
  const start = performance.now();
  let error: unknown;
  let isAccepted = true;
  try {
    // Most readers return at once; to wait for those would cost a turn for each file.
    const result = target.read(own);
    if (result instanceof Promise) await result;
  } catch (thrown) {
    isAccepted = false;
    error = thrown;
  }
  return { isAccepted, error, milliseconds: performance.now() - start, ...allocated() };
}

function show(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message).split("\n").slice(0, 4).join(" | ") : String(error);
}
