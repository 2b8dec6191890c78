/** Training at full speed, going back in the run, and changes: the numbers are those of the same run in Node. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { unpackDigits } from "../../../site/src/session/digit-file.ts";
import { type NetworkConfig, firstConfig } from "../../../site/src/session/config.ts";
import type { Metrics } from "../../../site/src/session/protocol.ts";
import { Session } from "../../../site/src/session/session.ts";
import { expectShown, readNumber } from "./numbers.ts";
import { button, counters, details, facts, ready, unit } from "./playground.ts";
import { elementsOf, referenceSteps, small } from "./reference.ts";
import { type PageSite, patience } from "./site.ts";

/** What is trained, in the page's address and as the session is told. */
interface Run {
  readonly place: string;
  readonly config: NetworkConfig;
  /** Of the test examples, to come to before `steps`. */
  readonly accuracy: number;
}

const spiral: Run = {
  place: "#/playground?data=spiral&size=400&noise=0&layers=8tanh_8tanh&lr=0.03&batch=32",
  config: { ...firstConfig, data: { kind: "spiral", size: 400, noise: 0, testShare: 0.5 } },
  accuracy: 0.97,
};
const digits: Run = {
  place: "#/playground?data=digits&layers=32relu&lr=0.01&test=0.2",
  config: {
    ...firstConfig,
    data: { ...firstConfig.data, kind: "digits", testShare: 0.2 },
    layers: [{ units: 32, activation: "relu", init: "default" }],
    optimizer: { ...firstConfig.optimizer, lr: 0.01 },
  },
  accuracy: 0.85,
};
const xor: Run = { place: "#/playground", config: firstConfig, accuracy: 0.95 };

async function stepOf(page: Page): Promise<number> {
  return readNumber((await counters(page)).get("steps") ?? "");
}

/** The share of the test examples that are right. */
async function accuracyOf(page: Page): Promise<number> {
  return Number((await counters(page)).get("right, test")?.replace("%", "")) / 100;
}

async function stop(page: Page): Promise<number> {
  await button(page, "Stop").click();
  await button(page, "Train at full speed").waitFor();
  await expect.poll(() => button(page, "Next layer").isEnabled(), { timeout: patience }).toBe(true);
  // A step is looked at again, from its beginning.
  await page.getByText("nothing is computed yet").waitFor();
  return stepOf(page);
}

async function expectMetrics(page: Page, metrics: Metrics): Promise<void> {
  const shown = await counters(page);
  expect(readNumber(shown.get("steps") ?? "")).toBe(metrics.step);
  expectShown(shown.get("loss"), metrics.trainLoss, `loss after ${metrics.step} steps`);
  expectShown(shown.get("loss, test"), metrics.testLoss as number, `loss of the test after ${metrics.step} steps`);
}

export function trainingTests(site: () => PageSite): void {
  describe("training", () => {
    test.each([
      ["XOR", xor, true],
      ["XOR on one thread", xor, false],
      ["spiral", spiral, true],
      ["digits", digits, true],
    ] as const)(
      "%s is learnt at full speed, and every place of the run has its numbers",
      async (_, run, hasThreads) => {
        const { place, config, accuracy } = run;
        const options = hasThreads ? { place } : { place, isIsolated: false, serviceWorkers: "block" as const };
        await site().with(options, async (page) => {
          await ready(page);
          expect(await page.evaluate("crossOriginIsolated")).toBe(hasThreads);
          await button(page, "Train at full speed").click();
          await expect.poll(() => accuracyOf(page), { timeout: patience }).toBeGreaterThanOrEqual(accuracy);
          const end = await stop(page);
          const session = new Session({ device: "wasm" });
          session.digits = unpackDigits(readFileSync(join(site().folder, "page/digits.bin")));
          await session.build(config);
          await expectMetrics(page, await session.advance(end));
          expect(await accuracyOf(page)).toBeGreaterThanOrEqual(accuracy - 0.05);

          const slider = page.getByRole("slider", { name: /^Where the run stands/ });
          for (const step of [Math.floor(end / 2), 3, end, 0]) {
            await slider.fill(String(step));
            await expect.poll(() => stepOf(page), { timeout: patience }).toBe(step);
            await expectMetrics(page, await session.goTo(step));
          }
        });
      },
    );

    test("a digit that is drawn is answered", async () => {
      await site().with({ place: digits.place }, async (page) => {
        await ready(page);
        await button(page, "10 epochs").click();
        await expect.poll(() => accuracyOf(page), { timeout: patience }).toBeGreaterThan(0.5);
        const pad = page.getByRole("application", { name: "Field to draw a digit for the network" });
        await pad.focus();
        // A vertical stroke.
        for (let i = 0; i < 5; i++) await page.keyboard.press("ArrowUp");
        for (let i = 0; i < 16; i++) await page.keyboard.press("Shift+ArrowDown");
        await button(page, "What is it?").click();
        const output = page.getByRole("region", { name: "What the network gives" });
        await expect.poll(() => output.getByRole("listitem").count(), { timeout: patience }).toBe(10);
        const shares = (await output.getByRole("listitem").allInnerTexts()).map((text) =>
          Number(/([\d.]+)%/.exec(text)?.[1]),
        );
        expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(100, 0);
      });
    });

    test("a weight is edited: what would follow is shown before, and the new value after", async () => {
      const value = 1.5;
      const change = { parameter: { path: "2.weight", index: [1, 1], value } };
      const session = new Session({ device: "wasm" });
      await session.build(small.config);
      const { without, with: others } = await session.consequence(change, 60);
      const mean = (losses: readonly number[]): number => losses.slice(-10).reduce((sum, loss) => sum + loss, 0) / 10;
      const before = await session.metrics();
      const after = await session.change(change);
      const [step] = await referenceSteps(small.config, 1);
      await site().with({ place: small.place }, async (page) => {
        await ready(page);
        await unit(page, "layer 2", "h₂").click({ force: true });
        await button(page, "w₂").click();
        const field = page.getByRole("textbox", { name: "Change w₂, as a number" });
        const weight = elementsOf(step?.traced.trace as never, "2.weight").before[4] as number;
        expect(Number(await field.inputValue())).toBe(Number(weight.toPrecision(6)));
        await field.fill(String(value));
        await field.press("Enter");
        const told = details(page).getByText(/^After these steps the loss is about/);
        await told.waitFor();
        const [, changed = "", direction = "", asItIs = ""] =
          /about (\S+) with the change, (lower|higher) than (\S+) as it is/.exec(await told.innerText()) ?? [];
        expectShown(changed, mean(others), "the loss with the change");
        expectShown(asItIs, mean(without), "the loss as it is");
        expect(direction).toBe(mean(others) < mean(without) ? "lower" : "higher");
        // Nothing is changed yet.
        await expectMetrics(page, before);
        expectShown(
          (await facts(details(page))).get("before"),
          step?.traced.trace === undefined ? NaN : (elementsOf(step.traced.trace, "2.weight").before[4] as number),
          "the weight",
        );

        await button(page, "Make this change").click();
        await expect.poll(async () => (await facts(details(page))).get("before"), { timeout: patience }).toBe("1.5");
        await expectMetrics(page, after);
        await button(page, "Reset").click();
        await ready(page);
        await expect.poll(async () => (await counters(page)).get("loss")).not.toBe("–");
        await expectMetrics(page, before);
      });
    });
  });
}
