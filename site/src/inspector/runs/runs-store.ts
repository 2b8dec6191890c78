/** Which runs are there, which one is shown, and where in it one is. The runs themselves are in the worker. */
import { type Signal, batch, effect, signal } from "@preact/signals";
import { type Codec, urlState } from "../../app/url-state.ts";
import { t } from "../../text/text.ts";
import {
  type LoadedTrace,
  client,
  compared,
  loaded,
  lostWorkers,
  openTrace,
  openFiles,
  problems,
  reading,
  roomView,
  show,
} from "../store.ts";
import { type DroppedFile, type DroppedRun, sortFiles } from "./dropped-runs.ts";
import type { RunOutline, RunRows, RunSource } from "./run-calls.ts";

export const runTabs = ["curves", "gradients", "distributions", "traces", "compare"] as const;
export type RunTab = (typeof runTabs)[number];

export interface OpenRun {
  /** By which the worker knows it. */
  readonly number: number;
  readonly name: string;
  /** Undefined for files that were dropped. */
  readonly path: string | undefined;
  readonly outline: Signal<RunOutline>;
}

interface Place {
  /** The run of a server that is shown. */
  readonly path: string | undefined;
  readonly tab: RunTab;
  /** The step that is looked at; undefined: the newest. */
  readonly at: number | undefined;
}

const codec: Codec<Place> = {
  keys: ["run", "view", "at"],
  encode: ({ path, tab, at }) => ({
    ...(path === undefined ? {} : { run: path }),
    ...(tab === "curves" ? {} : { view: tab }),
    ...(at === undefined ? {} : { at: String(at) }),
  }),
  decode: ({ run, view, at }) => ({
    path: run,
    tab: runTabs.find((tab) => tab === view) ?? "curves",
    at: at !== undefined && /^\d+$/.test(at) ? Number(at) : undefined,
  }),
};

/** What the page's address says. */
export const place = urlState("inspector", codec).state;
export const openRuns = signal<readonly OpenRun[]>([]);
export const shownRun = signal<OpenRun | undefined>(undefined);
/** What the server tells; undefined without one, and before it has told anything. */
export const rows = signal<RunRows | undefined>(undefined);

/** Where the server of runs is asked, where there is one. */
export const api = ((): string | undefined => {
  const meta = document.querySelector<HTMLMetaElement>('meta[name="twopass-runs"]');
  return meta === null ? undefined : new URL(`${meta.content}/`, document.baseURI).href;
})();

export function go(to: Partial<Place>): void {
  place.value = { ...place.peek(), ...to };
}

/** Runs of a server that stay open beside the one that is shown. */
const mostServed = 3;

async function follow(run: OpenRun): Promise<void> {
  while (openRuns.peek().includes(run)) {
    const outline = await client().call("growth", run.number, run.outline.peek().version);
    if (outline === undefined) return;
    run.outline.value = outline;
  }
}

/** Opens a run, or gives the one that is open. */
async function open(source: RunSource): Promise<OpenRun> {
  const path = "api" in source ? source.path : undefined;
  const known = openRuns.peek().find((run) => path !== undefined && run.path === path);
  if (known !== undefined) return known;
  const number = await client().call("openRun", source);
  const outline = (await client().call("growth", number, 0)) as RunOutline;
  const run = { number, name: "api" in source ? source.path : source.name, path, outline: signal(outline) };
  openRuns.value = [...openRuns.peek(), run];
  ignoringEnd(follow(run));
  // What is far back can be opened again.
  const served = openRuns.peek().filter((one) => one.path !== undefined && one !== run && one !== shownRun.peek());
  if (served.length > mostServed) closeRun(served[0] as OpenRun);
  return run;
}

export async function openServed(path: string): Promise<OpenRun | undefined> {
  return api === undefined ? undefined : told(path, open({ api, path }));
}

async function openDropped({ name, files }: DroppedRun): Promise<OpenRun | undefined> {
  return told(name, open({ name, files }));
}

/** Opens what was dropped or chosen: runs, and traces. */
export async function openAll(files: readonly DroppedFile[]): Promise<void> {
  const { runs, others, empty } = sortFiles(files);
  problems.value = empty.map((fileName) => ({ fileName, message: t().inspector.runs.emptyFolder }));
  for (const run of runs) {
    const opened = await openDropped(run);
    if (opened !== undefined) showRun(opened);
  }
  await openFiles(others);
}

async function told<T>(fileName: string, work: Promise<T>): Promise<T | undefined> {
  reading.value++;
  try {
    return await work;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    problems.value = [...problems.peek(), { fileName, message }];
    return undefined;
  } finally {
    reading.value--;
  }
}

export function showRun(run: OpenRun | undefined, tab: RunTab = "curves"): void {
  batch(() => {
    show(undefined);
    shownRun.value = run;
    place.value = { path: run?.path, tab, at: undefined };
  });
}

export function closeRun(run: OpenRun): void {
  openRuns.value = openRuns.peek().filter((one) => one !== run);
  if (shownRun.peek() === run) showRun(undefined);
  void client().call("closeRun", run.number);
}

/** Shows traces of steps of a run; two of them side by side. */
export async function openSteps(run: OpenRun, steps: readonly number[]): Promise<void> {
  const opened: LoadedTrace[] = [];
  for (const step of steps) {
    const { date, revision } = run.outline.peek();
    const source = `${run.number} ${step} ${date} ${revision}`;
    const known = loaded.peek().find((one) => one.source === source);
    const name = `${run.name}, ${step}`;
    const trace = known ?? (await told(name, openTrace(name, client().call("openRunTrace", run.number, step), source)));
    if (trace === undefined) return;
    opened.push(trace);
  }
  batch(() => {
    show(opened.at(-1));
    if (opened.length < 2) return;
    compared.value = { a: opened[0]?.number, b: opened[1]?.number };
    roomView.value = "compare";
  });
}

/** A worker that has ended is told where it was started. */
function ignoringEnd(work: Promise<unknown>): void {
  work.catch(() => undefined);
}

async function listRuns(from: string): Promise<void> {
  for (;;) rows.value = await client().call("listRuns", from, rows.peek()?.version ?? 0);
}

let opening: string | undefined;

/** Follows the server, and after a worker that was lost again. */
effect(() => {
  const isFirst = lostWorkers.value === 0;
  batch(() => {
    opening = undefined;
    if (!isFirst) {
      openRuns.value = [];
      shownRun.value = undefined;
      rows.value = undefined;
    }
  });
  if (api !== undefined) ignoringEnd(listRuns(api));
});

/** What the address says is shown as soon as the server tells of it. */
effect(() => {
  const { path } = place.value;
  const isThere = path !== undefined && rows.value?.runs.some((row) => row.path === path) === true;
  const shown = shownRun.peek();
  if (path === undefined && shown?.path !== undefined) shownRun.value = undefined;
  if (!isThere || shown?.path === path || opening === path) return;
  opening = path;
  void openServed(path).then((run) => {
    if (run !== undefined && place.peek().path === path) shownRun.value = run;
    if (run !== undefined) opening = undefined;
  });
});
