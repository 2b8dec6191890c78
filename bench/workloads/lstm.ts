/** w5: an LSTM over 32 steps and a linear layer on its last output, Adam. */
import * as nn from "../../src/nn/index.ts";
import { Adam } from "../../src/optim/index.ts";
import { randint, randn } from "../../src/tensor/random.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { type Training, training } from "./training.ts";

class Classifier extends nn.Module {
  readonly lstm: nn.LSTM;
  readonly out: nn.Linear;

  constructor() {
    super();
    this.lstm = new nn.LSTM(64, 128);
    this.out = new nn.Linear(128, 10);
  }

  /** x [steps, batch, 64] to logits [batch, 10]. */
  forward(x: Tensor): Tensor {
    const [outputs] = this.lstm.forward(x);
    return this.out.forward(outputs.select(0, -1));
  }
}

/** 64 inputs, 128 units, batch 32. */
export function lstm(): Training {
  const model = new Classifier();
  const optimizer = new Adam(model.parameters(), { lr: 1e-3 });
  return training(model, new nn.CrossEntropyLoss(), optimizer, randn(32, 32, 64), randint(0, 10, [32]));
}
