/** Models and batches that tests of the inspector look into. */
import * as nn from "../../src/nn/index.ts";
import * as F from "../../src/nn/functional.ts";
import type { TraceLoss } from "../../src/inspect/index.ts";
import { randn } from "../../src/tensor/random.ts";
import { int32, tensor } from "../../src/tensor/creation.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

export interface Example {
  readonly name: string;
  readonly make: () => {
    readonly model: nn.Module;
    readonly loss: TraceLoss;
    readonly batch: readonly [Tensor, Tensor];
  };
}

/** The last step's result of an LSTM. */
class Recurrent extends nn.Module {
  readonly lstm = new nn.LSTM(3, 4, { batchFirst: true });
  readonly head = new nn.Linear(4, 2);

  forward(x: Tensor): Tensor {
    const [all] = this.lstm.forward(x);
    return this.head.forward(all.select(1, -1));
  }
}

/** One block of a transformer over letters. */
class Attending extends nn.Module {
  readonly letters = new nn.Embedding(7, 8);
  readonly norm = new nn.LayerNorm(8);
  readonly qkv = new nn.Linear(8, 24);
  readonly head = new nn.Linear(8, 7);

  forward(x: Tensor): Tensor {
    const h = this.letters.forward(x);
    const [q, k, v] = this.qkv
      .forward(this.norm.forward(h))
      .split(8, 2)
      .map((t) => t.reshape(2, 5, 2, 4).transpose(1, 2)) as [Tensor, Tensor, Tensor];
    const y = F.scaledDotProductAttention(q, k, v, { isCausal: true }).transpose(1, 2).reshape(2, 5, 8);
    return this.head.forward(h.add(y)).reshape(10, 7);
  }
}

export const xorBatch = (): [Tensor, Tensor] => [
  tensor([
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ]),
  tensor([[0], [1], [1], [0]]),
];

export const examples: readonly Example[] = [
  {
    name: "two layers",
    make: () => ({
      model: new nn.Sequential(new nn.Linear(2, 3), new nn.Tanh(), new nn.Linear(3, 1), new nn.Sigmoid()),
      loss: new nn.BCELoss(),
      batch: xorBatch(),
    }),
  },
  {
    name: "a weight that is used twice, and a penalty",
    make: () => {
      const layer = new nn.Linear(3, 3);
      const model = new nn.Sequential(layer, new nn.GELU(), layer);
      return {
        model,
        loss: (output: Tensor, target: Tensor) =>
          output.sub(target).square().mean().add(layer.weight.square().sum().mul(0.01)),
        batch: [randn(4, 3), randn(4, 3)],
      };
    },
  },
  {
    name: "convolutions with batch normalisation and pooling",
    make: () => ({
      model: new nn.Sequential(
        new nn.Conv2d(1, 3, 3, { padding: 1 }),
        new nn.BatchNorm2d(3),
        new nn.ReLU(),
        new nn.MaxPool2d(2),
        new nn.Flatten(),
        new nn.Linear(27, 3),
      ),
      loss: new nn.CrossEntropyLoss(),
      batch: [randn(4, 1, 6, 6), int32([0, 2, 1, 1])],
    }),
  },
  {
    name: "an LSTM",
    make: () => ({ model: new Recurrent(), loss: new nn.MSELoss(), batch: [randn(3, 4, 3), randn(3, 2)] }),
  },
  {
    name: "attention",
    make: () => ({
      model: new Attending(),
      loss: new nn.CrossEntropyLoss(),
      batch: [
        int32([
          [0, 1, 2, 3, 4],
          [6, 5, 4, 3, 2],
        ]),
        int32([1, 2, 3, 4, 5, 5, 4, 3, 2, 1]),
      ],
    }),
  },
  {
    name: "dropout",
    make: () => ({
      model: new nn.Sequential(new nn.Linear(4, 8), new nn.Dropout(0.5), new nn.Linear(8, 1)),
      loss: new nn.MSELoss(),
      batch: [randn(5, 4), randn(5, 1)],
    }),
  },
];
