/**
 * Arguments of a command: `--name value`, `--name=value`, flags, and words without dashes, read by a table that also
 * makes the help. Floor: cli; Node only.
 */
import { parseArgs } from "node:util";
import { TwopassError, nearest } from "../base/errors.ts";

/** How one option is read. A flag takes no value. */
export interface Option<T> {
  /** What stands for the value in the help, such as N; empty for a flag. */
  readonly placeholder: string;
  readonly help: string;
  readonly initial: T;
  /** What a value must be, for messages. */
  readonly expected: string;
  /** All values, where they are words. */
  readonly words?: readonly string[];
  /** The value of a text, undefined where it is none. */
  readonly read: (text: string) => T | undefined;
}

/** Options by name, without the dashes. */
export type Options = Readonly<Record<string, Option<unknown>>>;

export type Values<S extends Options> = { readonly [K in keyof S]: S[K] extends Option<infer T> ? T : never };

/** What a command line says. */
export interface Arguments<S extends Options> {
  readonly values: Values<S>;
  /** Names of the options that are there. */
  readonly given: ReadonlySet<string>;
  /** The words that are no options, in order. */
  readonly words: readonly string[];
}

/** A whole number, at least `least`. */
export function whole<T>(help: string, initial: T, least: number): Option<number | T> {
  return {
    placeholder: "N",
    help,
    initial,
    expected: `a whole number from ${least}`,
    read: (text) =>
      /^\d+$/.test(text) && Number(text) >= least && Number.isSafeInteger(Number(text)) ? Number(text) : undefined,
  };
}

/** A number above 0; with `orZero` also 0. */
export function positive<T>(help: string, initial: T, orZero = false): Option<number | T> {
  const isGood = (x: number): boolean => Number.isFinite(x) && (x > 0 || (orZero && x === 0));
  return {
    placeholder: "X",
    help,
    initial,
    expected: orZero ? "a number from 0" : "a number above 0",
    read: (text) => (text.trim() !== "" && isGood(Number(text)) ? Number(text) : undefined),
  };
}

/** One of some words. */
export function choice<const T extends string, const I>(help: string, words: readonly T[], initial: I): Option<T | I> {
  return {
    placeholder: words.join("|"),
    help,
    initial,
    expected: words.join(" or "),
    words,
    read: (text) => words.find((word) => word === text),
  };
}

/** A path. */
export function path<T>(help: string, placeholder: string, initial: T): Option<string | T> {
  return { placeholder, help, initial, expected: "a path", read: (text) => (text === "" ? undefined : text) };
}

/** Any text but the empty one. */
export function word<T>(help: string, placeholder: string, initial: T): Option<string | T> {
  return { ...path(help, placeholder, initial), expected: "a text" };
}

/** On where it is given. */
export function flag(help: string): Option<boolean> {
  return { placeholder: "", help, initial: false, expected: "", read: () => true };
}

/**
 * Reads a command line; the last value counts where an option is given twice.
 *
 * @param most words that are no options.
 * @throws TwopassError for an unknown option, a missing or wrong value, and a word too many.
 */
export function readArguments<S extends Options>(
  command: string,
  specs: S,
  args: readonly string[],
  most = 0,
): Arguments<S> {
  const names = Object.keys(specs);
  const values: Record<string, unknown> = Object.fromEntries(names.map((name) => [name, specs[name]?.initial]));
  const given = new Set<string>();
  const words: string[] = [];
  const flags = names.filter((name) => specs[name]?.placeholder === "");
  const { tokens } = parseArgs({
    args: [...args],
    // A flag is of the type boolean, so that the word behind it is not taken as its value.
    options: Object.fromEntries(names.map((name) => [name, { type: flags.includes(name) ? "boolean" : "string" }])),
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  for (const token of tokens) {
    if (token.kind === "option-terminator") continue;
    if (token.kind === "positional") {
      words.push(token.value);
      if (words.length > most) throw mistake(command, `unexpected argument "${token.value}"`, helpHint);
      continue;
    }
    const option = Object.hasOwn(specs, token.name) ? specs[token.name] : undefined;
    if (option === undefined) throw unknownOption(command, token.rawName, names);
    // What looks like the next option is one; a value that begins with dashes is written behind "=".
    const missing = token.inlineValue === false && token.value.startsWith("--");
    values[token.name] = readValue(command, token.rawName, option, missing ? undefined : token.value);
    given.add(token.name);
  }
  return { values: values as Values<S>, given, words };
}

function readValue(command: string, name: string, option: Option<unknown>, text: string | undefined): unknown {
  if (option.placeholder === "") {
    if (text !== undefined) throw mistake(command, `${name} takes no value`, `write ${name} alone`);
    return true;
  }
  if (text === undefined) throw mistake(command, `${name} needs a value`, `it takes ${option.expected}`);
  const value = option.read(text);
  if (value !== undefined) return value;
  throw mistake(command, `${name} cannot be "${text}"`, didYouMean(text, option.words, `it takes ${option.expected}`));
}

function unknownOption(command: string, rawName: string, names: readonly string[]): TwopassError {
  const near = rawName.startsWith("--") ? nearest(rawName.slice(2), names) : undefined;
  return mistake(command, `unknown option ${rawName}`, near === undefined ? helpHint : `did you mean --${near}?`);
}

/** The hint where no nearer one is known. */
export const helpHint = "--help lists what there is";

/** A hint with the nearest of some words, where one is near. */
export function didYouMean(given: string, words: readonly string[] | undefined, otherwise: string): string {
  const near = nearest(given, words ?? []);
  return near === undefined ? otherwise : `did you mean "${near}"? ${otherwise}`;
}

/** A mistake on the command line. */
export function mistake(command: string, problem: string, hint: string, cause?: unknown): TwopassError {
  return new TwopassError({ op: command, problem, hint, cause });
}

/** The lines of the help for some options. */
export function describeOptions(specs: Options): string {
  return columns(
    Object.entries(specs).map(([name, { placeholder, help }]) => [`--${name} ${placeholder}`.trimEnd(), help]),
  );
}

/** Two columns, indented. */
export function columns(rows: readonly (readonly [left: string, right: string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  return rows.map(([left, right]) => `  ${left.padEnd(width)}${right}`.trimEnd()).join("\n");
}
