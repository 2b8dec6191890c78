/** A training step on one fixed batch: what the peers of the benchmark do, written as a user would. Knows no clock. */
import { type TraceOptimizer, trace } from "../../src/inspect/index.ts";
import type { Module } from "../../src/nn/index.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

export interface Training {
  readonly x: Tensor;
  readonly y: Tensor;
  /** Forward, loss, backward, update; gives the loss, not read yet. */
  readonly step: (x: Tensor, y: Tensor) => Tensor;
  /** The same, written down by `trace`; gives the loss. */
  readonly traced: (x: Tensor, y: Tensor) => Promise<number>;
}

interface Model extends Module {
  forward(x: Tensor): Tensor;
}

interface Loss {
  forward(output: Tensor, target: Tensor): Tensor;
}

export function training(model: Model, loss: Loss, optimizer: TraceOptimizer, x: Tensor, y: Tensor): Training {
  const step = (input: Tensor, target: Tensor): Tensor => {
    const value = loss.forward(model.forward(input), target);
    optimizer.zeroGrad();
    value.backward();
    optimizer.step();
    return value;
  };
  const traced = async (input: Tensor, target: Tensor): Promise<number> =>
    (await trace(model, loss, [input, target], { optimizer })).lossValue;
  return { x: inMemory(x), y: inMemory(y), step, traced };
}

/** Elements in memory, as a user's data would be. */
export function inMemory(random: Tensor): Tensor {
  random.dataSync();
  return random;
}
