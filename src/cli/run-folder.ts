/** The folder of a run's checkpoints, with the specification of what is trained, so that it can go on. Floor: cli; Node only. */
import { mkdir, readFile, readdir } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { writeFileSafely } from "../io/node.ts";
import type { Job, Spec } from "./kinds/kind.ts";
import { readSpec, specText } from "./model-file.ts";
import { mistake } from "./options.ts";
import type { Wishes } from "./tasks.ts";

const fileName = "run.json";

/** What the folder of a run says of it. */
export interface Run {
  readonly spec: Spec;
  /** Where the model goes when the run is over. */
  readonly out: string;
}

/** Makes the folder of a new run. @throws where it has one already or cannot be written. */
export async function startRun(command: string, folder: string, { spec, out }: Run): Promise<void> {
  let names: string[];
  try {
    await mkdir(folder, { recursive: true });
    names = await readdir(folder);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw mistake(command, `--checkpoint: ${folder} cannot be used`, why, cause);
  }
  if (names.some((name) => name.startsWith("checkpoint-"))) {
    throw mistake(command, `--checkpoint: ${folder} holds a run`, `go on with it: --resume ${folder}`);
  }
  const content = { out: relative(resolve(folder), resolve(out)), spec: JSON.parse(specText(spec, folder)) as unknown };
  await writeFileSafely(join(folder, fileName), new TextEncoder().encode(`${JSON.stringify(content)}\n`));
}

/** What the run in a folder trains. @throws where there is none. */
export async function readRun(command: string, folder: string): Promise<Run> {
  const text = await readFile(join(folder, fileName), "utf8").catch(() => undefined);
  const run = text === undefined ? undefined : parseRun(text, folder);
  if (run !== undefined) return run;
  const problem = `--resume: ${folder} ${text === undefined ? "holds no run" : `has a damaged ${fileName}`}`;
  throw mistake(command, problem, "a run is begun with --checkpoint DIR");
}

function parseRun(text: string, folder: string): Run | undefined {
  let content: { readonly out?: unknown; readonly spec?: unknown } | null;
  try {
    content = JSON.parse(text) as typeof content;
  } catch {
    return undefined;
  }
  const spec = readSpec(JSON.stringify(content?.spec ?? null), folder);
  const out = content?.out;
  return spec === undefined || typeof out !== "string" ? undefined : { spec, out: resolve(folder, out) };
}

/** Throws where something was decided that differs from a run, naming it. */
export function checkSame(command: string, folder: string, wishes: Wishes, run: Job): void {
  const { task, kind, data, model = {}, train = {} } = wishes;
  const parts: readonly (readonly [wanted: object, has: object])[] = [
    [{ task, kind }, run],
    [data, run.data],
    [model, run.model],
    [train, run.train],
  ];
  for (const [wanted, has] of parts) {
    for (const [key, value] of Object.entries(wanted)) {
      const there: unknown = (has as Readonly<Record<string, unknown>>)[key];
      if (value === undefined || JSON.stringify(value) === JSON.stringify(there)) continue;
      const name = has === run.model && key === "name" ? "model" : key;
      const show = (x: unknown): string => (typeof x === "string" ? x : (JSON.stringify(x) ?? "none"));
      const problem = `--resume: the run in ${folder} has the ${name} ${show(there)}, not ${show(value)}`;
      throw mistake(command, problem, "a run goes on with the settings that it began with");
    }
  }
}

/** Throws where the data gives something else than when the run began. */
export function checkFitted(command: string, folder: string, run: Spec, now: Spec): void {
  if (JSON.stringify(run.fitted) === JSON.stringify(now.fitted)) return;
  throw mistake(command, `--resume: the data has changed since the run in ${folder} began`, "begin a new run");
}
