/**
 * One neuron by hand: y = f(x; θ) = σ(w₁x₁ + w₂x₂ + b), L = ½ (y − t)². Every number of both passes is computed in plain
 * JavaScript by the chain rule and stands beside the one that the library finds.
 */
import { type Tensor, tensor } from "twopass";
import * as nn from "twopass/nn";
import { SGD } from "twopass/optim";

const [x1, x2, t, rate] = [2, -1, 1, 0.5]; // the input, the target, the learning rate η
let [w1, w2, b] = [0.3, 0.8, -0.1]; // θ by hand

const x = tensor([x1, x2]); // [2]
const weight = new nn.Parameter(tensor([w1, w2])); // [2], θ in the library
const bias = new nn.Parameter(tensor(b)); // []
const optimizer = new SGD([weight, bias], { lr: rate });

let worst = 0; // the largest difference between the two
async function compare(name: string, byHand: number, found: Tensor | null, at = 0): Promise<void> {
  const number = (await found?.data())?.[at] ?? Number.NaN;
  worst = Math.max(worst, Math.abs(number - byHand));
  console.log(`  ${name.padEnd(36)}${byHand.toFixed(6).padStart(10)}${number.toFixed(6).padStart(12)}`);
}

for (let step = 1; step <= 3; step++) {
  // Forward pass, by hand.
  const z = w1 * x1 + w2 * x2 + b;
  const y = 1 / (1 + Math.exp(-z));
  const loss = 0.5 * (y - t) ** 2;
  // Backward pass, by hand: from the loss back to θ, one factor of the chain rule after another.
  const dLdy = y - t;
  const dydz = y * (1 - y);
  const dLdz = dLdy * dydz;
  const dLdw1 = dLdz * x1; // ∂z/∂w₁ = x₁
  const dLdw2 = dLdz * x2; // ∂z/∂w₂ = x₂
  const dLdb = dLdz * 1; // ∂z/∂b = 1

  // Both passes in the library.
  const sum = weight.mul(x).sum().add(bias).retainGrad(); // []
  const output = sum.sigmoid().retainGrad(); // []
  const lossTensor = output.sub(t).square().mul(0.5); // []
  optimizer.zeroGrad();
  lossTensor.backward();

  console.log(`step ${step}`.padEnd(38) + "   by hand     twopass");
  await compare("before    w₁", w1, weight, 0);
  await compare("          w₂", w2, weight, 1);
  await compare("          b", b, bias);
  await compare("forward   z = w₁x₁ + w₂x₂ + b", z, sum);
  await compare("          y = f(x; θ) = σ(z)", y, output);
  await compare("          L = ½ (y − t)²", loss, lossTensor);
  await compare("backward  ∂L/∂y = y − t", dLdy, output.grad);
  await compare("          ∂L/∂z = ∂L/∂y · y(1 − y)", dLdz, sum.grad);
  await compare("          ∂L/∂w₁ = ∂L/∂z · x₁", dLdw1, weight.grad, 0);
  await compare("          ∂L/∂w₂ = ∂L/∂z · x₂", dLdw2, weight.grad, 1);
  await compare("          ∂L/∂b = ∂L/∂z · 1", dLdb, bias.grad);

  // Update: θ ← θ − η ∂L/∂θ.
  [w1, w2, b] = [w1 - rate * dLdw1, w2 - rate * dLdw2, b - rate * dLdb];
  optimizer.step();
  await compare("after     w₁ ← w₁ − η ∂L/∂w₁", w1, weight, 0);
  await compare("          w₂ ← w₂ − η ∂L/∂w₂", w2, weight, 1);
  await compare("          b ← b − η ∂L/∂b", b, bias);
}
console.log(`largest difference: ${worst.toExponential(1)}`);
