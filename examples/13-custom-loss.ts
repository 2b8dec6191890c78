/**
 * A loss of one's own: the pinball loss teaches a network to say how sure it is. It learns three quantiles of y for each x,
 * so that 80% of all answers lie between the lowest and the highest. Argument: training steps (1500).
 */
import { type Tensor, manualSeed, noGrad, rand, randn, tensor } from "twopass";
import * as nn from "twopass/nn";
import { Adam } from "twopass/optim";

const [steps = 1500] = process.argv.slice(2).map(Number);
manualSeed(1);

/** y = sin(3x) with noise that grows from left to right; x, y [n, 1]. */
function sample(n: number): [x: Tensor, y: Tensor] {
  const x = rand(n, 1).mul(2).sub(1);
  const noise = randn(n, 1).mul(x.add(1.2).mul(0.3));
  return [x, x.mul(3).sin().add(noise)];
}

/**
 * L = mean over q of max(q · e, (q − 1) · e) with e = y − ŷ_q (Koenker and Bassett 1978). Any function of tensors is a
 * loss: its derivative comes with the operations it is made of.
 */
class PinballLoss extends nn.Module {
  readonly quantiles: Tensor; // [3]
  constructor(quantiles: number[]) {
    super();
    this.quantiles = tensor(quantiles);
  }

  forward(predicted: Tensor, y: Tensor): Tensor {
    const error = y.sub(predicted); // [n, 1] - [n, 3] = [n, 3]
    return this.quantiles.mul(error).maximum(this.quantiles.sub(1).mul(error)).mean(); // []
  }
}

const model = new nn.Sequential(
  new nn.Linear(1, 64),
  new nn.SiLU(),
  new nn.Linear(64, 64),
  new nn.SiLU(),
  new nn.Linear(64, 3),
);
const optimizer = new Adam(model.parameters(), { lr: 0.003 });
const lossOf = new PinballLoss([0.1, 0.5, 0.9]);

for (let step = 1; step <= steps; step++) {
  const [x, y] = sample(256);
  const loss = lossOf.forward(model.forward(x), y); // forward pass: [256, 3] -> []
  optimizer.zeroGrad();
  loss.backward(); // backward pass
  optimizer.step(); // update
  if (step % 250 === 0) console.log(`step ${step}: loss ${(await loss.item()).toFixed(4)}`);
}

const [x, y] = sample(10_000);
const [low, , high] = noGrad(() => model.forward(x)).split(1, 1); // [10000, 1] each
const inside = y.ge(low as Tensor).logicalAnd(y.le(high as Tensor));
console.log(`answers inside: ${await inside.float().mean().item()}`); // 0.8 where the quantiles are right
