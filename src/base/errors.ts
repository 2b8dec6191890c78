/**
 * The one error class of the project and its relatives. Floor: base.
 * Every message has one form: `op: what is wrong: the facts (hint)`. Our own bugs start with `internal:`.
 */

export interface ErrorParts {
  /** The operation as the user wrote it: `matmul`, `nn.Linear`, `loadFile`. */
  readonly op: string;
  /** What is wrong, in a few words. */
  readonly problem: string;
  /** The facts: shapes, dtypes, names, numbers. */
  readonly facts?: string;
  /** What to do about it. */
  readonly hint?: string;
  readonly shapes?: readonly (readonly number[])[];
  readonly dtypes?: readonly string[];
  readonly cause?: unknown;
}

/**
 * Folders of the library's own files, so that a stack can start at the user's line: as sources, and as built, whose
 * frames a source map may turn back into sources.
 */
const ownFolders = ["src/", "dist/"].flatMap((folder) => {
  // Undefined in a bundle that is a CommonJS file. By text: bundlers take `new URL(..., import.meta.url)` for a file that
  // they must bring along.
  const file = import.meta.url as string | undefined;
  if (file === undefined) return [];
  const url = `${file.split("/").slice(0, -3).join("/")}/${folder}`;
  return url.startsWith("file://") ? [url, decodeURIComponent(url.slice(7))] : [url];
});

/**
 * An error with its facts as fields. The stack starts at the line of the caller outside of the library.
 *
 * @example
 * try {
 *   zeros(2, 3).matmul(zeros(2, 3));
 * } catch (error) {
 *   if (error instanceof TwopassError) [error.op, error.shapes]; // ["matmul", [[2, 3], [2, 3]]]
 * }
 */
export class TwopassError extends Error {
  /** Name at the head of a stack. */
  static readonly label: string = "TwopassError";
  override readonly name: string = "TwopassError";
  readonly op: string;
  readonly hint: string | undefined;
  readonly shapes: readonly (readonly number[])[];
  readonly dtypes: readonly string[];

  constructor(parts: ErrorParts) {
    const facts = parts.facts === undefined ? "" : `: ${parts.facts}`;
    const hint = parts.hint === undefined ? "" : ` (${parts.hint})`;
    const usual = raiseStackLimit();
    super(
      `${parts.op}: ${parts.problem}${facts}${hint}`,
      parts.cause === undefined ? undefined : { cause: parts.cause },
    );
    setStackLimit(usual);
    this.op = parts.op;
    this.hint = parts.hint;
    this.shapes = parts.shapes ?? [];
    this.dtypes = parts.dtypes ?? [];
    // Those that say nothing are not printed.
    for (const key of ["hint", "shapes", "dtypes"] as const) {
      if ((this[key]?.length ?? 0) === 0) Object.defineProperty(this, key, { enumerable: false });
    }
    const heading = this.stack?.replace(/^\w*Error\b/, new.target.label);
    this.stack = parts.op === "internal" ? (heading ?? "") : userStack(heading, usual);
  }
}

/**
 * A pending tensor still needs the old content of a parameter, buffer or state that has been overwritten.
 *
 * @example
 * const w = new nn.Parameter(tensor([1]));
 * const y = w.mul(3);
 * y.add(1);
 * w.assign(2);
 * await w.item(); // 2
 * await y.item().catch((error) => error instanceof StaleError); // true
 */
export class StaleError extends TwopassError {
  static override readonly label: string = "StaleError";
  override readonly name: string = "StaleError";
}

/** A bug of ours, never the user's fault. */
export function internal(problem: string): TwopassError {
  return new TwopassError({ op: "internal", problem, hint: "this is a bug in twopass, please report it" });
}

/** More frames than usual: the user's is behind those of the library. Gives the limit before; undefined where hosts have none. */
function raiseStackLimit(): number | undefined {
  const { stackTraceLimit } = Error as { stackTraceLimit?: number };
  if (stackTraceLimit !== undefined && stackTraceLimit > 0) setStackLimit(Math.max(stackTraceLimit, 60));
  return stackTraceLimit;
}

function setStackLimit(to: number | undefined): void {
  if (to !== undefined) (Error as { stackTraceLimit?: number }).stackTraceLimit = to;
}

/** Whether a file, as frames name it, is the library's. */
export function isOwnFile(file: string): boolean {
  return ownFolders.some((folder) => file.startsWith(folder));
}

/** Whether a frame is the library's, or that of a built-in function that it calls. */
function isOwnFrame(line: string): boolean {
  return ownFolders.some((folder) => line.includes(folder)) || line.endsWith(" (<anonymous>)");
}

/** Drops the frames of the library at the top of a stack, with the built-in functions that they call; the message stays. */
function userStack(stack: string | undefined, most = Number.POSITIVE_INFINITY): string {
  if (stack === undefined) return "";
  const lines = stack.split("\n");
  const first = lines.findIndex((line) => /^\s+at /.test(line));
  if (first < 0) return stack;
  let user = first;
  while (user < lines.length && isOwnFrame(lines[user] ?? "")) user++;
  if (user === lines.length) user = first;
  return [...lines.slice(0, first), ...lines.slice(user, user + most)].join("\n");
}

/** Remembers where the program is. Cheap: `lineOf` makes the text. */
export function here(): Error {
  const usual = raiseStackLimit();
  const place = new Error("here");
  setStackLimit(usual);
  return place;
}

/** The user's line at a place: the first frame outside of the library, or "" where a stack has none. */
export function lineOf(place: Error): string {
  const lines = (place.stack ?? "").split("\n");
  const frame =
    lines.find((line) => /^\s+at /.test(line) && !isOwnFrame(line) && !line.includes("node:internal")) ?? "";
  return frame.replace(/^\s+at /, "").replace(/^.*\((.*)\)$/, "$1");
}

/** The user's line that is being executed. */
export function callerLine(): string {
  return lineOf(here());
}

/** Text for a shape in messages: `[2, 3]`. */
export function showShape(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}

/** The candidate nearest to `word` by edit distance, or undefined where none is near. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** Throws for keys of `options` that are not in `known`, with the nearest known one as hint. */
export function checkOptions(op: string, options: object | undefined, known: readonly string[]): void {
  if (options === undefined) return;
  if (options === null || typeof options !== "object" || Array.isArray(options)) {
    throw new TwopassError({
      op,
      problem: "options must be an object",
      facts: `got ${describe(options)}`,
      ...(known.length === 0 ? {} : { hint: `write them with their names: { ${known.slice(0, 4).join(", ")} }` }),
    });
  }
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue;
    const near = nearest(key, known);
    throw new TwopassError({
      op,
      problem: `unknown option "${key}"`,
      hint: near === undefined ? `known: ${known.join(", ") || "none"}` : `did you mean "${near}"?`,
    });
  }
}

/** A short text for any value, for messages. */
export function describe(value: unknown): string {
  if (value === null) return "null";
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (typeof value === "function") return `the function ${value.name || "(anonymous)"}`;
  if (typeof value === "undefined") return "undefined";
  if (typeof value !== "object") return String(value as number | boolean | bigint | symbol);
  const name = value.constructor?.name ?? "object";
  if (Array.isArray(value)) return `an array of length ${value.length}`;
  if (ArrayBuffer.isView(value)) return `a ${name}`;
  return name === "Object" ? `an object with the keys ${Object.keys(value).join(", ") || "(none)"}` : `a ${name}`;
}
