/** The network of a config: linear layers and activations, how they start, and the optimiser. Data is not its affair. */
import { type StoredTensor, manualSeed } from "twopass";
import type { TraceOptimizer } from "twopass/inspect";
import * as nn from "twopass/nn";
import { Adagrad, Adam, AdamW, Lion, type OptimizerState, RMSprop, SGD } from "twopass/optim";
import {
  type Activation,
  type Init,
  type LayerConfig,
  type NetworkConfig,
  type OptimizerConfig,
  activations,
  inits,
  losses,
  optimizers,
} from "./config.ts";
import { checkChoice, checkRange, checkWhole, fault } from "./faults.ts";
import type { SessionInfo } from "./protocol.ts";

/** What all optimisers of the playground have. */
export interface AnyOptimizer extends TraceOptimizer {
  readonly paramGroups: readonly { lr: number; readonly params: readonly StoredTensor[] }[];
  loadStateDict(state: OptimizerState): void;
}

export interface NetworkLayer {
  readonly linear: nn.Linear;
  /** Undefined for "none". */
  readonly activation: (nn.Module & nn.Layer) | undefined;
}

export interface Network {
  readonly model: nn.Sequential;
  /** The hidden layers, then the output. */
  readonly layers: readonly NetworkLayer[];
  readonly info: SessionInfo["layers"];
  readonly optimizer: AnyOptimizer;
}

const mostLayers = 10;

const activationLayers: Readonly<Record<Activation, () => (nn.Module & nn.Layer) | undefined>> = {
  none: () => undefined,
  relu: () => new nn.ReLU(),
  leakyRelu: () => new nn.LeakyReLU(),
  tanh: () => new nn.Tanh(),
  sigmoid: () => new nn.Sigmoid(),
  gelu: () => new nn.GELU(),
  silu: () => new nn.SiLU(),
  softplus: () => new nn.Softplus(),
};

/** How weights start; biases start at 0, but for "default". */
const starts: Readonly<Record<Init, (weight: nn.Parameter) => void>> = {
  default: () => undefined,
  xavier: (weight) => void nn.init.xavierUniform_(weight),
  kaiming: (weight) => void nn.init.kaimingNormal_(weight, { nonlinearity: "relu" }),
  normal: (weight) => void nn.init.normal_(weight),
  zeros: (weight) => void nn.init.zeros_(weight),
};

/** Throws for settings that cannot be. */
export function checkConfig({ layers, loss, optimizer, batchSize, seed, data }: NetworkConfig): void {
  checkRange("layers", layers.length, 0, mostLayers);
  for (const { units, activation, init } of layers) {
    checkWhole("units", units, 1, 64);
    checkChoice("activation", activation, activations);
    checkChoice("init", init, inits);
  }
  checkChoice("loss", loss, losses);
  checkChoice("optimizer", optimizer.name, optimizers);
  checkRange("lr", optimizer.lr, 0, 1e6);
  checkRange("momentum", optimizer.momentum, 0, 1);
  checkRange("weightDecay", optimizer.weightDecay, 0, 1e6);
  if (optimizer.name === "nesterov" && optimizer.momentum === 0) throw fault("nesterovWithoutMomentum");
  checkWhole("batchSize", batchSize, 0, 1e6);
  checkWhole("seed", seed, 0, 2 ** 32 - 1);
  checkRange("testShare", data.testShare, 0, 0.9);
}

/** Builds a network. It depends on the config, the sizes and the seed alone. */
export function buildNetwork(config: NetworkConfig, inputs: number, outputs: number): Network {
  manualSeed(config.seed);
  const layers: NetworkLayer[] = [];
  const info: { path: string; activationPath: string | undefined; units: number; activation: string }[] = [];
  const modules: (nn.Module & nn.Layer)[] = [];
  let width = inputs;
  const output: LayerConfig = { units: outputs, activation: "none", init: "default" };
  for (const { units, activation: name, init } of [...config.layers, output]) {
    const linear = new nn.Linear(width, units);
    starts[init](linear.weight);
    if (init !== "default" && linear.bias !== null) nn.init.zeros_(linear.bias);
    const path = String(modules.push(linear) - 1);
    const activation = activationLayers[name]();
    const activationPath = activation === undefined ? undefined : String(modules.push(activation) - 1);
    layers.push({ linear, activation });
    info.push({ path, activationPath, units, activation: name });
    width = units;
  }
  return { model: new nn.Sequential(...modules), layers, info, optimizer: makeOptimizer(config.optimizer, layers) };
}

/** The penalty is on weights: biases are a group of their own. */
function makeOptimizer(config: OptimizerConfig, layers: readonly NetworkLayer[]): AnyOptimizer {
  const { name, lr, momentum, weightDecay } = config;
  const groups = [
    { params: layers.map(({ linear }) => linear.weight), weightDecay },
    { params: layers.flatMap(({ linear }) => linear.bias ?? []), weightDecay: 0 },
  ];
  switch (name) {
    case "sgd":
      return new SGD(groups, { lr });
    case "momentum":
      return new SGD(groups, { lr, momentum });
    case "nesterov":
      return new SGD(groups, { lr, momentum, nesterov: true });
    case "rmsprop":
      return new RMSprop(groups, { lr });
    case "adagrad":
      return new Adagrad(groups, { lr });
    case "adam":
      return new Adam(groups, { lr });
    case "adamw":
      return new AdamW(groups, { lr });
    case "lion":
      return new Lion(groups, { lr });
  }
}
