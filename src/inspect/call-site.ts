/**
 * Where the program made a vertex, and by which function. Stacks are looked at as frames, which is quick; the text of a
 * frame, which a source map may turn back, is made once for each place. Floor: inspect.
 */
import { here, isOwnFile, lineOf } from "../base/errors.ts";

export interface CallSite {
  /** The user's line, "" where it is not known. */
  readonly line: string;
  /** The function or method of a tensor that was called, "" where it is not known. */
  readonly call: string;
}

const unknownSite: CallSite = { line: "", call: "" };

/** What V8 tells of a frame. Other engines have no frames, and lines are left out there. */
interface Frame {
  getFileName(): string | null | undefined;
  getLineNumber(): number | null;
  getColumnNumber(): number | null;
  getFunctionName(): string | null;
}

interface FramesError {
  stackTraceLimit: number;
  prepareStackTrace?: ((error: Error, frames: Frame[]) => unknown) | undefined;
  captureStackTrace?: (target: object, above?: unknown) => void;
}

const host = Error as unknown as FramesError;
/** Enough for most; where the program is not among them, all are looked at. */
const fewFrames = 24;
const mostFrames = 80;

/** Finds call sites; places that were seen are known. */
export class CallSites {
  readonly #lines = new Map<string, string>();

  /** That of the code that is running. */
  find(): CallSite {
    return this.#findIn(fewFrames) ?? this.#findIn(mostFrames) ?? unknownSite;
  }

  #findIn(most: number): CallSite | undefined {
    const frames = framesHere(most);
    if (frames === undefined) return unknownSite;
    let call = "";
    let isInside = true;
    for (const frame of frames) {
      const file = frame.getFileName() ?? "";
      if (file === "" || file.startsWith("node:")) continue;
      if (!isOwnFile(file)) {
        const key = `${file}:${frame.getLineNumber()}:${frame.getColumnNumber()}`;
        let line = this.#lines.get(key);
        if (line === undefined) {
          line = shortLine(lineOf(here()));
          this.#lines.set(key, line);
        }
        return { line, call };
      }
      // A layer calls functions of tensors, and those call each other: the outermost of them is what it wrote.
      if (!isInside || isBelowTensors(file)) continue;
      if (!isOfTensors(file)) isInside = false;
      else call = nameOf(frame.getFunctionName()) ?? call;
    }
    return most < mostFrames && frames.length === most ? undefined : { line: "", call };
  }
}

function framesHere(most: number): readonly Frame[] | undefined {
  if (host.captureStackTrace === undefined) return undefined;
  const { prepareStackTrace, stackTraceLimit } = host;
  const holder: { stack?: unknown } = {};
  try {
    host.stackTraceLimit = most;
    host.prepareStackTrace = (_, frames) => frames;
    host.captureStackTrace(holder, framesHere);
    return Array.isArray(holder.stack) ? (holder.stack as Frame[]) : undefined;
  } finally {
    host.prepareStackTrace = prepareStackTrace;
    host.stackTraceLimit = stackTraceLimit;
  }
}

function isBelowTensors(file: string): boolean {
  return /\/(base|ir|ops|transform|inspect)\/[^/]*(\/[^/]*)?$/.test(file);
}

function isOfTensors(file: string): boolean {
  return file.includes("/tensor/") || file.includes("/nn/functional/");
}

/** The name without its class; undefined for what has none, such as a callback. */
function nameOf(name: string | null): string | undefined {
  const short = name?.replace(/^.*\./, "") ?? "";
  return /^[a-zA-Z_]\w*$/.test(short) && !insideNames.has(short) ? short : undefined;
}

/** Functions that are never what a program calls. */
const insideNames = new Set(["result", "withMode", "scope", "map", "forEach", "reduce", "anonymous", "useAll"]);

/** The file's path from its last two folders on: a trace goes to other machines. */
function shortLine(line: string): string {
  return line.replace(/^async /, "").replace(/^(?:file:\/\/)?.*?((?:[^/\\]+[/\\]){0,2}[^/\\]+:\d+:\d+)$/, "$1");
}
