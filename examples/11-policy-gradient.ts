/**
 * Learning by doing: REINFORCE (Williams 1992) balances a pole on a cart. The network gives the chances of the two
 * pushes; pushes that led to a longer balance than usual become more likely. Argument: iterations (60).
 */
import { type Tensor, manualSeed, noGrad, int32, tensor } from "twopass";
import { logSoftmax } from "twopass/nn/functional";
import * as nn from "twopass/nn";
import { Adam } from "twopass/optim";

const [iterations = 60] = process.argv.slice(2).map(Number);
const [games, longest] = [16, 200];
manualSeed(2);
let seed = 1; // of the game, which draws its own numbers
const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;

type State = [x: number, speed: number, angle: number, turning: number];
const start = (): State => [0, 0, 0, 0].map(() => random() * 0.1 - 0.05) as State;
/** One fiftieth of a second of a cart of 1 kg with a pole of 0.1 kg and 1 m (Barto, Sutton and Anderson 1983). */
function push([x, speed, angle, turning]: State, right: boolean): State {
  const [sin, cos] = [Math.sin(angle), Math.cos(angle)];
  const force = ((right ? 10 : -10) + 0.05 * turning * turning * sin) / 1.1;
  const turn = (9.8 * sin - cos * force) / (0.5 * (4 / 3 - (0.1 * cos * cos) / 1.1));
  const push = force - (0.05 * turn * cos) / 1.1;
  return [x + 0.02 * speed, speed + 0.02 * push, angle + 0.02 * turning, turning + 0.02 * turn];
}
const fallen = ([x, , angle]: State): boolean => Math.abs(x) > 2.4 || Math.abs(angle) > 0.21;

const policy = new nn.Sequential(new nn.Linear(4, 32), new nn.Tanh(), new nn.Linear(32, 2));
const optimizer = new Adam(policy.parameters(), { lr: 0.01 });

for (let iteration = 1; iteration <= iterations; iteration++) {
  const played: { states: State[]; pushes: number[] }[] = Array.from({ length: games }, () => ({
    states: [],
    pushes: [],
  }));
  let running = played.map((game) => ({ game, state: start() }));
  for (let t = 0; t < longest && running.length > 0; t++) {
    const chances = noGrad(() => policy.forward(tensor(running.map(({ state }) => state))).softmax(-1)); // [running, 2]
    const right = (await chances.array(2)).map(([, chance = 0]) => random() < chance);
    running = running.flatMap(({ game, state }, i) => {
      game.states.push(state);
      game.pushes.push(Number(right[i]));
      const next = push(state, right[i] === true);
      return fallen(next) ? [] : [{ game, state: next }];
    });
  }
  // What followed each push, later things counting less: R_t = 1 + 0.98 · R_{t+1}.
  const returns = played.flatMap(({ states: { length } }) =>
    Array.from({ length }, (_, t) => (1 - 0.98 ** (length - t)) / 0.02),
  );
  const R = tensor(returns); // [n]
  const advantage = R.sub(R.mean()).div(R.std().add(1e-6));
  const logChances: Tensor = logSoftmax(policy.forward(tensor(played.flatMap(({ states }) => states))), -1); // forward pass: [n, 2]
  const taken = logChances.gather(1, int32(played.flatMap(({ pushes }) => pushes)).unsqueeze(1)).squeeze(1); // [n]
  const loss = taken.mul(advantage).mean().neg();
  optimizer.zeroGrad();
  loss.backward(); // backward pass: ∇ log π(push) · advantage
  optimizer.step(); // update
  const steps = returns.length / games;
  if (iteration % 10 === 0) console.log(`iteration ${iteration}: balanced for ${steps.toFixed(1)} of ${longest} steps`);
}
