/** Forecasts of a time series: daily births, a column of a CSV file of one's own. Floor: cli; Node only. */
import * as v from "valibot";
import { TwopassError } from "../../base/errors.ts";
import { DataLoader, type Table, TensorDataset } from "../../data/index.ts";
import { dailyBirths, readCsvFile } from "../../data/node/index.ts";
import { GRU, HuberLoss, LSTM, Linear, Module, ModuleList } from "../../nn/index.ts";
import { tensor, zeros } from "../../tensor/creation.ts";
import { noGrad } from "../../tensor/scope.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { MeanAbsoluteError, RootMeanSquaredError } from "../../train/index.ts";
import { table as lines } from "../table-text.ts";
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
  positiveNumber,
  readPart,
  wholeNumber,
} from "./kind.ts";

const op = "series";
const width = wholeNumber(1, 65_536);
const window = wholeNumber(1, 10_000);

/** What a configuration file may say of a series, beside its path. */
export const seriesEntries = {
  column: filledText("the name of a column"),
  /** Lengths of seasons in rows: where a row is in each of them is shown to the model. */
  periods: v.optional(
    v.pipe(v.array(positiveNumber(), "a list of numbers"), v.maxLength(10, "at most 10 numbers")),
    [],
  ),
  delimiter: v.optional(v.pipe(v.string("one character"), v.length(1, "one character"))),
  decimal: v.optional(oneOf([".", ","])),
};

const dataSchema = v.strictObject({
  set: v.optional(oneOf(["dailyBirths"])),
  path: v.optional(filledText()),
  ...seriesEntries,
});

/** The models and their sizes. */
export const seriesModels = {
  lstm: v.strictObject({ name: v.literal("lstm"), window, width }),
  gru: v.strictObject({ name: v.literal("gru"), window, width }),
  mlp: v.strictObject({
    name: v.literal("mlp"),
    window,
    hidden: v.pipe(v.array(width, "a list of numbers"), v.maxLength(20, "at most 20 numbers")),
  }),
};
const modelSchema = v.variant("name", [seriesModels.lstm, seriesModels.gru, seriesModels.mlp]);
const fittedSchema = v.strictObject({ mean: v.pipe(v.number(), v.finite()), std: positiveNumber() });

type Data = v.InferOutput<typeof dataSchema>;
type Fitted = v.InferOutput<typeof fittedSchema>;
type ModelSizes = v.InferOutput<typeof modelSchema>;

/** Reads the window row by row; the state after the last row gives the next number. */
class Recurrent extends Module {
  recurrent: Module & { forward(x: Tensor): readonly [outputs: Tensor, state: unknown] };
  head: Linear;

  constructor(features: number, name: "lstm" | "gru", width: number) {
    super();
    const options = { batchFirst: true };
    this.recurrent = name === "lstm" ? new LSTM(features, width, options) : new GRU(features, width, options);
    this.head = new Linear(width, 1);
  }

  forward(x: Tensor): Tensor {
    const [states] = this.recurrent.forward(x); // [B, window, features] -> [B, window, width]
    return this.head.forward(states.at(":", -1)); // [B, 1]
  }
}

/** All rows of the window at once. */
class WindowMlp extends Module {
  layers: ModuleList<Linear>;

  constructor(inputs: number, hidden: readonly number[]) {
    super();
    const sizes = [inputs, ...hidden, 1];
    this.layers = new ModuleList(sizes.slice(1).map((size, i) => new Linear(sizes[i] as number, size)));
  }

  forward(x: Tensor): Tensor {
    let h = x.flatten(1); // [B, window * features]
    for (const [i, layer] of [...this.layers].entries()) h = layer.forward(i === 0 ? h : h.relu());
    return h; // [B, 1]
  }
}

function build(features: number, model: ModelSizes): Recurrent | WindowMlp {
  if (model.name === "mlp") return new WindowMlp(model.window * features, model.hidden);
  return new Recurrent(features, model.name, model.width);
}

async function read(data: Data, path = data.path): Promise<Float64Array> {
  if (path === undefined) return Float64Array.from((await dailyBirths()).counts);
  const { column, delimiter, decimal } = data;
  const table: Table = await readCsvFile(path, {
    ...(delimiter === undefined ? {} : { delimiter }),
    ...(decimal === undefined ? {} : { decimal }),
  });
  const values = table.numbers(column);
  const hole = values.findIndex((x) => !Number.isFinite(x));
  if (hole < 0) return values;
  const facts = `${JSON.stringify(path)}, column ${JSON.stringify(column)}, row ${hole + 1}`;
  throw new TwopassError({ op, problem: "a number is missing", facts, hint: "a series has no holes: fill them first" });
}

/** What the model sees of a row: the number, and the next row's place in each period as a point on a circle. */
function rowOf(x: number, index: number, { periods }: Data, { mean, std }: Fitted): number[] {
  const angles = periods.map((period) => (2 * Math.PI * (index + 1)) / period);
  return [(x - mean) / std, ...angles.flatMap((angle) => [Math.sin(angle), Math.cos(angle)])];
}

/** All windows before the rows [from, to), [n, window, features], and those rows, [n, 1]. */
function examples(
  series: Float64Array,
  [from, to]: readonly [number, number],
  size: number,
  data: Data,
  fitted: Fitted,
): TensorDataset<[Tensor, Tensor]> {
  const first = Math.max(from, size);
  const features = 1 + 2 * data.periods.length;
  if (first >= to) {
    const facts = `${series.length} rows, the model reads ${size} and predicts the next`;
    throw new TwopassError({
      op,
      problem: "the series is too short",
      facts,
      hint: "give more rows, or a smaller model.window",
    });
  }
  const rows = Float32Array.from(Array.from(series, (x, i) => rowOf(x, i, data, fitted)).flat());
  const x = new Float32Array((to - first) * size * features);
  for (let end = first; end < to; end++) {
    x.set(rows.subarray((end - size) * features, end * features), (end - first) * size * features);
  }
  const y = Float32Array.from(series.subarray(first, to), (value) => (value - fitted.mean) / fitted.std);
  return new TensorDataset(tensor(x, { shape: [to - first, size, features] }), tensor(y, { shape: [to - first, 1] }));
}

/** The end of a series is held out: the first row of it. */
function splitAt(count: number, heldShare: number): number {
  return Math.round(count * (1 - heldShare));
}

async function prepare(job: Job): ReturnType<Kind["prepare"]> {
  const data = readPart("data", dataSchema, job.data);
  const { window: size } = readPart("model", modelSchema, job.model);
  const { batchSize, validation } = job.train;
  const series = await read(data);
  const split = splitAt(series.length, validation);
  const known = series.subarray(0, split);
  const mean = known.reduce((sum, x) => sum + x, 0) / known.length;
  const std = Math.sqrt(known.reduce((sum, x) => sum + (x - mean) ** 2, 0) / known.length);
  const fitted: Fitted = { mean, std: std > 0 ? std : 1 };
  const training = examples(series, [0, split], size, data, fitted);
  const held = examples(series, [split, series.length], size, data, fitted);
  return {
    spec: { ...job, data, version: 1, fitted },
    training: new DataLoader(training, { batchSize, shuffle: true }),
    test: new DataLoader(held, { batchSize }),
    counts: { training: training.length, test: held.length },
    notes: [],
  };
}

/** The numbers behind a series, each from the window before it, in which those predicted before stand for the true ones. */
async function forecast(recipe: Recipe, series: Float64Array, size: number, data: Data, fitted: Fitted, steps: number) {
  if (series.length < size) {
    const facts = `${series.length} rows, the model reads ${size}`;
    throw new TwopassError({ op, problem: "the series is too short", facts });
  }
  const rows = Array.from(series.subarray(-size), (x, i) => rowOf(x, series.length - size + i, data, fitted));
  const values: number[] = [];
  for (let step = 0; step < steps; step++) {
    const x = tensor(Float32Array.from(rows.slice(-size).flat()), { shape: [1, size, 1 + 2 * data.periods.length] });
    const value = (await noGrad(() => recipe.model.forward(x)).item()) * fitted.std + fitted.mean;
    values.push(value);
    rows.push(rowOf(value, series.length + step, data, fitted));
  }
  return values;
}

function open(spec: Spec, most?: number): Recipe {
  const data = readPart("data", dataSchema, spec.data);
  const fitted = readPart("fitted", fittedSchema, spec.fitted);
  const sizes = readPart("model", modelSchema, spec.model);
  const features = 1 + 2 * data.periods.length;
  // A GRU has three gates.
  const weights =
    sizes.name === "mlp"
      ? denseWeights([sizes.window * features, ...sizes.hidden, 1])
      : 3 * denseWeights([features, sizes.width, sizes.width]);
  checkWeights(weights, most);
  const model = build(features, sizes);
  const lossOf = new HuberLoss();
  const recipe: Recipe = {
    spec,
    model,
    clipNorm: 1,
    step([x, y]) {
      const output = model.forward(x);
      const [inUnit, target] = [output, y].map((z) => z.detach().mul(fitted.std).add(fitted.mean));
      return { loss: lossOf.forward(output, y), output: inUnit as Tensor, target: target as Tensor };
    },
    live: () => ({ mae: new MeanAbsoluteError() }),
    measures: () => ({ mae: new MeanAbsoluteError(), rmse: new RootMeanSquaredError() }),
    get example() {
      return zeros(1, sizes.window, features);
    },
    async test(path) {
      const series = await read(data, path);
      const from = path === undefined ? splitAt(series.length, spec.train.validation) : 0;
      const held = examples(series, [from, series.length], sizes.window, data, fitted);
      return new DataLoader(held, { batchSize: spec.train.batchSize });
    },
    async predict(input, { steps, texts }: PredictOptions): Promise<Prediction> {
      const values = await forecast(recipe, await read(data, input), sizes.window, data, fitted, steps);
      const { step, predicted } = texts.predict.columns;
      return {
        json: { predictions: values.map((value, i) => ({ step: i + 1, value })) },
        lines: lines(
          [step, predicted],
          values.map((value, i) => [String(i + 1), String(Number(value.toPrecision(6)))]),
        ),
      };
    },
  };
  return recipe;
}

export const series: Kind = {
  models: {
    lstm: { sizes: { window: 28, width: 48 }, train: { epochs: 20, batchSize: 64, lr: 0.01, weightDecay: 0 } },
    gru: { sizes: { window: 28, width: 48 }, train: { epochs: 20, batchSize: 64, lr: 0.01, weightDecay: 0 } },
    mlp: {
      sizes: { window: 28, hidden: [64, 64] },
      train: { epochs: 20, batchSize: 64, lr: 0.005, weightDecay: 0.01 },
    },
  },
  validation: 0.2,
  prepare,
  open,
};
