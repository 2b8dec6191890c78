/** Times a micro workload in turn with the machine's limit on the same threads, so that other load hits both. */
import { join } from "node:path";
import { currentEngine, defaultDevice } from "../../src/tensor/engines.ts";
import { type NativeLimits, nativeLimits } from "../limits/native.ts";
import { wasmPeak } from "../limits/wasm-peak.ts";
import type { Request } from "../run-child.ts";
import { median, quantile, round } from "../statistics.ts";
import { micros } from "./index.ts";
import type { Micro } from "./micro.ts";

export interface MicroResult {
  readonly workload: string;
  readonly device: string;
  readonly threads: number;
  readonly ms_median: number;
  readonly ms_min: number;
  readonly ms_p10: number;
  readonly ms_p90: number;
  readonly rounds: number;
  readonly gflops?: number;
  readonly gb_per_s?: number;
  /** What is compared with, its median in the same unit, and the share of it that is reached. */
  readonly limit: string;
  readonly limit_rate: number;
  readonly share: number;
  /** The same of the best turns: tells more where other load disturbs. */
  readonly share_best: number;
  readonly rss_mb: number;
}

/** A limit: operations or bytes a second. */
interface Limit {
  readonly name: string;
  readonly rate: () => number;
}

/** The operation and the limit take turns of so long, and there are so many turns at least. */
const turnMs = 15;
const leastRounds = 9;

export async function measureMicro(name: string, { seconds }: Request): Promise<MicroResult> {
  const micro = micros[name] as Micro;
  const device = defaultDevice();
  const { threads } = currentEngine().device;
  const native = await nativeLimits(join(process.cwd(), "bench/limits/limits.c"));
  const limit = limitOf(micro.work, device, threads, native);
  const run = micro.make();
  for (const from = performance.now(); performance.now() - from < (seconds / 4) * 1000; ) run();
  const [times, rates]: [number[], number[]] = [[], []];
  const from = performance.now();
  while (times.length < leastRounds || performance.now() - from < seconds * 1000) {
    times.push(turn(run));
    rates.push(limit.rate());
  }
  const [time, most] = [median(times), median(rates)];
  const work = "flops" in micro.work ? micro.work.flops : micro.work.read + micro.work.written;
  const rate = work / (time / 1000);
  const unit = "flops" in micro.work ? "gflops" : "gb_per_s";
  return {
    workload: name,
    device,
    threads,
    ms_median: round(time),
    ms_min: round(quantile(times, 0)),
    ms_p10: round(quantile(times, 0.1)),
    ms_p90: round(quantile(times, 0.9)),
    rounds: times.length,
    [unit]: round(rate / 1e9, 4),
    limit: limit.name,
    limit_rate: round(most / 1e9, 4),
    share: round(rate / most, 3),
    share_best: round(work / (quantile(times, 0) / 1000) / quantile(rates, 1), 3),
    rss_mb: Math.round(process.resourceUsage().maxRSS / 1024),
  };
}

/** Milliseconds of one run, from as many as fill a turn. */
function turn(run: () => void): number {
  const start = performance.now();
  let runs = 0;
  let now = start;
  do {
    run();
    runs++;
    now = performance.now();
  } while (now - start < turnMs);
  return (now - start) / runs;
}

function limitOf(work: Micro["work"], device: string, threads: number, native: NativeLimits | undefined): Limit {
  if ("flops" in work) {
    if (device === "native" && native !== undefined) {
      return { name: "multiply-add in registers", rate: overTurn(() => native.multiplyAdd(threads)) };
    }
    const one = wasmPeak();
    return {
      name: `WebAssembly's ${one.fma ? "multiply-add" : "mul+add"} in registers${threads > 1 ? `, ${threads} ×` : ""}`,
      rate: overTurn(() => threads * one.rate()),
    };
  }
  if (native === undefined) return { name: "one thread's copy in JavaScript", rate: copyInJavaScript(work) };
  if (work.written === 0) return { name: "read", rate: overTurn(() => native.read(threads, work.read)) };
  // As many bytes are read and written in all.
  const half = (work.read + work.written) / 2;
  return { name: "copy", rate: overTurn(() => native.copy(threads, half)) };
}

/** The mean of the rates of equal pieces of work, over a turn. */
function overTurn(rate: () => number): () => number {
  return () => {
    const start = performance.now();
    let [pieces, inverse] = [0, 0];
    do {
      inverse += 1 / rate();
      pieces++;
    } while (performance.now() - start < turnMs);
    return pieces / inverse;
  };
}

function copyInJavaScript(work: { readonly read: number; readonly written: number }): () => number {
  const bytes = (work.read + work.written) / 2;
  const [from, to] = [new Uint8Array(bytes), new Uint8Array(bytes)];
  return overTurn(() => {
    const start = performance.now();
    to.set(from);
    return (2 * bytes) / ((performance.now() - start) / 1000);
  });
}
