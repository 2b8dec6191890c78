/** The examples run as programs, most with small settings, and reach what they promise. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { afterAll, expect, test } from "vitest";
import { mnist } from "../../src/data/node/mnist.ts";
import { noteSupport } from "../support.ts";
import { root, runProgram } from "./run-program.ts";

const slow = { timeout: 300_000 };
const folder = mkdtempSync(join(tmpdir(), "twopass-examples-"));
afterAll(() => rmSync(folder, { recursive: true }));

async function linesOf(name: string, ...args: string[]): Promise<string[]> {
  return (await runProgram(`examples/${name}.ts`, ...args)).trimEnd().split("\n");
}

/** The number behind some words. */
function numberAfter(words: string, lines: readonly string[]): number {
  const line = lines.find((text) => text.includes(words)) ?? "";
  return Number.parseFloat(line.slice(line.indexOf(words) + words.length));
}

test("each example is tested here", () => {
  const tested = readFileSync(import.meta.filename, "utf8").matchAll(/^test\("(\d+):/gm);
  expect(
    readdirSync(`${root}examples`)
      .map((name) => name.slice(0, 2))
      .sort(),
  ).toEqual([...tested].map(([, n]) => n));
});

test("01: both passes by hand and by the library agree", slow, async () => {
  const lines = await linesOf("01-one-neuron");
  const difference = numberAfter("largest difference: ", lines);
  expect(difference).toBeGreaterThan(0);
  expect(difference).toBeLessThan(1e-6);
  const losses = lines.filter((line) => line.includes("L = ½")).map((line) => Number(line.split(/ +/).at(-1)));
  expect(losses).toEqual([0.164992, 0.110317, 0.073758]);
  const derivatives = ["∂L/∂y", "∂L/∂z", "∂L/∂w₁", "∂L/∂w₂", "∂L/∂b"];
  for (const name of derivatives) expect(lines.filter((line) => line.includes(`${name} =`))).toHaveLength(3);
});

test("02: learns XOR", slow, async () => {
  const lines = await linesOf("02-xor");
  expect(lines.at(-1)).toBe("[ [ 0 ], [ 1 ], [ 1 ], [ 0 ] ]");
  const losses = lines.slice(0, -1).map((line) => Number(line.split(" ")[1]));
  expect(losses).toHaveLength(4);
  expect(losses[0]).toBeGreaterThan(0.6);
  expect(losses[3]).toBeLessThan(0.01);
});

test("03: learns digits from a tenth of the images", slow, async () => {
  const lines = await linesOf("03-digits-by-hand", "6000", "2");
  expect(lines).toHaveLength(3);
  expect(numberAfter("test accuracy: ", lines)).toBeGreaterThan(0.93);
});

const digitsModel = join(folder, "digits-cnn.safetensors");

test("04: recognises 99% of the digits", slow, async () => {
  expect(numberAfter("test accuracy: ", await linesOf("04-digits-cnn", digitsModel))).toBeGreaterThanOrEqual(0.99);
  noteSupport("digits", "wasm", "yes");
});

test("05: explains most of the consumption of cars", slow, async () => {
  const lines = await linesOf("05-regression");
  expect(numberAfter("R² ", lines)).toBeGreaterThan(0.85);
  expect(numberAfter("root mean squared error ", lines)).toBeLessThan(2.8);
});

test("06: tells penguins apart", slow, async () => {
  const lines = await linesOf("06-classification");
  expect(numberAfter("test accuracy: ", lines)).toBeGreaterThan(0.96);
});

test("07: learns to write letters", slow, async () => {
  const lines = await linesOf("07-char-gpt", "200");
  // The letters alone, without what comes before them, have an entropy of 3.1.
  expect(numberAfter("loss on unread text: ", lines)).toBeLessThan(2.65);
  expect(lines.slice(3).join("\n").length).toBeGreaterThan(350); // 400 letters, without white space at the end
});

test("08: forecasts births better than the same weekday of last week", slow, async () => {
  const lines = await linesOf("08-forecast");
  expect(numberAfter("mean error: ", lines)).toBeLessThan(0.92 * numberAfter("of last week: ", lines));
});

test("09: draws digits that are like real ones on average and differ from each other", slow, async () => {
  const lines = await linesOf("09-gan", "800", "6000");
  expect(numberAfter("distance of the mean images: ", lines)).toBeLessThan(0.15);
  expect(numberAfter("variety: ", lines)).toBeGreaterThan(0.4);
});

test("10: frozen layers help to learn other digits from few images", slow, async () => {
  const lines = await linesOf("10-transfer", "6000", "300");
  expect(numberAfter("6000 images: ", lines)).toBeGreaterThan(0.97);
  expect(numberAfter("300 images: ", lines)).toBeGreaterThan(0.7);
  expect(lines.at(-1)).toBe("frozen layers unchanged: true");
});

test("11: balances the pole", slow, async () => {
  const lines = await linesOf("11-policy-gradient");
  expect(numberAfter("iteration 60: balanced for ", lines)).toBeGreaterThan(180);
});

test("12: draws digits again from 32 numbers", slow, async () => {
  expect(numberAfter("test error: ", await linesOf("12-autoencoder", "10000", "3"))).toBeLessThan(0.3);
});

test("13: the quantiles hold what they promise", slow, async () => {
  const inside = numberAfter("answers inside: ", await linesOf("13-custom-loss"));
  expect(inside).toBeGreaterThan(0.75);
  expect(inside).toBeLessThan(0.85);
});

test("14: the server answers many requests at once and stops gracefully", slow, async () => {
  const args = ["--import", "tsx", "examples/14-inference-server.ts", digitsModel, "0"];
  const server = spawn(process.execPath, args, { cwd: root });
  try {
    const address = await firstAddress(server);
    const { images, labels } = await mnist({ train: false });
    const ask = async (i: number): Promise<{ status: number; digit: number }> => {
      const body = images.slice(i * 784, (i + 1) * 784);
      const response = await fetch(`${address}/predict`, { method: "POST", body });
      return { status: response.status, ...((await response.json()) as { digit: number }) };
    };
    const answers = await Promise.all(Array.from({ length: 200 }, (_, i) => ask(i)));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect(answers.filter(({ digit }, i) => digit === labels[i]).length).toBeGreaterThan(190);
    expect((await fetch(`${address}/predict`, { method: "POST", body: "too short" })).status).toBe(400);
    expect((await fetch(address)).status).toBe(404);
    const exit = new Promise((done) => server.on("exit", done));
    expect(await askWhileStopping(server, `${address}/predict`, images.slice(0, 784))).toBe(labels[0]);
    expect(await exit).toBe(0);
  } finally {
    server.kill("SIGKILL");
  }
});

/** The answer to a request that the server has begun to read when it is told to stop. */
function askWhileStopping(server: ChildProcess, url: string, body: Uint8Array): Promise<number> {
  return new Promise((done, fail) => {
    // The server says "continue" when it has the head of the request; the body follows when it has heard of the stop.
    const headers = { expect: "100-continue", "content-length": body.length };
    const asked = request(url, { method: "POST", headers }, (response) => {
      json(response).then((answer) => done((answer as { digit: number }).digit), fail);
    });
    asked.on("error", fail);
    asked.once("continue", () => {
      server.stdout?.on("data", (text: Buffer) => {
        if (String(text).includes("stopping")) asked.end(body);
      });
      server.kill("SIGTERM");
    });
    asked.flushHeaders();
  });
}

/** Where a server listens, by the first line that it prints. */
function firstAddress(server: ChildProcess): Promise<string> {
  return new Promise((done, fail) => {
    server.stdout?.on("data", (text: Buffer) => {
      const port = /"port":(\d+)/.exec(String(text))?.[1];
      if (port !== undefined) done(`http://127.0.0.1:${port}`);
    });
    server.stderr?.on("data", (text: Buffer) => fail(new Error(String(text))));
  });
}
