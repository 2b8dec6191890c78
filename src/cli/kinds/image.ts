/** Classification of images: the digits, the clothes, and folders of one's own. Floor: cli; Node only. */
import * as v from "valibot";
import { TwopassError, showShape } from "../../base/errors.ts";
import { type Dataset, DataLoader, Subset, TensorDataset, decodeIdx } from "../../data/index.ts";
import { ImageFolder, type MnistDigits, fashionMnist, mnist, readImage } from "../../data/node/index.ts";
import { isImageFile } from "../../data/node/images.ts";
import type { ShapedArray } from "../../data/datasets/pack.ts";
import type { ImageArray } from "../../data/transforms/image.ts";
import { readFileBytes } from "../../io/node.ts";
import { Conv2d, CrossEntropyLoss, Linear, MaxPool2d, Module, ModuleList } from "../../nn/index.ts";
import { tensor } from "../../tensor/creation.ts";
import { noGrad } from "../../tensor/scope.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { Accuracy, type Batches, type PairBatch } from "../../train/index.ts";
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
  positiveNumber,
  readPart,
  splitExamples,
  wholeNumber,
} from "./kind.ts";

const op = "image";
const side = wholeNumber(16, 1024);
const width = wholeNumber(1, 65_536);

/** What a configuration file may say of images of one's own, beside the folder. */
export const imageEntries = { size: v.optional(side, 32), channels: v.optional(v.picklist([1, 3], "1 or 3"), 3) };

const dataSchema = v.strictObject({
  set: v.optional(oneOf(["digits", "fashion"])),
  path: v.optional(filledText()),
  ...imageEntries,
});

/** The models and their sizes. */
export const imageModels = {
  cnn: v.strictObject({
    name: v.literal("cnn"),
    channels: v.pipe(v.array(width, "a list of numbers"), v.length(2, "two numbers")),
    hidden: width,
  }),
  mlp: v.strictObject({
    name: v.literal("mlp"),
    hidden: v.pipe(v.array(width, "a list of numbers"), v.maxLength(20, "at most 20 numbers")),
  }),
};
const modelSchema = v.variant("name", [imageModels.cnn, imageModels.mlp]);

const fittedSchema = v.pipe(
  v.strictObject({
    classes: v.pipe(v.array(filledText()), v.minLength(2, "two classes or more")),
    shape: v.strictTuple([v.picklist([1, 3]), side, side]),
    /** Of the pixels from 0 to 1, for each channel. */
    mean: v.array(v.number()),
    std: v.array(positiveNumber()),
  }),
  v.check(
    ({ shape, mean, std }) => mean.length === shape[0] && std.length === shape[0],
    "a mean and a deviation for each channel",
  ),
);

type Data = v.InferOutput<typeof dataSchema>;
type Fitted = v.InferOutput<typeof fittedSchema>;
type ModelSizes = v.InferOutput<typeof modelSchema>;
type Shape = Fitted["shape"];

/** Makes pixels [B, C, H, W] from 0 to 255 numbers of mean 0 and deviation 1. */
function standardizer({ mean, std }: Fitted): (pixels: Tensor) => Tensor {
  const [m, s] = [mean, std].map((x) => (x.length === 1 ? (x[0] as number) : tensor(x, { shape: [x.length, 1, 1] })));
  return (pixels) =>
    pixels
      .div(255)
      .sub(m as number)
      .div(s as number);
}

/** Two convolutions with pooling, then two layers, after LeNet-5 (LeCun et al. 1998). */
class Cnn extends Module {
  conv1: Conv2d;
  conv2: Conv2d;
  pool = new MaxPool2d(2);
  fc1: Linear;
  fc2: Linear;
  readonly #standardize: (pixels: Tensor) => Tensor;

  constructor(fitted: Fitted, [first, second]: readonly number[], hidden: number) {
    super();
    const [channels] = fitted.shape;
    const [h, w] = sidesLeft(fitted.shape);
    this.conv1 = new Conv2d(channels, first as number, 5);
    this.conv2 = new Conv2d(first as number, second as number, 5);
    this.fc1 = new Linear((second as number) * h * w, hidden);
    this.fc2 = new Linear(hidden, fitted.classes.length);
    this.#standardize = standardizer(fitted);
  }

  forward(pixels: Tensor): Tensor {
    const x = this.#standardize(pixels); // [B, C, H, W]
    const edges = this.pool.forward(this.conv1.forward(x)).relu(); // [B, first, (H - 4) / 2, (W - 4) / 2]
    const shapes = this.pool.forward(this.conv2.forward(edges)).relu(); // [B, second, h, w]
    return this.fc2.forward(this.fc1.forward(shapes.flatten(1)).relu()); // [B, classes]
  }
}

/** Fully connected layers. */
class Mlp extends Module {
  layers: ModuleList<Linear>;
  readonly #standardize: (pixels: Tensor) => Tensor;

  constructor(fitted: Fitted, hidden: readonly number[]) {
    super();
    const [c, h, w] = fitted.shape;
    const sizes = [c * h * w, ...hidden, fitted.classes.length];
    this.layers = new ModuleList(sizes.slice(1).map((size, i) => new Linear(sizes[i] as number, size)));
    this.#standardize = standardizer(fitted);
  }

  forward(pixels: Tensor): Tensor {
    let x = this.#standardize(pixels).flatten(1); // [B, C * H * W]
    for (const [i, layer] of [...this.layers].entries()) x = layer.forward(i === 0 ? x : x.relu());
    return x; // [B, classes]
  }
}

/** Rows and columns that two convolutions with pooling leave. */
function sidesLeft([, ...sides]: Shape): readonly [number, number] {
  return sides.map((n) => (((n - 4) >> 1) - 4) >> 1) as [number, number];
}

/** Elements of the largest weights. */
function weightsOf({ shape, classes }: Fitted, model: ModelSizes): number {
  const [c, h, w] = shape;
  if (model.name === "mlp") return denseWeights([c * h * w, ...model.hidden, classes.length]);
  const [first, second] = model.channels as [number, number];
  const [rows, columns] = sidesLeft(shape);
  return 25 * denseWeights([c, first, second]) + denseWeights([second * rows * columns, model.hidden, classes.length]);
}

function build(fitted: Fitted, model: ModelSizes): Cnn | Mlp {
  return model.name === "cnn" ? new Cnn(fitted, model.channels, model.hidden) : new Mlp(fitted, model.hidden);
}

/** Pixels of the training images, from 0 to 1. */
const moments = {
  digits: { mean: [0.1307], std: [0.3081] },
  fashion: { mean: [0.286], std: [0.353] },
};
const digitNames = Array.from({ length: 10 }, (_, i) => String(i));

type Example = [ImageArray, ShapedArray];

/** Bytes of decoded images that are kept, so that only the first epoch reads files. */
const mostCached = 2 ** 30;

class CachedImages implements Dataset<Example> {
  readonly length: number;
  readonly #folder: ImageFolder;
  readonly #examples: Example[] = [];
  #bytes = 0;

  constructor(folder: ImageFolder) {
    this.length = folder.length;
    this.#folder = folder;
  }

  async get(index: number): Promise<Example> {
    const known = this.#examples[index];
    if (known !== undefined) return known;
    const example = await this.#folder.get(index);
    this.#bytes += example[0].data.length;
    if (this.#bytes <= mostCached) this.#examples[index] = example;
    return example;
  }
}

async function readSet(data: Data, train: boolean): Promise<MnistDigits> {
  const options = data.path === undefined ? { train } : { train, root: data.path };
  return data.set === "fashion" ? fashionMnist(options) : mnist(options);
}

function datasetOf({ images, labels, count }: MnistDigits): TensorDataset<[Tensor, Uint8Array]> {
  return new TensorDataset(tensor(images, { shape: [count, 1, 28, 28], copy: false }), labels);
}

function openFolder({ path, size, channels }: Data): ImageFolder {
  const folder = new ImageFolder(path as string, { size, channels: channels as 1 | 3 });
  if (folder.classes.length > 1) return folder;
  const facts = `${JSON.stringify(path)} has the folder ${folder.classes[0]} alone`;
  throw new TwopassError({ op, problem: "one class only", facts, hint: "put the images of each class in a folder" });
}

const testBatch = 1000;
/** Images that mean and deviation are taken from. */
const mostMeasured = 1000;

/** Mean and deviation of the pixels of each channel, from 0 to 1. */
async function measure(images: Subset<Example>, channels: number): Promise<Pick<Fitted, "mean" | "std">> {
  const [sums, squares] = [new Array<number>(channels).fill(0), new Array<number>(channels).fill(0)];
  let count = 0;
  for (let i = 0; i < Math.min(images.length, mostMeasured); i++) {
    const [{ data }] = await images.get(i);
    const size = data.length / channels;
    for (let at = 0; at < data.length; at++) {
      const [channel, x] = [Math.floor(at / size), (data[at] as number) / 255];
      sums[channel] = (sums[channel] as number) + x;
      squares[channel] = (squares[channel] as number) + x * x;
    }
    count += size;
  }
  const mean = sums.map((sum) => sum / count);
  const variance = squares.map((sum, i) => sum / count - (mean[i] as number) ** 2);
  return { mean, std: variance.map((x) => (x > 1e-8 ? Math.sqrt(x) : 1)) };
}

async function prepare(job: Job): ReturnType<Kind["prepare"]> {
  const data = readPart("data", dataSchema, job.data);
  const { batchSize, validation } = job.train;
  const whole = { ...job, version: 1 as const };
  if (data.set !== undefined) {
    const [training, test] = await Promise.all([readSet(data, true), readSet(data, false)]);
    const classes = "classes" in training ? (training.classes as string[]) : digitNames;
    return {
      spec: { ...whole, fitted: { classes, shape: [1, 28, 28], ...moments[data.set] } satisfies Fitted },
      training: new DataLoader(datasetOf(training), { batchSize, shuffle: true }),
      test: new DataLoader(datasetOf(test), { batchSize: testBatch }),
      counts: { training: training.count, test: test.count },
      notes: [],
    };
  }
  const folder = openFolder(data);
  const images = new CachedImages(folder);
  const [training, held] = splitExamples(op, folder.length, validation, folder.labels).map(
    (numbers) => new Subset(images, numbers),
  ) as [Subset<Example>, Subset<Example>];
  const shape: Shape = [data.channels as 1 | 3, data.size, data.size];
  const fitted: Fitted = { classes: [...folder.classes], shape, ...(await measure(training, data.channels)) };
  return {
    spec: { ...whole, data, fitted },
    training: new DataLoader(training, { batchSize, shuffle: true }),
    test: new DataLoader(held, { batchSize }),
    counts: { training: training.length, test: held.length },
    notes: [],
  };
}

async function testBatches(spec: Spec, data: Data, fitted: Fitted, path?: string): Promise<Batches<PairBatch>> {
  if (data.set !== undefined) {
    const set = path === undefined ? data : { ...data, path };
    return new DataLoader(datasetOf(await readSet(set, false)), { batchSize: testBatch });
  }
  const folder = openFolder(path === undefined ? data : { ...data, path });
  if (folder.classes.join("/") !== fitted.classes.join("/")) {
    const facts = `the model has ${fitted.classes.join(", ")}, the folder ${folder.classes.join(", ")}`;
    throw new TwopassError({ op, problem: "the classes differ", facts, hint: "give the folders the same names" });
  }
  const images = new CachedImages(folder);
  const { batchSize, validation } = spec.train;
  if (path !== undefined) return new DataLoader(images, { batchSize });
  const [, held] = splitExamples(op, folder.length, validation, folder.labels);
  return new DataLoader(new Subset(images, held), { batchSize });
}

/** The images of a file: one picture, an IDX file, or the bytes of one image. */
async function readImages(path: string, [channels, h, w]: Shape): Promise<Uint8Array> {
  const bytes = await readFileBytes(path);
  const size = channels * h * w;
  if (bytes[0] === 0 && bytes[1] === 0 && bytes[2] === 8) {
    const { shape, data } = decodeIdx(bytes, path);
    const each = shape.slice(1).reduce((a, b) => a * b, 1);
    if (data instanceof Uint8Array && each === size && shape.at(-1) === w) return data;
    const facts = `${JSON.stringify(path)} is ${showShape(shape)}, the model takes ${showShape([h, w])}`;
    throw new TwopassError({ op, problem: "the images have another size", facts });
  }
  // A picture may happen to have as many bytes as the model has pixels.
  if (bytes.length === size && !isImageFile(bytes)) return bytes;
  return (await readImage(bytes, { channels, size: [h, w], name: path })).data;
}

async function predict(recipe: Recipe, fitted: Fitted, input: string, o: PredictOptions): Promise<Prediction> {
  const given = await readImages(input, fitted.shape);
  const pixels = o.invert ? given.map((x) => 255 - x) : given;
  const shape = [pixels.length / fitted.shape.reduce((a, b) => a * b, 1), ...fitted.shape];
  const scores = noGrad(() => recipe.model.forward(tensor(pixels, { shape })).softmax(1));
  return classPrediction(await scores.array(2), fitted.classes, undefined, o.texts);
}

function open(spec: Spec, most?: number): Recipe {
  const data = readPart("data", dataSchema, spec.data);
  const fitted = readPart("fitted", fittedSchema, spec.fitted);
  const sizes = readPart("model", modelSchema, spec.model);
  checkWeights(weightsOf(fitted, sizes), most);
  const model = build(fitted, sizes);
  const lossOf = new CrossEntropyLoss();
  const recipe: Recipe = {
    spec,
    model,
    step([pixels, labels]) {
      const output = model.forward(pixels);
      return { loss: lossOf.forward(output, labels), output, target: labels };
    },
    live: () => ({ accuracy: new Accuracy() }),
    measures: () => ({ accuracy: new Accuracy() }),
    classes: fitted.classes,
    get example() {
      return tensor(new Uint8Array(fitted.shape.reduce((a, b) => a * b, 1)), { shape: [1, ...fitted.shape] });
    },
    test: (path) => testBatches(spec, data, fitted, path),
    predict(input, options) {
      if (input !== undefined) return predict(recipe, fitted, input, options);
      throw new TwopassError({ op: "twopass predict", problem: "which image?", hint: "twopass predict FILE" });
    },
  };
  return recipe;
}

export const image: Kind = {
  models: {
    cnn: {
      sizes: { channels: [8, 16], hidden: 64 },
      train: { epochs: 3, batchSize: 128, lr: 0.006, weightDecay: 0 },
    },
    mlp: { sizes: { hidden: [512, 256] }, train: { epochs: 8, batchSize: 128, lr: 0.002, weightDecay: 0 } },
  },
  validation: 0.2,
  prepare,
  open,
};
