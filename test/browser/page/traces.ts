/** Traces that the inspector opens: of a perceptron, a convolutional network, an LSTM and the GPT of the benchmark. */
import { GPT } from "../../../bench/workloads/gpt.ts";
import { type Trace, type TraceLoss, type TraceOptimizer, trace, traceText } from "../../../src/inspect/index.ts";
import * as nn from "../../../src/nn/index.ts";
import { Adam, AdamW, SGD } from "../../../src/optim/index.ts";
import { manualSeed, randint, randn } from "../../../src/tensor/random.ts";
import type { Tensor } from "../../../src/tensor/tensor.ts";

class Recurrent extends nn.Module {
  readonly lstm = new nn.LSTM(6, 8);
  readonly out = new nn.Linear(8, 3);

  forward(x: Tensor): Tensor {
    const [outputs] = this.lstm.forward(x);
    return this.out.forward(outputs.select(0, -1));
  }
}

type Model = nn.Module & { forward(x: Tensor): Tensor };

async function traceOf(
  make: () => readonly [Model, TraceLoss, Tensor, Tensor],
  optimizer: (model: Model) => TraceOptimizer,
): Promise<Trace> {
  manualSeed(11);
  const [model, loss, x, y] = make();
  return trace(model, loss, [x, y], { optimizer: optimizer(model) });
}

/** A perceptron after one step. */
export function mlpTrace(): Promise<Trace> {
  return traceOf(
    () => [
      new nn.Sequential(new nn.Linear(4, 8), new nn.ReLU(), new nn.Linear(8, 3)),
      new nn.CrossEntropyLoss(),
      randn(16, 4),
      randint(0, 3, [16]),
    ],
    (model) => new Adam(model.parameters(), { lr: 0.01 }),
  );
}

function cnnTrace(): Promise<Trace> {
  return traceOf(
    () => [
      new nn.Sequential(
        new nn.Conv2d(1, 4, 3),
        new nn.BatchNorm2d(4),
        new nn.ReLU(),
        new nn.MaxPool2d(2),
        new nn.Flatten(),
        new nn.Linear(36, 5),
      ),
      new nn.CrossEntropyLoss(),
      randn(8, 1, 8, 8),
      randint(0, 5, [8]),
    ],
    (model) => new SGD(model.parameters(), { lr: 0.01, momentum: 0.9 }),
  );
}

function lstmTrace(): Promise<Trace> {
  return traceOf(
    () => [new Recurrent(), new nn.CrossEntropyLoss(), randn(7, 4, 6), randint(0, 3, [4])],
    (model) => new Adam(model.parameters(), { lr: 0.01 }),
  );
}

/** The one that the benchmark trains. */
function gptTrace(): Promise<Trace> {
  const sizes = { vocabulary: 65, length: 64, width: 128, heads: 4, layers: 4 };
  return traceOf(
    () => [
      new GPT(sizes),
      new nn.CrossEntropyLoss(),
      randint(0, sizes.vocabulary, [2, sizes.length]),
      randint(0, sizes.vocabulary, [2 * sizes.length]),
    ],
    (model) => new AdamW(model.parameters(), { lr: 1e-3, weightDecay: 0.01 }),
  );
}

export const traces: readonly (readonly [name: string, make: () => Promise<Trace>])[] = [
  ["a perceptron", mlpTrace],
  ["a convolutional network", cnnTrace],
  ["an LSTM", lstmTrace],
  ["a GPT", gptTrace],
];

export async function mlpText(): Promise<string> {
  return traceText(await mlpTrace());
}
