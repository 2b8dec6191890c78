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

/** Lines of places in files of a program, which stay what they are. */
const lines = new Map<string, string>();
const mostLines = 4096;

/** What a file of the library is to a call site. */
interface FileKind {
  readonly isSkipped: boolean;
  readonly isOwn: boolean;
  readonly isBelowTensors: boolean;
  readonly isOfTensors: boolean;
}

const kinds = new Map<string, FileKind>();

function kindOf(file: string): FileKind {
  let kind = kinds.get(file);
  if (kind === undefined) {
    kind = {
      isSkipped: file === "" || file.startsWith("node:"),
      isOwn: isOwnFile(file),
      isBelowTensors: isBelowTensors(file),
      isOfTensors: isOfTensors(file),
    };
    if (kinds.size >= mostLines) kinds.clear();
    kinds.set(file, kind);
  }
  return kind;
}

/** The call site of the code that is running. */
export function callSiteHere(): CallSite {
  return findIn(fewFrames) ?? findIn(mostFrames) ?? unknownSite;
}

function findIn(most: number): CallSite | undefined {
  const frames = framesHere(most);
  if (frames === undefined) return unknownSite;
  let call = "";
  let isInside = true;
  for (const frame of frames) {
    const file = frame.getFileName() ?? "";
    const kind = kindOf(file);
    if (kind.isSkipped) continue;
    if (!kind.isOwn) return { line: lineAt(file, frame), call };
    // A layer calls functions of tensors, and those call each other: the outermost of them is what it wrote.
    if (!isInside || kind.isBelowTensors) continue;
    if (!kind.isOfTensors) isInside = false;
    else call = nameOf(frame.getFunctionName()) ?? call;
  }
  return most < mostFrames && frames.length === most ? undefined : { line: "", call };
}

function lineAt(file: string, frame: Frame): string {
  const key = `${file}:${frame.getLineNumber()}:${frame.getColumnNumber()}`;
  let line = lines.get(key);
  if (line === undefined) {
    line = shortLine(lineOf(here()));
    if (lines.size >= mostLines) lines.clear();
    lines.set(key, line);
  }
  return line;
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
