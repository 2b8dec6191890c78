/** Two threads of JavaScript that run many waves at the same time with one pool. Prints how many units ran wrongly. */
import { Worker, isMainThread, parentPort, workerData } from "node:worker_threads";
import { startNative } from "../../../../src/runtime/native/node/library.ts";
import { commandWords, runWords } from "../words.ts";

const started = startNative();
if ("reason" in started) throw new Error(started.reason);
const { library } = started;

/** Holds both back until both are here. */
const gate = isMainThread ? new Int32Array(new SharedArrayBuffer(4)) : (workerData as Int32Array<SharedArrayBuffer>);

function wrongUnits(): number {
  const [units, waves, runs] = [64, 50, 40];
  const source = `void add(const long *args, long from, long to, char *workspace) {
  for (long i = from; i < to; i++) __atomic_add_fetch((int *)args[0] + i, 1, __ATOMIC_RELAXED);
}`;
  const call = library.compile([{ source, kind: "loops", symbols: ["add"] }])[0]?.addresses[0] as number;
  const counts = new Int32Array(units);
  const command = { call, units, chunk: 3, args: [library.addressOf(counts)] };
  const words = commandWords(Array.from({ length: waves }, () => ({ alone: false, commands: [command, command] })));
  Atomics.add(gate, 0, 1);
  while (Atomics.load(gate, 0) < 2) Atomics.wait(gate, 0, 1, 1);
  for (let i = 0; i < runs; i++) runWords(library, words);
  return counts.filter((count) => count !== 2 * waves * runs).length;
}

if (isMainThread) {
  const other = new Worker(new URL(import.meta.url), { workerData: gate });
  const told = new Promise<number>((resolve, reject) => other.on("message", resolve).on("error", reject));
  await new Promise((resolve) => other.on("online", resolve));
  const own = wrongUnits();
  console.log(own + (await told));
} else {
  parentPort?.postMessage(wrongUnits());
}
