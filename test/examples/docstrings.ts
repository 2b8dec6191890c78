/**
 * The examples in the comments of the sources: where they stand, what is public, and what they print. An example is
 * TypeScript; an expression statement with a comment behind it prints what the comment says.
 */
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { inspect } from "node:util";
import { compileFunction } from "node:vm";
import { Visitor, parseSync, transformSync } from "rolldown/utils";
import { root } from "./run-program.ts";

export interface Docstring {
  readonly file: string;
  /** Of what stands below it. */
  readonly name: string;
  readonly text: string;
  /** Whether it belongs to a member of a class or an interface. */
  readonly isMember: boolean;
  readonly example: Example | undefined;
}

export interface Example {
  /** Line of `@example` in the file. */
  readonly line: number;
  readonly program: string;
}

export interface Output {
  readonly wanted: string;
  readonly printed: string;
}

const sources = new Map<string, string>();
function sourceOf(file: string): string {
  const text = sources.get(file) ?? readFileSync(join(root, file), "utf8");
  sources.set(file, text);
  return text;
}

export const sourceFiles: readonly string[] = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .map((file) => `src/${file.replaceAll("\\", "/")}`)
  .sort();

const declared =
  /(?:export )?(?:declare )?(?:(?:abstract|async|override|static|readonly|get|set|function|class|const|interface|type) )*\*?(#?\w+)/y;

/** The comments of a file that document something, in order. */
export function docstringsOf(file: string): Docstring[] {
  const source = sourceOf(file);
  return [...source.matchAll(/^( *)\/\*\*((?:(?!\*\/)[^])*)\*\/\n\1(?=\S)/gm)].map((match) => {
    declared.lastIndex = match.index + match[0].length;
    const [, indent = "", text = ""] = match;
    const isMember = indent !== "";
    const name = declared.exec(source)?.[1] ?? "";
    const at = text.indexOf("@example\n");
    if (at < 0) return { file, name, text, isMember, example: undefined };
    const line = source.slice(0, match.index + text.slice(0, at).length).split("\n").length;
    const lines = text.slice(at).split("\n").slice(1, -1);
    const program = lines.map((line) => line.replace(/^ *\* ?/, "")).join("\n");
    return { file, name, text, isMember, example: { line, program } };
  });
}

export interface Declaration {
  readonly file: string;
  readonly name: string;
  /** The line that declares it. */
  readonly head: string;
}

const published = new Map<string, ReadonlyMap<string, Declaration>>();

/** Where the values that a file exports are declared, by their public names. */
export function declarationsOf(file: string): ReadonlyMap<string, Declaration> {
  const before = published.get(file);
  if (before !== undefined) return before;
  const found = new Map<string, Declaration>();
  const source = sourceOf(file);
  const from = (path: string): ReadonlyMap<string, Declaration> => declarationsOf(join(dirname(file), path));
  for (const [head, name = ""] of source.matchAll(
    /^export (?:async )?(?:function\*?|const|class|abstract class) (\w+).*/gm,
  )) {
    found.set(name, { file, name, head });
  }
  for (const [, path = ""] of source.matchAll(/^export \* from "(.+)";/gm)) {
    for (const [name, declaration] of from(path)) found.set(name, declaration);
  }
  for (const [, name = "", path = ""] of source.matchAll(/^export \* as (\w+) from "(.+)";/gm)) {
    found.set(name, { file: join(dirname(file), path), name, head: "" });
  }
  for (const [, list = "", path = ""] of source.matchAll(/^export \{([^}]*)\} from "(.+)";/gm)) {
    for (const item of list.split(",").filter((text) => !/^\s*(type |$)/.test(text))) {
      const [name = "", as = name] = item.trim().split(" as ");
      const declaration = from(path).get(name);
      if (declaration !== undefined) found.set(as, declaration);
    }
  }
  published.set(file, found);
  return found;
}

/**
 * Runs an example with the names of `scope`. What a comment wants is compared each time that its line runs; one that never
 * runs prints nothing. A line without a value prints what it logs.
 */
export async function outputsOf(program: string, scope: Readonly<Record<string, unknown>>): Promise<Output[]> {
  const { code, comments } = withOutputs(program);
  const printed = comments.map((): string[] => []);
  let logged: string[] = [];
  const show = (i: number, value: unknown): void => {
    printed[i]?.push(value === undefined && logged.length > 0 ? logged.join("\n") : shown(value));
    logged = [];
  };
  const names = { ...scope, show };
  const run = compileFunction(`return (async () => {\n${code}\n})();`, Object.keys(names)) as (
    ...values: unknown[]
  ) => Promise<void>;
  const { log } = console;
  console.log = (...values: unknown[]): void => {
    logged.push(values.map((value) => (typeof value === "string" ? value : shown(value))).join(" "));
  };
  try {
    await run(...Object.values(names));
  } finally {
    console.log = log;
  }
  return comments.flatMap((wanted, i) => {
    const all = printed[i]?.length === 0 ? [""] : (printed[i] ?? []);
    return all.map((text) => ({ wanted, printed: text }));
  });
}

/** The program as JavaScript, with each `expression; // value` turned into `show(i, expression)`, and these values. */
function withOutputs(program: string): { readonly code: string; readonly comments: readonly string[] } {
  const { program: tree, comments, errors } = parseSync("example.mts", program);
  if (errors[0] !== undefined) throw new SyntaxError(errors[0].message);
  const found: {
    readonly start: number;
    readonly end: number;
    readonly expression: string;
    readonly wanted: string;
  }[] = [];
  new Visitor({
    ExpressionStatement({ start, end, expression }) {
      const comment = comments.find((c) => c.start > end && /^ *$/.test(program.slice(end, c.start)));
      if (comment === undefined) return;
      const wanted = comment.value.trim();
      found.push({ start, end, expression: program.slice(expression.start, expression.end), wanted });
    },
  }).visit(tree);
  found.sort((a, b) => a.start - b.start);
  const edited = found.reduceRight(
    (text, { start, end, expression }, i) => `${text.slice(0, start)}show(${i}, ${expression});${text.slice(end)}`,
    program,
  );
  return { code: transformSync("example.mts", edited).code, comments: found.map(({ wanted }) => wanted) };
}

const shown = (value: unknown): string =>
  inspect(value, { breakLength: Number.POSITIVE_INFINITY, compact: true, depth: null });

/** Whether what is printed is what is wanted: numbers to the digits of those that are wanted, whatever the spaces. */
export function agrees({ printed, wanted }: Output): boolean {
  const parts = (text: string): string[] =>
    text
      .replaceAll("'", '"')
      .replaceAll(/\s/g, "")
      .split(/(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)/);
  const got = parts(printed);
  const want = parts(wanted);
  return got.length === want.length && want.every((part, i) => part === got[i] || sameNumber(part, got[i] ?? ""));
}

function sameNumber(wanted: string, got: string): boolean {
  const [, digits, exponent] = /^-?\d+\.(\d+)(e.+)?$/.exec(wanted) ?? [];
  if (digits === undefined || got === "") return false;
  const number = Number(got);
  return (exponent === undefined ? number.toFixed(digits.length) : number.toExponential(digits.length)) === wanted;
}
