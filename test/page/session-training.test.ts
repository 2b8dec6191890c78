import { expect, test } from "vitest";
import { optimizers } from "../../site/src/session/config.ts";
import { type Choice, built, layers } from "./session-support.ts";

const adam = { name: "adam", lr: 0.02, momentum: 0.9, weightDecay: 0 } as const;

test.each<[string, Choice, number, number]>([
  ["xor", { data: { kind: "xor", noise: 0.05 } }, 600, 0.95],
  ["circle", { data: { kind: "circle", noise: 0.05 } }, 600, 0.98],
  ["gauss, with no hidden layer", { data: { kind: "gauss", noise: 0.05 }, layers: [] }, 400, 0.98],
  ["spiral", { data: { kind: "spiral", noise: 0, size: 400 }, layers: layers(16, 2, "tanh") }, 2500, 0.95],
  ["moons", { data: { kind: "moons", noise: 0.1 } }, 800, 0.96],
  ["moons by a loss of numbers", { data: { kind: "moons", noise: 0.1 }, loss: "mse" }, 800, 0.96],
])("%s is learnt", async (_, choice, steps, accuracy) => {
  const { session } = await built({ optimizer: adam, seed: 3, ...choice });
  const before = await session.metrics();
  const after = await session.advance(steps);
  expect(after.step).toBe(steps);
  expect(after.trainLoss).toBeLessThan(before.trainLoss / 2);
  expect(after.trainAccuracy).toBeGreaterThanOrEqual(accuracy);
  expect(after.testAccuracy).toBeGreaterThanOrEqual(accuracy);
});

test.each<[string, Choice, number]>([
  ["plane", { data: { kind: "plane", noise: 0 }, layers: [] }, 1e-4],
  ["wave", { data: { kind: "wave", noise: 0 }, layers: layers(16, 2, "tanh") }, 0.01],
  ["wave by huber", { data: { kind: "wave", noise: 0 }, layers: layers(16, 2, "gelu"), loss: "huber" }, 0.01],
])("%s is predicted", async (_, choice, loss) => {
  const { session, info } = await built({ loss: "mse", optimizer: adam, seed: 2, ...choice });
  expect(info.task).toBe("numbers");
  const { trainLoss, testLoss, trainAccuracy } = await session.advance(1500);
  expect(trainLoss).toBeLessThan(loss);
  expect(testLoss).toBeLessThan(2 * loss);
  expect(trainAccuracy).toBeUndefined();
});

test.each(optimizers)("%s lowers the loss", async (name) => {
  const rates = {
    sgd: 0.5,
    momentum: 0.1,
    nesterov: 0.1,
    rmsprop: 0.01,
    adagrad: 0.1,
    adam: 0.02,
    adamw: 0.02,
    lion: 0.005,
  };
  const optimizer = { name, lr: rates[name], momentum: 0.9, weightDecay: 0.001 };
  const { session } = await built({ data: { kind: "circle", noise: 0 }, optimizer });
  expect((await session.advance(1200)).trainAccuracy).toBeGreaterThan(0.95);
});

test("points that were drawn are learnt, of three classes too", async () => {
  const middles = [
    [-0.6, -0.5],
    [0.6, -0.5],
    [0, 0.7],
  ] as const;
  const points = Array.from({ length: 30 }, (_, i) => {
    const [x, y] = middles[i % 3] as readonly [number, number];
    return { x: x + 0.02 * (i % 7), y: y + 0.02 * (i % 5), label: i % 3 };
  });
  const { session, info } = await built({ data: { kind: "points", points, testShare: 0.2 }, optimizer: adam });
  expect(info.outputs).toEqual(["p(0)", "p(1)", "p(2)"]);
  expect([info.trainSize, info.testSize]).toEqual([24, 6]);
  expect((await session.advance(300)).trainAccuracy).toBe(1);
  const chances = await session.predict([0, 0.75]);
  expect(chances[2]).toBeGreaterThan(0.9);
  expect(chances.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 6);
  const maps = await session.maps(3);
  // From the top: the third class above, the first below on the left, the second on the right.
  expect([maps?.output[1], maps?.output[6], maps?.output[8]]).toEqual([2, 0, 1]);
});

test("a line of text is learnt by heart, and written", async () => {
  const text = "forward and back again";
  const { session, info } = await built({
    data: { kind: "text", text, testShare: 0 },
    layers: layers(16, 1, "tanh"),
    optimizer: adam,
    batchSize: 0,
  });
  expect(info.task).toBe("letters");
  expect((await session.advance(300)).trainAccuracy).toBe(1);
  expect(await session.write("f", text.length - 1)).toBe(text.slice(1));
  await expect(session.write("xyz", 3)).rejects.toThrow("The letter x is not in the line");
});

test("digits are learnt: bars at ten places", async () => {
  const labels = Uint8Array.from({ length: 100 }, (_, i) => i % 10);
  const images = new Uint8Array(100 * 784);
  labels.forEach((label, i) => {
    for (let row = 4; row < 24; row++) images[i * 784 + row * 28 + 4 + 2 * label + (i % 2)] = 200;
  });
  const { session } = await built({ data: { kind: "xor" } });
  session.digits = { images, labels };
  await session.build({
    data: { kind: "digits", size: 0, noise: 0, testShare: 0.3 },
    layers: layers(16, 1, "relu"),
    loss: "crossEntropy",
    optimizer: adam,
    batchSize: 20,
    seed: 1,
  });
  expect((await session.advance(100)).testAccuracy).toBe(1);
});

test("a table is learnt", async () => {
  const lines = Array.from(
    { length: 40 },
    (_, i) => `${i},${i % 3 === 0 ? "wet" : "dry"},${i % 3 === 0 || i > 25 ? "yes" : "no"}`,
  );
  const csv = ["day,sky,open", ...lines].join("\n");
  const { session, info } = await built({ data: { kind: "csv", csv, testShare: 0 }, optimizer: adam });
  expect(info.inputs).toEqual(["day", "sky=dry", "sky=wet"]);
  expect((await session.advance(800)).trainAccuracy).toBe(1);
  expect(await session.maps(10)).toBeUndefined();
});
