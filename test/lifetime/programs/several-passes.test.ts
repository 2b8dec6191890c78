/** Programs whose steps are made of several passes: two networks, gradients that are gathered, games that are played first. */
import { beforeEach, describe, expect, test } from "vitest";
import { binaryCrossEntropyWithLogits, crossEntropy, logSoftmax } from "../../../src/nn/functional.ts";
import * as nn from "../../../src/nn/index.ts";
import { Adam, OneCycleLR, SGD } from "../../../src/optim/index.ts";
import { int32, tensor } from "../../../src/tensor/creation.ts";
import { randn } from "../../../src/tensor/random.ts";
import { noGrad } from "../../../src/tensor/scope.ts";
import type { Tensor } from "../../../src/tensor/tensor.ts";
import { digits, randomFrom } from "../digits.ts";
import { Watch } from "../watch.ts";

describe("a GAN", () => {
  const lossOf = (scores: Tensor, real: number): Tensor =>
    binaryCrossEntropyWithLogits(scores, scores.mul(0).add(real));

  /** Two networks, and for each a function that writes its loss for drawn points and one that learns from it. */
  function networks(watch: Watch) {
    const generator = new nn.Sequential(
      new nn.Linear(4, 16),
      new nn.BatchNorm1d(16),
      new nn.ReLU(),
      new nn.Linear(16, 2),
    );
    const discriminator = new nn.Sequential(
      new nn.Linear(2, 16),
      new nn.LeakyReLU({ negativeSlope: 0.2 }),
      new nn.Dropout(0.1),
      new nn.Linear(16, 1),
    );
    const settings = { lr: 0.01, betas: [0.5, 0.999] } as const;
    const [forG, forD] = [new Adam(generator.parameters(), settings), new Adam(discriminator.parameters(), settings)];
    const draw = (count: number): Tensor => generator.forward(randn(count, 4));
    const learn = (optimizer: Adam, loss: Tensor): Tensor => {
      optimizer.zeroGrad();
      watch.forward(loss).backward();
      optimizer.step();
      return loss;
    };
    return {
      generator,
      draw,
      stepD: (drawn: Tensor): Tensor => {
        const real = randn(32, 2).mul(0.1).add(2);
        const scores = [discriminator.forward(real), discriminator.forward(drawn.detach())] as const;
        return learn(forD, lossOf(scores[0], 0.9).add(lossOf(scores[1], 0)));
      },
      stepG: (drawn: Tensor): Tensor => learn(forG, lossOf(discriminator.forward(drawn), 1)),
    };
  }

  test.each([
    // Each optimiser's step is a run. The first one keeps the drawn points, as any result of a module, but not what is
    // between the generator's layers. The second one goes back through them, so it computes the first layer again: of
    // 8 products in a step one runs twice.
    ["the discriminator learns first", "D", { plans: 2, runs: 20, forwards: 9 / 8 }],
    // Its loss also leaves gradients at the discriminator, from the second step on added to those that are there.
    ["the generator learns first", "G", { plans: 3, runs: 20 }],
  ])("%s", async (_, first, cost) => {
    const watch = new Watch();
    const { generator, draw, stepD, stepG } = networks(watch);
    do {
      const drawn = draw(32);
      const steps = first === "D" ? [stepD, stepG] : [stepG, stepD];
      for (const step of steps) expect(await step(drawn).item()).toBeLessThan(5);
    } while (watch.step());
    expect(watch.report()).toEqual({ forwards: 1, changed: {}, ...cost });
    generator.eval();
    expect(
      await noGrad(() => draw(500))
        .mean()
        .item(),
    ).toBeCloseTo(2, 0);
  });
});

test("gradients of four batches, clipped, with a schedule", async () => {
  const watch = new Watch();
  const { pixels, labels } = digits(64);
  const model = new nn.Sequential(new nn.Linear(144, 16), new nn.Tanh(), new nn.Linear(16, 10));
  const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
  const schedule = new OneCycleLR(optimizer, { maxLr: 0.3, totalSteps: 100 });
  const [losses, norms]: [number[], number[]] = [[], []];
  do {
    let lossSum = tensor(0);
    optimizer.zeroGrad();
    for (let part = 0; part < 4; part++) {
      const x = tensor(pixels.slice(part * 16 * 144, (part + 1) * 16 * 144), { shape: [16, 144] }).div(255);
      const y = tensor(labels.slice(part * 16, (part + 1) * 16));
      const loss = watch.forward(crossEntropy(model.forward(x), y).div(4));
      loss.backward();
      lossSum = lossSum.add(loss.detach());
    }
    const norm = nn.clipGradNorm(model.parameters(), 0.5);
    optimizer.step();
    schedule.step();
    losses.push(await lossSum.item());
    norms.push(await norm.item());
  } while (watch.step());
  // Plans: the first batch, one that adds to its gradients, and the last with the update.
  expect(watch.report()).toEqual({ plans: 3, runs: 40, forwards: 1, changed: {} });
  expect(losses.at(-1)).toBeLessThan(0.2 * (losses[0] as number));
  expect(Math.max(...norms)).toBeGreaterThan(0.5);
  expect(optimizer.paramGroups[0]?.lr).toBeLessThan(0.01);
});

describe("policy gradient", () => {
  /** A walker on the places −3 to 3 wants to stay in the middle; each push moves it, and so does chance. */
  interface Walker {
    place: number;
  }
  let random = randomFrom(5);
  beforeEach(() => {
    random = randomFrom(5);
  });
  const start = (): Walker => ({ place: Math.floor(5 * random()) - 2 });
  /** Moves a walker. Says whether it has fallen. */
  function push(walker: Walker, right: boolean): boolean {
    walker.place += (right ? 1 : -1) * (random() < 0.9 ? 1 : -1);
    return Math.abs(walker.place) > 3;
  }

  interface Played {
    readonly seen: number[][];
    readonly pushes: number[];
    readonly returns: number[];
  }

  /** Plays with chances that the policy gives, learns from it, 100 times; gives how many walkers fell each time. */
  async function learn(
    watch: Watch,
    play: (act: (seen: number[][]) => Promise<boolean[]>) => Promise<[Played, number]>,
  ) {
    const policy = new nn.Sequential(new nn.Linear(1, 16), new nn.Tanh(), new nn.Linear(16, 2));
    const optimizer = new Adam(policy.parameters(), { lr: 0.02 });
    const act = async (seen: number[][]): Promise<boolean[]> => {
      const chances = noGrad(() => watch.forward(policy.forward(tensor(seen))).softmax(-1));
      return (await chances.array(2)).map(([, right = 0]) => random() < right);
    };
    const fallen: number[] = [];
    do {
      const [{ seen, pushes, returns }, count] = await play(act);
      const R = tensor(returns);
      const advantage = R.sub(R.mean()).div(R.std().add(1e-6));
      const logChances = logSoftmax(watch.forward(policy.forward(tensor(seen))), -1);
      const taken = logChances.gather(1, int32(pushes).unsqueeze(1)).squeeze(1);
      const loss = taken.mul(advantage).mean().neg();
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      fallen.push(count);
    } while (watch.step());
    const sum = (part: number[]): number => part.reduce((a, b) => a + b, 0);
    expect(sum(fallen.slice(-20))).toBeLessThan(0.5 * sum(fallen.slice(0, 20)));
  }

  test("eight games that begin again when they are lost", async () => {
    const [games, length] = [8, 12];
    const watch = new Watch();
    const walkers = Array.from({ length: games }, start);
    await learn(watch, async (act) => {
      const played: Played = { seen: [], pushes: [], returns: [] };
      const ends: boolean[] = [];
      for (let t = 0; t < length; t++) {
        const seen = walkers.map(({ place }) => [place]);
        const right = await act(seen);
        played.seen.push(...seen);
        played.pushes.push(...right.map(Number));
        walkers.forEach((walker, i) => {
          const isOver = push(walker, right[i] === true);
          ends.push(isOver);
          if (isOver) walkers[i] = start();
        });
      }
      let after = Array.from({ length: games }, () => 0);
      for (let t = length - 1; t >= 0; t--) {
        after = after.map((r, i) => (ends[t * games + i] === true ? -1 : 0.1 + 0.8 * r));
        played.returns.unshift(...after);
      }
      return [played, ends.filter(Boolean).length];
    });
    // Plans: a move of all games, and the update.
    expect(watch.report()).toEqual({ plans: 2, runs: 10 * (length + 1), forwards: 1, changed: {} });
  });

  test("eight games until the last one is lost: other sizes each time", async () => {
    const watch = new Watch();
    const sizes = new Set<string>();
    await learn(watch, async (act) => {
      const games = Array.from({ length: 8 }, () => ({ ...start(), seen: [] as number[][], pushes: [] as number[] }));
      let running = games;
      for (let t = 0; t < 12 && running.length > 0; t++) {
        sizes.add(`act ${running.length}`);
        const right = await act(running.map(({ place }) => [place]));
        running = running.filter((game, i) => {
          game.seen.push([game.place]);
          game.pushes.push(Number(right[i]));
          return !push(game, right[i] === true);
        });
      }
      const seen = games.flatMap((game) => game.seen);
      sizes.add(`learn ${seen.length}`);
      const returns = games.flatMap(({ seen: { length } }) =>
        Array.from({ length }, (_, t) => (1 - 0.8 ** (length - t)) / 0.2),
      );
      return [{ seen, pushes: games.flatMap((game) => game.pushes), returns }, games.length - running.length];
    });
    // Each size has a plan of its own, made of kernels that exist. Plans hold vertices; the arena and what a run keeps go
    // with the size.
    const { plans, forwards, changed } = watch.report();
    expect({ plans, forwards }).toEqual({ plans: sizes.size, forwards: 1 });
    for (const name of ["kernels", "cells", "cache", "tensors"]) expect(changed).not.toHaveProperty(name);
  });
});
