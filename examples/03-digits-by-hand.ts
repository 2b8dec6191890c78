/**
 * Handwritten digits with a loop written by hand: batches, forward pass, loss, backward pass, update, test.
 * Arguments: the number of training images (60000) and of epochs (3).
 */
import { type Tensor, manualSeed, noGrad, tensor } from "twopass";
import { DataLoader, TensorDataset } from "twopass/data";
import { mnist } from "twopass/data/node";
import * as nn from "twopass/nn";
import { Adam } from "twopass/optim";

const [count = 60_000, epochs = 3] = process.argv.slice(2).map(Number);
manualSeed(1);

class Net extends nn.Module {
  conv = new nn.Conv2d(1, 8, 5);
  pool = new nn.MaxPool2d(2);
  hidden = new nn.Linear(8 * 12 * 12, 64);
  output = new nn.Linear(64, 10);

  forward(pixels: Tensor): Tensor {
    const x = pixels.div(255); // [B, 1, 28, 28], 0 is background and 1 is ink
    const edges = this.pool.forward(this.conv.forward(x).relu()); // [B, 8, 12, 12]
    return this.output.forward(this.hidden.forward(edges.flatten(1)).relu()); // [B, 10], one score a digit
  }
}

async function load(train: boolean, most: number): Promise<TensorDataset<[Tensor, Tensor]>> {
  const { images, labels } = await mnist({ train });
  const size = Math.min(labels.length, most);
  const pixels = tensor(images.subarray(0, size * 784), { shape: [size, 1, 28, 28] }); // uint8
  return new TensorDataset(pixels, tensor(labels.subarray(0, size)));
}

const training = await load(true, count);
const test = await load(false, 10_000);
const loader = new DataLoader(training, { batchSize: 64, shuffle: true });

const model = new Net();
const optimizer = new Adam(model.parameters(), { lr: 0.002 });
const lossOf = new nn.CrossEntropyLoss();

for (let epoch = 1; epoch <= epochs; epoch++) {
  let lossSum = tensor(0); // [], a tensor: read once an epoch
  for await (const [pixels, labels] of loader) {
    // pixels [B, 1, 28, 28], labels [B]
    const scores = model.forward(pixels); // forward pass: [B, 10]
    const loss = lossOf.forward(scores, labels); // [], the loss L
    optimizer.zeroGrad();
    loss.backward(); // backward pass: ∂L/∂θ in each parameter's grad
    optimizer.step(); // update: θ ← θ − η · (what Adam makes of ∂L/∂θ)
    lossSum = lossSum.add(loss.detach());
  }
  console.log(`epoch ${epoch}: mean loss ${((await lossSum.item()) / loader.length).toFixed(4)}`);
}

let correct = tensor(0); // []
for await (const [pixels, labels] of new DataLoader(test, { batchSize: 1000 })) {
  const right = noGrad(() => model.forward(pixels).argmax(1).eq(labels)); // [1000], bool
  correct = correct.add(right.sum());
}
console.log(`test accuracy: ${(await correct.item()) / test.length}`);
