/** `twopass devices`: what computes here, what is on and off in it, and why. Floor: cli; Node only. */
import { defaultDevice } from "../tensor/engines.ts";
import { deviceReports } from "../tensor/start-device.ts";
import { type Context, block, printLine } from "./context.ts";
import { type Options, describeOptions, flag, readArguments } from "./options.ts";
import type { Texts } from "./texts.ts";

const command = "twopass devices";

const optionsOf = ({ options: t }: Texts) => ({ json: flag(t.json), help: flag(t.help) }) satisfies Options;

export function devices(context: Context, args: readonly string[]): void {
  const { texts } = context;
  const { values } = readArguments(command, optionsOf(texts), args);
  if (values.help) return printLine(context, devicesHelp(texts));
  const usual = defaultDevice();
  const reports = Object.entries(deviceReports());
  if (values.json) {
    const found = reports.map(([name, report]) => [name, { default: name === usual, report }] as const);
    return printLine(context, JSON.stringify({ devices: Object.fromEntries(found) }));
  }
  const blocks = reports.map(([name, report]) => {
    const heading = name === usual ? `${name} (${texts.devices.usual})` : name;
    return block(heading, report.replaceAll(/^/gm, "  "));
  });
  printLine(context, blocks.join("\n").trimEnd());
}

function devicesHelp(texts: Texts): string {
  const { headings, commands, help } = texts;
  return [
    `${headings.usage}: ${command} [${headings.options}]\n\n${commands.devices}\n`,
    block(headings.options, describeOptions(optionsOf(texts))),
    block(headings.json, `  ${help.json.devices}`),
  ]
    .join("\n")
    .trimEnd();
}
