/** Models that read a text token by token and write on: Moby-Dick, and text files of one's own. Floor: cli; Node only. */
import * as v from "valibot";
import { TwopassError } from "../../base/errors.ts";
import { RandomStream } from "../../base/random-stream.ts";
import {
  BPETokenizer,
  CharTokenizer,
  type CharTokenizerJson,
  DataLoader,
  RandomSampler,
  WindowDataset,
} from "../../data/index.ts";
import { mobyDick, readTextFile } from "../../data/node/index.ts";
import { crossEntropy, linear } from "../../nn/functional.ts";
import {
  Embedding,
  LSTM,
  LayerNorm,
  Linear,
  Module,
  ModuleList,
  TransformerEncoderLayer,
  init,
} from "../../nn/index.ts";
import { arange, tensor } from "../../tensor/creation.ts";
import { noGrad } from "../../tensor/scope.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { type Batches, type PairBatch, Perplexity } from "../../train/index.ts";
import {
  type Job,
  type Kind,
  type PredictOptions,
  type Prediction,
  type Recipe,
  type Spec,
  checkWeights,
  filledText,
  oneOf,
  readPart,
  wholeNumber,
} from "./kind.ts";

const op = "text";

/** What a configuration file may say of a text, beside its path. */
export const textEntries = {
  tokenizer: v.optional(oneOf(["char", "bpe"]), "char"),
  /** Tokens of "bpe". */
  vocabSize: v.optional(wholeNumber(257, 65_536), 1024),
};

const dataSchema = v.strictObject({
  set: v.optional(oneOf(["mobyDick"])),
  path: v.optional(filledText()),
  ...textEntries,
});

const sizes = { context: wholeNumber(1, 4096), width: wholeNumber(1, 4096), layers: wholeNumber(1, 48) };

/** The models and their sizes. */
export const textModels = {
  gpt: v.strictObject({ name: v.literal("gpt"), ...sizes, heads: wholeNumber(1, 64) }),
  lstm: v.strictObject({ name: v.literal("lstm"), ...sizes }),
};
const modelSchema = v.variant("name", [textModels.gpt, textModels.lstm]);
const fittedSchema = v.strictObject({ tokenizer: v.looseObject({}) });

type Data = v.InferOutput<typeof dataSchema>;
type ModelSizes = v.InferOutput<typeof modelSchema>;
type Tokenizer = CharTokenizer | BPETokenizer;

/** A transformer that sees what is behind, after GPT-2 (Radford et al. 2019); the last layer has the embedding's weights. */
class Gpt extends Module {
  tokens: Embedding;
  places: Embedding;
  blocks: ModuleList<TransformerEncoderLayer>;
  norm: LayerNorm;

  constructor(vocabulary: number, { context, width, layers, heads }: Extract<ModelSizes, { name: "gpt" }>) {
    super();
    this.tokens = new Embedding(vocabulary, width);
    this.places = new Embedding(context, width);
    // Small, so that tokens that mean something soon stand out.
    for (const { weight } of [this.tokens, this.places]) init.normal_(weight, 0, 0.02);
    const options = {
      dimFeedforward: 4 * width,
      dropout: 0,
      activation: "gelu",
      normFirst: true,
      batchFirst: true,
    } as const;
    this.blocks = new ModuleList(
      Array.from({ length: layers }, () => new TransformerEncoderLayer(width, heads, options)),
    );
    this.norm = new LayerNorm(width);
  }

  forward(x: Tensor): Tensor {
    let h = this.tokens.forward(x).add(this.places.forward(arange(x.shape[1] as number))); // [B, T, width]
    for (const block of this.blocks) h = block.forward(h, { isCausal: true });
    return linear(this.norm.forward(h), this.tokens.weight); // [B, T, vocabulary]
  }
}

/** Layers of LSTM, each on the states of the one before. */
class TextLstm extends Module {
  tokens: Embedding;
  lstm: LSTM;
  head: Linear;

  constructor(vocabulary: number, { width, layers }: ModelSizes) {
    super();
    this.tokens = new Embedding(vocabulary, width);
    this.lstm = new LSTM(width, width, { numLayers: layers, batchFirst: true });
    this.head = new Linear(width, vocabulary);
  }

  forward(x: Tensor): Tensor {
    const [states] = this.lstm.forward(this.tokens.forward(x)); // [B, T, width]
    return this.head.forward(states); // [B, T, vocabulary]
  }
}

function build(vocabulary: number, model: ModelSizes): Gpt | TextLstm {
  if (model.name === "lstm") return new TextLstm(vocabulary, model);
  if (model.width % model.heads === 0) return new Gpt(vocabulary, model);
  const facts = `width ${model.width}, heads ${model.heads}`;
  throw new TwopassError({
    op,
    problem: "the width must be a multiple of the heads",
    facts,
    hint: "change one of the two",
  });
}

/** Stands for characters that the training text has not. */
const unknown = "\ufffd";

function fitTokenizer({ tokenizer, vocabSize }: Data, text: string): Tokenizer {
  return tokenizer === "bpe" ? BPETokenizer.train(text, { vocabSize }) : CharTokenizer.fit(text, { unknown });
}

function tokenizerOf(json: Readonly<Record<string, unknown>>): Tokenizer {
  return json["type"] === "char"
    ? CharTokenizer.fromJSON(json as object as CharTokenizerJson)
    : BPETokenizer.fromJSON(json);
}

const read = (path: string | undefined): Promise<string> => (path === undefined ? mobyDick() : readTextFile(path));

function windowsOf(tokens: Int32Array, context: number, stride: number, what: string): WindowDataset {
  if (tokens.length > context) return new WindowDataset(tokens, { length: context, stride });
  const facts = `${what} has ${tokens.length} tokens, the model reads ${context} and predicts one more`;
  throw new TwopassError({
    op,
    problem: "the text is too short",
    facts,
    hint: "give more text, or a smaller model.context",
  });
}

/** The end of a text is held out: its tokens, whole. */
function splitTokens(tokens: Int32Array, heldShare: number): readonly [training: Int32Array, held: Int32Array] {
  const count = Math.round(tokens.length * (1 - heldShare));
  return [tokens.subarray(0, count), tokens.subarray(count)];
}

function testLoader(
  tokens: Int32Array,
  context: number,
  batchSize: number,
  what: string,
): DataLoader<[Tensor, Tensor]> {
  return new DataLoader(windowsOf(tokens, context, context, what), { batchSize });
}

async function prepare(job: Job): ReturnType<Kind["prepare"]> {
  const data = readPart("data", dataSchema, job.data);
  const { context } = readPart("model", modelSchema, job.model);
  const { batchSize, validation } = job.train;
  const text = await read(data.path);
  if (text === "") throw new TwopassError({ op, problem: "the text is empty", facts: JSON.stringify(data.path) });
  const tokenizer = fitTokenizer(data, text);
  const [known, held] = splitTokens(tokenizer.encode(text), validation);
  const windows = windowsOf(known, context, 1, "the part to train with");
  // As many windows an epoch as stand side by side in the text, each at any place.
  const sampler = new RandomSampler(windows, { replacement: true, numSamples: Math.ceil(known.length / context) });
  const test = testLoader(held, context, batchSize, "the part to test with");
  return {
    spec: { ...job, data, version: 1, fitted: { tokenizer: tokenizer.toJSON() } },
    training: new DataLoader(windows, { batchSize, sampler }),
    test,
    counts: { training: known.length, test: held.length },
    notes: [],
  };
}

/** Writes on behind a prompt, one token after the other. */
async function write(
  recipe: Recipe,
  tokenizer: Tokenizer,
  context: number,
  prompt: string,
  { length, temperature, seed }: PredictOptions,
): Promise<string> {
  const tokens = [...tokenizer.encode(prompt)];
  const random = new RandomStream(seed, "predict");
  // An untrained token: it is nothing to write.
  const never = tokenizer instanceof CharTokenizer ? 0 : -1;
  const draw = new Float64Array(1);
  for (let i = 0; i < length; i++) {
    const seen = tokens.slice(-context);
    // What is behind the last token does not count, so that all runs have one shape.
    const x = tensor(
      Int32Array.from({ length: context }, (_, at) => seen[at] ?? 0),
      { shape: [1, context] },
    );
    const scores = await noGrad(() => recipe.model.forward(x)).data();
    const size = scores.length / context;
    const row = Float64Array.from(scores.subarray((seen.length - 1) * size, seen.length * size));
    if (never >= 0) row[never] = Number.NEGATIVE_INFINITY;
    random.fillUniform(draw, 0, 1);
    tokens.push(pick(row, temperature, draw[0] as number));
  }
  return tokenizer.decode(tokens);
}

/** An index by its score: the highest for temperature 0, else by chance exp(score / temperature). `u` is from [0, 1). */
function pick(scores: Float64Array, temperature: number, u: number): number {
  const highest = scores.reduce((a, b) => Math.max(a, b));
  if (temperature === 0) return scores.indexOf(highest);
  const weights = scores.map((score) => Math.exp((score - highest) / temperature));
  let rest = u * weights.reduce((a, b) => a + b, 0);
  const found = weights.findIndex((weight) => (rest -= weight) < 0);
  return found < 0 ? scores.indexOf(highest) : found;
}

async function predict(
  recipe: Recipe,
  tokenizer: Tokenizer,
  context: number,
  input: string | undefined,
  options: PredictOptions,
): Promise<Prediction> {
  const prompt = options.prompt ?? (input === undefined ? undefined : await readTextFile(input));
  if (prompt === undefined || prompt === "") {
    const problem = prompt === undefined ? "what shall it go on from?" : "the prompt is empty";
    throw new TwopassError({ op: "twopass predict", problem, hint: '--prompt "Call me", or a text file' });
  }
  const text = await write(recipe, tokenizer, context, prompt, options);
  return { json: { prompt, text }, lines: text.split("\n") };
}

function open(spec: Spec, most?: number): Recipe {
  const data = readPart("data", dataSchema, spec.data);
  const tokenizer = tokenizerOf(readPart("fitted", fittedSchema, spec.fitted).tokenizer);
  const sizes = readPart("model", modelSchema, spec.model);
  const { batchSize, validation } = spec.train;
  const { context, width, layers } = sizes;
  // A layer of the transformer has 12 width² weights, one of LSTM 8.
  checkWeights(tokenizer.size * width + layers * 8 * width ** 2 + (sizes.name === "gpt" ? context * width : 0), most);
  const model = build(tokenizer.size, sizes);
  const recipe: Recipe = {
    spec,
    model,
    clipNorm: 1,
    step([x, y]) {
      const output = model.forward(x).flatten(0, 1); // [B T, vocabulary]
      const target = y.flatten();
      return { loss: crossEntropy(output, target), output, target, size: x.shape[0] as number };
    },
    // The perplexity would be computed beside the loss in each step, and is its exponential.
    live: () => ({}),
    measures: () => ({ perplexity: new Perplexity() }),
    get example() {
      return tensor(new Int32Array(context), { shape: [1, context] });
    },
    async test(path) {
      const tokens = tokenizer.encode(await read(path ?? data.path));
      const part = path === undefined ? splitTokens(tokens, validation)[1] : tokens;
      return testLoader(part, context, batchSize, path ?? "the part to test with") satisfies Batches<PairBatch>;
    },
    predict: (input, options) => predict(recipe, tokenizer, context, input, options),
  };
  return recipe;
}

export const text: Kind = {
  models: {
    gpt: {
      sizes: { context: 64, width: 64, layers: 2, heads: 4 },
      train: { epochs: 2, batchSize: 32, lr: 0.003, weightDecay: 0.1 },
    },
    lstm: {
      sizes: { context: 64, width: 128, layers: 1 },
      train: { epochs: 2, batchSize: 32, lr: 0.01, weightDecay: 0.01 },
    },
  },
  validation: 0.05,
  prepare,
  open,
};
