/** The worker's side of runs: those that are open, and what is asked of them. Knows nothing of messages. */
import type { OpenedTrace } from "../calls.ts";
import type { RunCalls, RunOutline } from "./run-calls.ts";
import { DroppedFiles } from "./run-files.ts";
import { compared, curveOf, distribution, layerMap, momentOf, stepsOf } from "./run-look.ts";
import { RunReader } from "./run-reader.ts";
import { type Events, ServedRuns } from "./served-runs.ts";
import { drawnCurves, mostPoints, some } from "./thin.ts";

export interface RunRoomOptions {
  readonly openTrace: (file: Blob) => Promise<OpenedTrace>;
  /** Default: an `EventSource`. */
  readonly connect?: (address: string) => Events;
}

/** Milliseconds between two notes of what has grown. */
const noteEvery = 200;

export function runRoom({ openTrace, connect = (address) => new EventSource(address) }: RunRoomOptions): RunCalls {
  const servers = new Map<string, ServedRuns>();
  const readers = new Map<number, RunReader>();
  let count = 0;
  const serverOf = (api: string): ServedRuns => {
    const server = servers.get(api) ?? new ServedRuns(api, connect);
    servers.set(api, server);
    return server;
  };
  const find = (run: number): RunReader => {
    const reader = readers.get(run);
    if (reader === undefined) throw new Error(`internal: run ${run} is not open`);
    return reader;
  };
  return {
    async listRuns(api, since) {
      const server = serverOf(api);
      await server.ticker.after(since);
      return server.rows;
    },
    async openRun(source) {
      const reader =
        "api" in source ? serverOf(source.api).reader(source.path) : new RunReader(new DroppedFiles(source.files));
      await reader.begin();
      reader.wantsRecords = true;
      void reader.update();
      const run = count++;
      readers.set(run, reader);
      return run;
    },
    closeRun(run) {
      const reader = readers.get(run);
      readers.delete(run);
      // The list still shows a run of a server.
      if (reader?.files instanceof DroppedFiles) reader.close();
      else if (![...readers.values()].some((one) => one === reader)) reader?.dropRecords();
    },
    async growth(run, since) {
      const reader = find(run);
      if (since > 0) await new Promise((resolve) => setTimeout(resolve, noteEvery));
      await reader.ticker.after(since);
      return readers.has(run) ? outlineOf(reader) : undefined;
    },
    curves(run, names, smoothing, at) {
      const reader = find(run);
      return drawnCurves(
        names.map((name) => curveOf(reader.run, name)),
        smoothing,
        at,
      );
    },
    moment: (run, step) => momentOf(find(run).run, step),
    layerMap: (run) => layerMap(find(run).run),
    distribution: (run, kind, path, step) => distribution(find(run).run, kind, path, step),
    pairCurves: (a, b, name, at) =>
      drawnCurves(
        [a, b].map((run) => curveOf(find(run).run, { kind: "scalar", name })),
        0,
        at,
      ),
    compareRuns(a, b) {
      const both = [find(a), find(b)] as const;
      return {
        ...compared(both[0].run, both[1].run),
        // What failed is tried again.
        isReading: both.some(({ readShare, failure }) => readShare !== undefined || failure !== undefined),
        isPartial: both.some(({ keptEvery, problemCount }) => keptEvery > 1 || problemCount > 0),
      };
    },
    openRunTrace: async (run, step) => openTrace(await find(run).files.trace(step)),
  };
}

function outlineOf(reader: RunReader): RunOutline {
  const { run, ticker, keptEvery, problemCount, readShare, failure, files, versions } = reader;
  const { info, scalars, records, traces, problems } = run;
  const { model, optimizer, device, date, parameters } = info;
  return {
    version: ticker.version,
    scalarVersion: versions["scalars.csv"],
    recordVersion: versions["records.jsonl"],
    model,
    optimizer,
    device,
    date,
    revision: files.revision,
    isRunning: files.isRunning,
    steps: some(stepsOf(run), mostPoints),
    records: records.length,
    keptEvery,
    scalars: Object.keys(scalars),
    parameters: parameters.map(({ path }) => path),
    activations: Object.keys(records.at(-1)?.activations ?? {}),
    traces,
    problems,
    problemCount,
    readShare,
    failure,
  };
}
