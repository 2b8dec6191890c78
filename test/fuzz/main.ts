/**
 * `npm run test:fuzz`: gives 100,000 damaged files to every reader. Each must end in a result or a TwopassError, in a
 * second, with no allocation over 4 times the file. Options: `--files N`, `--only name,name`, `--from N` (the first
 * file), `--seed N`, `--save FOLDER` (where files that fail are written).
 *
 * Readers run in processes of their own: one that hangs or crashes fails alone.
 */
import { type ChildProcess, fork } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { installCounter } from "./allocations.ts";
import type { Failure, FuzzResult } from "./run-target.ts";
import type { FuzzTarget } from "./target.ts";

/** Part of a target's files. */
interface Job {
  readonly name: string;
  readonly seed: number;
  readonly from: number;
  readonly count: number;
}

type Answer = { readonly at: number } | { readonly result: FuzzResult } | { readonly broken: string };

interface Sum {
  files: number;
  accepted: number;
  refused: number;
  milliseconds: number;
  mostBuffers: number;
  mostHeap: number;
  readonly failures: Failure[];
}

const filesAtOnce = 10_000;
/** A process that says nothing for so long hangs. */
const patience = 60_000;
const shownFailures = 5;
const isWorker = process.env["TWOPASS_FUZZ_WORKER"] === "1";

if (isWorker) work();
else await main();

async function loadTargets(): Promise<FuzzTarget[]> {
  const folder = new URL("targets/", import.meta.url);
  const lists = readdirSync(folder)
    .filter((name) => name.endsWith(".ts"))
    .sort()
    .map(async (name) => (await import(new URL(name, folder).href)) as { targets: readonly FuzzTarget[] });
  return (await Promise.all(lists)).flatMap(({ targets }) => targets);
}

/** The other process: answers jobs until its parent goes. */
function work(): void {
  installCounter();
  const parts = (async () => ({ targets: await loadTargets(), ...(await import("./run-target.ts")) }))();
  const answer = (message: Answer): void => void process.send?.(message);
  process.on("message", (job: Job) => {
    void parts
      .then(async ({ targets, runTarget }) => {
        const target = targets.find(({ name }) => name === job.name);
        if (target === undefined) throw new Error(`no target ${job.name}`);
        answer({ result: await runTarget(target, { ...job, onFile: (at) => answer({ at }) }) });
      })
      .catch((error: unknown) => answer({ broken: error instanceof Error ? (error.stack ?? "") : String(error) }));
  });
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      files: { type: "string", default: "100000" },
      from: { type: "string", default: "0" },
      only: { type: "string" },
      save: { type: "string" },
      seed: { type: "string", default: "1" },
    },
  });
  const [files, first, seed] = [Number(values.files), Number(values.from), Number(values.seed)];
  const only = values.only?.split(",");
  const names = (await loadTargets()).map(({ name }) => name);
  const unknown = only?.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Error(`fuzz: no reader ${unknown}; there are ${names.join(", ")}`);
  const sums = new Map<string, Sum>();
  const jobs: Job[] = [];
  for (const name of names.filter((one) => only?.includes(one) ?? true)) {
    sums.set(name, { files: 0, accepted: 0, refused: 0, milliseconds: 0, mostBuffers: 0, mostHeap: 0, failures: [] });
    for (let from = first; from < first + files; from += filesAtOnce) {
      jobs.push({ name, seed, from, count: Math.min(filesAtOnce, first + files - from) });
    }
  }
  const workers = Array.from({ length: Math.min(availableParallelism(), jobs.length) }, () =>
    runJobs(jobs, (job, result) => {
      const sum = sums.get(job.name) as Sum;
      sum.files += job.count;
      sum.accepted += result.accepted;
      sum.refused += result.refused;
      sum.milliseconds += result.milliseconds;
      sum.mostBuffers = Math.max(sum.mostBuffers, result.mostBuffers);
      sum.mostHeap = Math.max(sum.mostHeap, result.mostHeap);
      for (const failure of result.failures) report(sum, job, failure, values.save);
      if (sum.files === files) console.log(lineOf(job.name, sum));
    }),
  );
  await Promise.all(workers);
  const failed = [...sums.values()].filter(({ failures }) => failures.length > 0).length;
  console.log(`${sums.size - failed} passed, ${failed} failed`);
  if (failed > 0) process.exitCode = 1;
}

function lineOf(name: string, sum: Sum): string {
  const percent = (x: number): string => `${(x * 100).toFixed(0)}%`;
  const time = `${((sum.milliseconds * 1000) / sum.files).toFixed(0)} us each`;
  const memory = `at most ${percent(sum.mostBuffers)} of the array buffers and ${percent(sum.mostHeap)} of the heap allowed`;
  const counts = `${sum.accepted} accepted, ${sum.refused} refused, ${sum.failures.length} failed`;
  return `fuzz: ${name} ${sum.files} files, ${counts}, ${time}, ${memory}`;
}

function report(sum: Sum, job: Job, failure: Failure, folder: string | undefined): void {
  const { file, problem } = failure;
  // JSON between processes makes an object of bytes.
  const bytes = Uint8Array.from(Object.values(failure.bytes));
  if (sum.failures.push(failure) > shownFailures) return;
  console.log(`fuzz: ${job.name}, file ${file}: ${problem}`);
  const hex = Buffer.from(bytes.subarray(0, 200)).toString("hex");
  console.log(`  ${bytes.length} bytes: ${hex}${bytes.length > 200 ? "..." : ""}`);
  if (file >= 0)
    console.log(
      `  again: npm run test:fuzz -- --only ${job.name} --seed ${job.seed} --from ${file} --files ${failure.files ?? 1}`,
    );
  if (folder === undefined) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${job.name}-${file}`), bytes);
}

/** Takes jobs from the list until it is empty, in one process at a time. */
async function runJobs(jobs: Job[], onResult: (job: Job, result: FuzzResult) => void): Promise<void> {
  let worker: ChildProcess | undefined;
  for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) {
    // With more room for young objects there are fewer collections, which hide what the heap grew by.
    const execArgv = [...process.execArgv, "--min-semi-space-size=64", "--max-semi-space-size=64"];
    worker ??= fork(fileURLToPath(import.meta.url), { env: { ...process.env, TWOPASS_FUZZ_WORKER: "1" }, execArgv });
    const result = await ask(worker, job);
    if (typeof result !== "string") {
      onResult(job, result);
      continue;
    }
    worker.kill("SIGKILL");
    worker = undefined;
    const failure = { file: job.from, files: job.count, problem: result, bytes: new Uint8Array(0) };
    onResult(job, { accepted: 0, refused: 0, failures: [failure], milliseconds: 0, mostBuffers: 0, mostHeap: 0 });
  }
  worker?.kill();
}

/** The result of a job, or a text where the process broke. */
function ask(worker: ChildProcess, job: Job): Promise<FuzzResult | string> {
  return new Promise((resolve) => {
    let at = job.from;
    let timer: NodeJS.Timeout | undefined;
    const end = (result: FuzzResult | string): void => {
      clearTimeout(timer);
      worker.removeAllListeners();
      resolve(result);
    };
    const watch = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => end(`hangs at file ${at} or soon after it`), patience);
    };
    watch();
    worker.on("error", (error) => end(`no process: ${error.message}`));
    worker.on("exit", (code, signal) => end(`crashed (${code ?? signal}) at file ${at} or soon after it`));
    worker.on("message", (message) => {
      const answer = message as Answer;
      if ("result" in answer) end(answer.result);
      else if ("broken" in answer) end(answer.broken);
      else {
        at = answer.at;
        watch();
      }
    });
    worker.send(job);
  });
}
