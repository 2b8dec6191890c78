/** Times training steps of one workload in this process. The loss is read at every step, as people do. */
import { compile } from "../src/tensor/compile.ts";
import { currentEngine, defaultDevice } from "../src/tensor/engines.ts";
import type { Tensor } from "../src/tensor/tensor.ts";
import type { Request } from "./run-child.ts";
import { median, quantile, round } from "./statistics.ts";
import { type Workload, type WorkloadName, workloads } from "./workloads/index.ts";
import type { Training } from "./workloads/training.ts";

export interface TrainingResult {
  readonly workload: string;
  readonly device: string;
  readonly threads: number;
  /** Making model and data; then the first step, in which everything is planned and compiled. */
  readonly build_ms: number;
  readonly first_step_ms: number;
  readonly ms_median: number;
  readonly ms_min: number;
  readonly ms_p10: number;
  readonly ms_p90: number;
  readonly steps: number;
  readonly loss_first: number;
  readonly loss_last: number;
  /** Most memory that the process had at one time. */
  readonly rss_mb: number;
  readonly arena_bytes: number;
  readonly kernels: { readonly forward: number; readonly backward: number; readonly update: number };
  readonly kernels_compiled: number;
}

const leastSamples = 5;
const mostSamples = 300;

/** How a step is run: as it is written, through compile(), or with all that it does written down by trace(). */
type Way = "plain" | "compiled" | "traced";

/** A workload by name, with "-compiled" or "-traced" behind it. */
export function parseWorkload(name: string): { readonly workload: Workload; readonly way: Way } | undefined {
  const way = (["compiled", "traced"] as const).find((one) => name.endsWith(`-${one}`)) ?? "plain";
  const workload = workloads[(way === "plain" ? name : name.slice(0, -way.length - 1)) as WorkloadName];
  return workload === undefined ? undefined : { workload, way };
}

export async function measureTraining(name: string, { seconds }: Request): Promise<TrainingResult> {
  const parsed = parseWorkload(name);
  if (parsed === undefined) throw new Error(`unknown workload "${name}"`);
  const { workload, way } = parsed;
  const start = performance.now();
  const step = stepOf(workload.make(), way);
  const made = performance.now();
  const first = await step();
  const firstMs = performance.now() - made;
  let last = first;
  let steps = 1;
  const sample = async (): Promise<number> => {
    const from = performance.now();
    for (let i = 0; i < workload.inner; i++) {
      const loss = step();
      last = typeof loss === "number" ? loss : await loss;
    }
    steps += workload.inner;
    // A turn of the event loop, as a program that draws or loads would take.
    await new Promise((resume) => setImmediate(resume));
    return (performance.now() - from) / workload.inner;
  };
  const warmUp = (seconds / 4) * 1000;
  for (const from = performance.now(); performance.now() - from < warmUp; ) await sample();
  const times: number[] = [];
  const from = performance.now();
  while (times.length < leastSamples || (times.length < mostSamples && performance.now() - from < seconds * 1000)) {
    times.push(await sample());
  }
  const { device, plans } = currentEngine();
  const plan = plans.latest;
  const [forward = 0, backward = 0, update = 0] = plan === undefined ? [] : [0, 1, 2].map((p) => plan.kernels[p as 0]);
  return {
    workload: name,
    device: defaultDevice(),
    threads: device.threads,
    build_ms: round(made - start),
    first_step_ms: round(firstMs),
    ms_median: round(median(times)),
    ms_min: round(quantile(times, 0)),
    ms_p10: round(quantile(times, 0.1)),
    ms_p90: round(quantile(times, 0.9)),
    steps,
    loss_first: round(first),
    loss_last: round(last),
    rss_mb: Math.round(process.resourceUsage().maxRSS / 1024),
    arena_bytes: plan?.arenaBytes ?? 0,
    kernels: { forward, backward, update },
    kernels_compiled: device.compiled,
  };
}

/** Gives the loss; a promise of it costs a tiny step a turn. */
function stepOf({ x, y, step, traced }: Training, way: Way): () => number | Promise<number> {
  switch (way) {
    case "plain":
      return () => step(x, y).itemSync();
    case "compiled": {
      const compiled = compile<[Tensor, Tensor], Tensor>(step);
      return () => compiled(x, y).itemSync();
    }
    case "traced":
      return () => traced(x, y);
  }
}
