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
    const [, , text = ""] = match;
    const name = declared.exec(source)?.[1] ?? "";
    const at = text.indexOf("@example\n");
    if (at < 0) return { file, name, text, example: undefined };
    const line = source.slice(0, match.index + text.slice(0, at).length).split("\n").length;
    const lines = text.slice(at).split("\n").slice(1, -1);
    return { file, name, text, example: { line, program: lines.map((s) => s.replace(/^ *\* ?/, "")).join("\n") } };
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

/** Runs an example with the names of `scope`: what its comments want, and what is printed. */
export async function outputsOf({ program }: Example, scope: Readonly<Record<string, unknown>>): Promise<Output[]> {
  const outputs: Output[] = [];
  let logged: string[] = [];
  const show = (value: unknown, wanted: string): void => {
    const nothing = value === undefined && logged.length > 0;
    outputs.push({ wanted, printed: nothing ? logged.join("\n") : shown(value) });
    logged = [];
  };
  const used = Object.entries({ ...scope, show }).filter(([name]) => new RegExp(`\\b${name}\\b`).test(`${program} show`));
  const code = transformSync("example.mts", withOutputs(program)).code;
  const run = compileFunction(
    `return (async () => {\n${code}\n})();`,
    used.map(([name]) => name),
  ) as (...values: unknown[]) => Promise<void>;
  const { log } = console;
  console.log = (...values: unknown[]) => logged.push(values.map((v) => (typeof v === "string" ? v : shown(v))).join(" "));
  try {
    await run(...used.map(([, value]) => value));
  } finally {
    console.log = log;
  }
  return outputs;
}

/** The program with `expression; // value` turned into `show(expression, "value");`. */
function withOutputs(program: string): string {
  const { program: tree, comments, errors } = parseSync("example.mts", program);
  if (errors[0] !== undefined) throw new SyntaxError(errors[0].message);
  const edits: { readonly start: number; readonly end: number; readonly text: string }[] = [];
  new Visitor({
    ExpressionStatement({ start, end, expression }) {
      const comment = comments.find((c) => c.start > end && /^ *$/.test(program.slice(end, c.start)));
      if (comment === undefined) return;
      const text = program.slice(expression.start, expression.end);
      edits.push({ start, end, text: `show(${text}, ${JSON.stringify(comment.value.trim())});` });
    },
  }).visit(tree);
  return edits.sort((a, b) => b.start - a.start).reduce((s, e) => s.slice(0, e.start) + e.text + s.slice(e.end), program);
}

const shown = (value: unknown): string => inspect(value, { breakLength: Number.POSITIVE_INFINITY, depth: null });

/** Whether what is printed is what is wanted: numbers to the digits of those that are wanted, whatever the spaces. */
export function agrees({ printed, wanted }: Output): boolean {
  const parts = (text: string): string[] => text.replaceAll("'", '"').replaceAll(/\s/g, "").split(/(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)/);
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
