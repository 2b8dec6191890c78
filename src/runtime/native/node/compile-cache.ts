/**
 * Files that are made once and found again by a key, in one folder that processes share. A file is whole or not there:
 * it is written under another name and renamed, and its last bytes prove its content and its key before it is used. What
 * a file means is not known here. Floor: runtime; Node only.
 *
 * Code is loaded from the folder, so it must belong to this user and nobody else may write to it. Where that is not so,
 * or writing fails, a folder of this process takes its place, and `notes` says so.
 */
import { createHash, randomBytes } from "node:crypto";
import {
  closeSync,
  existsSync,
  fstatSync,
  futimesSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { TwopassError } from "../../../base/errors.ts";
import { sweep } from "./cache-sweep.ts";

export interface CacheOptions {
  /** Undefined: there is none to share. */
  readonly folder: string | undefined;
  readonly mostBytes: number;
  readonly mostFiles?: number;
}

export interface Found {
  readonly path: string;
  readonly content: Buffer;
}

const seal = Buffer.from("twopass1");
const sumBytes = 32;

/** A file that is found is marked as used when its mark is older: well within the time in which none is removed. */
const markMs = 5 * 60_000;

export class CompileCache {
  /** Good to read from. */
  readonly #shared: string | undefined;
  #private: string | undefined;
  #writesShared: boolean;
  readonly #mostBytes: number;
  readonly #mostFiles: number;
  readonly #notes: string[] = [];
  /** Bytes and files that may be added before the folder is swept. */
  #bytesLeft = 0;
  #filesLeft = 0;

  constructor({ folder, mostBytes, mostFiles = 16_384 }: CacheOptions) {
    this.#mostBytes = mostBytes;
    this.#mostFiles = mostFiles;
    const problem = folder === undefined ? "there is no home folder" : problemOf(folder);
    this.#shared = problem === undefined ? folder : undefined;
    this.#writesShared = problem === undefined;
    if (problem !== undefined) this.#note(problem);
  }

  /** Where files are written now. */
  get folder(): string {
    return this.#writesShared ? (this.#shared as string) : this.#privateFolder();
  }

  /** Whether files are lost at the end of this process. */
  get isPrivate(): boolean {
    return !this.#writesShared;
  }

  /** Why it is not the shared folder. */
  get notes(): readonly string[] {
    return this.#notes;
  }

  /** A file that is whole and was stored under this key. */
  find(key: string, ending: string): Found | undefined {
    for (const folder of [this.#shared, this.#private]) {
      if (folder === undefined) continue;
      const path = join(folder, key + ending);
      const content = readSealed(path, key);
      if (content !== undefined) return { path, content };
    }
    return undefined;
  }

  /** Replaces what is there. Gives the path. */
  store(key: string, ending: string, content: Buffer): string {
    const sealed = Buffer.concat([content, seal, sumOf(key, content)]);
    return this.tryShared(() => {
      const { folder } = this;
      const temporary = join(folder, `new-${process.pid}-${randomBytes(8).toString("hex")}`);
      const path = join(folder, key + ending);
      try {
        writeFileSync(temporary, sealed, { flag: "wx", mode: 0o600 });
        renameSync(temporary, path);
      } catch (error) {
        rmSync(temporary, { force: true });
        throw error;
      }
      if (!this.isPrivate) this.#keepBounds(folder, sealed.length);
      return path;
    });
  }

  /** Runs `write` with an empty folder that is gone afterwards. */
  withWorkFolder<T>(write: (folder: string) => T): T {
    const folder = mkdtempSync(join(this.folder, "work-"));
    try {
      return write(folder);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** Runs what writes to `folder`; where the shared one does not take it, again with the private one. */
  tryShared<T>(write: () => T): T {
    if (!this.isPrivate) {
      try {
        return write();
      } catch (error) {
        const why = writeProblem(error);
        if (why === undefined) throw error;
        this.#note(`${this.#shared} takes no files: ${why}`);
        this.#writesShared = false;
      }
    }
    try {
      return write();
    } catch (error) {
      const why = writeProblem(error);
      throw why === undefined || error instanceof TwopassError ? error : noFolder(why, error);
    }
  }

  #note(problem: string): void {
    this.#notes.push(`${problem}; kernels are compiled anew in each process`);
  }

  #privateFolder(): string {
    if (this.#private !== undefined) return this.#private;
    try {
      this.#private = mkdtempSync(join(tmpdir(), "twopass-"));
    } catch (cause) {
      throw noFolder(writeProblem(cause) ?? String(cause), cause);
    }
    removeAtExit(this.#private);
    return this.#private;
  }

  /** Sweeps at the first file and then whenever an eighth of the limit has been added. */
  #keepBounds(folder: string, bytes: number): void {
    this.#bytesLeft -= bytes;
    this.#filesLeft -= 1;
    if (this.#bytesLeft > 0 && this.#filesLeft > 0) return;
    this.#bytesLeft = this.#mostBytes / 8;
    this.#filesLeft = this.#mostFiles / 8;
    sweep(folder, { bytes: this.#mostBytes, files: this.#mostFiles });
  }
}

function noFolder(facts: string, cause: unknown): TwopassError {
  const problem = "there is no folder to compile in";
  return new TwopassError({ op: "native", problem, facts, hint: "name one in TWOPASS_CACHE", cause });
}

/** Makes the folder where it is missing, and says why it may not be used. */
function problemOf(folder: string): string | undefined {
  try {
    makeFolder(folder);
    const stats = statSync(folder);
    if (stats.uid !== process.getuid?.()) return `the cache folder ${folder} belongs to another user`;
    if ((stats.mode & 0o022) !== 0) return `others may write to the cache folder ${folder}`;
    return undefined;
  } catch (error) {
    return `the cache folder ${folder} cannot be made: ${writeProblem(error) ?? String(error)}`;
  }
}

/** Folder by folder: Node's own way never ends where a system denies that a folder which it names is there, as /proc does. */
function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // It is there already, or another process was faster.
    if (code === "EEXIST" && statSync(folder).isDirectory()) return;
    if (code !== "ENOENT" || existsSync(dirname(folder))) throw error;
    makeFolder(dirname(folder));
    makeFolder(folder);
  }
}

/** What the system says of a file that cannot be written; undefined for any other error. */
function writeProblem(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (syscall === undefined) return diskTrouble.exec(error.message)?.[0];
  return error.message.startsWith(`${code}: `) ? error.message.slice(`${code}: `.length).split(", ")[0] : code;
}

/** In messages of a compiler. */
const diskTrouble = /no space left on device|disk quota exceeded|read-only file system/i;

function readSealed(path: string, key: string): Buffer | undefined {
  let file: number | undefined;
  try {
    file = openSync(path, "r");
    const bytes = readFileSync(file);
    const end = bytes.length - seal.length - sumBytes;
    if (end < 0 || !bytes.subarray(end, end + seal.length).equals(seal)) return undefined;
    const content = bytes.subarray(0, end);
    if (!sumOf(key, content).equals(bytes.subarray(-sumBytes))) return undefined;
    markAsUsed(file);
    return content;
  } catch {
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function markAsUsed(file: number): void {
  const now = Date.now();
  if (now - fstatSync(file).mtimeMs < markMs) return;
  try {
    futimesSync(file, now / 1000, now / 1000);
  } catch {
    // A disk that cannot be written removes nothing either.
  }
}

function sumOf(key: string, content: Buffer): Buffer {
  return createHash("sha256").update(key).update("\0").update(content).digest();
}

const atExit = new Set<string>();

function removeAtExit(folder: string): void {
  if (atExit.size === 0) {
    process.on("exit", () => {
      for (const path of atExit) rmSync(path, { recursive: true, force: true });
    });
  }
  atExit.add(folder);
}
