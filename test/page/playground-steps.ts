/** Small networks that tests of the playground trace, as the session would build them. */
import type { Training } from "../../site/src/playground/step-reading.ts";
import type { Activation, LossName, OptimizerName } from "../../site/src/session/config.ts";
import type { SessionInfo } from "../../site/src/session/protocol.ts";
import { type Trace, type TraceLoss, type TraceOptimizer, trace } from "../../src/inspect/index.ts";
import * as nn from "../../src/nn/index.ts";
import { int32 } from "../../src/tensor/creation.ts";
import { manualSeed, rand, randn } from "../../src/tensor/random.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

export const modules: Readonly<Record<Exclude<Activation, "none">, () => nn.Module>> = {
  relu: () => new nn.ReLU(),
  leakyRelu: () => new nn.LeakyReLU(),
  tanh: () => new nn.Tanh(),
  sigmoid: () => new nn.Sigmoid(),
  gelu: () => new nn.GELU(),
  silu: () => new nn.SiLU(),
  softplus: () => new nn.Softplus(),
};

const losses: Readonly<Record<Exclude<LossName, "crossEntropy">, () => TraceLoss>> = {
  mse: () => new nn.MSELoss(),
  mae: () => new nn.L1Loss(),
  huber: () => new nn.HuberLoss(),
};

export interface Wanted {
  readonly activation?: Activation;
  readonly outputActivation?: Activation;
  readonly loss?: LossName;
  readonly outputs?: number;
  readonly optimizer?: (parameters: nn.Parameter[]) => TraceOptimizer;
  readonly optimizerName?: OptimizerName;
  readonly steps?: number;
  readonly hidden?: readonly number[];
  readonly inputs?: number;
}

export interface Made {
  readonly trace: Trace;
  readonly info: Pick<SessionInfo, "layers">;
  readonly training: Training;
}

const samples = 5;

/** The last of some steps of a network of that kind. */
export async function traced(wanted: Wanted = {}): Promise<Made> {
  const { activation = "tanh", outputActivation = "none", loss = "mse", outputs = 1, steps = 1, inputs = 2 } = wanted;
  manualSeed(7);
  const layers: { path: string; activationPath: string | undefined; units: number; activation: Activation }[] = [];
  const stack: nn.Module[] = [];
  const add = (from: number, units: number, own: Activation): void => {
    const path = String(stack.length);
    stack.push(new nn.Linear(from, units));
    if (own !== "none") stack.push(modules[own]());
    layers.push({
      path,
      activationPath: own === "none" ? undefined : String(stack.length - 1),
      units,
      activation: own,
    });
  };
  const { hidden = [4, 3] } = wanted;
  hidden.forEach((units, i) => add(hidden[i - 1] ?? inputs, units, activation));
  add(hidden.at(-1) ?? inputs, outputs, outputActivation);
  const model = new nn.Sequential(...(stack as nn.Layer[]));
  const batch: [Tensor, Tensor] = [randn(samples, inputs), targetsOf(loss, outputs)];
  // What is not computed yet would be part of the step.
  await Promise.all(batch.map((x) => x.data()));
  const optimizer = wanted.optimizer?.(model.parameters());
  let made: Trace | undefined;
  for (let i = 0; i < steps; i++) {
    made = await trace(model, lossOf(loss, outputs, outputActivation), batch, {
      whole: 10_000,
      lines: false,
      ...(optimizer === undefined ? {} : { optimizer }),
    });
  }
  return { trace: made as Trace, info: { layers }, training: { loss, optimizer: wanted.optimizerName ?? "sgd" } };
}

function targetsOf(loss: LossName, outputs: number): Tensor {
  if (loss !== "crossEntropy") return randn(samples, outputs).mul(2);
  return outputs === 1 ? rand(samples, 1).round() : int32([0, 2, 1, 1, 0]);
}

function lossOf(loss: LossName, outputs: number, output: Activation): TraceLoss {
  if (loss !== "crossEntropy") return losses[loss]();
  if (outputs > 1) return new nn.CrossEntropyLoss();
  return output === "sigmoid" ? new nn.BCELoss() : new nn.BCEWithLogitsLoss();
}
