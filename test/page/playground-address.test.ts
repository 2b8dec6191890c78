import { expect, test } from "vitest";
import { configKeys, decodeConfig, encodeConfig } from "../../site/src/session/config-address.ts";
import { type NetworkConfig, firstConfig } from "../../site/src/session/config.ts";

const other: NetworkConfig = {
  data: {
    kind: "points",
    size: 120,
    noise: 0.25,
    testShare: 0.2,
    points: [
      { x: -1, y: 0.25, label: 0 },
      { x: 0.5, y: -0.75, label: 3 },
    ],
    csv: "a,b_c\n1,2 & 3\n",
    target: "b_c",
    text: "hello, 世界",
  },
  layers: [
    { units: 3, activation: "leakyRelu", init: "kaiming" },
    { units: 64, activation: "none", init: "default" },
  ],
  loss: "huber",
  optimizer: { name: "nesterov", lr: 1e-5, momentum: 0.5, weightDecay: 0.01 },
  batchSize: 0,
  seed: 4294967295,
};

test("what is as at first is not written", () => {
  expect(encodeConfig(firstConfig)).toEqual({});
  expect(decodeConfig({})).toEqual(firstConfig);
  const rate = { ...firstConfig, optimizer: { ...firstConfig.optimizer, lr: 10 } };
  expect(encodeConfig(rate)).toEqual({ lr: "10" });
});

test("choices come back as they were written", () => {
  const values = encodeConfig(other);
  const query = new URLSearchParams(new URLSearchParams(values).toString());
  expect(decodeConfig(Object.fromEntries(query))).toEqual(other);
  expect(Object.keys(values).every((key) => (configKeys as readonly string[]).includes(key))).toBe(true);
  expect(decodeConfig(encodeConfig({ ...firstConfig, layers: [] })).layers).toEqual([]);
  const empty = { ...firstConfig, data: { ...firstConfig.data, kind: "points" as const, points: [] } };
  expect(decodeConfig(encodeConfig(empty))).toEqual(empty);
});

test("a long table is left out", () => {
  const data = { ...firstConfig.data, kind: "csv" as const, csv: "x".repeat(5000) };
  expect(encodeConfig({ ...firstConfig, data })).toEqual({ data: "csv" });
});

test.each([
  { data: "nothing" },
  { size: "1e9" },
  { noise: "x" },
  { layers: "tanh" },
  { layers: "0tanh" },
  { layers: "8tanh-big" },
  { layers: "8foo" },
  { points: "1.2" },
  { points: "900.0.0" },
  { lr: "-1" },
  { opt: "lbfgs" },
  { batch: "-4" },
])("what cannot be a network is not read: %j", (values) => {
  expect(() => decodeConfig(values as unknown as Record<string, string>)).toThrow(RangeError);
});
