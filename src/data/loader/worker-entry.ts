/** The program of a worker: makes the batches that a loader asks for, one after the other. Floor: data. */
import { TwopassError, describe } from "../../base/errors.ts";
import { portOfThread } from "../../base/thread.ts";
import { carry } from "./carried.ts";
import type { Indexed } from "../datasets/dataset.ts";
import { type Job, pickExamples } from "../datasets/example.ts";
import { type Packed, pack } from "../datasets/pack.ts";
import { type Reply, type Request, type Start, errorText } from "./worker-messages.ts";

const port = portOfThread();
let start: Start | undefined;
let set: Promise<Indexed<unknown>> | undefined;
let last: Promise<void> = Promise.resolve();

port.listen((message) => {
  const request = message as Request;
  if (request.kind === "start") {
    start = request.start;
    set = loadSet(request.start);
    // It is told with the first batch.
    set.catch(() => undefined);
    return;
  }
  const { id, job } = request;
  last = last.then(() => answer(id, job));
});

async function answer(id: number, job: Job): Promise<void> {
  try {
    const examples = await pickExamples(await (set as Promise<Indexed<unknown>>), job);
    if (start?.joins === true) {
      const packed = pack(examples, job.indices);
      port.post({ id, packed } satisfies Reply, buffersOf(packed));
    } else port.post({ id, examples: examples.map(carry) } satisfies Reply, []);
  } catch (error) {
    port.post({ id, error: errorText(error) } satisfies Reply, []);
  }
}

/** The memory of a batch, which is handed over. */
function buffersOf(packed: Packed): ArrayBufferLike[] {
  if (packed.kind === "array") return [packed.data.buffer];
  return packed.kind === "list" ? [] : packed.fields.flatMap(buffersOf);
}

/** The data set that the module exports, or that its function makes. */
async function loadSet({ module, name, args, count }: Start): Promise<Indexed<unknown>> {
  const op = "DataLoader";
  const exports = await importModule(module);
  const facts = `"${name}" of ${module}`;
  if (!(name in exports)) {
    const names = Object.keys(exports).join(", ") || "nothing";
    throw new TwopassError({ op, problem: "the worker's module has no such export", facts, hint: `it has ${names}` });
  }
  const exported = exports[name];
  const made = typeof exported === "function" ? await (exported as (args: unknown) => unknown)(args) : exported;
  const { length } = (made ?? {}) as { length?: unknown };
  if (typeof made !== "object" || made === null || typeof length !== "number") {
    throw new TwopassError({
      op,
      problem: "the worker's module must export a data set",
      facts: `${facts} is ${describe(made)}`,
    });
  }
  if (length !== count) {
    const counts = `${length} examples, the loader's ${count}`;
    throw new TwopassError({ op, problem: "the worker's data set is another one", facts: `${facts} has ${counts}` });
  }
  return made as Indexed<unknown>;
}

async function importModule(module: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return (await import(/* @vite-ignore */ module)) as Readonly<Record<string, unknown>>;
  } catch (error) {
    throw new TwopassError({
      op: "DataLoader",
      problem: "a worker could not import its module",
      facts: `${module}, ${error instanceof Error ? error.message : describe(error)}`,
      ...(/\.[mc]?tsx?$/.test(module) ? { hint: "threads of Node 20 read JavaScript only" } : {}),
      cause: error,
    });
  }
}
