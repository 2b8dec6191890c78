/**
 * A run that is read in pieces while its files grow: only bytes that are new are read, and only whole lines count. A file
 * that was cut or replaced is read anew.
 */
import { type Run, type RunCurve, type RunInfo, type RunRecord, parseRun } from "twopass/inspect";
import type { GrowingFile, RunFiles } from "./run-files.ts";
import { Ticker } from "./ticker.ts";

/** How far a file was read. */
interface Place {
  /** Behind the last whole line. */
  bytes: number;
  lines: number;
  revision: string | undefined;
  /** The head of a table. */
  head: string;
  problems: string[];
  problemCount: number;
}

export interface ReaderLimits {
  /** Bytes that are parsed in one go. */
  readonly piece: number;
  /** Bytes of records that are kept: of more every second one is dropped. */
  readonly kept: number;
}

const limits: ReaderLimits = { piece: 1 << 20, kept: 1 << 29 };
const mostProblems = 20;
/** Milliseconds between two notes while a file is being read, and until what failed is tried again. */
const noteEvery = 250;
const retryAfter = 2000;
const newline = 10;

export class RunReader {
  readonly ticker = new Ticker();
  readonly files: RunFiles;
  /** Whether records are read beside scalars. */
  wantsRecords = false;
  keptEvery = 1;
  failure: string | undefined;
  /** How often each file gave something. */
  readonly versions: Record<GrowingFile, number> = { "scalars.csv": 0, "records.jsonl": 0 };
  #info: RunInfo | undefined;
  #infoText = "";
  readonly #limits: ReaderLimits;
  readonly #scalars: Record<string, RunCurve[number][]> = {};
  #records: RunRecord[] = [];
  readonly #places: Record<GrowingFile, Place> = { "scalars.csv": placeAtFirst(), "records.jsonl": placeAtFirst() };
  #running: Promise<void> | undefined;
  #isAgain = false;
  #noted = 0;
  /** Whether a file was asked for since the last update, and what else there was to tell by then. */
  #hasChanged = false;
  #facts = "";
  #retry: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  constructor(files: RunFiles, { piece, kept }: ReaderLimits = limits) {
    this.files = files;
    this.#limits = { piece, kept };
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** What there is by now. */
  get run(): Run {
    return {
      info: this.#info as RunInfo,
      scalars: this.#scalars,
      records: this.#records,
      traces: this.files.traces,
      problems: Object.values(this.#places).flatMap(({ problems }) => problems),
    };
  }

  get problemCount(): number {
    return Object.values(this.#places).reduce((sum, { problemCount }) => sum + problemCount, 0);
  }

  /** 0 to 1; undefined where all is read. */
  get readShare(): number | undefined {
    if (this.#running === undefined) return undefined;
    let [read, all] = [0, 0];
    for (const name of this.#wanted()) {
      read += this.#places[name].bytes;
      all += this.files.stateOf(name)?.bytes ?? 0;
    }
    return read >= all ? undefined : read / all;
  }

  /** Reads what describes the run. @throws where that is no run. */
  async begin(): Promise<void> {
    const text = await this.files.info();
    if (text === this.#infoText) return;
    this.#info = parseRun({ "run.json": text }).info;
    this.#infoText = text;
    this.#hasChanged = true;
  }

  /** Reads on. What goes wrong is told in `failure`, and tried again. */
  update(): Promise<void> {
    this.#isAgain = true;
    clearTimeout(this.#retry);
    this.#running ??= this.#readAll().finally(() => {
      this.#running = undefined;
      const { isRunning, traces, revision } = this.files;
      const facts = JSON.stringify([isRunning, traces, revision, this.failure]);
      if (!this.#hasChanged && facts === this.#facts) return;
      this.#hasChanged = false;
      this.#facts = facts;
      this.ticker.tick();
    });
    return this.#running;
  }

  /** Gives the records back: they are read again when they are wanted. */
  dropRecords(): void {
    this.wantsRecords = false;
    this.#forget("records.jsonl");
    this.ticker.tick();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    this.ticker.tick();
  }

  #wanted(): readonly GrowingFile[] {
    return this.wantsRecords ? ["scalars.csv", "records.jsonl"] : ["scalars.csv"];
  }

  async #readAll(): Promise<void> {
    // What is read at once is told at its end alone.
    this.#noted = performance.now();
    try {
      while (this.#isAgain && !this.#isClosed) {
        this.#isAgain = false;
        await this.begin();
        for (const name of this.#wanted()) await this.#read(name);
      }
      this.failure = undefined;
    } catch (error) {
      this.failure = error instanceof Error ? error.message : String(error);
      if (!this.#isClosed) this.#retry = setTimeout(() => void this.update(), retryAfter);
    }
  }

  async #read(name: GrowingFile): Promise<void> {
    let place = this.#places[name];
    const state = this.files.stateOf(name);
    // What was read may be newer than what is told.
    const isOther = state?.revision !== place.revision;
    if (state === undefined || (state.bytes <= place.bytes && !isOther)) return;
    if (state.bytes < place.bytes) place = this.#forget(name);
    this.#hasChanged = true;
    let opened = await this.files.open(name, place.bytes);
    if (opened === undefined || (place.revision !== undefined && opened.revision !== place.revision)) {
      await opened?.stream.cancel();
      place = this.#forget(name);
      opened = await this.files.open(name, 0);
    }
    if (opened === undefined) return;
    if (this.#places[name] !== place) return opened.stream.cancel();
    place.revision = opened.revision;
    const reader = opened.stream.getReader();
    try {
      let chunks: Uint8Array[] = [];
      let size = 0;
      let enough = this.#limits.piece;
      for (let isEnd = false; !isEnd && !this.#isClosed; ) {
        const { done, value } = await reader.read();
        // It was forgotten meanwhile.
        if (this.#places[name] !== place) return;
        isEnd = done;
        if (value !== undefined) {
          chunks.push(value);
          size += value.length;
        }
        if (size === 0 || (!isEnd && size < enough)) continue;
        const rest = this.#take(name, joined(chunks, size));
        chunks = [rest];
        size = rest.length;
        // A line longer than a piece is not joined again and again.
        enough = Math.max(this.#limits.piece, 2 * size);
        this.#note();
        // Others of the worker get their turn.
        await new Promise((resolve) => setTimeout(resolve));
      }
    } finally {
      await reader.cancel().catch(() => undefined);
    }
  }

  /** Parses the whole lines, and gives back what is behind them. */
  #take(name: GrowingFile, bytes: Uint8Array): Uint8Array {
    const place = this.#places[name];
    const end = bytes.lastIndexOf(newline) + 1;
    if (end === 0) return bytes;
    const text = new TextDecoder().decode(bytes.subarray(0, end));
    const isTable = name === "scalars.csv";
    const head = place.head;
    if (isTable && head === "") place.head = text.slice(0, text.indexOf("\n") + 1);
    const { scalars, records, problems } = parseRun({ "run.json": this.#infoText, [name]: head + text });
    // A table's head stands in front of each of its pieces.
    const before = place.lines - (head === "" ? 0 : 1);
    for (const problem of problems.slice(0, mostProblems - place.problems.length)) {
      place.problems.push(problem.replace(/line (\d+)/, (_, line: string) => `line ${Number(line) + before}`));
    }
    place.problemCount += problems.length;
    for (const [scalar, curve] of Object.entries(scalars)) {
      const all = (this.#scalars[scalar] ??= []);
      cut(all, curve[0]?.[0], ([step]) => step);
      for (const point of curve) all.push(point);
    }
    cut(this.#records, records[0]?.step, ({ step }) => step);
    for (const record of records) if (this.#isKept(record)) this.#records.push(record);
    place.bytes += end;
    this.versions[name]++;
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) place.lines++;
    this.#dropSome();
    return bytes.slice(end);
  }

  #forget(name: GrowingFile): Place {
    const place = placeAtFirst();
    this.#places[name] = place;
    this.versions[name]++;
    if (name === "records.jsonl") {
      this.#records = [];
      this.keptEvery = 1;
    } else for (const scalar of Object.keys(this.#scalars)) delete this.#scalars[scalar];
    return place;
  }

  /** Which ones are kept does not depend on when they were read: the first, and those whose place in time is a multiple. */
  #isKept({ step }: RunRecord): boolean {
    const every = Math.max(1, this.#info?.settings.every ?? 1);
    return step === 1 || Math.floor(step / every) % this.keptEvery === 0;
  }

  #dropSome(): void {
    const { bytes } = this.#places["records.jsonl"];
    while (bytes / this.keptEvery > this.#limits.kept) {
      this.keptEvery *= 2;
      this.#records = this.#records.filter((record) => this.#isKept(record));
    }
  }

  #note(): void {
    const now = performance.now();
    if (now - this.#noted < noteEvery) return;
    this.#noted = now;
    this.ticker.tick();
  }
}

function placeAtFirst(): Place {
  return { bytes: 0, lines: 0, revision: undefined, head: "", problems: [], problemCount: 0 };
}

function joined(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const whole = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/** Drops what is not in front of a step: it is of a past that was given up. */
function cut<T>(list: T[], step: number | undefined, stepOf: (item: T) => number): void {
  if (step === undefined) return;
  while (list.length > 0 && stepOf(list.at(-1) as T) >= step) list.pop();
}
