/** The files of a run wherever they are: on the server that gave the page, or dropped on it. */
import { type ListedFile, type ListedRun, runTraceFile } from "twopass/inspect";

/** Those that grow. */
export type GrowingFile = "records.jsonl" | "scalars.csv";

/** A file from some byte on. */
export interface Opened {
  readonly stream: ReadableStream<Uint8Array>;
  /** Another one where what was read before counts no more. */
  readonly revision: string;
}

export interface RunFiles {
  readonly isRunning: boolean | undefined;
  readonly traces: readonly number[];
  /** That of run.json, which each `fit` writes anew. */
  readonly revision: string;
  /** The text of run.json. */
  info(): Promise<string>;
  /** How far a file goes; undefined where there is none yet. */
  stateOf(name: GrowingFile): ListedFile | undefined;
  /** @returns undefined where the file is shorter. */
  open(name: GrowingFile, from: number): Promise<Opened | undefined>;
  trace(step: number): Promise<Blob>;
}

export class DroppedFiles implements RunFiles {
  readonly isRunning = undefined;
  readonly revision = "";
  readonly traces: readonly number[];
  readonly #files: ReadonlyMap<string, Blob>;

  constructor(files: readonly (readonly [name: string, file: Blob])[]) {
    this.#files = new Map(files);
    this.traces = files
      .flatMap(([name]) => {
        const step = Number(/^traces\/step-(\d+)\.json$/.exec(name)?.[1]);
        return name === runTraceFile(step) ? [step] : [];
      })
      .sort((a, b) => a - b);
  }

  info(): Promise<string> {
    return this.#file("run.json").text();
  }

  stateOf(name: GrowingFile): ListedFile | undefined {
    const file = this.#files.get(name);
    return file === undefined ? undefined : { bytes: file.size, revision: "" };
  }

  async open(name: GrowingFile, from: number): Promise<Opened> {
    return { stream: this.#file(name).slice(from).stream(), revision: "" };
  }

  async trace(step: number): Promise<Blob> {
    return this.#file(runTraceFile(step));
  }

  #file(name: string): Blob {
    const file = this.#files.get(name);
    if (file === undefined) throw new Error(`there is no ${name}`);
    return file;
  }
}

export class ServedFiles implements RunFiles {
  /** As the server told it last. */
  listed: ListedRun;
  readonly #api: string;

  constructor(api: string, listed: ListedRun) {
    this.#api = api;
    this.listed = listed;
  }

  get isRunning(): boolean {
    return this.listed.isRunning;
  }

  get traces(): readonly number[] {
    return this.listed.traces;
  }

  get revision(): string {
    return this.listed.files["run.json"]?.revision ?? "";
  }

  async info(): Promise<string> {
    return JSON.stringify(this.listed.info);
  }

  stateOf(name: GrowingFile): ListedFile | undefined {
    return this.listed.files[name];
  }

  async open(name: GrowingFile, from: number): Promise<Opened | undefined> {
    const response = await this.#get("file", { name, from: String(from) });
    if (response.status === 416) return undefined;
    const { body, headers } = await checked(response);
    return { stream: body ?? new Blob().stream(), revision: headers.get("X-Revision") ?? "" };
  }

  async trace(step: number): Promise<Blob> {
    return (await checked(await this.#get("trace", { step: String(step) }))).blob();
  }

  #get(what: string, query: Readonly<Record<string, string>>): Promise<Response> {
    return fetch(`${this.#api}${what}?${new URLSearchParams({ run: this.listed.path, ...query })}`);
  }
}

async function checked(response: Response): Promise<Response> {
  if (response.ok) return response;
  const text = await response.text();
  let told: unknown;
  try {
    told = (JSON.parse(text) as { error?: unknown }).error;
  } catch {
    // Something else answers there.
  }
  throw new Error(typeof told === "string" ? told : `${response.status} ${response.statusText}`);
}
