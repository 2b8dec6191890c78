/** The commands by name, their language, and the help of all. Floor: cli; Node only. */
import { readFileSync } from "node:fs";
import process from "node:process";
import type { Writable } from "node:stream";
import { type Context, block, printLine } from "./context.ts";
import { devices } from "./devices.ts";
import { evaluate } from "./eval.ts";
import { inspect } from "./inspect.ts";
import { columns, didYouMean, helpHint, mistake } from "./options.ts";
import { predict } from "./predict.ts";
import { summary } from "./summary.ts";
import { taskNames } from "./tasks.ts";
import { type CommandName, type Language, type Texts, languageOf, languages, localeOf } from "./texts.ts";
import { train } from "./train.ts";

const commands: Readonly<Record<CommandName, (context: Context, args: readonly string[]) => void | Promise<void>>> = {
  train,
  eval: evaluate,
  predict,
  summary,
  devices,
  inspect,
};
const names = Object.keys(commands) as CommandName[];

/** What the process gives to a command line. */
export interface Surroundings {
  readonly stream?: Writable & { readonly isTTY?: boolean };
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** Runs a command line; throws for a mistake in it. */
export async function run(args: readonly string[], surroundings: Surroundings = {}): Promise<void> {
  const { stream = process.stdout, environment = process.env } = surroundings;
  const { language, rest } = takeLanguage(args, environment);
  const context: Context = { texts: languages[language], stream };
  const [first, ...others] = rest;
  if (first === undefined || first === "--help" || first === "help") return printLine(context, help(context.texts));
  if (first === "--version") return printLine(context, version());
  const command = names.find((name) => name === first);
  if (command === undefined) {
    throw mistake("twopass", `unknown command "${first}"`, didYouMean(first, names, helpHint));
  }
  await commands[command](context, others);
}

/** The language of `--lang`, or of the locale, and the other arguments. */
function takeLanguage(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): { readonly language: Language; readonly rest: readonly string[] } {
  const at = args.findIndex((arg) => arg === "--lang" || arg.startsWith("--lang="));
  if (at < 0) return { language: languageOf(localeOf(environment)), rest: args };
  const inline = args[at]?.startsWith("--lang=") === true;
  const given = inline ? args[at]?.slice("--lang=".length) : args[at + 1];
  const known = Object.keys(languages) as Language[];
  const language = known.find((name) => name === given);
  if (language === undefined) {
    const problem = given === undefined ? "--lang needs a value" : `--lang cannot be "${given}"`;
    throw mistake("twopass", problem, `it takes ${known.join(" or ")}`);
  }
  return { language, rest: args.toSpliced(at, inline ? 1 : 2) };
}

function help(texts: Texts): string {
  const { headings, commands: about, options, help: more } = texts;
  const usages: Readonly<Record<CommandName, string>> = {
    train: `twopass train ${taskNames.join("|")}`,
    eval: "twopass eval --model FILE",
    predict: "twopass predict FILE --model FILE",
    summary: `twopass summary ${more.task}|FILE`,
    devices: "twopass devices",
    inspect: "twopass inspect DIR",
  };
  return [
    `${headings.usage}: twopass COMMAND [${headings.options}]\n`,
    block(headings.commands, columns(names.map((name) => [name, about[name]]))),
    block(headings.examples, names.map((name) => `  ${usages[name]}`).join("\n")),
    block(
      headings.options,
      columns([
        ["--help", options.help],
        ["--version", options.version],
        ["--lang en|zh", options.lang],
      ]),
    ),
    more.more,
  ].join("\n");
}

function version(): string {
  const file = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(file) as { version: string }).version;
}
