/** Digits are learned in a worker thread of Node. */
import { expect, test } from "vitest";
import { DataLoader, TensorDataset } from "../../src/data/index.ts";
import { mnist } from "../../src/data/node/mnist.ts";
import * as nn from "../../src/nn/index.ts";
import { Adam } from "../../src/optim/index.ts";
import { tensor } from "../../src/tensor/creation.ts";
import { manualSeed } from "../../src/tensor/random.ts";
import { noGrad } from "../../src/tensor/scope.ts";
import { startDevice } from "../../src/tensor/start-device.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { readSourcesInThreads } from "../data/workers/sources-in-threads.ts";
import { noteSupport } from "../support.ts";

async function digits(train: boolean, count: number): Promise<[images: Tensor, labels: Tensor]> {
  const { images, labels } = await mnist({ train });
  const pixels = tensor(images.subarray(0, count * 784), { shape: [count, 1, 28, 28], copy: false });
  return [pixels, tensor(labels.subarray(0, count))];
}

const standardize = (pixels: Tensor): Tensor => pixels.div(255).sub(0.1307).div(0.3081);

test("a convolutional network learns digits", { timeout: 120_000 }, async () => {
  readSourcesInThreads();
  const device = await startDevice("wasm", { worker: true });
  manualSeed(1);
  const model = new nn.Sequential(
    new nn.Conv2d(1, 8, 5),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Conv2d(8, 16, 5),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Flatten(),
    new nn.Linear(256, 10),
  );
  const optimizer = new Adam(model.parameters(), { lr: 0.003 });
  const lossOf = new nn.CrossEntropyLoss();
  const training = new TensorDataset(...(await digits(true, 4000)));
  for await (const [x, y] of new DataLoader(training, { batchSize: 64, shuffle: true })) {
    const loss = lossOf.forward(model.forward(standardize(x)), y);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
  }
  model.eval();
  const [x, y] = await digits(false, 1000);
  const accuracy = await noGrad(() => model.forward(standardize(x)).argmax(1).eq(y).float().mean()).item();
  expect(device.report()).toContain("in a worker");
  device.close();
  expect(accuracy).toBeGreaterThan(0.85);
  noteSupport("digits", "worker", "yes");
});
