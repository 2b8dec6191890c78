/**
 * Options of a command: `--name value`, `--name=value` and flags, read by a table that also makes the help.
 * Floor: cli; Node only.
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
  /** The value of a text, undefined where it is none. */
  readonly read: (text: string) => T | undefined;
}

/** Options by name, without the dashes. */
export type Options = Readonly<Record<string, Option<unknown>>>;

export type Values<S extends Options> = { readonly [K in keyof S]: S[K] extends Option<infer T> ? T : never };

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

/** A number above 0. */
export function positive<T>(help: string, initial: T): Option<number | T> {
  return {
    placeholder: "X",
    help,
    initial,
    expected: "a number above 0",
    read: (text) =>
      text.trim() !== "" && Number(text) > 0 && Number.isFinite(Number(text)) ? Number(text) : undefined,
  };
}

/** One of some words. */
export function choice<const T extends string>(help: string, words: readonly T[], initial: T): Option<T> {
  return {
    placeholder: words.join("|"),
    help,
    initial,
    expected: words.join(" or "),
    read: (text) => words.find((word) => word === text),
  };
}

/** A path, or another text that is not empty. */
export function path<T>(help: string, placeholder: string, initial: T): Option<string | T> {
  return { placeholder, help, initial, expected: "a path", read: (text) => (text === "" ? undefined : text) };
}

/** On where it is given. */
export function flag(help: string): Option<boolean> {
  return { placeholder: "", help, initial: false, expected: "", read: () => true };
}

/**
 * The values of `args`; the last one counts where an option is given twice.
 *
 * @throws TwopassError for an unknown option, a missing or wrong value, and anything that is no option.
 */
export function readOptions<S extends Options>(command: string, specs: S, args: readonly string[]): Values<S> {
  const names = Object.keys(specs);
  const values: Record<string, unknown> = Object.fromEntries(names.map((name) => [name, specs[name]?.initial]));
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
    if (token.kind === "positional") throw mistake(command, `"${token.value}" is no option`, helpHint);
    const option = Object.hasOwn(specs, token.name) ? specs[token.name] : undefined;
    if (option === undefined) throw unknownOption(command, token.rawName, names);
    // What looks like the next option is one; a value that begins with dashes is written behind "=".
    const missing = token.inlineValue === false && token.value.startsWith("--");
    values[token.name] = readValue(command, token.rawName, option, missing ? undefined : token.value);
  }
  return values as Values<S>;
}

function readValue(command: string, name: string, option: Option<unknown>, text: string | undefined): unknown {
  if (option.placeholder === "") {
    if (text !== undefined) throw mistake(command, `${name} takes no value`, `write ${name} alone`);
    return true;
  }
  if (text === undefined) throw mistake(command, `${name} needs a value`, `it takes ${option.expected}`);
  const value = option.read(text);
  if (value === undefined) throw mistake(command, `${name} cannot be "${text}"`, `it takes ${option.expected}`);
  return value;
}

function unknownOption(command: string, rawName: string, names: readonly string[]): TwopassError {
  const near = rawName.startsWith("--") ? nearest(rawName.slice(2), names) : undefined;
  return mistake(command, `unknown option ${rawName}`, near === undefined ? helpHint : `did you mean --${near}?`);
}

/** The hint where no nearer one is known. */
export const helpHint = "--help lists what there is";

/** A mistake on the command line. */
export function mistake(command: string, problem: string, hint: string): TwopassError {
  return new TwopassError({ op: command, problem, hint });
}

/** The lines of the help for some options. */
export function describeOptions(specs: Options): string {
  const left = Object.entries(specs).map(([name, { placeholder }]) => `  --${name} ${placeholder}`.trimEnd());
  const width = Math.max(...left.map((text) => text.length)) + 2;
  return Object.values(specs)
    .map(({ help }, i) => `${(left[i] as string).padEnd(width)}${help}`)
    .join("\n");
}
