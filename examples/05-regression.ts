/**
 * Regression on a table: how many miles does a car go on a gallon? 392 cars of 1970 to 1982, 80% to learn from.
 * Argument: epochs (150).
 */
import { type Tensor, manualSeed, noGrad } from "twopass";
import { DataLoader, TensorDataset } from "twopass/data";
import { cars } from "twopass/data/node";
import * as nn from "twopass/nn";
import { AdamW } from "twopass/optim";
import { R2Score } from "twopass/train";

const [epochs = 150] = process.argv.slice(2).map(Number);
manualSeed(1);

const table = (await cars()).dropMissing();
const [train, test] = table.split(0.8, { seed: 1 });
// Numbers get mean 0 and deviation 1, the origin becomes three columns of 0 and 1; the same for the target, miles.
const { inputs, target, encoder } = train.toTensors({
  inputs: ["cylinders", "displacement", "horsepower", "weight", "acceleration", "year", "origin"],
  target: "milesPerGallon",
  standardizeTarget: true,
}); // inputs [314, 9], target [314, 1]

const model = new nn.Sequential(
  new nn.Linear(9, 32),
  new nn.ReLU(),
  new nn.Linear(32, 32),
  new nn.ReLU(),
  new nn.Linear(32, 1),
);
const optimizer = new AdamW(model.parameters(), { lr: 0.003, weightDecay: 0.1 });
const lossOf = new nn.MSELoss();

for (let epoch = 1; epoch <= epochs; epoch++) {
  let loss: Tensor | undefined;
  for await (const [x, y] of new DataLoader(new TensorDataset(inputs, target), { batchSize: 32, shuffle: true })) {
    loss = lossOf.forward(model.forward(x), y); // forward pass: [32, 9] -> [32, 1] -> []
    optimizer.zeroGrad();
    loss.backward(); // backward pass
    optimizer.step(); // update
  }
  if (epoch % 50 === 0) console.log(`epoch ${epoch}: loss ${(await loss?.item())?.toFixed(4)}`);
}

// A second encoder would have other means: the test table is encoded as the training table was.
const predicted = noGrad(() => model.forward(encoder.inputs(test))); // [78, 1]
const miles = encoder.decodeTarget(await predicted.data());
const truth = test.numbers("milesPerGallon");
const names = test.texts("name");
for (let i = 0; i < 5; i++) console.log(`${names[i]}: ${miles[i]?.toFixed(1)} miles, in truth ${truth[i]}`);

const r2 = new R2Score();
r2.update(predicted, encoder.target(test));
const rootMeanSquare = Math.sqrt(miles.reduce((sum, m, i) => sum + (m - (truth[i] as number)) ** 2, 0) / miles.length);
console.log(`test: R² ${(await r2.compute()).toFixed(3)}, root mean squared error ${rootMeanSquare.toFixed(2)} miles`);
