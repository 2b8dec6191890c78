/** The commands by name. Floor: cli; Node only. */
import { readFileSync } from "node:fs";
import process from "node:process";
import { nearest } from "../base/errors.ts";
import { digits } from "./digits.ts";
import { helpHint, mistake } from "./options.ts";

const commands: Readonly<Record<string, (args: readonly string[]) => Promise<void>>> = {
  "train digits": digits,
};

const help = `\
usage: twopass <command> [options]

  twopass train digits   trains a classifier on the handwritten digits of MNIST

  --help                 this text; behind a command, its options
  --version              the version
`;

/** Runs a command line; throws for a mistake in it. */
export async function run(args: readonly string[]): Promise<void> {
  const [first, second] = args;
  if (first === undefined || first === "--help" || first === "help") {
    process.stdout.write(help);
    return;
  }
  if (first === "--version") {
    process.stdout.write(`${version()}\n`);
    return;
  }
  const words = args.slice(0, second === undefined || second.startsWith("-") ? 1 : 2).join(" ");
  const command = Object.hasOwn(commands, words) ? commands[words] : undefined;
  if (command === undefined) {
    const near =
      nearest(words, Object.keys(commands)) ?? Object.keys(commands).find((name) => name.startsWith(`${first} `));
    throw mistake("twopass", `unknown command "${words}"`, near === undefined ? helpHint : `did you mean "${near}"?`);
  }
  await command(args.slice(2));
}

function version(): string {
  const file = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(file) as { version: string }).version;
}
