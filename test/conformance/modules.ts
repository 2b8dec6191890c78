/** Section `modules`: one layer of `nn` each, with its state, outputs and gradients. */
import * as nn from "../../src/nn/index.ts";
import { Module } from "../../src/nn/module/module.ts";
import { type WeightNormOptions, weightNorm } from "../../src/nn/module/weight-norm.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { camelCase, exportedClass } from "./api.ts";
import { backward, compareGradients } from "./ops.ts";
import type { CaseBase, Encoded, TensorLookup } from "./reader.ts";
import { type Outcome, outcomeOf } from "./result.ts";
import type { Missing } from "./skips.ts";
import { compareTensor, compareValue, decode, pairTensors, toTensor } from "./values.ts";

interface Built {
  readonly $module: string;
  readonly kwargs?: Readonly<Record<string, Encoded>>;
  readonly children?: readonly Built[];
}

type TensorNames = Readonly<Record<string, string>>;

export interface ModuleCase extends CaseBase {
  readonly module: string;
  readonly kwargs: Readonly<Record<string, Encoded>>;
  readonly children?: readonly Built[];
  readonly training: boolean;
  readonly inputs: readonly Encoded[];
  readonly call_kwargs: Readonly<Record<string, Encoded>>;
  readonly wrapped?: Built & { readonly weight_norm: WeightNormOptions };
  readonly packed_lengths?: readonly number[];
  readonly state: TensorNames;
  readonly loss_buffers?: readonly string[];
  readonly out: Encoded;
  readonly state_after?: TensorNames;
  readonly cot?: TensorNames;
  readonly param_grads?: TensorNames;
  readonly input_grads?: TensorNames;
  readonly rtol: number;
  readonly atol: number;
  readonly grad_rtol?: number;
  readonly grad_atol?: number;
}

/** PyTorch's constructor arguments that are positional here, in order. All others are options in camelCase. */
const positional: Readonly<Record<string, readonly string[]>> = {
  Linear: ["in_features", "out_features"],
  Bilinear: ["in1_features", "in2_features", "out_features"],
  Embedding: ["num_embeddings", "embedding_dim"],
  EmbeddingBag: ["num_embeddings", "embedding_dim"],
  LayerNorm: ["normalized_shape"],
  RMSNorm: ["normalized_shape"],
  GroupNorm: ["num_groups", "num_channels"],
  LocalResponseNorm: ["size"],
  Dropout: ["p"],
  AlphaDropout: ["p"],
  FeatureAlphaDropout: ["p"],
  Flatten: ["start_dim", "end_dim"],
  Unflatten: ["dim", "unflattened_size"],
  Softmax: ["dim"],
  Softmin: ["dim"],
  LogSoftmax: ["dim"],
  GLU: ["dim"],
  Threshold: ["threshold", "value"],
  PixelShuffle: ["upscale_factor"],
  PixelUnshuffle: ["downscale_factor"],
  ChannelShuffle: ["groups"],
  Fold: ["output_size", "kernel_size"],
  Unfold: ["kernel_size"],
  MultiheadAttention: ["embed_dim", "num_heads"],
  TransformerEncoderLayer: ["d_model", "nhead"],
  TransformerDecoderLayer: ["d_model", "nhead"],
  TransformerEncoder: ["encoder_layer", "num_layers"],
  TransformerDecoder: ["decoder_layer", "num_layers"],
};

/** The same for classes that come in one, two and three dims, or as cells. */
const positionalOfFamily: readonly (readonly [pattern: RegExp, names: readonly string[]])[] = [
  [/^Conv(Transpose)?\dd$/, ["in_channels", "out_channels", "kernel_size"]],
  [/^(Batch|Instance)Norm\dd$/, ["num_features"]],
  [/^(RNN|LSTM|GRU)(Cell)?$/, ["input_size", "hidden_size"]],
  [/^(Max|Avg)Pool\dd$/, ["kernel_size"]],
  [/^MaxUnpool\dd$/, ["kernel_size"]],
  [/^LPPool\dd$/, ["norm_type", "kernel_size"]],
  [/^Adaptive(Max|Avg)Pool\dd$/, ["output_size"]],
  [/^(Reflection|Replication|Zero)Pad\dd$/, ["padding"]],
  [/^ConstantPad\dd$/, ["padding", "value"]],
  [/^Dropout\dd$/, ["p"]],
];

/** Arguments of the call whose default is another one here. */
const callDefaults: Readonly<Record<string, Readonly<Record<string, Encoded>>>> = {
  MultiheadAttention: { need_weights: true },
};

function positionalOf(name: string): readonly string[] {
  return positional[name] ?? positionalOfFamily.find(([pattern]) => pattern.test(name))?.[1] ?? [];
}

/** Classes that a case needs and the library has not. */
export function missingModules(one: ModuleCase): Missing | undefined {
  const names = [
    one.wrapped === undefined ? one.module : "weightNorm",
    ...(one.children ?? []).flatMap(namesIn),
    ...Object.values(one.kwargs).flatMap(namesIn),
  ];
  const name = names.find((candidate) => exportedClass("nn", candidate) === undefined);
  return name === undefined ? undefined : { list: "modules", name, needs: `nn.${name}` };
}

function namesIn(value: unknown): string[] {
  if (typeof value !== "object" || value === null || !("$module" in value)) return [];
  const built = value as Built;
  return [built.$module, ...(built.children ?? []).flatMap(namesIn)];
}

/** Makes a module from PyTorch's class name and arguments. */
function build(name: string, keywords: Readonly<Record<string, unknown>>, children: readonly Built[] = []): Module {
  const make = exportedClass("nn", name);
  if (make === undefined) throw new Error(`there is no nn.${name}`);
  if (name === "Sequential") return asModule(new make(...children.map(buildNested)));
  const given = { ...keywords };
  const args: unknown[] = [];
  for (const parameter of positionalOf(name)) {
    args.push(given[parameter]);
    delete given[parameter];
  }
  const options = Object.entries(given).map(([key, value]) => [camelCase(key), value]);
  if (options.length > 0) args.push(Object.fromEntries(options));
  while (args.length > 0 && args.at(-1) === undefined) args.pop();
  return asModule(new make(...args));
}

function buildNested({ $module, kwargs = {}, children }: Built): Module {
  return build($module, decodeArguments(kwargs), children);
}

/** Constructor arguments, in which modules may be nested. */
function decodeArguments(keywords: Readonly<Record<string, Encoded>>): Record<string, unknown> {
  const decoded: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(keywords)) {
    const isModule = namesIn(value).length > 0;
    decoded[key] = isModule ? buildNested(value as unknown as Built) : decode(value, noTensor);
  }
  return decoded;
}

function noTensor(name: string): never {
  throw new Error(`a tensor, ${name}, as a constructor's argument`);
}

function asModule(made: object): Module {
  if (!(made instanceof Module)) throw new Error(`${made.constructor.name} is no Module`);
  return made;
}

export async function runModule(one: ModuleCase, reference: TensorLookup): Promise<Outcome> {
  return outcomeOf(async () => {
    const model = loaded(one, reference).train(one.training);
    const inputs = new Map<string, Tensor>();
    const input = (name: string): Tensor => {
      const made =
        inputs.get(name) ?? toTensor(reference(name), { requiresGrad: one.input_grads?.[name] !== undefined });
      inputs.set(name, made);
      return made;
    };
    const args = packedFirst(
      one,
      one.inputs.map((value) => decode(value, input)),
    );
    const options = Object.entries({ ...callDefaults[one.module], ...one.call_kwargs }).map(([key, value]) => [
      camelCase(key),
      decode(value, input),
    ]);
    if (options.length > 0) args.push(Object.fromEntries(options));
    const forward: unknown = Reflect.get(model, "forward");
    const actual = unpackedFirst(one, await Reflect.apply(forward as () => unknown, model, args));
    const tolerance = { rtol: one.rtol, atol: one.atol };
    const wrong =
      (await compareValue("out", actual, one.out, reference, tolerance)) ??
      (await compareState(model, one.state_after ?? {}, reference, tolerance));
    if (wrong !== undefined || one.cot === undefined) return wrong;
    backward(pairTensors(actual, one.out), one.cot, reference);
    const parameters = new Map<string, Tensor>(model.namedParameters());
    const gradTolerance = { rtol: one.grad_rtol ?? 0, atol: one.grad_atol ?? 0 };
    return (
      (await compareGradients(one.param_grads ?? {}, (name) => parameters.get(name), reference, gradTolerance)) ??
      compareGradients(one.input_grads ?? {}, (name) => inputs.get(name), reference, gradTolerance)
    );
  });
}

/** The arguments, the first one packed where the case says so. */
function packedFirst(one: ModuleCase, args: readonly unknown[]): unknown[] {
  const [x, ...rest] = args;
  if (one.packed_lengths === undefined) return [...args];
  const options = { batchFirst: one.kwargs["batch_first"] === true, enforceSorted: false };
  return [nn.packPaddedSequence(x as Tensor, [...one.packed_lengths], options), ...rest];
}

/** The results, the first one padded where the case packs its input. */
function unpackedFirst(one: ModuleCase, results: unknown): unknown {
  if (one.packed_lengths === undefined) return results;
  const [first, ...rest] = results as readonly [nn.PackedSequence, ...unknown[]];
  return [nn.padPackedSequence(first, { batchFirst: one.kwargs["batch_first"] === true })[0], ...rest];
}

/** The module with the state of the case. The weights of a loss are arguments of its constructor. */
function loaded(one: ModuleCase, reference: TensorLookup): Module {
  const weights = new Set(one.loss_buffers ?? []);
  const state: Record<string, Tensor> = {};
  const keywords = decodeArguments(one.kwargs);
  for (const [name, from] of Object.entries(one.state)) {
    const content = toTensor(reference(from));
    if (weights.has(name)) keywords[name] = content;
    state[name] = content;
  }
  const model =
    one.wrapped === undefined
      ? build(one.module, keywords, one.children)
      : weightNorm(buildNested(one.wrapped), one.wrapped.weight_norm);
  model.loadStateDict(state);
  return model;
}

export async function compareState(
  model: Module,
  expected: TensorNames,
  reference: TensorLookup,
  tolerance: { readonly rtol: number; readonly atol: number },
): Promise<string | undefined> {
  const state = model.stateDict();
  for (const [name, later] of Object.entries(expected)) {
    const actual = state[name];
    if (actual === undefined) return `the state has no ${name}`;
    const reason = await compareTensor(`${name} afterwards`, actual, reference(later), tolerance);
    if (reason !== undefined) return reason;
  }
  return undefined;
}
