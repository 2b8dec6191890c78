/**
 * Classification of a table with gaps: which of three species is a penguin? Island and sex are texts, measures are
 * numbers, and eleven rows have missing fields. Argument: epochs (60).
 */
import { manualSeed, noGrad } from "twopass";
import { DataLoader, TensorDataset } from "twopass/data";
import { penguins } from "twopass/data/node";
import * as nn from "twopass/nn";
import { Adam } from "twopass/optim";
import { Accuracy, ConfusionMatrix } from "twopass/train";

const [epochs = 60] = process.argv.slice(2).map(Number);
manualSeed(1);

const [train, test] = (await penguins()).split(0.7, { seed: 1 });
console.table(train.describe());
const { inputs, target, encoder } = train.toTensors({ target: "species", missing: "fill" }); // [241, 9], [241] int32

const model = new nn.Sequential(new nn.Linear(9, 16), new nn.ReLU(), new nn.Dropout(0.2), new nn.Linear(16, 3));
const optimizer = new Adam(model.parameters(), { lr: 0.01 });
const lossOf = new nn.CrossEntropyLoss({ labelSmoothing: 0.05 });
const loader = new DataLoader(new TensorDataset(inputs, target), { batchSize: 32, shuffle: true });

for (let epoch = 1; epoch <= epochs; epoch++) {
  for await (const [x, y] of loader) {
    const loss = lossOf.forward(model.forward(x), y); // forward pass: [32, 9] -> [32, 3] -> []
    optimizer.zeroGrad();
    loss.backward(); // backward pass
    optimizer.step(); // update
  }
}

model.eval(); // no dropout from here on
const scores = noGrad(() => model.forward(encoder.inputs(test))); // [103, 3]
const [accuracy, confusion] = [new Accuracy(), new ConfusionMatrix(3)];
for (const metric of [accuracy, confusion]) metric.update(scores, encoder.target(test));
console.log("rows: true species, columns: predicted");
console.table(await confusion.compute());
console.log(`test accuracy: ${(await accuracy.compute()).toFixed(3)}`);
