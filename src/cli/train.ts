/** `twopass train`: trains the model of a job, tests it, saves it. Floor: cli; Node only. */
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import process from "node:process";
import { watch } from "../inspect/index.ts";
import { RunFolder } from "../inspect/node/index.ts";
import { Adam, AdamW, OneCycleLR } from "../optim/index.ts";
import { engineOf, setDefaultDevice } from "../tensor/engines.ts";
import { manualSeed } from "../tensor/random.ts";
import type { Callback, History } from "../train/index.ts";
import { CsvLogger, JsonlLogger, TensorBoardLogger, Trainer, progressBar } from "../train/node/index.ts";
import { readConfig } from "./config.ts";
import { type Context, count, printLine } from "./context.ts";
import type { Job, Prepared, Recipe, Spec } from "./kinds/kind.ts";
import { checkOut, modelEnding, saveModel } from "./model-file.ts";
import { didYouMean, helpHint, mistake, readArguments } from "./options.ts";
import { checkFitted, checkSame, readRun, startRun } from "./run-folder.ts";
import { type TaskName, type Wishes, completeJob, defined, kinds, taskNames, tasks } from "./tasks.ts";
import { testFields, testLine, testModel } from "./test-model.ts";
import { type TrainValues, optionOfKind, trainHelp, trainOptions } from "./train-options.ts";

/** A job, and where it goes. */
interface Order {
  readonly job: Job;
  readonly out: string;
  /** What a run to go on with has. */
  readonly resumed: Spec | undefined;
}

export async function train(context: Context, args: readonly string[]): Promise<void> {
  const start = performance.now();
  const [first] = args;
  const command = first === undefined || first.startsWith("-") ? "twopass train" : `twopass train ${first}`;
  const { values, words } = readArguments(command, trainOptions(context.texts), args, 1);
  const task = words[0] === undefined ? undefined : taskOf(words[0]);
  if (values.help) return printLine(context, trainHelp(context.texts, task));
  const { job, out, resumed } = await orderOf(command, task, values);
  // Before the training, not behind it.
  await checkOut(command, out);

  manualSeed(job.train.seed);
  setDefaultDevice(job.train.device);
  const prepared = await kinds[job.kind].prepare(job);
  const folder = values.resume ?? values.checkpoint;
  if (resumed !== undefined) checkFitted(command, values.resume as string, resumed, prepared.spec);
  else if (folder !== undefined) await startRun(command, folder, { spec: prepared.spec, out });
  const recipe = kinds[job.kind].open(prepared.spec);
  const timer = new StepTimer(engineOf(job.train.device).device.phaseTimes);
  const history = await fit(context, values, prepared, recipe, timer);
  if (history.interrupted) {
    sayInterrupted(context, values, history, folder);
    return;
  }
  const scalars = await testModel(recipe, prepared.test);
  await saveModel(recipe, out);
  const seconds = (performance.now() - start) / 1000;
  const { texts } = context;
  printLine(context, `\n${testLine(context, scalars)} ${texts.train.seconds(seconds.toFixed(1))}`);
  printLine(context, texts.train.passes(...timer.phases(seconds)));
  printLine(context, texts.train.saved(resolve(out)));
  if (!values.json) return;
  const { test_loss, ...measured } = testFields(scalars);
  const result = {
    task: job.task,
    ...measured,
    epochs: job.train.epochs,
    seconds: Number(seconds.toFixed(3)),
    device: job.train.device,
    threads: engineOf(job.train.device).device.threads,
    ms_per_step: timer.steps === 0 ? null : Number((timer.milliseconds / timer.steps).toFixed(3)),
    test_loss,
    steps: history.steps,
    seed: job.train.seed,
    model: job.model.name,
    out: resolve(out),
  };
  printLine(context, JSON.stringify(result));
}

function taskOf(word: string): TaskName {
  const task = taskNames.find((name) => name === word);
  if (task !== undefined) return task;
  const hint = didYouMean(word, taskNames, `there are ${taskNames.join(", ")}, or --config FILE`);
  throw mistake("twopass train", `unknown task "${word}"`, hint);
}

/** What the command line asks for. */
async function orderOf(command: string, task: TaskName | undefined, values: TrainValues): Promise<Order> {
  const { config, resume, checkpoint, out } = values;
  if (task !== undefined && config !== undefined) {
    throw mistake(command, "both a task and --config", "give one of the two");
  }
  if (resume !== undefined && checkpoint !== undefined) {
    throw mistake(command, "both --resume and --checkpoint", "a run that goes on keeps its folder");
  }
  if (values["checkpoint-every"] !== undefined && resume === undefined && checkpoint === undefined) {
    throw mistake(command, "--checkpoint-every without a folder", "--checkpoint DIR");
  }
  checkWatch(command, values);
  const run = resume === undefined ? undefined : await readRun(command, resume);
  const resumed = run?.spec;
  if (task === undefined && config === undefined && resumed === undefined) {
    throw mistake(command, "what shall be trained?", `there are ${taskNames.join(", ")}, or --config FILE`);
  }
  const read = config === undefined ? undefined : await readConfig(config);
  if (task !== undefined && resumed !== undefined && task !== resumed.task) {
    throw mistake(command, `--resume: the run in ${resume} is of the task ${resumed.task}`, "give its own folder");
  }
  const base = read ?? resumed ?? { task, ...tasks[task as TaskName] };
  const wishes = withOptions(command, base as Wishes & { readonly validation?: number }, values);
  if (resumed !== undefined) checkSame(command, resume as string, wishes, resumed);
  const job = resumed ?? completeJob(command, wishes);
  return { job, out: out ?? run?.out ?? read?.out ?? `${job.task}${modelEnding}`, resumed };
}

/** Checkpoints have a file run.json too, and a log event files for TensorBoard: both hold other things than the run's. */
function checkWatch(command: string, values: TrainValues): void {
  const { watch: folder, log, resume, checkpoint = resume } = values;
  for (const name of ["watch-every", "watch-traces"] as const) {
    if (values[name] !== undefined && folder === undefined) {
      throw mistake(command, `--${name} without a folder`, "--watch DIR");
    }
  }
  if (folder !== undefined && checkpoint !== undefined && resolve(folder) === resolve(checkpoint)) {
    throw mistake(command, "--watch and the checkpoints have one folder", "give each its own");
  }
  if (folder !== undefined && log !== undefined && resolve(folder) === resolve(log)) {
    throw mistake(
      command,
      "--watch and --log have one folder",
      "give each its own; that of --watch has the scalars too",
    );
  }
}

/** Wishes with what the options say. */
function withOptions(
  command: string,
  { validation, ...base }: Wishes & { readonly validation?: number },
  values: TrainValues,
): Wishes {
  const own = ownData(command, base, values);
  const { epochs, "batch-size": batchSize, lr, "weight-decay": weightDecay, seed, device, model } = values;
  const held = own === undefined ? validation : undefined;
  const train = { ...base.train, ...(held === undefined ? {} : { validation: held }) };
  return {
    ...base,
    data: own ?? base.data,
    ...(model === undefined ? {} : { model: modelChanged(base, model) }),
    train: { ...train, ...defined({ epochs, batchSize, lr, weightDecay, seed, device }) },
  };
}

/** Sizes belong to a model: another one has its own. */
function modelChanged({ model }: Wishes, name: string): { readonly name: string } {
  return model?.name === name ? { ...model, name } : { name };
}

/** Data in the place of the task's; undefined where there is none. */
function ownData(command: string, { kind, data }: Wishes, values: TrainValues): Wishes["data"] | undefined {
  const own = kind === "image" ? undefined : optionOfKind[kind];
  for (const name of Object.values(optionOfKind)) {
    if (values[name] === undefined) continue;
    if (name !== own) throw mistake(command, `--${name} does not fit this task`, helpHint);
    if (values.data === undefined && name !== "tokenizer") {
      throw mistake(command, `--${name} is for data of your own`, "give it with --data FILE");
    }
  }
  if (values.data === undefined) {
    return values.tokenizer === undefined ? undefined : { ...data, ...defined({ tokenizer: values.tokenizer }) };
  }
  const path = resolve(values.data);
  if (own === undefined || data.set === undefined) return { ...data, path };
  if (values[own] === undefined && own !== "tokenizer") {
    throw mistake(command, `--data needs --${own}`, "the name of a column");
  }
  // What the named task is about holds for other data too.
  const { task } = data as { readonly task?: string };
  return defined({ path, [own]: values[own], task });
}

async function fit(
  context: Context,
  values: TrainValues,
  { training, test, counts, notes, spec }: Prepared,
  recipe: Recipe,
  timer: StepTimer,
): Promise<History> {
  const { texts, stream } = context;
  const { epochs, batchSize, lr, weightDecay, device, seed } = spec.train;
  const { model } = recipe;
  const parameters = count(model.parameters().reduce((sum, parameter) => sum + parameter.size, 0));
  const sizes = { parameters, training: count(counts.training), test: count(counts.test) };
  for (const note of notes) printLine(context, texts.train.notes[note.name](note.count));
  printLine(context, `${texts.train.plan({ model: spec.model.name, ...sizes, batchSize, epochs, device, seed })}\n`);

  const adam = weightDecay > 0 ? AdamW : Adam;
  const optimizer = new adam(model.parameters(), { lr, weightDecay });
  const loggers = values.log === undefined ? [] : await openLoggers(values.log, spec);
  const trainer = new Trainer({
    model,
    optimizer,
    step: (batch) => recipe.step(batch),
    metrics: recipe.live(),
    schedule: new OneCycleLR(optimizer, { maxLr: lr, totalSteps: epochs * training.length }),
    callbacks: [timer, progressBar({ stream })],
    loggers,
    logEvery: 50,
    ...(recipe.clipNorm === undefined ? {} : { clipGradNorm: recipe.clipNorm }),
  });
  if (values.watch !== undefined) {
    const { "watch-every": recordEvery = 50, "watch-traces": traceEvery = 500 } = values;
    watch(trainer, { sink: new RunFolder(values.watch), every: recordEvery, traceEvery });
  }
  const dir = values.resume ?? values.checkpoint;
  const every = values["checkpoint-every"];
  try {
    return await trainer.fit(training, {
      epochs,
      // A set's own test part is looked at once, at the end.
      ...(spec.data.set === undefined ? { validation: test } : {}),
      ...(dir === undefined ? {} : { checkpoint: { dir, ...(every === undefined ? {} : { everySteps: every }) } }),
      ...(values.resume === undefined ? {} : { resume: values.resume }),
    });
  } finally {
    for (const logger of loggers) logger.close();
  }
}

async function openLoggers(folder: string, spec: Spec): Promise<(JsonlLogger | CsvLogger | TensorBoardLogger)[]> {
  await mkdir(folder, { recursive: true }).catch(() => undefined);
  const events = new TensorBoardLogger(folder);
  events.logHyperparameters({ task: spec.task, ...spec.model, ...spec.train });
  return [new JsonlLogger(join(folder, "log.jsonl")), new CsvLogger(join(folder, "log.csv")), events];
}

function sayInterrupted(context: Context, values: TrainValues, history: History, folder: string | undefined): void {
  const { texts } = context;
  const epoch = history.epochs.length + 1;
  printLine(context, `\n${texts.train.interrupted(epoch, history.steps)}`);
  const others = (["out", "watch", "watch-every", "watch-traces"] as const).flatMap((name) => {
    return values[name] === undefined ? [] : [` --${name} ${values[name]}`];
  });
  const again =
    folder === undefined
      ? texts.train.notKept
      : texts.train.resume(`twopass train --resume ${folder}${others.join("")}`);
  printLine(context, again);
  // As of a program that Ctrl-C ended.
  process.exitCode = 130;
}

/** Time and number of the training steps, without the validation. */
class StepTimer implements Callback {
  steps = 0;
  milliseconds = 0;
  /** Milliseconds in each phase, which the device counts on. */
  readonly #device: readonly number[];
  readonly #phases = [0, 0, 0];
  #before: { readonly time: number; readonly step: number; readonly phases: readonly number[] } | undefined;

  constructor(phaseTimes: readonly number[]) {
    this.#device = phaseTimes;
  }

  onEpochStart: NonNullable<Callback["onEpochStart"]> = ({ trainer }) => {
    this.#before = { time: performance.now(), step: trainer.step, phases: [...this.#device] };
  };

  onValidationStart: NonNullable<Callback["onValidationStart"]> = ({ trainer }) => this.#stop(trainer.step);
  onEpochEnd: NonNullable<Callback["onEpochEnd"]> = ({ trainer }) => this.#stop(trainer.step);

  #stop(step: number): void {
    if (this.#before === undefined) return;
    const { time, step: first, phases } = this.#before;
    this.milliseconds += performance.now() - time;
    this.steps += step - first;
    phases.forEach((before, i) => (this.#phases[i] = (this.#phases[i] ?? 0) + (this.#device[i] ?? 0) - before));
    this.#before = undefined;
  }

  /** Seconds in the forward passes, the backward passes and the updates, and in all else of `total`, as texts. */
  phases(total: number): readonly [forward: string, backward: string, update: string, rest: string] {
    const [forward = 0, backward = 0, update = 0] = this.#phases.map((time) => time / 1000);
    const rest = Math.max(0, total - forward - backward - update);
    return [forward.toFixed(2), backward.toFixed(2), update.toFixed(2), rest.toFixed(2)];
  }
}
