/**
 * A file that only grows, for logs: each piece is written at once, so that a process that is killed loses none; `flush`
 * makes them outlast a power failure. Floor: train; Node only.
 */
import {
  closeSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import process from "node:process";
import { TwopassError } from "../../base/errors.ts";
import { fileError } from "../../io/node-files.ts";

const newline = 10;
/** Bytes looked at in one go for the end of the last whole line. */
const block = 65_536;

export class LogFile {
  readonly path: string;
  readonly #op: string;
  #file: number | undefined;

  /**
   * Opens a file to append to it, and makes it and its folder where they are missing.
   *
   * @param op for messages.
   * @throws where that is not possible.
   */
  constructor(op: string, path: string) {
    this.#op = op;
    this.path = path;
    this.#file = this.#doing("cannot open the file", () => {
      mkdirSync(dirname(path), { recursive: true });
      return openSync(path, "a+");
    });
  }

  /** Bytes in the file. */
  get size(): number {
    return fstatSync(this.#open()).size;
  }

  /** Cuts off what follows the last line's end: the piece of a line that a killed process left. */
  cutTornLine(): void {
    const file = this.#open();
    this.#doing("cannot read the end of the file", () => {
      const size = fstatSync(file).size;
      const bytes = new Uint8Array(block);
      let end = size;
      while (end > 0) {
        const start = Math.max(0, end - block);
        const count = readSync(file, bytes, 0, end - start, start);
        const last = bytes.subarray(0, count).lastIndexOf(newline);
        end = last < 0 ? start : start + last + 1;
        if (last >= 0 || count === 0) break;
      }
      if (end < size) ftruncateSync(file, end);
    });
  }

  /** The whole content. */
  read(): string {
    return this.#doing("cannot read the file", () => readFileSync(this.path, "utf8"));
  }

  /** Writes at the end. */
  append(piece: string | Uint8Array): void {
    const file = this.#open();
    const bytes = typeof piece === "string" ? new TextEncoder().encode(piece) : piece;
    this.#doing("cannot write to the file", () => writeAll(file, bytes));
  }

  /** Replaces the content: after a crash it is the old one or the new one. */
  replace(content: string): void {
    const old = this.#open();
    this.#doing("cannot write the file", () => {
      const target = realpathSync(this.path);
      const temporary = `${target}.${process.pid}.tmp`;
      try {
        const file = openSync(temporary, "w", fstatSync(old).mode & 0o777);
        try {
          writeAll(file, new TextEncoder().encode(content));
          fsyncSync(file);
        } finally {
          closeSync(file);
        }
        // Some systems do not rename over a file that is open.
        closeSync(old);
        this.#file = undefined;
        renameSync(temporary, target);
      } finally {
        rmSync(temporary, { force: true });
        this.#file ??= openSync(target, "a+");
      }
    });
  }

  /** Returns when what was written is on the disk. */
  flush(): void {
    const file = this.#open();
    this.#doing("cannot flush the file", () => fsyncSync(file));
  }

  /** Flushes and closes; a second call does nothing. */
  close(): void {
    if (this.#file === undefined) return;
    this.flush();
    closeSync(this.#file);
    this.#file = undefined;
  }

  #open(): number {
    if (this.#file !== undefined) return this.#file;
    throw new TwopassError({
      op: this.#op,
      problem: "the logger is closed",
      facts: JSON.stringify(this.path),
      hint: "make a new one; it appends",
    });
  }

  #doing<T>(problem: string, body: () => T): T {
    try {
      return body();
    } catch (cause) {
      throw fileError(this.#op, problem, this.path, cause);
    }
  }
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
}
