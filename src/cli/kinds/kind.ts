/**
 * What the four kinds of tasks have in common: images, tables, texts and series. A kind reads its data, and makes the
 * model of a specification, which is plain JSON. Floor: cli; Node only.
 */
import * as v from "valibot";
import { TwopassError } from "../../base/errors.ts";
import { RandomStream } from "../../base/random-stream.ts";
import type { Module } from "../../nn/index.ts";
import { type DeviceName, deviceNames } from "../../tensor/engines.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Batches, Metric, PairBatch, StepResult } from "../../train/index.ts";
import type { Texts } from "../texts.ts";

export const kindNames = ["image", "table", "text", "series"] as const;
export type KindName = (typeof kindNames)[number];

/** Where data comes from: a set that has a name, or files of one's own. Each kind has more fields. */
export interface Source {
  readonly set?: string | undefined;
  /** File or folder; absolute. In files it is written from the file's own folder. */
  readonly path?: string | undefined;
}

/** A model by name, with its sizes. */
export interface ModelChoice {
  readonly name: string;
}

export interface TrainSettings {
  readonly epochs: number;
  readonly batchSize: number;
  /** Highest learning rate of the one cycle. */
  readonly lr: number;
  readonly weightDecay: number;
  readonly seed: number;
  /** Share of the data that is held out; of a set that has a part for the test it is not used. */
  readonly validation: number;
  readonly device: DeviceName;
}

/** All that decides a training. */
export interface Job {
  /** Its name: "digits", or that of a configuration file. */
  readonly task: string;
  readonly kind: KindName;
  readonly data: Source;
  readonly model: ModelChoice;
  readonly train: TrainSettings;
}

/** A job and what was learned from its data before the training: class names, means, a tokenizer. */
export interface Spec extends Job {
  readonly version: 1;
  readonly fitted: object;
}

/** What a model has by default. */
export interface ModelDefaults {
  /** Its sizes, as a configuration file may give them. */
  readonly sizes: Readonly<Record<string, unknown>>;
  readonly train: Pick<TrainSettings, "epochs" | "batchSize" | "lr" | "weightDecay">;
}

/** Batches whose number is known. */
export type Loader = Batches<PairBatch> & { readonly length: number };

/** The data of a job, ready to train with. */
export interface Prepared {
  readonly spec: Spec;
  readonly training: Loader;
  readonly test: Batches<PairBatch>;
  /** Examples to train and to test with. */
  readonly counts: { readonly training: number; readonly test: number };
  /** What was done to the data, to be said. */
  readonly notes: readonly Note[];
}

/** Rows of a table that were left out or filled. */
export interface Note {
  readonly name: "withoutTarget" | "filled";
  readonly count: number;
}

export interface PredictOptions {
  /** Shown texts are in its language. */
  readonly texts: Texts;
  readonly prompt: string | undefined;
  readonly length: number;
  readonly temperature: number;
  readonly seed: number;
  readonly steps: number;
  readonly invert: boolean;
}

/** What a model says. */
export interface Prediction {
  /** As JSON, below the fields that all have. */
  readonly json: Readonly<Record<string, unknown>>;
  /** For people. */
  readonly lines: readonly string[];
}

/** A model with all that is needed to train, test and use it. */
export interface Recipe {
  readonly spec: Spec;
  readonly model: Module & { forward(x: Tensor): Tensor };
  /** Most norm of all gradients together. */
  readonly clipNorm?: number;
  step(batch: PairBatch): StepResult;
  /** Metrics that are counted at each training step. */
  live(): Readonly<Record<string, Metric>>;
  /** Metrics of a test. */
  measures(): Readonly<Record<string, Metric>>;
  /** Names of the classes, where there are some. */
  readonly classes?: readonly string[];
  /** An input, for a summary. */
  readonly example: Tensor;
  /** Batches of the held-out part of its own data, or of all data at a path. */
  test(path?: string): Promise<Batches<PairBatch>>;
  /** The answer to a file; undefined for none. @throws where the input cannot be used. */
  predict(input: string | undefined, options: PredictOptions): Promise<Prediction>;
}

export interface Kind {
  /** The models by name; the first is the default. */
  readonly models: Readonly<Record<string, ModelDefaults>>;
  /** Share that is held out of data of one's own. */
  readonly validation: number;
  /** Reads the data of a job, splits it, and learns from the training part. */
  prepare(job: Job): Promise<Prepared>;
  /**
   * The recipe of a specification.
   *
   * @param most elements of the weights that are there for it; default: any number.
   * @throws where it is damaged.
   */
  open(spec: Spec, most?: number): Recipe;
}

/** The order of every split: the same for all seeds of a training, so that their results can be compared. */
const splitSeed = 1;

/**
 * Numbers of the examples to train with, and of a share that is held out. With labels each label has its share, and at
 * least one example to train with.
 *
 * @throws where one of the two parts would be empty.
 */
export function splitExamples(
  op: string,
  count: number,
  heldShare: number,
  labels?: ArrayLike<unknown>,
): readonly [training: Int32Array, held: Int32Array] {
  const order = new RandomStream(splitSeed, "split").permutation(count);
  const groups = new Map<unknown, number[]>();
  for (const i of order) {
    const label = labels?.[i];
    const group = groups.get(label);
    if (group === undefined) groups.set(label, [i]);
    else group.push(i);
  }
  const isHeld = new Uint8Array(count);
  for (const group of groups.values()) {
    const most = Math.min(Math.round(group.length * heldShare), group.length - 1);
    for (const i of group.slice(0, most)) isHeld[i] = 1;
  }
  const [training, held] = [order.filter((i) => isHeld[i] === 0), order.filter((i) => isHeld[i] === 1)];
  if (training.length > 0 && held.length > 0) return [training, held];
  throw new TwopassError({
    op,
    problem: "too few examples to hold some out",
    facts: `${count}, a share of ${heldShare} to test with`,
    hint: "give more data, or another share: train.validation",
  });
}

/** A whole number in a range, for schemas; the message says what is expected. */
export function wholeNumber(least: number, most: number): v.GenericSchema<number> {
  const expected = `a whole number from ${least} to ${most}`;
  return v.pipe(v.number(expected), v.integer(expected), v.minValue(least, expected), v.maxValue(most, expected));
}

/** A number above 0, for schemas; with `orZero` also 0. */
export function positiveNumber(orZero = false): v.GenericSchema<number> {
  const expected = orZero ? "a number from 0" : "a number above 0";
  return v.pipe(
    v.number(expected),
    v.finite(expected),
    v.check((x) => x > 0 || (orZero && x === 0), expected),
  );
}

/** A text that is not empty, for schemas. */
export function filledText(expected = "a text"): v.GenericSchema<string> {
  return v.pipe(v.string(expected), v.nonEmpty(expected));
}

export function oneOf<const T extends readonly string[]>(words: T): v.PicklistSchema<T, string> {
  return v.picklist(words, words.map((one) => `"${one}"`).join(" or "));
}

const share = "a number between 0 and 1";

/** The settings of a training, all of them. */
export const trainEntries = {
  epochs: wholeNumber(1, 1_000_000),
  batchSize: wholeNumber(1, 1_000_000),
  lr: positiveNumber(),
  weightDecay: positiveNumber(true),
  seed: wholeNumber(0, Number.MAX_SAFE_INTEGER),
  validation: v.pipe(
    v.number(share),
    v.check((x) => x > 0 && x < 1, share),
  ),
  device: oneOf(deviceNames) as v.GenericSchema<DeviceName>,
};

/** Reads a part of a specification. @throws where it is none. */
export function readPart<T>(what: string, schema: v.GenericSchema<unknown, T>, part: unknown): T {
  const { success, output, issues } = v.safeParse(schema, part);
  if (success) return output;
  const [issue] = issues;
  throw new TwopassError({
    op: "model file",
    problem: `${what} is damaged`,
    facts: `${v.getDotPath(issue) ?? what}: expected ${issue.message}`,
    hint: "train it again",
  });
}

/** Throws before a model is made that has more weights than its file: a damaged size could exhaust the memory. */
export function checkWeights(needed: number, most = Number.POSITIVE_INFINITY): void {
  if (needed <= most) return;
  const facts = `its sizes make ${needed} or more, there are ${most}`;
  throw new TwopassError({ op: "model file", problem: "model has other weights", facts, hint: "train it again" });
}

/** Weights of fully connected layers between these sizes. */
export function denseWeights(sizes: readonly number[]): number {
  return sizes.slice(1).reduce((sum, size, i) => sum + size * (sizes[i] as number), 0);
}
