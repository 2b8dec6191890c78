import { tensor, manualSeed } from "twopass";
import * as nn from "twopass/nn";
import { Adam } from "twopass/optim";
manualSeed(1);
const x = tensor([[0, 0], [0, 1], [1, 0], [1, 1]]), y = tensor([[0], [1], [1], [0]]);
const model = new nn.Sequential(new nn.Linear(2, 8), new nn.Tanh(), new nn.Linear(8, 1));
const optimizer = new Adam(model.parameters(), { lr: 0.05 }), lossOf = new nn.BCEWithLogitsLoss();
for (let i = 0; i < 200; i++) {
  const loss = lossOf.forward(model.forward(x), y);                     // forward pass
  optimizer.zeroGrad(); loss.backward(); optimizer.step();              // backward pass, update
  if (i % 50 === 0) console.log(i, await loss.item());
}
console.log(await model.forward(x).sigmoid().round().array(2));         // [[0], [1], [1], [0]]
