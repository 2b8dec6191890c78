/** Lessons 5 and 6, descent and optimisers, as a reader meets them: every task by clicks and keys, and the numbers that are shown. */
import type { Locator, Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { type DescentChoice, type DescentStep, descentLab } from "../../../site/src/lessons/descent/lab.ts";
import { type LandName, type OptimizerName, eps } from "../../../site/src/lessons/optimizers/constants.ts";
import { type Run, type RunChoice, optimizersLab } from "../../../site/src/lessons/optimizers/lab.ts";
import { en } from "../../../site/src/text/en.ts";
import { descentEn } from "../../../site/src/text/lessons/descent-en.ts";
import { descentZh } from "../../../site/src/text/lessons/descent-zh.ts";
import { optimizersEn } from "../../../site/src/text/lessons/optimizers-en.ts";
import { optimizersZh } from "../../../site/src/text/lessons/optimizers-zh.ts";
import { zh } from "../../../site/src/text/zh.ts";
import { setDefaultDevice } from "../../../src/index.ts";
import { violations } from "./access.ts";
import { expectShown, readNumber, shownAs } from "./numbers.ts";
import { button, cells } from "./playground.ts";
import { type PageSite, patience } from "./site.ts";

const inEnglish = {
  all: en,
  descent: descentEn,
  optimizers: optimizersEn,
  locale: "en",
  colorScheme: "light",
} as const;
const inChinese = { all: zh, descent: descentZh, optimizers: optimizersZh, locale: "zh", colorScheme: "dark" } as const;
type Texts = typeof inEnglish | typeof inChinese;

interface Shown {
  readonly page: Page;
  readonly texts: Texts;
}

/** Nothing is wrong for who reads it otherwise. */
async function expectGood({ page }: Shown): Promise<void> {
  expect(await violations(page)).toEqual([]);
}

async function done({ page, texts }: Shown): Promise<void> {
  await page.getByText(texts.all.lessons.taskDone, { exact: true }).waitFor();
}

async function isOpen({ page, texts }: Shown): Promise<void> {
  await live(page).locator(".plot svg").first().waitFor();
  await page.getByText(texts.all.lessons.task, { exact: true }).waitFor();
}

async function next(shown: Shown): Promise<void> {
  await done(shown);
  await expectGood(shown);
  await button(shown.page, shown.texts.all.lessons.nextPart).click();
  await isOpen(shown);
}

function live(page: Page): Locator {
  return page.locator(".guide-live");
}

/** Writes a number beside a slider. */
async function write(
  { page, texts }: Shown,
  label: string,
  value: number,
  within: Locator = page.locator("body"),
): Promise<void> {
  const field = within.getByRole("textbox", { name: texts.all.view.number(label), exact: true });
  await field.fill(String(value));
  await field.press("Enter");
}

async function formulaLines(page: Page): Promise<string[]> {
  return live(page).locator(".formula-line").allInnerTexts();
}

/** The result of a line of a formula. */
async function resultOf(page: Page, line: number): Promise<string> {
  return (await formulaLines(page)).at(line)?.split("=").at(-1) ?? "";
}

async function expectResult(page: Page, line: number, value: number, about: string): Promise<void> {
  await expect
    .poll(async () => readNumber(await resultOf(page, line)), { message: about, timeout: patience })
    .toBe(shownAs(value));
}

async function rows(page: Page, name: string): Promise<string[][]> {
  return (await cells(live(page).getByRole("table", { name, exact: true }))).slice(1);
}

async function expectRow({ page, texts }: Shown, count: number, step: DescentStep, isBatch: boolean): Promise<void> {
  const shown = async (): Promise<string | undefined> => (await rows(page, texts.descent.table)).at(-1)?.[0];
  await expect.poll(shown, { timeout: patience }).toBe(String(count));
  const { w, loss, slope, wholeSlope, move } = step;
  const wanted = [w, loss, ...(isBatch ? [wholeSlope] : []), slope, move];
  await expect
    .poll(async () => (await rows(page, texts.descent.table)).at(-1)?.slice(1).map(readNumber), { timeout: patience })
    .toEqual(wanted.map((value) => shownAs(value)));
}

const lab = descentLab();
const firstChoice: DescentChoice = { ground: "bowl", start: -0.5, rate: 0.1, batch: 8, seed: 1 };

async function stepsOf(choice: Partial<DescentChoice>): Promise<readonly DescentStep[]> {
  return (await lab.descend({ ...firstChoice, ...choice })).steps;
}

async function descentTasks(shown: Shown): Promise<void> {
  const { page, texts } = shown;
  const { descent: t, all } = texts;
  await isOpen(shown);

  // The slope: by the pointer, by the keys, and by a number.
  const [first] = await stepsOf({});
  await expectResult(page, 0, first?.slope ?? NaN, "the slope");
  const plot = live(page).locator(".plot svg").first();
  const box = (await plot.boundingBox()) as NonNullable<Awaited<ReturnType<typeof plot.boundingBox>>>;
  await page.mouse.move(box.x + 0.2 * box.width, box.y + 100);
  await page.mouse.down();
  await page.mouse.move(box.x + 0.7 * box.width, box.y + 100);
  await page.mouse.up();
  const field = page.getByRole("textbox", { name: all.view.number(t.start), exact: true });
  expect(Number(await field.inputValue())).toBeGreaterThan(2);
  const slider = page.getByRole("slider", { name: t.start, exact: true });
  await slider.focus();
  await page.keyboard.press("Home");
  await expect.poll(() => field.inputValue()).toBe("-1");
  await write(shown, t.start, 1.49);
  await done(shown);
  const [near] = await stepsOf({ start: 1.49 });
  await expectResult(page, 0, near?.slope ?? NaN, "the slope near the bottom");
  const { near: nudged } = await lab.look({ ground: "bowl", w: near?.w ?? NaN, mask: new Array<number>(8).fill(1) });
  await expectResult(page, -1, nudged[2], "the slope by a small move");
  await next(shown);

  // Steps.
  await write(shown, t.start, -0.5);
  const slow = await stepsOf({});
  for (let count = 0; count <= 3; count++) {
    await expectRow(shown, count, slow[count] as DescentStep, false);
    await expectResult(page, 1, slow[count + 1]?.w ?? NaN, "the next weight");
    await button(page, all.lessons.oneStep).click();
  }
  await button(page, all.lessons.train).click();
  await done(shown);
  await button(page, all.lessons.pause).click();
  await next(shown);

  // The rate.
  await button(page, all.lessons.fromStart).click();
  await write(shown, t.rate, 10);
  const broken = (await stepsOf({ rate: 10 })).length - 1;
  await button(page, all.lessons.train).click();
  await page.getByText(t.broken(broken)).waitFor();
  await expect.poll(async () => (await rows(page, t.table)).at(-1)?.[2]).toBe("∞");
  await button(page, all.lessons.train).waitFor();
  await expectGood(shown);
  await button(page, all.lessons.fromStart).click();
  await expect.poll(() => page.getByText(t.broken(broken)).count()).toBe(0);
  await write(shown, t.rate, 0.3);
  const { factor, steps: quick } = await lab.descend({ ...firstChoice, rate: 0.3 });
  await expectResult(page, -1, factor, "the factor");
  for (let count = 0; count < 3; count++) await button(page, all.lessons.oneStep).click();
  await expectRow(shown, 3, quick[3] as DescentStep, false);
  await next(shown);

  // Two valleys.
  await write(shown, t.shownSteps, 100);
  await expectRow(shown, 100, (await stepsOf({ ground: "valleys", start: 4.4 }))[100] as DescentStep, false);
  await write(shown, t.start, 3);
  await write(shown, t.shownSteps, 100);
  await expectRow(shown, 100, (await stepsOf({ ground: "valleys", start: 3 }))[100] as DescentStep, false);
  await next(shown);

  // A plateau.
  await write(shown, t.rate, 20);
  await write(shown, t.shownSteps, 50);
  await expectRow(shown, 50, (await stepsOf({ ground: "plateau", start: -6, rate: 20 }))[50] as DescentStep, false);
  await next(shown);

  // Batches.
  await write(shown, t.rate, 0.04);
  await write(shown, t.shownSteps, 60);
  for (const seed of [1, 2]) {
    await expectRow(shown, 60, (await stepsOf({ rate: 0.04, batch: 2, seed }))[60] as DescentStep, true);
    await button(page, t.otherBatches).click();
  }
  await write(shown, t.batch, 3);
  await expectRow(shown, 60, (await stepsOf({ rate: 0.04, batch: 3, seed: 3 }))[60] as DescentStep, true);
  await done(shown);
  await expectGood(shown);

  // What was reached stays so, and how it was left.
  await button(page, all.lessons.previousPart).click();
  await done(shown);
  await expectRow(shown, 50, (await stepsOf({ ground: "plateau", start: -6, rate: 20 }))[50] as DescentStep, false);
}

const race = optimizersLab();
const starts: Readonly<Record<LandName, readonly [number, number]>> = {
  ravine: [-1.8, 1.2],
  plateau: [-3.5, -2],
  saddle: [-1.6, 1.5],
  bend: [-1.6, -1],
};

async function runOf(land: LandName, optimizer: OptimizerName, rate: number, keep?: number): Promise<Run> {
  const kept = keep ?? (optimizer === "momentum" || optimizer === "adam" ? 0.9 : 0);
  const keepSquares = { sgd: 0, momentum: 0, rmsprop: 0.9, adam: 0.999 }[optimizer];
  const choice: RunChoice = { land, start: starts[land], optimizer, rate, keep: kept, keepSquares };
  return (await race.runs([choice]))[0] as Run;
}

/** Where an optimiser stands after so many steps, in the table, and whether it has arrived. */
async function expectStanding({ page, texts }: Shown, run: Run, count: number): Promise<void> {
  const t = texts.optimizers;
  const step = run.steps[count] as Run["steps"][number];
  const name = t.optimizers[run.optimizer];
  const row = async (): Promise<string[]> =>
    (await rows(page, t.table)).find(([head]) => head?.trim() === name)?.slice(1) ?? [];
  await expect
    .poll(async () => (await row()).slice(0, 3).map(readNumber), { message: name, timeout: patience })
    .toEqual([...step.w, step.loss].map((value) => shownAs(value)));
  const { arrived } = run;
  expect((await row())[3]).toBe(arrived !== undefined && arrived <= count ? t.atStep(arrived) : t.notYet);
}

async function tune(shown: Shown, optimizer: OptimizerName, label: string, value: number): Promise<void> {
  const group = shown.page.getByRole("group", { name: shown.texts.optimizers.optimizers[optimizer], exact: true });
  await write(shown, label, value, group);
}

async function optimizerTasks(shown: Shown): Promise<void> {
  const { page, texts } = shown;
  const { optimizers: t, all } = texts;
  await isOpen(shown);

  // SGD.
  await button(page, all.lessons.oneStep).click();
  await expectStanding(shown, await runOf("ravine", "sgd", 0.02), 1);
  const slow = await runOf("ravine", "sgd", 0.02);
  await expectResult(page, -1, slow.steps[2]?.w[0] ?? NaN, "the next w₁");
  await page.getByRole("combobox", { name: t.weight }).selectOption("w₂");
  await expectResult(page, -1, slow.steps[2]?.w[1] ?? NaN, "the next w₂");
  await tune(shown, "sgd", t.rate, 0.1);
  await button(page, all.lessons.train).click();
  await page.getByText(t.hasDiverged(t.optimizers.sgd)).waitFor();
  await expectGood(shown);
  await tune(shown, "sgd", t.rate, 0.04);
  // Then there are as many steps to show as before.
  await expect.poll(() => page.getByText(t.hasDiverged(t.optimizers.sgd)).count(), { timeout: patience }).toBe(0);
  await write(shown, t.shownSteps, 70);
  await expectStanding(shown, await runOf("ravine", "sgd", 0.04), 70);
  // Elsewhere on the map, and back.
  const map = live(page).locator(".plot svg").first();
  const box = (await map.boundingBox()) as NonNullable<Awaited<ReturnType<typeof map.boundingBox>>>;
  await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
  const w1 = page.getByRole("textbox", { name: all.view.number(t.start("w₁")), exact: true });
  await expect.poll(() => w1.inputValue()).not.toBe("-1.8");
  await button(page, t.givenStart).click();
  await expect.poll(() => w1.inputValue()).toBe("-1.8");
  await next(shown);

  // Momentum.
  await tune(shown, "momentum", t.rate, 0.04);
  await tune(shown, "momentum", t.momentumKeep, 0.6);
  await write(shown, t.shownSteps, 40);
  const momentum = await runOf("ravine", "momentum", 0.04, 0.6);
  await expectStanding(shown, momentum, 40);
  await expectResult(page, 0, momentum.steps[40]?.mean?.[1] ?? NaN, "the velocity of w₂");
  await next(shown);

  // RMSProp.
  await tune(shown, "rmsprop", t.rate, 0.1);
  await write(shown, t.shownSteps, 90);
  const rmsprop = await runOf("plateau", "rmsprop", 0.1);
  await expectStanding(shown, rmsprop, 90);
  await expectStanding(shown, await runOf("plateau", "sgd", 1), 90);
  await expectResult(page, 0, rmsprop.steps[90]?.squares?.[1] ?? NaN, "the mean of squares");
  await next(shown);

  // Adam.
  await tune(shown, "adam", t.rate, 0.3);
  await write(shown, t.shownSteps, 100);
  const adam = await runOf("bend", "adam", 0.3);
  await expectStanding(shown, adam, 100);
  const at = adam.steps[100];
  await expectResult(page, 2, at?.straightMean?.[1] ?? NaN, "the corrected mean");
  await expectResult(page, 3, at?.straightSquares?.[1] ?? NaN, "the corrected squares");
  const expected =
    (at?.w[1] ?? NaN) - (0.3 * (at?.straightMean?.[1] ?? NaN)) / (Math.sqrt(at?.straightSquares?.[1] ?? NaN) + eps);
  expect(Math.abs(readNumber(await resultOf(page, -1)) - expected)).toBeLessThan(1e-3);
  await next(shown);

  // All, at first with a rate for SGD that is too small.
  await write(shown, t.shownSteps, 200);
  await expectStanding(shown, await runOf("saddle", "adam", 0.1), 200);
  expect(await page.getByText(all.lessons.taskDone, { exact: true }).count()).toBe(0);
  await tune(shown, "sgd", t.rate, 0.05);
  for (const [name, rate] of [
    ["sgd", 0.05],
    ["momentum", 0.02],
    ["rmsprop", 0.05],
    ["adam", 0.1],
  ] as const) {
    await expectStanding(shown, await runOf("saddle", name, rate), 200);
  }
  await done(shown);
  await page.getByRole("combobox", { name: t.land }).selectOption("bend");
  await write(shown, t.shownSteps, 30);
  await expectStanding(shown, await runOf("bend", "rmsprop", 0.02), 30);
  await done(shown);
  await expectGood(shown);
}

export function lessonsDescentTests(site: () => PageSite): void {
  describe.each([
    ["English", inEnglish],
    ["Chinese", inChinese],
  ] as const)("lessons of descent in %s", (_, texts) => {
    const { locale, colorScheme } = texts;

    test.each([
      ["descent", descentTasks],
      ["optimizers", optimizerTasks],
    ] as const)("%s: every task, with the numbers of the same steps in Node", async (lesson, tasks) => {
      setDefaultDevice("wasm");
      await site().with({ place: `#/lessons?lesson=${lesson}`, locale, colorScheme }, async (page) => {
        await tasks({ page, texts });
        await expectGood({ page, texts });
      });
    });

    test("360 pixels are enough", async () => {
      const viewport = { width: 360, height: 740 };
      const parts = { descent: descentEn.parts.length, optimizers: optimizersEn.parts.length };
      for (const [lesson, count] of Object.entries(parts)) {
        await site().with({ place: `#/lessons?lesson=${lesson}`, locale, colorScheme, viewport }, async (page) => {
          for (let part = 1; part <= count; part++) {
            await isOpen({ page, texts });
            expect(
              await page.evaluate("document.scrollingElement.scrollWidth - document.documentElement.clientWidth"),
            ).toBeLessThanOrEqual(0);
            expect(await violations(page)).toEqual([]);
            if (part < count) await button(page, texts.all.lessons.nextPart).click();
          }
        });
      }
    });
  });

  test.each([
    ["descent", 2],
    ["optimizers", 5],
  ])(
    "%s: plays on in the other language, stops in another part, and waits while another room is shown",
    async (lesson, part) => {
      await site().with({ place: `#/lessons?lesson=${lesson}&part=${part}`, locale: "en" }, async (page) => {
        const count = async (texts: Texts): Promise<number> =>
          Number(
            await live(page)
              .getByRole("textbox", {
                name: texts.all.view.number(texts.descent.shownSteps),
                exact: true,
                includeHidden: true,
              })
              .inputValue(),
          );
        await isOpen({ page, texts: inEnglish });
        await button(page, en.lessons.train).click();
        await expect.poll(() => count(inEnglish), { timeout: patience }).toBeGreaterThan(3);
        await page.keyboard.press("g");
        await button(page, zh.lessons.pause).waitFor();
        const then = await count(inChinese);
        await expect.poll(() => count(inChinese), { timeout: patience }).toBeGreaterThan(then + 2);
        await page.getByRole("link", { name: zh.app.roomNames.inspector }).click();
        // The step that was under way when the room was left.
        await page.waitForTimeout(400);
        const hidden = await count(inChinese);
        await page.waitForTimeout(600);
        expect(await count(inChinese)).toBe(hidden);
        await page.getByRole("link", { name: zh.app.roomNames.lessons }).click();
        await expect.poll(() => count(inChinese), { timeout: patience }).toBeGreaterThan(hidden);
        // As quickly as it goes.
        for (let i = 0; i < 5; i++) await live(page).locator(".actions .button-main").first().click();
        await button(page, zh.lessons.train).waitFor();
        const paused = await count(inChinese);
        await page.waitForTimeout(400);
        expect(await count(inChinese)).toBe(paused);
        await button(page, zh.lessons.train).click();
        await button(page, zh.lessons.previousPart).click();
        await button(page, zh.lessons.nextPart).click();
        await button(page, zh.lessons.train).waitFor();
      });
    },
  );

  test("what is no rate is told and not taken", async () => {
    await site().with({ place: "#/lessons?lesson=descent&part=2", locale: "en" }, async (page) => {
      await isOpen({ page, texts: inEnglish });
      const field = page.getByRole("textbox", { name: en.view.number(descentEn.rate), exact: true });
      for (const bad of ["0", "-1", "1e9", "a lot"]) {
        await field.fill(bad);
        await field.press("Enter");
        expect(await field.getAttribute("aria-invalid")).toBe("true");
        await field.press("Escape");
      }
      const [, next] = await stepsOf({});
      expectShown(await resultOf(page, 1), next?.w ?? NaN, "the next weight");
    });
  });
}
