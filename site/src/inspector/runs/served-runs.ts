/** The runs that a server tells of, as long as it does: the list, and how far each run has been read. */
import type { RunList } from "twopass/inspect";
import type { RunRow, RunRows } from "./run-calls.ts";
import { ServedFiles } from "./run-files.ts";
import { lossName } from "./run-look.ts";
import { RunReader } from "./run-reader.ts";
import { some } from "./thin.ts";
import { Ticker } from "./ticker.ts";

/** What is used of an `EventSource`. */
export interface Events {
  readonly readyState: number;
  addEventListener(name: "open" | "error" | "runs", listener: (event: Event) => void): void;
}

/** Milliseconds until a connection that the browser gave up is tried again. */
const retryAfter = 2000;
/** `EventSource.CLOSED`. */
const closed = 2;
const mostInRow = 60;
/** Runs of which the list reads the scalars at the same time. */
const atOnce = 2;

export class ServedRuns {
  readonly ticker = new Ticker();
  readonly #api: string;
  readonly #connect: (address: string) => Events;
  readonly #readers = new Map<string, { readonly reader: RunReader; readonly files: ServedFiles }>();
  /** What of each reader the list has told. */
  readonly #versions = new Map<RunReader, number>();
  #list: RunList = { folder: "", runs: [], unreadable: [] };
  #isConnected = false;
  #isReading = false;

  constructor(api: string, connect: (address: string) => Events) {
    this.#api = api;
    this.#connect = connect;
    this.#listen();
  }

  get rows(): RunRows {
    const { folder, runs, unreadable } = this.#list;
    return {
      version: this.ticker.version,
      isConnected: this.#isConnected,
      folder,
      unreadable,
      runs: runs.map(({ path, info, isRunning }) => {
        const { model, optimizer, device } = info;
        return { path, model, optimizer, device, isRunning, ...this.#told(path) };
      }),
    };
  }

  reader(path: string): RunReader {
    const found = this.#readers.get(path);
    if (found === undefined) throw new Error(`there is no run ${path}`);
    return found.reader;
  }

  #told(path: string): Pick<RunRow, "step" | "epoch" | "lossName" | "loss" | "curve"> {
    const { scalars } = this.reader(path).run;
    const name = lossName(Object.keys(scalars));
    const loss = scalars[name] ?? [];
    const steps = Object.values(scalars).flatMap((curve) => curve.at(-1)?.[0] ?? []);
    return {
      step: steps.length === 0 ? undefined : Math.max(...steps),
      epoch: scalars["epoch"]?.at(-1)?.[1],
      lossName: name,
      loss: loss.at(-1)?.[1],
      curve: some(loss, mostInRow),
    };
  }

  #listen(): void {
    const events = this.#connect(`${this.#api}events`);
    const connected = (isConnected: boolean): void => {
      if (this.#isConnected === isConnected) return;
      this.#isConnected = isConnected;
      this.ticker.tick();
    };
    events.addEventListener("open", () => connected(true));
    events.addEventListener("error", () => {
      connected(false);
      // Else the browser tries again by itself.
      if (events.readyState === closed) setTimeout(() => this.#listen(), retryAfter);
    });
    events.addEventListener("runs", (event) => {
      connected(true);
      this.#take(JSON.parse((event as MessageEvent<string>).data) as RunList);
    });
  }

  #take(list: RunList): void {
    this.#list = list;
    for (const listed of list.runs) {
      const known = this.#readers.get(listed.path);
      if (known === undefined) {
        const files = new ServedFiles(this.#api, listed);
        this.#readers.set(listed.path, { reader: new RunReader(files), files });
      } else {
        known.files.listed = listed;
        if (known.reader.wantsRecords) void known.reader.update();
      }
    }
    const paths = new Set(list.runs.map(({ path }) => path));
    for (const [path, { reader, files }] of this.#readers) {
      if (paths.has(path) || !files.isRunning) continue;
      files.listed = { ...files.listed, isRunning: false };
      reader.ticker.tick();
    }
    this.ticker.tick();
    if (!this.#isReading) void this.#readScalars();
  }

  /** Of those that changed last first. A list that comes meanwhile is read behind it. */
  async #readScalars(): Promise<void> {
    this.#isReading = true;
    for (let list: RunList | undefined; list !== this.#list; ) {
      list = this.#list;
      const paths = list.runs.map(({ path }) => path);
      const work = async (): Promise<void> => {
        for (let path = paths.shift(); path !== undefined; path = paths.shift()) {
          const reader = this.reader(path);
          await reader.update();
          if (this.#versions.get(reader) === reader.ticker.version) continue;
          this.#versions.set(reader, reader.ticker.version);
          this.ticker.tick();
        }
      };
      await Promise.all(Array.from({ length: atOnce }, work));
    }
    this.#isReading = false;
  }
}
