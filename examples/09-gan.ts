/**
 * Two networks play against each other (Goodfellow et al. 2014): the generator draws digits from noise, the
 * discriminator tells them from real ones. Arguments: training steps (3000) and images (20000).
 */
import { type Tensor, manualSeed, noGrad, randn, tensor } from "twopass";
import { DataLoader, TensorDataset } from "twopass/data";
import { mnist } from "twopass/data/node";
import { binaryCrossEntropyWithLogits } from "twopass/nn/functional";
import * as nn from "twopass/nn";
import { Adam } from "twopass/optim";

const [steps = 3000, count = 20_000] = process.argv.slice(2).map(Number);
manualSeed(1);

const leaky = () => new nn.LeakyReLU({ negativeSlope: 0.2 });
const generator = new nn.Sequential(
  // noise [B, 64] -> pixels [B, 784] from -1 to 1
  new nn.Linear(64, 256),
  new nn.BatchNorm1d(256),
  new nn.ReLU(),
  new nn.Linear(256, 512),
  new nn.BatchNorm1d(512),
  new nn.ReLU(),
  new nn.Linear(512, 784),
  new nn.Tanh(),
);
const discriminator = new nn.Sequential(
  // pixels [B, 784] -> one score [B, 1]: above 0 means real
  new nn.Linear(784, 256),
  leaky(),
  new nn.Dropout(0.3),
  new nn.Linear(256, 128),
  leaky(),
  new nn.Dropout(0.3),
  new nn.Linear(128, 1),
);
const settings = { lr: 0.0003, betas: [0.5, 0.999] } as const;
const [generatorStep, discriminatorStep] = [
  new Adam(generator.parameters(), settings),
  new Adam(discriminator.parameters(), settings),
];
/** The loss of taking all scores for real (1) or for drawn (0). */
const lossOf = (scores: Tensor, real: number) => binaryCrossEntropyWithLogits(scores, scores.mul(0).add(real));

const { images } = await mnist({ train: true });
const data = new TensorDataset(tensor(images.subarray(0, count * 784)).reshape(-1, 784));
const loader = new DataLoader(data, {
  batchSize: 64,
  shuffle: true,
  dropLast: true,
  map: ([x]) => x.div(127.5).sub(1),
});

for (let step = 0; step < steps; ) {
  for await (const real of loader) {
    const drawn = generator.forward(randn(64, 64)); // forward pass of the generator
    // The discriminator learns; detach() keeps its gradient out of the generator.
    const lossD = lossOf(discriminator.forward(real), 0.9).add(lossOf(discriminator.forward(drawn.detach()), 0));
    discriminatorStep.zeroGrad();
    lossD.backward(); // backward pass of the discriminator
    discriminatorStep.step();
    // The generator learns, through the discriminator, what would have been taken for real.
    const lossG = lossOf(discriminator.forward(drawn), 1);
    generatorStep.zeroGrad();
    lossG.backward(); // backward pass of both; only the generator is updated
    generatorStep.step();
    if (++step % 500 === 0)
      console.log(`step ${step}: loss D ${(await lossD.item()).toFixed(3)}, G ${(await lossG.item()).toFixed(3)}`);
    if (step === steps) break;
  }
}

generator.eval();
const digits = noGrad(() => generator.forward(randn(1000, 64)))
  .add(1)
  .div(2); // [1000, 784], 0 to 1
const [rows, ink] = [
  await digits.narrow(0, 0, 4).reshape(4, 28, 28).permute(1, 0, 2).reshape(28, 112).array(2),
  " .:-=+*#%@",
];
console.log(rows.map((row) => row.map((p) => ink[Math.floor(p * 9.99)]).join("")).join("\n"));
// Drawn digits should look like real ones on average, and differ from each other as much.
const real = data.rows(Array.from({ length: 1000 }, (_, i) => i))[0].div(255); // [1000, 784]
const distance = await digits.mean(0).sub(real.mean(0)).square().mean().sqrt().item();
const variety = await digits.std(0).mean().div(real.std(0).mean()).item();
console.log(
  `distance of the mean images: ${distance.toFixed(4)}, variety: ${variety.toFixed(3)} of that of real digits`,
);
