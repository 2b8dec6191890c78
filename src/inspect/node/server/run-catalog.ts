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

/** What a file was when it was last looked at. */
interface SeenFile extends ListedFile {
  readonly file: string;
  /** The number of the observation, in the order in which they were taken. */
  readonly taken: number;
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
  readonly #seen = new Map<string, SeenFile>();
  /** How many observations of files were taken. */
  #taken = 0;

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
    const began = this.#taken;
    const opened = await openInside(this.#folder, join(path, name));
    if (opened === undefined) return undefined;
    // Behind the opening: a cut comes before the new description, so what is read now is no older than that.
    const info = await statsOf(join(this.#folder, path, runFiles.info));
    const file = sameFile(info, opened.stats);
    const seen = this.#see(`${path}/${name}`, began, file, opened.stats.size);
    // Where this is another file than the one of the newest observation, no list tells its revision.
    return { ...opened, revision: seen.file === file ? seen.revision : file };
  }

  openTrace(path: string, step: number): Promise<OpenFile | undefined> {
    return openInside(this.#folder, join(path, runTraceFile(step)));
  }

  async #look(): Promise<void> {
    const start = performance.now();
    const { paths, isCut } = await findRuns(this.#folder, this.#limits);
    this.#found = paths;
    this.#isCut = isCut;
    const there = new Set(paths);
    for (const path of this.#descriptions.keys()) if (!there.has(path)) this.#descriptions.delete(path);
    for (const key of this.#seen.keys()) if (!there.has(dirname(key))) this.#seen.delete(key);
    const end = performance.now();
    this.#nextLook = end + Math.max(lookAgain, 20 * (end - start));
  }

  #cutNote(): UnreadableRun {
    const { levels, folders, runs } = this.#limits;
    const most = `${folders} folders, ${runs} runs or ${levels} levels of folders`;
    const problem = `not all of this folder was looked through: it has more than ${most} (serve a folder below it)`;
    return { path: ".", problem };
  }

  /** Undefined where there is no run any more, or never was one. */
  async #runAt(path: string): Promise<ListedRun | UnreadableRun | undefined> {
    // First, so that what is told of a run that is over is all of it.
    const isRunning = await isLocked(join(this.#folder, path));
    const began = this.#taken;
    const stats: [name: string, stats: Stats][] = [];
    for (const name of Object.values(runFiles)) {
      const found = await statsOf(join(this.#folder, path, name));
      if (found?.isFile() === true) stats.push([name, found]);
    }
    const file = stats.find(([name]) => name === runFiles.info)?.[1];
    if (file === undefined) return undefined;
    const files = stats.map(([name, found]): [string, ListedFile] => {
      const { bytes, revision } = this.#see(`${path}/${name}`, began, sameFile(file, found), found.size);
      return [name, { bytes, revision }];
    });
    const content = await this.#contentOf(path, file);
    if (content === undefined) return undefined;
    if ("problem" in content) return { path, problem: content.problem };
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
    if (stats.size > mostInfoBytes) {
      return { problem: `${runFiles.info} is too large: ${stats.size} bytes, and at most ${mostInfoBytes} are read` };
    }
    let text: string | undefined;
    try {
      text = await this.#infoText(path);
    } catch (error) {
      // It says nothing about the file, so the next look reads again.
      return { problem: error instanceof Error ? error.message : String(error) };
    }
    if (text === undefined) return undefined;
    const content = contentIn(text);
    this.#descriptions.set(path, { file, content });
    return content;
  }

  async #infoText(path: string): Promise<string | undefined> {
    const opened = await openInside(this.#folder, join(path, runFiles.info));
    try {
      return await opened?.file.readFile("utf8");
    } finally {
      await opened?.file.close();
    }
  }

  /**
   * The newest observation of a file, which is this one or one that was taken while it was made. Observations overlap, so
   * which of two such is the older cannot be known, and a smaller size would be no sign of a cut.
   *
   * @param began how many were taken before the first stat of this one.
   * @param file what `sameFile` gives.
   */
  #see(key: string, began: number, file: string, bytes: number): SeenFile {
    const known = this.#seen.get(key);
    if (known !== undefined && known.taken > began) return known;
    const taken = ++this.#taken;
    const isKept = known?.file === file && bytes >= known.bytes;
    const seen = { file, bytes, revision: isKept ? known.revision : `${file}-${taken}`, taken };
    this.#seen.set(key, seen);
    return seen;
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

/** What a reader has of a file counts for as long as this is the same and nothing is cut off. */
function sameFile(info: Stats | undefined, stats: Stats): string {
  // Each `fit` cuts what it makes again, then writes its description anew, and only then adds to the files.
  return `${identityOf(stats)}-${identityOf(info)}-${info?.mtimeMs ?? 0}`;
}

function contentIn(text: string): Description["content"] {
  try {
    return parseRunInfo(text);
  } catch (error) {
    // Other programs have files of that name.
    return isOther(text) ? undefined : { problem: (error as TwopassError).message };
  }
}

/** Whether a text is whole and of another format. */
function isOther(text: string): boolean {
  try {
    return (JSON.parse(text) as { format?: unknown } | null)?.format !== runFormat;
  } catch {
    return false;
  }
}
