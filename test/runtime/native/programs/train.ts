/** `train`: a few steps of a small net on the default device. Prints its name, the losses, and what native says of itself. */
import { Linear, Sequential, Tanh } from "../../../../src/nn/index.ts";
import { mseLoss } from "../../../../src/nn/functional.ts";
import { defaultDevice, deviceReports, manualSeed, tensor } from "../../../../src/index.ts";
import { SGD } from "../../../../src/optim/index.ts";

manualSeed(1);
const model = new Sequential(new Linear(2, 8), new Tanh(), new Linear(8, 1));
const optimizer = new SGD(model.parameters(), { lr: 0.1 });
const x = tensor([
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
]);
const y = tensor([[0], [1], [1], [0]]);
const losses: number[] = [];
for (let i = 0; i < 20; i++) {
  const loss = mseLoss(model.forward(x), y);
  optimizer.zeroGrad();
  loss.backward();
  optimizer.step();
  losses.push(await loss.item());
}
console.log(JSON.stringify({ device: defaultDevice(), report: deviceReports().native, losses }));
