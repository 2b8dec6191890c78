/** The options of `twopass train`, and its help. Floor: cli; Node only. */
import { deviceNames } from "../tensor/engines.ts";
import { block } from "./context.ts";
import {
  type Options,
  type Values,
  choice,
  columns,
  describeOptions,
  flag,
  path,
  positive,
  whole,
  word,
} from "./options.ts";
import { type TaskName, kinds, taskNames, tasks } from "./tasks.ts";
import { widthOf } from "./table-text.ts";
import type { Texts } from "./texts.ts";

/** All options; with the task their help tells its models. */
export function trainOptions({ options: t }: Texts, task?: TaskName) {
  const models = task === undefined ? "NAME" : Object.keys(kinds[tasks[task].kind].models).join("|");
  return {
    model: word(t.model, models, undefined),
    epochs: whole(t.epochs, undefined, 1),
    "batch-size": whole(t["batch-size"], undefined, 1),
    lr: positive(t.lr, undefined),
    "weight-decay": positive(t["weight-decay"], undefined, true),
    seed: whole(t.seed, undefined, 0),
    device: choice(t.device, deviceNames, undefined),
    data: path(t.data, "PATH", undefined),
    target: word(t.target, "COLUMN", undefined),
    column: word(t.column, "COLUMN", undefined),
    tokenizer: choice(t.tokenizer, ["char", "bpe"], undefined),
    config: path(t.config, "FILE", undefined),
    out: path(t.out, "FILE", undefined),
    checkpoint: path(t.checkpoint, "DIR", undefined),
    "checkpoint-every": whole(t["checkpoint-every"], undefined, 1),
    resume: path(t.resume, "DIR", undefined),
    log: path(t.log, "DIR", undefined),
    watch: path(t.watch, "DIR", undefined),
    "watch-every": whole(t["watch-every"], undefined, 1),
    "watch-traces": whole(t["watch-traces"], undefined, 0),
    json: flag(t.json),
    help: flag(t.help),
  } satisfies Options;
}

export type TrainValues = Values<ReturnType<typeof trainOptions>>;

/** Options that are for one kind alone. */
export const optionOfKind = { table: "target", series: "column", text: "tokenizer" } as const;

/** The options that a task takes. */
function optionsFor(texts: Texts, task: TaskName | undefined): Options {
  const all = trainOptions(texts, task);
  if (task === undefined) return all;
  const { kind } = tasks[task];
  const others = Object.entries(optionOfKind).flatMap(([name, option]) => (name === kind ? [] : [option]));
  return Object.fromEntries(
    Object.entries(all).filter(([name]) => name !== "config" && !others.includes(name as never)),
  );
}

/** One example for each kind, without what may be left out. */
const configs = {
  table: '{ "data": { "csv": "houses.csv", "target": "price" } }',
  image: '{ "data": { "images": "pets", "size": 32 }, "model": { "name": "cnn" } }',
  text: '{ "data": { "text": "book.txt" }, "train": { "epochs": 5 } }',
  series: '{ "data": { "series": "sales.csv", "column": "sold" }, "out": "sales.safetensors" }',
} as const;

export function trainHelp(texts: Texts, task: TaskName | undefined): string {
  const { headings, help } = texts;
  const usage = [
    `${headings.usage}: twopass train ${task ?? help.task} [${headings.options}]`,
    ...(task === undefined ? [`twopass train --config FILE [${headings.options}]`, "twopass train --resume DIR"] : []),
  ].join(`\n${" ".repeat(widthOf(headings.usage) + 2)}`);
  const { [task ?? "digits"]: about } = texts.tasks;
  const shown = task === undefined ? taskNames : [task];
  const models = shown.flatMap((name) =>
    Object.entries(kinds[tasks[name].kind].models).map(([model, { train }]): [string, string] => [
      `${name} --model ${model}`,
      help.defaults(train.epochs, train.batchSize, train.lr),
    ]),
  );
  const blocks = [
    `${usage}\n\n${task === undefined ? texts.commands.train : about}\n`,
    ...(task === undefined ? [block(headings.tasks, columns(taskNames.map((name) => [name, texts.tasks[name]])))] : []),
    block(headings.models, columns(models)),
    block(headings.options, describeOptions(optionsFor(texts, task))),
    ...(task === undefined
      ? [
          block(
            headings.config,
            (Object.keys(configs) as (keyof typeof configs)[])
              .map((kind) => `  ${help.configs[kind]}\n    ${configs[kind]}`)
              .join("\n"),
          ),
        ]
      : []),
    block(headings.json, `  ${help.json.train}`),
  ];
  return blocks.join("\n").trimEnd();
}
