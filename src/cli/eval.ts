/** `twopass eval`: tests a saved model. Floor: cli; Node only. */
import { defaultDevice, deviceNames, setDefaultDevice } from "../tensor/engines.ts";
import { ConfusionMatrix } from "../train/index.ts";
import { type Context, block, printLine } from "./context.ts";
import { findModel, loadModel } from "./model-file.ts";
import { type Options, choice, describeOptions, flag, path, readArguments } from "./options.ts";
import { testFields, testLine, testModel } from "./test-model.ts";
import type { Texts } from "./texts.ts";

const command = "twopass eval";
/** Larger tables are not read by people. */
const mostClasses = 30;

const optionsOf = ({ options: t }: Texts) =>
  ({
    model: path(t.modelFile, "FILE", undefined),
    data: path(t.testData, "PATH", undefined),
    device: choice(t.device, deviceNames, defaultDevice()),
    json: flag(t.json),
    help: flag(t.help),
  }) satisfies Options;

export async function evaluate(context: Context, args: readonly string[]): Promise<void> {
  const { texts } = context;
  const { values, words } = readArguments(command, optionsOf(texts), args, 1);
  if (values.help) return printLine(context, evalHelp(texts));
  setDefaultDevice(values.device);
  const file = await findModel(command, values.model ?? words[0]);
  const recipe = await loadModel(command, file);
  const { classes } = recipe;
  const confusion = classes === undefined ? undefined : new ConfusionMatrix(classes.length, { labels: [...classes] });
  const batches = await recipe.test(values.data);
  const scalars = await testModel(recipe, batches, confusion === undefined ? {} : { confusion });
  const counts = await confusion?.compute();
  if (values.json) {
    const result = { task: recipe.spec.task, model: recipe.spec.model.name, file, ...testFields(scalars) };
    return printLine(
      context,
      JSON.stringify({ ...result, ...(classes === undefined ? {} : { classes, confusion: counts }) }),
    );
  }
  printLine(context, testLine(context, scalars));
  if (confusion === undefined || (classes ?? []).length > mostClasses) return;
  printLine(context, `\n${texts.eval.confusion}\n${String(confusion)}`);
}

function evalHelp(texts: Texts): string {
  const { headings, commands, help } = texts;
  return [
    `${headings.usage}: ${command} [--model FILE] [${headings.options}]\n\n${commands.eval}\n`,
    block(headings.options, describeOptions(optionsOf(texts))),
    block(headings.json, `  ${help.json.eval}`),
  ]
    .join("\n")
    .trimEnd();
}
