/**
 * A convolutional autoencoder squeezes a digit of 784 pixels into 32 numbers and draws it again from them.
 * Arguments: the number of training images (20000) and of epochs (3).
 */
import { type Tensor, manualSeed, noGrad, tensor } from "twopass";
import { DataLoader, TensorDataset } from "twopass/data";
import { mnist } from "twopass/data/node";
import * as nn from "twopass/nn";
import { Adam } from "twopass/optim";

const [count = 20_000, epochs = 3] = process.argv.slice(2).map(Number);
manualSeed(1);

class Autoencoder extends nn.Module {
  down1 = new nn.Conv2d(1, 8, 3, { stride: 2, padding: 1 });
  down2 = new nn.Conv2d(8, 16, 3, { stride: 2, padding: 1 });
  code = new nn.Linear(16 * 7 * 7, 32);
  open = new nn.Linear(32, 16 * 7 * 7);
  up1 = new nn.ConvTranspose2d(16, 8, 4, { stride: 2, padding: 1 });
  up2 = new nn.ConvTranspose2d(8, 1, 4, { stride: 2, padding: 1 });

  encode(x: Tensor): Tensor {
    const edges = this.down1.forward(x).relu(); // [B, 8, 14, 14]
    return this.code.forward(this.down2.forward(edges).relu().flatten(1)); // [B, 32]
  }

  decode(code: Tensor): Tensor {
    const spread = this.open.forward(code).relu().reshape(-1, 16, 7, 7); // [B, 16, 7, 7]
    return this.up2.forward(this.up1.forward(spread).relu()).sigmoid(); // [B, 1, 28, 28]
  }

  forward(x: Tensor): Tensor {
    return this.decode(this.encode(x));
  }
}

async function load(train: boolean, most: number): Promise<TensorDataset<[Tensor]>> {
  const { images } = await mnist({ train });
  return new TensorDataset(tensor(images.subarray(0, most * 784)).reshape(-1, 1, 28, 28));
}

const model = new Autoencoder();
const optimizer = new Adam(model.parameters(), { lr: 0.002 });
const lossOf = new nn.MSELoss();
const loader = new DataLoader(await load(true, count), { batchSize: 64, shuffle: true, map: ([x]) => x.div(255) });

for (let epoch = 1; epoch <= epochs; epoch++) {
  let lossSum = tensor(0); // []
  for await (const x of loader) {
    const loss = lossOf.forward(model.forward(x), x); // forward pass; the input is its own target
    optimizer.zeroGrad();
    loss.backward(); // backward pass
    optimizer.step(); // update
    lossSum = lossSum.add(loss.detach());
  }
  console.log(`epoch ${epoch}: mean squared error ${((await lossSum.item()) / loader.length).toFixed(4)}`);
}

const [digits] = (await load(false, 1000)).rows(Array.from({ length: 1000 }, (_, i) => i)); // [1000, 1, 28, 28]
const x = digits.div(255);
const y = noGrad(() => model.forward(x));
const ink = " .:-=+*#%@";
const draw = (rows: number[][]): string[] => rows.map((row) => row.map((p) => ink[Math.floor(p * 9.99)]).join(""));
const [before, after] = [draw(await x.at(0, 0).array(2)), draw(await y.at(0, 0).array(2))];
console.log(before.map((row, i) => `${row}  ${after[i]}`).join("\n"));
const error = await y.sub(x).square().mean().item();
const spread = await x.sub(x.mean(0)).square().mean().item(); // the error of drawing the average digit each time
console.log(`test error: ${(error / spread).toFixed(4)} of the variance`);
