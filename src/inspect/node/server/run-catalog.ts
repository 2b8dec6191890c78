/** The runs of a folder and how far they are, looked up again at each call. It only reads. Floor: inspect; Node only. */
import type { Stats } from "node:fs";
import { readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { TwopassError } from "../../../base/errors.ts";
import { type RunInfo, runFormat } from "../../run-format.ts";
import type { ListedFile, ListedRun, RunList, UnreadableRun } from "../../run-list.ts";
import { parseRunInfo, runFiles, runTraceFile } from "../../run-reading.ts";
import { isLocked } from "../folder-lock.ts";
import { type Limits, findRuns, usualLimits } from "./find-runs.ts";
import { type OpenFile, openInside, statsOf } from "./inside.ts";

/** A file that describes a run has thousands of layers with this. */
const mostInfoBytes = 16 * 2 ** 20;
/** Runs that are looked at beside each other. */
const atOnce = 32;
/** Milliseconds between two looks for new runs; more where a look takes long. */
const lookAgain = 1000;

/** A description as it was read, for as long as its file is the same one; `undefined` is of something else than a run. */
interface Description {
  readonly file: string;
  readonly content: RunInfo | { readonly problem: string } | undefined;
}

/** A file of a run, open. */
export interface OpenRunFile extends OpenFile {
  readonly revision: string;
}

export class RunCatalog {
  readonly #folder: string;
  readonly #limits: Limits;
  #found: readonly string[] = [];
  #isCut = false;
  #nextLook = 0;
  readonly #descriptions = new Map<string, Description>();
  readonly #revisions = new Map<string, { readonly file: string; readonly bytes: number; readonly cuts: number }>();

  constructor(folder: string, limits: Limits = usualLimits) {
    this.#folder = folder;
    this.#limits = limits;
  }

  /** @param looksAgain whether new runs are looked for in any case, and not about each second. */
  async list(looksAgain = false): Promise<RunList> {
    if (looksAgain || performance.now() >= this.#nextLook) await this.#look();
    const listed: (ListedRun | UnreadableRun)[] = [];
    for (let at = 0; at < this.#found.length; at += atOnce) {
      const next = await Promise.all(this.#found.slice(at, at + atOnce).map((path) => this.#runAt(path)));
      listed.push(...next.filter((run) => run !== undefined));
    }
    const runs = listed.filter((run) => "info" in run).sort((a, b) => b.changed - a.changed);
    const unreadable = listed.filter((run) => "problem" in run);
    return { folder: this.#folder, runs, unreadable: this.#isCut ? [this.#cutNote(), ...unreadable] : unreadable };
  }

  /** Whether there is a run of that path: one that `list` has told or would tell now. */
  async has(path: string): Promise<boolean> {
    if (!this.#found.includes(path)) await this.#look();
    return this.#found.includes(path) && "info" in ((await this.#runAt(path)) ?? {});
  }

  /** One of `runFiles` of a run that there is. */
  async open(path: string, name: string): Promise<OpenRunFile | undefined> {
    const opened = await openInside(this.#folder, join(path, name));
    if (opened === undefined) return undefined;
    // Behind the opening: a cut comes before the new description, so what is read now is no older than that.
    const info = await statsOf(join(this.#folder, path, runFiles.info));
    return { ...opened, revision: this.#revisionOf(`${path}/${name}`, info, opened.stats) };
  }

  openTrace(path: string, step: number): Promise<OpenFile | undefined> {
    return openInside(this.#folder, join(path, runTraceFile(step)));
  }

  async #look(): Promise<void> {
    const start = performance.now();
    const { paths, isCut } = await findRuns(this.#folder, this.#limits);
    this.#found = paths;
    this.#isCut = isCut;
    for (const path of this.#descriptions.keys()) if (!paths.includes(path)) this.#descriptions.delete(path);
    const end = performance.now();
    this.#nextLook = end + Math.max(lookAgain, 20 * (end - start));
  }

  #cutNote(): UnreadableRun {
    const { folders, runs } = this.#limits;
    const problem = `not all of this folder was looked through: it has more than ${folders} folders or ${runs} runs (serve a folder below it)`;
    return { path: ".", problem };
  }

  /** Undefined where there is no run any more, or never was one. */
  async #runAt(path: string): Promise<ListedRun | UnreadableRun | undefined> {
    // First, so that what is told of a run that is over is all of it.
    const isRunning = await isLocked(join(this.#folder, path));
    const stats: [name: string, stats: Stats][] = [];
    for (const name of Object.values(runFiles)) {
      const found = await statsOf(join(this.#folder, path, name));
      if (found?.isFile() === true) stats.push([name, found]);
    }
    const file = stats.find(([name]) => name === runFiles.info)?.[1];
    if (file === undefined) return undefined;
    const content = await this.#contentOf(path, file);
    if (content === undefined) return undefined;
    if ("problem" in content) return { path, problem: content.problem };
    const files = stats.map(([name, found]): [string, ListedFile] => {
      return [name, { bytes: found.size, revision: this.#revisionOf(`${path}/${name}`, file, found) }];
    });
    const { traces, changed } = await this.#tracesOf(path);
    return {
      path,
      info: content,
      isRunning,
      changed: Math.max(changed, ...stats.map(([, { mtimeMs }]) => Math.round(mtimeMs))),
      files: Object.fromEntries(files),
      traces,
    };
  }

  async #contentOf(path: string, stats: Stats): Promise<Description["content"]> {
    const file = `${identityOf(stats)} ${stats.mtimeMs} ${stats.size}`;
    const known = this.#descriptions.get(path);
    if (known?.file === file) return known.content;
    const content = await this.#read(path, stats.size).catch((error: unknown) => {
      return { problem: error instanceof Error ? error.message : String(error) };
    });
    this.#descriptions.set(path, { file, content });
    return content;
  }

  async #read(path: string, bytes: number): Promise<Description["content"]> {
    if (bytes > mostInfoBytes) {
      return { problem: `${runFiles.info} is too large: ${bytes} bytes, and at most ${mostInfoBytes} are read` };
    }
    const opened = await openInside(this.#folder, join(path, runFiles.info));
    let text: string | undefined;
    try {
      text = await opened?.file.readFile("utf8");
    } finally {
      await opened?.file.close();
    }
    try {
      return parseRunInfo(text);
    } catch (error) {
      // Other programs have files of that name.
      return text === undefined || isOther(text) ? undefined : { problem: (error as TwopassError).message };
    }
  }

  /** What a reader has of a file counts for as long as this is the same. */
  #revisionOf(key: string, info: Stats | undefined, stats: Stats): string {
    // Each `fit` cuts what it makes again, then writes its description anew, and only then adds to the files.
    const file = `${identityOf(stats)}-${identityOf(info)}-${info?.mtimeMs ?? 0}`;
    const known = this.#revisions.get(key);
    const isSame = known?.file === file;
    const cuts = isSame ? known.cuts + (stats.size < known.bytes ? 1 : 0) : 0;
    this.#revisions.set(key, { file, bytes: stats.size, cuts });
    return `${file}-${cuts}`;
  }

  async #tracesOf(path: string): Promise<{ readonly traces: readonly number[]; readonly changed: number }> {
    const folder = join(this.#folder, path, dirname(runTraceFile(0)));
    const stats = await statsOf(folder);
    if (stats?.isDirectory() !== true) return { traces: [], changed: 0 };
    const names = await readdir(folder).catch(() => []);
    const steps = names.flatMap((name) => {
      const step = Number(/^step-(\d+)\.json$/.exec(name)?.[1] ?? -1);
      return runTraceFile(step).endsWith(`/${name}`) ? [step] : [];
    });
    return { traces: steps.sort((a, b) => a - b), changed: Math.round(stats.mtimeMs) };
  }
}

/** Which file it is, whatever its name and content; the number of one that is gone is given again. */
function identityOf(stats: Stats | undefined): string {
  return stats === undefined ? "" : `${stats.ino}-${stats.birthtimeMs}`;
}

/** Whether a text is whole and of another format. */
function isOther(text: string): boolean {
  try {
    return (JSON.parse(text) as { format?: unknown } | null)?.format !== runFormat;
  } catch {
    return false;
  }
}
