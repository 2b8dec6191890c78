/** Regression and classification of tables: cars, penguins, CSV files of one's own. Floor: cli; Node only. */
import * as v from "valibot";
import { TwopassError } from "../../base/errors.ts";
import { DataLoader, type Row, type Table, TableEncoder, type TableEncoding, TensorDataset } from "../../data/index.ts";
import { cars, penguins, readCsvFile } from "../../data/node/index.ts";
import { CrossEntropyLoss, Dropout, Linear, MSELoss, ReLU, Sequential } from "../../nn/index.ts";
import { zeros } from "../../tensor/creation.ts";
import { noGrad } from "../../tensor/scope.ts";
import {
  Accuracy,
  type Batches,
  MeanAbsoluteError,
  type PairBatch,
  R2Score,
  RootMeanSquaredError,
} from "../../train/index.ts";
import { table as lines } from "../table-text.ts";
import { classPrediction } from "./class-prediction.ts";
import {
  type Job,
  type Kind,
  type PredictOptions,
  type Prediction,
  type Recipe,
  type Spec,
  checkWeights,
  denseWeights,
  filledText,
  oneOf,
  readPart,
  splitExamples,
  wholeNumber,
} from "./kind.ts";

const op = "table";
const width = wholeNumber(1, 65_536);

/** What a configuration file may say of a CSV file, beside its path. */
export const tableEntries = {
  target: filledText("the name of a column"),
  inputs: v.optional(v.pipe(v.array(filledText(), "a list of columns"), v.minLength(1, "one column or more"))),
  task: v.optional(oneOf(["regression", "classification"])),
  /** What a missing input becomes: the mean of its column, or an error. */
  missing: v.optional(oneOf(["fill", "error"]), "fill"),
  delimiter: v.optional(v.pipe(v.string("one character"), v.length(1, "one character"))),
  decimal: v.optional(oneOf([".", ","])),
};

const dataSchema = v.strictObject({
  set: v.optional(oneOf(["cars", "penguins"])),
  path: v.optional(filledText()),
  ...tableEntries,
});

const dropoutRate = v.pipe(
  v.number("a number from 0 to 0.9"),
  v.minValue(0),
  v.maxValue(0.9, "a number from 0 to 0.9"),
);

/** The models and their sizes. */
export const tableModels = {
  mlp: v.strictObject({
    name: v.literal("mlp"),
    hidden: v.pipe(v.array(width, "a list of numbers"), v.maxLength(20, "at most 20 numbers")),
    dropout: dropoutRate,
  }),
  linear: v.strictObject({ name: v.literal("linear") }),
};
const modelSchema = v.variant("name", [tableModels.mlp, tableModels.linear]);
const fittedSchema = v.strictObject({ encoding: v.looseObject({}) });

type Data = v.InferOutput<typeof dataSchema>;

function build(features: number, outputs: number, model: v.InferOutput<typeof modelSchema>): Sequential {
  if (model.name === "linear") return new Sequential(new Linear(features, outputs));
  const sizes = [features, ...model.hidden];
  const hidden = model.hidden.flatMap((size, i) => [
    new Linear(sizes[i] as number, size),
    new ReLU(),
    ...(model.dropout > 0 ? [new Dropout(model.dropout)] : []),
  ]);
  return new Sequential(...hidden, new Linear(sizes.at(-1) as number, outputs));
}

async function read(data: Data, path = data.path): Promise<Table> {
  if (path === undefined) return data.set === "penguins" ? penguins() : cars();
  const { delimiter, decimal } = data;
  return readCsvFile(path, {
    ...(delimiter === undefined ? {} : { delimiter }),
    ...(decimal === undefined ? {} : { decimal }),
  });
}

/** The rows whose target is there, split. */
function split(data: Data, all: Table, heldShare: number): { rows: Table; training: Table; held: Table } {
  const { kind } = all.column(data.target);
  const rows = all.dropMissing([data.target]);
  if (rows.length === 0) {
    const facts = `column ${JSON.stringify(data.target)}`;
    throw new TwopassError({ op, problem: "no row has a target", facts, hint: "is it the right column?" });
  }
  const isClass = (data.task ?? (kind === "number" ? "regression" : "classification")) === "classification";
  const labels = isClass ? Array.from(rows.rows(), (row) => row[data.target]) : undefined;
  const [training, held] = splitExamples(op, rows.length, heldShare, labels);
  return { rows, training: rows.take(training), held: rows.take(held) };
}

function loaderOf(encoder: TableEncoder, rows: Table, batchSize: number, shuffle: boolean) {
  return new DataLoader(new TensorDataset(encoder.inputs(rows), encoder.target(rows)), { batchSize, shuffle });
}

async function prepare(job: Job): ReturnType<Kind["prepare"]> {
  const data = readPart("data", dataSchema, job.data);
  const { batchSize, validation } = job.train;
  const all = await read(data);
  const { rows, training, held } = split(data, all, validation);
  const encoder = TableEncoder.fit(training, {
    target: data.target,
    standardizeTarget: true,
    missing: data.missing,
    unknown: "zeros",
    ...(data.inputs === undefined ? {} : { inputs: data.inputs }),
    ...(data.task === undefined ? {} : { task: data.task }),
  });
  const names = encoder.toJSON().inputs.map(({ name }) => name);
  const holes = rows.length - rows.dropMissing(names).length;
  return {
    spec: { ...job, data, version: 1, fitted: { encoding: encoder.toJSON() } },
    training: loaderOf(encoder, training, batchSize, true),
    test: loaderOf(encoder, held, batchSize, false),
    counts: { training: training.length, test: held.length },
    notes: [
      ...(all.length > rows.length ? [{ name: "withoutTarget", count: all.length - rows.length } as const] : []),
      ...(holes > 0 ? [{ name: "filled", count: holes } as const] : []),
    ],
  };
}

async function testBatches(spec: Spec, data: Data, encoder: TableEncoder, path?: string): Promise<Batches<PairBatch>> {
  const table = await read(data, path);
  const { batchSize, validation } = spec.train;
  const rows = path === undefined ? split(data, table, validation).held : table.dropMissing([data.target]);
  return loaderOf(encoder, rows, batchSize, false);
}

async function predict(
  recipe: Recipe,
  data: Data,
  encoder: TableEncoder,
  input: string,
  { texts }: PredictOptions,
): Promise<Prediction> {
  const table = await read(data, input);
  const actual = table.names.includes(data.target)
    ? Array.from(table.rows(), (row: Row) => row[data.target] as number | string | boolean | null)
    : undefined;
  const output = noGrad(() => recipe.model.forward(encoder.inputs(table)));
  if (recipe.classes !== undefined) {
    const rows = await output.softmax(1).array(2);
    return classPrediction(rows, recipe.classes, actual?.map(String), texts);
  }
  const values = encoder.decodeTarget(await output.data());
  const { row, predicted, actual: truth } = texts.predict.columns;
  const show = (x: number): string => String(Number(x.toPrecision(6)));
  return {
    json: {
      predictions: values.map((value, i) => ({ value, ...(actual === undefined ? {} : { actual: actual[i] }) })),
    },
    lines: lines(
      [row, predicted, ...(actual === undefined ? [] : [truth])],
      values.map((value, i) => [String(i + 1), show(value), ...(actual === undefined ? [] : [String(actual[i])])]),
    ),
  };
}

function open(spec: Spec, most?: number): Recipe {
  const data = readPart("data", dataSchema, spec.data);
  const { encoding } = readPart("fitted", fittedSchema, spec.fitted);
  const encoder = TableEncoder.fromJSON(encoding as object as TableEncoding);
  const { target } = encoder.toJSON();
  if (target === null) throw new TwopassError({ op, problem: "the model file has no target", hint: "train it again" });
  const features = encoder.featureNames.length;
  const classes = target.kind === "class" ? target.classes.map(String) : undefined;
  const sizes = readPart("model", modelSchema, spec.model);
  const outputs = classes?.length ?? 1;
  checkWeights(denseWeights([features, ...(sizes.name === "mlp" ? sizes.hidden : []), outputs]), most);
  const model = build(features, outputs, sizes);
  const [mse, crossEntropy] = [new MSELoss(), new CrossEntropyLoss()];
  const recipe: Recipe = {
    spec,
    model,
    step([x, y]) {
      const output = model.forward(x);
      if (target.kind === "class") return { loss: crossEntropy.forward(output, y), output, target: y };
      // The loss is of the standardised target, the metrics are in its own unit.
      const [inUnit, targetInUnit] = [output, y].map((z) => z.detach().mul(target.std).add(target.mean));
      return { loss: mse.forward(output, y), output: inUnit as typeof x, target: targetInUnit as typeof x };
    },
    live: () => (classes === undefined ? { rmse: new RootMeanSquaredError() } : { accuracy: new Accuracy() }),
    measures: () =>
      classes === undefined
        ? { r2: new R2Score(), rmse: new RootMeanSquaredError(), mae: new MeanAbsoluteError() }
        : { accuracy: new Accuracy() },
    ...(classes === undefined ? {} : { classes }),
    get example() {
      return zeros(1, features);
    },
    test: (path) => testBatches(spec, data, encoder, path),
    predict(input, options) {
      if (input !== undefined) return predict(recipe, data, encoder, input, options);
      throw new TwopassError({ op: "twopass predict", problem: "which table?", hint: "twopass predict FILE.csv" });
    },
  };
  return recipe;
}

export const table: Kind = {
  models: {
    mlp: {
      sizes: { hidden: [32, 32], dropout: 0 },
      train: { epochs: 100, batchSize: 32, lr: 0.01, weightDecay: 0.1 },
    },
    linear: { sizes: {}, train: { epochs: 100, batchSize: 32, lr: 0.03, weightDecay: 0.01 } },
  },
  validation: 0.2,
  prepare,
  open,
};
