/** `twopass predict`: what a saved model says to a file. Floor: cli; Node only. */
import { defaultDevice, deviceNames, setDefaultDevice } from "../tensor/engines.ts";
import { type Context, block, printLine } from "./context.ts";
import { kindNames } from "./kinds/kind.ts";
import { findModel, loadModel } from "./model-file.ts";
import {
  type Options,
  choice,
  columns,
  describeOptions,
  flag,
  path,
  positive,
  readArguments,
  whole,
  word,
} from "./options.ts";
import type { Texts } from "./texts.ts";

const command = "twopass predict";

const optionsOf = ({ options: t }: Texts) =>
  ({
    model: path(t.modelFile, "FILE", undefined),
    prompt: word(t.prompt, "TEXT", undefined),
    length: whole(t.length, 400, 1),
    temperature: positive(t.temperature, 0.8, true),
    seed: whole(t.predictSeed, 1, 0),
    steps: whole(t.steps, 7, 1),
    invert: flag(t.invert),
    device: choice(t.device, deviceNames, defaultDevice()),
    json: flag(t.json),
    help: flag(t.help),
  }) satisfies Options;

export async function predict(context: Context, args: readonly string[]): Promise<void> {
  const { texts } = context;
  const { values, words } = readArguments(command, optionsOf(texts), args, 1);
  if (values.help) return printLine(context, predictHelp(texts));
  setDefaultDevice(values.device);
  const file = await findModel(command, values.model);
  const recipe = await loadModel(command, file);
  const [input] = words;
  const { json, lines } = await recipe.predict(input, { texts, ...values });
  if (!values.json) return printLine(context, lines.join("\n"));
  const { task, model } = recipe.spec;
  printLine(context, JSON.stringify({ task, model: model.name, file, input: input ?? null, ...json }));
}

function predictHelp(texts: Texts): string {
  const { headings, commands, help } = texts;
  return [
    `${headings.usage}: ${command} [FILE] [--model FILE] [${headings.options}]\n\n${commands.predict}\n`,
    block("FILE", columns(kindNames.map((kind) => [kind, help.predictInputs[kind]]))),
    block(headings.options, describeOptions(optionsOf(texts))),
    block(headings.json, `  ${help.json.predict}`),
  ]
    .join("\n")
    .trimEnd();
}
