/**
 * Transfer: a network learns the digits 0 to 4 from many images, then its layers are frozen and a new last layer learns
 * the digits 5 to 9 from a few. Arguments: images of the first task (15000) and of the second (500).
 */
import { type Tensor, manualSeed, noGrad, tensor } from "twopass";
import { DataLoader, TensorDataset } from "twopass/data";
import { mnist } from "twopass/data/node";
import * as nn from "twopass/nn";
import { Adam } from "twopass/optim";

const [many = 15_000, few = 500] = process.argv.slice(2).map(Number);
manualSeed(1);

class Net extends nn.Module {
  features = new nn.Sequential(
    new nn.Conv2d(1, 8, 5),
    new nn.ReLU(),
    new nn.MaxPool2d(2), // [B, 8, 12, 12]
    new nn.Conv2d(8, 16, 5),
    new nn.ReLU(),
    new nn.MaxPool2d(2), // [B, 16, 4, 4]
    new nn.Flatten(),
    new nn.Linear(256, 64),
    new nn.ReLU(), // [B, 64]
  );
  head = new nn.Linear(64, 5);

  forward(pixels: Tensor): Tensor {
    return this.head.forward(this.features.forward(pixels.div(255))); // [B, 5]
  }
}

/** Some digits of a range, labelled 0 to 4. */
async function load(train: boolean, first: number, most: number): Promise<TensorDataset<[Tensor, Tensor]>> {
  const { images, labels } = await mnist({ train });
  const chosen = [...labels.keys()].filter((i) => Math.floor((labels[i] as number) / 5) === first / 5).slice(0, most);
  const pixels = new Uint8Array(chosen.length * 784);
  chosen.forEach((i, at) => pixels.set(images.subarray(i * 784, (i + 1) * 784), at * 784));
  return new TensorDataset(
    tensor(pixels).reshape(-1, 1, 28, 28),
    tensor(Uint8Array.from(chosen, (i) => (labels[i] as number) - first)),
  );
}

async function train(model: Net, data: TensorDataset<[Tensor, Tensor]>, epochs: number): Promise<void> {
  // Frozen parameters are left out: they get no gradient, and the backward pass ends where the frozen layers begin.
  const trained = model.parameters().filter((parameter) => parameter.requiresGrad);
  const optimizer = new Adam(trained, { lr: 0.003 });
  const lossOf = new nn.CrossEntropyLoss();
  for (let epoch = 0; epoch < epochs; epoch++) {
    for await (const [pixels, labels] of new DataLoader(data, { batchSize: 50, shuffle: true })) {
      const loss = lossOf.forward(model.forward(pixels), labels); // forward pass
      optimizer.zeroGrad();
      loss.backward(); // backward pass
      optimizer.step(); // update
    }
  }
}

async function accuracy(model: Net, first: number): Promise<number> {
  const data = await load(false, first, 10_000);
  let correct = tensor(0);
  for await (const [pixels, labels] of new DataLoader(data, { batchSize: 500 })) {
    correct = correct.add(noGrad(() => model.forward(pixels).argmax(1).eq(labels).sum()));
  }
  return (await correct.item()) / data.length;
}

const model = new Net();
await train(model, await load(true, 0, many), 2);
console.log(`0 to 4, all layers, ${many} images: ${(await accuracy(model, 0)).toFixed(4)}`);

model.features.requiresGrad_(false);
const before = await model.features.snapshot();
model.head = new nn.Linear(64, 5);
const target = await load(true, 5, few);
await train(model, target, 20);
console.log(`5 to 9, new head on frozen layers, ${few} images: ${(await accuracy(model, 5)).toFixed(4)}`);

const after = await model.features.snapshot();
let unchanged = true;
for (const key of Object.keys(before)) {
  unchanged &&= (await before[key]?.equal(after[key] as Tensor)) ?? false;
}
console.log(`frozen layers unchanged: ${unchanged}`);
