/** `twopass inspect`: shows the runs of a folder in a browser, until Ctrl-C. Floor: cli; Node only. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import process from "node:process";
import { serveRuns } from "../inspect/node/index.ts";
import { isLoopback } from "../inspect/node/server/own-names.ts";
import { usualPort } from "../inspect/node/server/listen.ts";
import { type Context, block, printLine } from "./context.ts";
import { type Options, describeOptions, flag, readArguments, whole, word } from "./options.ts";
import type { Texts } from "./texts.ts";

const command = "twopass inspect";

const optionsOf = ({ options: t }: Texts) =>
  ({
    port: whole(t.port, undefined, 0),
    host: word(t.host, "NAME", "127.0.0.1"),
    open: flag(t.open),
    json: flag(t.json),
    help: flag(t.help),
  }) satisfies Options;

export async function inspect(context: Context, args: readonly string[]): Promise<void> {
  const { texts } = context;
  const { values, words } = readArguments(command, optionsOf(texts), args, 1);
  if (values.help) return printLine(context, inspectHelp(texts));
  const [folder = "."] = words;
  const { port, host, json } = values;
  const server = await serveRuns(folder, { host, ...(port === undefined ? {} : { port }) });
  // Those who read JSON read nothing else on stdout.
  const note = (line: string): void => (json ? console.error(line) : printLine(context, line));
  if (port === undefined && server.port !== usualPort) note(texts.inspect.otherPort(usualPort, server.port));
  if (!isLoopback(host)) note(texts.inspect.exposed);
  if (!existsSync(folder)) note(texts.inspect.waiting(folder));
  if (json) printLine(context, JSON.stringify({ url: server.url, port: server.port, folder }));
  else printLine(context, `${texts.inspect.serving(folder)}\n\n  ${server.url}\n`);
  if (values.open) openBrowser(server.url, () => note(texts.inspect.notOpened));
  await Promise.race(["SIGINT", "SIGTERM"].map((signal) => once(process, signal)));
  await server.close();
}

/** Opens an address as the system does it. */
function openBrowser(url: string, failed: () => void): void {
  const [program, ...args] =
    process.platform === "win32"
      ? (["cmd", "/c", "start", "", url] as const)
      : ([process.platform === "darwin" ? "open" : "xdg-open", url] as const);
  let isTold = false;
  const tell = (): void => {
    if (!isTold) failed();
    isTold = true;
  };
  const child = spawn(program, args, { detached: true, stdio: "ignore" });
  child.on("error", tell).on("exit", (code) => code !== 0 && tell());
  child.unref();
}

function inspectHelp(texts: Texts): string {
  const { headings, commands, help } = texts;
  return [
    `${headings.usage}: ${command} [DIR] [${headings.options}]\n\n${commands.inspect}\n`,
    block("DIR", `  ${help.inspected}`),
    block(headings.options, describeOptions(optionsOf(texts))),
    block(headings.json, `  ${help.json.inspect}`),
  ]
    .join("\n")
    .trimEnd();
}
