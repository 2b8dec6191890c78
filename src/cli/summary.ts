/** `twopass summary`: the layers of a task's model, or of a saved one. Floor: cli; Node only. */
import { summary as summaryOf } from "../nn/index.ts";
import { type Context, block, printLine } from "./context.ts";
import type { Recipe } from "./kinds/kind.ts";
import { findModel, loadModel } from "./model-file.ts";
import { type Options, describeOptions, flag, readArguments, word } from "./options.ts";
import { completeJob, kinds, taskNames, tasks } from "./tasks.ts";
import type { Texts } from "./texts.ts";

const command = "twopass summary";

const optionsOf = ({ options: t }: Texts) =>
  ({ model: word(t.summaryModel, "NAME", undefined), json: flag(t.json), help: flag(t.help) }) satisfies Options;

export async function summary(context: Context, args: readonly string[]): Promise<void> {
  const { values, words } = readArguments(command, optionsOf(context.texts), args, 1);
  if (values.help) return printLine(context, summaryHelp(context.texts));
  const recipe = await recipeOf(words[0], values.model);
  const found = summaryOf(recipe.model, recipe.example);
  const { task, model } = recipe.spec;
  if (!values.json) {
    printLine(context, `${task}, ${model.name}\n\n${String(found)}`);
    return;
  }
  const layers = found.rows.map(({ path, className, parameters, outputShapes }) => {
    return { path, class: className, parameters, shapes: outputShapes };
  });
  const { parameters, trainable, buffers, multiplyAdds } = found;
  const result = { task, model: model.name, parameters, trainable, buffers, multiply_adds: multiplyAdds, layers };
  printLine(context, JSON.stringify(result));
}

/** The model of a task, untrained, or that of a file. */
async function recipeOf(word: string | undefined, model: string | undefined): Promise<Recipe> {
  const task = taskNames.find((name) => name === word);
  if (task === undefined) return loadModel(command, await findModel(command, word));
  const { kind, data } = tasks[task];
  const job = completeJob(command, { task, kind, data, ...(model === undefined ? {} : { model: { name: model } }) });
  // What a model needs of its data: columns, classes, tokens.
  const { spec } = await kinds[kind].prepare(job);
  return kinds[kind].open(spec);
}

function summaryHelp(texts: Texts): string {
  const { headings, commands, help } = texts;
  return [
    `${headings.usage}: ${command} ${help.task}|FILE [${headings.options}]\n\n${commands.summary}\n`,
    block(headings.tasks, `  ${taskNames.join(", ")}`),
    block(headings.options, describeOptions(optionsOf(texts))),
    block(headings.json, `  ${help.json.summary}`),
  ]
    .join("\n")
    .trimEnd();
}
