/** The training steps that are timed: the same shapes, losses and optimisers as the peers' w1, w2, w4 and w6. */
import * as nn from "../src/nn/index.ts";
import { Adam, AdamW, SGD } from "../src/optim/index.ts";
import { compile } from "../src/tensor/compile.ts";
import { randint, randn } from "../src/tensor/random.ts";
import type { Tensor } from "../src/tensor/tensor.ts";
import { GPT } from "./gpt.ts";

export interface Workload {
  /** One training step; gives its loss, not read yet. */
  readonly step: () => Tensor;
  /** Steps timed together, for steps that are too short to be timed alone. */
  readonly inner: number;
}

interface Optimizer {
  zeroGrad(): void;
  step(): void;
}

function training(loss: () => Tensor, optimizer: Optimizer): () => Tensor {
  return () => {
    const value = loss();
    optimizer.zeroGrad();
    value.backward();
    optimizer.step();
    return value;
  };
}

function w1(): Workload {
  const model = new nn.Sequential(
    new nn.Linear(784, 512),
    new nn.ReLU(),
    new nn.Linear(512, 256),
    new nn.ReLU(),
    new nn.Linear(256, 10),
  );
  const [x, y] = [data(randn(128, 784)), data(randint(0, 10, [128]))];
  const lossOf = new nn.CrossEntropyLoss();
  const optimizer = new Adam(model.parameters(), { lr: 1e-3 });
  return { step: training(() => lossOf.forward(model.forward(x), y), optimizer), inner: 1 };
}

function w2(): Workload {
  const model = new nn.Sequential(
    new nn.Conv2d(1, 32, 3),
    new nn.ReLU(),
    new nn.Conv2d(32, 64, 3),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Flatten(),
    new nn.Linear(9216, 128),
    new nn.ReLU(),
    new nn.Linear(128, 10),
  );
  const [x, y] = [data(randn(64, 1, 28, 28)), data(randint(0, 10, [64]))];
  const lossOf = new nn.CrossEntropyLoss();
  const optimizer = new SGD(model.parameters(), { lr: 0.01, momentum: 0.9 });
  return { step: training(() => lossOf.forward(model.forward(x), y), optimizer), inner: 1 };
}

export const gptSizes = { vocabulary: 65, length: 64, width: 128, heads: 4, layers: 4 };

function w4(): Workload {
  const batch = 12;
  const model = new GPT(gptSizes);
  const x = data(randint(0, gptSizes.vocabulary, [batch, gptSizes.length]));
  const y = data(randint(0, gptSizes.vocabulary, [batch * gptSizes.length]));
  const lossOf = new nn.CrossEntropyLoss();
  const optimizer = new AdamW(model.parameters(), { lr: 1e-3, weightDecay: 0.01 });
  return { step: training(() => lossOf.forward(model.forward(x), y), optimizer), inner: 1 };
}

function w6(compiled: boolean): Workload {
  const model = new nn.Sequential(new nn.Linear(2, 16), new nn.Tanh(), new nn.Linear(16, 1));
  const [x, y] = [data(randn(32, 2)), data(randn(32, 1))];
  const lossOf = new nn.MSELoss();
  const optimizer = new SGD(model.parameters(), { lr: 0.05 });
  if (!compiled) return { step: training(() => lossOf.forward(model.forward(x), y), optimizer), inner: 50 };
  const step = compile((input: Tensor, target: Tensor) =>
    training(() => lossOf.forward(model.forward(input), target), optimizer)(),
  );
  return { step: () => step(x, y), inner: 50 };
}

/** Elements in memory, as a user's data would be. */
function data(random: Tensor): Tensor {
  random.dataSync();
  return random;
}

export const workloads: Readonly<Record<string, () => Workload>> = {
  w1,
  w2,
  w4,
  w6: () => w6(false),
  "w6-compiled": () => w6(true),
};
