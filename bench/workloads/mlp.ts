/** w1: a perceptron for digits, Adam. w6: a network so small that only the cost of a step itself is left. */
import * as nn from "../../src/nn/index.ts";
import { Adam, SGD } from "../../src/optim/index.ts";
import { randint, randn } from "../../src/tensor/random.ts";
import { type Training, training } from "./training.ts";

/** 784-512-256-10, relu, batch 128. */
export function mlp(): Training {
  const model = new nn.Sequential(
    new nn.Linear(784, 512),
    new nn.ReLU(),
    new nn.Linear(512, 256),
    new nn.ReLU(),
    new nn.Linear(256, 10),
  );
  const optimizer = new Adam(model.parameters(), { lr: 1e-3 });
  return training(model, new nn.CrossEntropyLoss(), optimizer, randn(128, 784), randint(0, 10, [128]));
}

/** 2-16-1, tanh, mean squared error, batch 32. */
export function tiny(): Training {
  const model = new nn.Sequential(new nn.Linear(2, 16), new nn.Tanh(), new nn.Linear(16, 1));
  const optimizer = new SGD(model.parameters(), { lr: 0.05 });
  return training(model, new nn.MSELoss(), optimizer, randn(32, 2), randn(32, 1));
}
