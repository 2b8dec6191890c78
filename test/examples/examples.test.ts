import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { root, runProgram } from "./run-program.ts";

const slow = { timeout: 120_000 };

test("each example is tested here", () => {
  expect(readdirSync(`${root}examples`).sort()).toEqual(["01-one-neuron.ts", "02-xor.ts", "03-digits-by-hand.ts"]);
});

test("01: both passes by hand and by the library agree", slow, async () => {
  const lines = (await runProgram("examples/01-one-neuron.ts")).trimEnd().split("\n");
  const difference = Number(lines.at(-1)?.replace("largest difference: ", ""));
  expect(difference).toBeGreaterThan(0);
  expect(difference).toBeLessThan(1e-6);
  const losses = lines.filter((line) => line.includes("L = ½")).map((line) => Number(line.split(/ +/).at(-1)));
  expect(losses).toEqual([0.164992, 0.110317, 0.073758]);
  const derivatives = ["∂L/∂y", "∂L/∂z", "∂L/∂w₁", "∂L/∂w₂", "∂L/∂b"];
  for (const name of derivatives) expect(lines.filter((line) => line.includes(`${name} =`))).toHaveLength(3);
});

test("02: learns XOR", slow, async () => {
  const lines = (await runProgram("examples/02-xor.ts")).trimEnd().split("\n");
  expect(lines.at(-1)).toBe("[ [ 0 ], [ 1 ], [ 1 ], [ 0 ] ]");
  const losses = lines.slice(0, -1).map((line) => Number(line.split(" ")[1]));
  expect(losses).toHaveLength(4);
  expect(losses[0]).toBeGreaterThan(0.6);
  expect(losses[3]).toBeLessThan(0.01);
});

test("03: learns digits from a tenth of the images", slow, async () => {
  const lines = (await runProgram("examples/03-digits-by-hand.ts", "6000", "2")).trimEnd().split("\n");
  expect(lines).toHaveLength(3);
  expect(Number(lines.at(-1)?.replace("test accuracy: ", ""))).toBeGreaterThan(0.93);
});
