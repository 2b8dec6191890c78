/** Where the time of a piece of work goes: kernel by kernel, as a table or as a trace. Floor: tensor. */
import { TwopassError } from "../base/errors.ts";
import { type KernelRun, profiling } from "../runtime/profiling.ts";
import { startedEngines } from "./engines.ts";

export type { KernelRun } from "../runtime/profiling.ts";

/** All runs of one kernel of one layer. */
export interface ProfileRow {
  /** Module path and operations. */
  readonly label: string;
  readonly kind: KernelRun["kind"];
  readonly phase: "forward" | "backward" | "update";
  readonly calls: number;
  /** In all calls. */
  readonly milliseconds: number;
  /** Of the time of all kernels, 0 to 1. */
  readonly share: number;
  /** Billions of floating-point operations a second; 0 where they are not counted. */
  readonly gigaflops: number;
  /** Billions of bytes a second, each buffer counted once a call. */
  readonly gigabytes: number;
}

export interface Profile<T> {
  /** What the function gave. */
  readonly result: T;
  /** By time, the longest first. */
  readonly rows: readonly ProfileRow[];
  /** All runs of kernels in their order. */
  readonly runs: readonly KernelRun[];
  /** Milliseconds in kernels, and in all. */
  readonly kernelTime: number;
  readonly totalTime: number;
  /** The rows as text; `most` of them, 40 unless given. */
  readonly table: (most?: number) => string;
  /** JSON of the trace format that chrome://tracing, Perfetto and speedscope read. */
  readonly chromeTrace: () => string;
}

const phases = ["forward", "backward", "update"] as const;

/**
 * Runs a function with a clock beside each kernel. Kernels run one by one meanwhile, so the whole takes a little longer
 * than usual; within a kernel all threads work. Call the step once before, or compiling is in the total time.
 *
 * @param work a function, which may return a promise; one profile at a time.
 * @throws where a profile is going on, and where a device computes in a worker: its clock is there.
 * @example
 * const x = ones(64, 64);
 * const { rows } = await profile(() => x.matmul(x).sum().item());
 * rows.some((row) => row.kind === "contract" || row.kind === "operation"); // true
 */
export async function profile<T>(work: () => T | Promise<T>): Promise<Profile<T>> {
  if (profiling.listener !== undefined) {
    throw new TwopassError({ op: "profile", problem: "another profile is going on", hint: "await it first" });
  }
  for (const [name, { device }] of startedEngines()) {
    if (device.remote === undefined) continue;
    throw new TwopassError({
      op: "profile",
      problem: `the device ${name} computes in a worker, where no clock is`,
      hint: "start it without { worker: true }",
    });
  }
  const runs: KernelRun[] = [];
  const start = performance.now();
  profiling.listener = (run) => void runs.push(run);
  let result: T;
  try {
    result = await work();
  } finally {
    profiling.listener = undefined;
  }
  return profileOf(result, runs, performance.now() - start);
}

function profileOf<T>(result: T, runs: readonly KernelRun[], totalTime: number): Profile<T> {
  const kernelTime = runs.reduce((sum, run) => sum + run.milliseconds, 0);
  const groups = new Map<string, KernelRun[]>();
  for (const run of runs) {
    const key = `${run.phase} ${run.kind} ${run.label}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [run]);
    else group.push(run);
  }
  const rows = [...groups.values()]
    .map((group) => rowOf(group, kernelTime))
    .sort((a, b) => b.milliseconds - a.milliseconds);
  return {
    result,
    rows,
    runs,
    kernelTime,
    totalTime,
    table: (most = 40) => tableOf(rows, most, kernelTime, totalTime),
    chromeTrace: () => traceOf(runs),
  };
}

function rowOf(group: readonly KernelRun[], kernelTime: number): ProfileRow {
  const { label, kind, phase } = group[0] as KernelRun;
  const sum = (of: (run: KernelRun) => number): number => group.reduce((total, run) => total + of(run), 0);
  const milliseconds = sum((run) => run.milliseconds);
  const rate = (amount: number): number => (milliseconds > 0 ? amount / milliseconds / 1e6 : 0);
  return {
    label,
    kind,
    phase: phases[phase],
    calls: group.length,
    milliseconds,
    share: kernelTime > 0 ? milliseconds / kernelTime : 0,
    gigaflops: rate(sum((run) => run.operations)),
    gigabytes: rate(sum((run) => run.bytes)),
  };
}

function tableOf(rows: readonly ProfileRow[], most: number, kernelTime: number, totalTime: number): string {
  const head = ["ms", "share", "calls", "GFLOP/s", "GB/s", "phase", "kind", "kernel"];
  const lines = rows
    .slice(0, most)
    .map((row) => [
      row.milliseconds.toFixed(3),
      `${(100 * row.share).toFixed(1)}%`,
      String(row.calls),
      row.gigaflops > 0 ? row.gigaflops.toFixed(1) : "",
      row.gigabytes.toFixed(1),
      row.phase,
      row.kind,
      row.label,
    ]);
  const widths = head.map((name, i) => Math.max(name.length, ...lines.map((line) => (line[i] as string).length)));
  const isText = (i: number): boolean => i >= 5;
  const text = [head, ...lines].map((line) =>
    line
      .map((cell, i) => (isText(i) ? cell.padEnd(widths[i] as number) : cell.padStart(widths[i] as number)))
      .join("  ")
      .trimEnd(),
  );
  const rest = rows.length - lines.length;
  if (rest > 0) text.push(`and ${rest} more`);
  text.push(`${kernelTime.toFixed(3)} ms in kernels, ${totalTime.toFixed(3)} ms in all`);
  return text.join("\n");
}

/** Complete events ("X") of the trace event format, times in microseconds; one row a phase. */
function traceOf(runs: readonly KernelRun[]): string {
  const traceEvents = runs.map(({ label, kind, phase, device, start, milliseconds, operations, bytes }) => ({
    name: label,
    cat: kind,
    ph: "X",
    ts: 1000 * start,
    dur: 1000 * milliseconds,
    pid: device,
    tid: phases[phase],
    args: { operations, bytes },
  }));
  return JSON.stringify({ traceEvents, displayTimeUnit: "ms" });
}
