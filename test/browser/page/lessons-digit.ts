/** Lessons 7 and 8, digits and attention, as a reader meets them: every task by clicks and keys, and the numbers that are shown. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Locator, Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { type AttentionLab, type AttentionLook, attentionLab } from "../../../site/src/lessons/attention/lab.ts";
import { type DigitLab, digitLab } from "../../../site/src/lessons/digit/lab.ts";
import type { DigitSet } from "../../../site/src/session/digit-data.ts";
import { unpackDigits } from "../../../site/src/session/digit-file.ts";
import { en } from "../../../site/src/text/en.ts";
import { attentionEn } from "../../../site/src/text/lessons/attention-en.ts";
import { attentionZh } from "../../../site/src/text/lessons/attention-zh.ts";
import { digitEn } from "../../../site/src/text/lessons/digit-en.ts";
import { digitZh } from "../../../site/src/text/lessons/digit-zh.ts";
import { zh } from "../../../site/src/text/zh.ts";
import { setDefaultDevice } from "../../../src/index.ts";
import { violations } from "./access.ts";
import { expectShown, readNumber, sizesIn } from "./numbers.ts";
import { button, facts } from "./playground.ts";
import { type PageSite, patience } from "./site.ts";

const inEnglish = {
  language: "en",
  scheme: "light",
  all: en,
  digit: digitEn,
  attention: attentionEn,
} as const;
const inChinese = {
  language: "zh",
  scheme: "dark",
  all: zh,
  digit: digitZh,
  attention: attentionZh,
} as const;
const pixels = 784;
const rate = 0.003;

type Texts = typeof inEnglish | typeof inChinese;

/** What is learnt in the page is learnt here in the same way. */
interface Shown {
  readonly page: Page;
  readonly texts: Texts;
}

function setOf(site: PageSite): DigitSet {
  return unpackDigits(readFileSync(join(site.folder, "page/digits.bin")));
}

function pictureOf({ images }: DigitSet, n: number): Float32Array {
  return Float32Array.from(images.subarray(n * pixels, (n + 1) * pixels), (byte) => byte / 255);
}

function largestOf(values: ArrayLike<number>): number {
  const all = Array.from(values);
  return all.indexOf(Math.max(...all));
}

async function done({ page, texts }: Shown): Promise<void> {
  await page.getByText(texts.all.lessons.taskDone, { exact: true }).waitFor();
}

/** Goes on to a part, once what is there was looked at by axe. */
async function next({ page, texts }: Shown): Promise<void> {
  expect(await violations(page)).toEqual([]);
  await button(page, texts.all.lessons.nextPart).click();
  await page.getByText(texts.all.lessons.task, { exact: true }).waitFor();
}

/** Chooses a cell of a map by the keys. */
async function chooseCell(page: Page, name: string, row: number, column: number): Promise<void> {
  const map = page.getByRole("application", { name: new RegExp(`^${name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}`) });
  await map.focus();
  for (let i = 0; i < 28; i++) await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Home");
  for (let i = 0; i < row; i++) await page.keyboard.press("ArrowDown");
  for (let i = 0; i < column; i++) await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
}

function live(page: Page): Locator {
  return page.locator(".guide-live");
}

/** Trains until something is so, and gives the steps that were made and the loss. */
async function trainUntil(
  { page, texts }: Shown,
  isSo: () => Promise<unknown>,
): Promise<{ readonly steps: number; readonly loss: string | undefined }> {
  const { train, pause } = texts.all.lessons;
  await button(page, train).click();
  await isSo();
  await button(page, pause).click();
  await button(page, train).waitFor();
  // The last frame's numbers may still come.
  let told = await facts(live(page));
  for (let before = ""; told.get(texts.all.lessons.network.steps) !== before; ) {
    before = told.get(texts.all.lessons.network.steps) ?? "";
    await page.waitForTimeout(500);
    told = await facts(live(page));
  }
  return {
    steps: readNumber(told.get(texts.all.lessons.network.steps) ?? ""),
    loss: told.get(texts.all.lessons.network.loss),
  };
}

async function shares(page: Page, name: string): Promise<number[]> {
  const lines = await page.getByRole("list", { name, exact: true }).getByRole("listitem").allInnerTexts();
  return lines.map((line) => Number(/([\d.]+)%/.exec(line)?.[1]));
}

function expectShares(shown: readonly number[], wanted: ArrayLike<number>): void {
  expect(shown).toEqual(Array.from(wanted, (share) => Number((100 * share).toFixed(1))));
}

async function formulaLines(page: Page, name: string | undefined): Promise<string[]> {
  const group = live(page).getByRole("group", name === undefined ? {} : { name, exact: true });
  return group.locator(".formula-line").allInnerTexts();
}

async function expectDigitTasks(shown: Shown, site: PageSite): Promise<void> {
  const { page, texts } = shown;
  const { digit: t } = texts;
  const lab: DigitLab = digitLab();
  const set = setOf(site);
  const { tests } = lab.load(set);
  lab.reset();
  const first = tests[0] as number;
  const label = set.labels[first] as number;
  const picture = pictureOf(set, first);
  await page.getByText(t.digit(1, tests.length, label)).waitFor();

  // A picture is numbers.
  const inked = largestOf(picture);
  await chooseCell(page, t.shown, Math.floor(inked / 28), inked % 28);
  await done(shown);
  const [, value = ""] = await formulaLines(page, t.pixel(Math.floor(inked / 28) + 1, (inked % 28) + 1));
  expectShown(value.split("=")[1], picture[inked] as number, "the pixel");
  await next(shown);

  // Layers.
  const look = lab.look(picture, label);
  const [hidden] = look.outputs as [Float32Array];
  await expect.poll(() => shares(page, t.answer), { timeout: patience }).toHaveLength(10);
  expectShares(await shares(page, t.answer), look.outputs[2] as Float32Array);
  for (const unit of [hidden.indexOf(0), largestOf(hidden)]) {
    await chooseCell(page, t.layer[0] as string, Math.floor(unit / 4), unit % 4);
    const name = t.unitFormula(`h${String(unit + 1).replace(/\d/g, (d) => "₀₁₂₃₄₅₆₇₈₉"[Number(d)] as string)}`);
    await live(page).getByRole("group", { name, exact: true }).waitFor();
    const lines = await formulaLines(page, name);
    const [, , output] = lines;
    expectShown(output?.split("=").at(-1), hidden[unit] as number, "the unit");
    expectShown(lines[1]?.split("=").at(-1), look.sums[0]?.[unit] as number, "its sum");
  }
  await done(shown);
  const best = largestOf(look.outputs[2] as Float32Array);
  await live(page)
    .getByRole("button", { name: new RegExp(`^${best} `) })
    .click();
  const softmax = t.unitFormula(`p${"₀₁₂₃₄₅₆₇₈₉"[best]}`);
  await live(page).getByRole("group", { name: softmax, exact: true }).waitFor();
  const [, , share] = await formulaLines(page, softmax);
  expect(sizesIn(share?.split("Σ e^z =")[1] ?? "")).toEqual(
    [look.powers[best] as number, look.total, look.outputs[2]?.[best] as number].map((x) => Number(x.toPrecision(4))),
  );
  await next(shown);

  // Training.
  const { steps, loss } = await trainUntil(shown, () => done(shown));
  const losses = Array.from({ length: steps }, () => lab.train(1, rate));
  const last = losses.at(-1);
  expectShown(loss, last?.losses[0] as number, `the loss after ${steps} steps`);
  expect((await facts(live(page))).get(t.right)).toBe(`${Number((100 * (last?.accuracy as number)).toFixed(1))}%`);
  const trained = lab.look(picture, label);
  expectShares(await shares(page, t.answer), trained.outputs[2] as Float32Array);
  await next(shown);

  // Weights.
  const greatest = largestOf(trained.outputs[0] as Float32Array);
  await live(page).locator(".digit-pictures button").nth(greatest).click();
  await done(shown);
  await next(shown);

  // Back to the pixels.
  const wanted = (label + 1) % 10;
  await page.getByRole("combobox", { name: t.wanted }).selectOption(String(wanted));
  const wants = lab.look(picture, wanted);
  await expect
    .poll(async () => (await formulaLines(page, texts.all.view.formula))[0] ?? "", { timeout: patience })
    .toContain(`p${wanted}`);
  const [lossLine, slopeLine] = await formulaLines(page, texts.all.view.formula);
  expectShown(lossLine?.split("=").at(-1), wants.loss, "the loss for another digit");
  expectShown(slopeLine?.split("=").at(-1), wants.sumGradients[2]?.[wanted] as number, "its gradient");
  for (let i = 0; i < 40; i++) {
    if ((await page.getByText(texts.all.lessons.taskDone, { exact: true }).count()) > 0) break;
    await button(page, t.move).click();
    await page.waitForTimeout(60);
  }
  await done(shown);
  await next(shown);

  // One's own.
  const pad = page.getByRole("application", { name: t.pad });
  await pad.focus();
  for (let i = 0; i < 6; i++) await page.keyboard.press("ArrowUp");
  for (let i = 0; i < 16; i++) await page.keyboard.press("Shift+ArrowDown");
  await expect
    .poll(async () => (await shares(page, t.answer)).reduce((a, b) => a + b, 0), { timeout: patience })
    .toBeCloseTo(100, 0);
  const answer = largestOf(await shares(page, t.answer));
  await page.getByRole("combobox", { name: t.itIs }).selectOption(String(answer));
  await done(shown);
  expect(await violations(page)).toEqual([]);
}

async function chooseLetter(page: Page, name: string, place: number): Promise<void> {
  await page.getByRole("group", { name, exact: true }).getByRole("radio").nth(place).check({ force: true });
}

async function expectAttentionTasks(shown: Shown): Promise<void> {
  const { page, texts } = shown;
  const { attention: t } = texts;
  const lab: AttentionLab = attentionLab();
  lab.start(t.firstText);
  const letters = Array.from(t.firstText);
  const lookAt = (at: number, to: number): AttentionLook => {
    const place = { line: letters.slice(0, 24), next: letters.slice(1, 25), at, to, head: 0, isCausal: true };
    return lab.look(place) as AttentionLook;
  };

  // Vectors: the same letter at two places, the second one by the keys.
  const twice = letters.findIndex((letter, i) => letters.indexOf(letter) < i);
  const once = letters.indexOf(letters[twice] as string);
  await chooseLetter(page, t.line, once);
  const { vectors } = lookAt(once, 0);
  const sums = async (): Promise<number[]> =>
    (await formulaLines(page, t.sum)).flatMap((each) => sizesIn(each.split("=").slice(2).join("=")));
  const told = [vectors[0], vectors[32], vectors[64], vectors[1], vectors[33], vectors[65]].map((x) =>
    Math.abs(Number((x as number).toPrecision(4))),
  );
  await expect.poll(sums, { timeout: patience }).toEqual(told);
  await chooseLetter(page, t.line, twice);
  await done(shown);
  await next(shown);

  // Scores.
  const at = 7;
  await chooseLetter(page, t.line, at);
  const row = lookAt(at, 0).weights.subarray(at * 24, at * 24 + at);
  const to = largestOf(row);
  const chosen = lookAt(at, to);
  await chooseLetter(page, t.to, to);
  await expect
    .poll(async () => (await formulaLines(page, t.score))[0] ?? "", { timeout: patience })
    .toContain(`s${at + 1},${to + 1}`);
  await page.waitForTimeout(200);
  const [, , score, weight] = await formulaLines(page, t.score);
  expectShown(score?.split("=").at(-1), chosen.scores[to] as number, "the score");
  expectShown(weight?.split("=").at(-1), chosen.weights[at * 24 + to] as number, "the weight");
  await next(shown);

  // The mask, by the keys.
  const mask = page.getByRole("switch", { name: t.mask });
  await mask.focus();
  await page.keyboard.press(" ");
  await expect.poll(() => mask.isChecked()).toBe(false);
  await page.keyboard.press(" ");
  await done(shown);
  await next(shown);

  // Training.
  const { steps, loss } = await trainUntil(shown, () => done(shown));
  const made = Array.from({ length: steps }, () => lab.train(1, rate));
  expectShown(loss, made.at(-1)?.losses[0] as number, `the loss after ${steps} steps`);
  await next(shown);

  // Back through attention.
  const pulling = Array.from({ length: 24 }, (_, place) => place).filter((place) => {
    const { lengths } = lookAt(place, 0);
    return place !== at && Math.max(...lengths.subarray(0, place)) >= (lengths[place] as number) / 2;
  });
  const pulled = pulling.at(-1) as number;
  await chooseLetter(page, t.line, pulled);
  const { loss: one, lengths } = lookAt(pulled, 0);
  const shownLoss = async (): Promise<number> =>
    readNumber(((await live(page).getByText(/^L = /).innerText()) ?? "").replace("L =", ""));
  await expect.poll(shownLoss, { timeout: patience }).toBe(Number(one.toPrecision(4)));
  await done(shown);
  const bars = page.getByRole("group", { name: t.lengths, exact: true }).getByRole("img");
  expect(await bars.count()).toBe(24);
  const told24 = await bars.evaluateAll((all) => all.map((each) => each.getAttribute("aria-label") ?? ""));
  told24.forEach((text, i) =>
    expectShown(text.split(/[,，]\s*/).at(-1), lengths[i] as number, `the gradient of letter ${i + 1}`),
  );
  await next(shown);

  // Writing.
  const temperature = page.getByRole("textbox", { name: texts.all.view.number(t.temperature) });
  const start = page.getByRole("textbox", { name: t.start, exact: true });
  await start.fill("q");
  await page.getByText(t.unknown("q")).waitFor();
  await start.fill(letters.slice(0, 6).join(""));
  await temperature.fill("1");
  await temperature.press("Enter");
  const likeliest = Array.from(lab.chances(letters.slice(0, 6), 1)?.shares ?? []).sort((a, b) => b - a);
  await expect
    .poll(() => shares(page, t.chances), { timeout: patience })
    .toEqual(likeliest.slice(0, 8).map((share) => Number((100 * share).toFixed(1))));
  await temperature.fill("0");
  await temperature.press("Enter");
  await button(page, t.many).click();
  await done(shown);
  expect(await violations(page)).toEqual([]);
}

export function lessonsDigitTests(site: () => PageSite): void {
  describe.each([
    ["English", inEnglish],
    ["Chinese", inChinese],
  ] as const)("lessons of larger networks in %s", (_, texts) => {
    const { language: locale, scheme: colorScheme } = texts;

    test("digits: every task, with the numbers of the same network in Node", async () => {
      setDefaultDevice("wasm");
      await site().with({ place: "#/lessons?lesson=digit", locale, colorScheme }, async (page) => {
        await expectDigitTasks({ page, texts }, site());
      });
    });

    test("attention: every task, with the numbers of the same network in Node", async () => {
      setDefaultDevice("wasm");
      await site().with({ place: "#/lessons?lesson=attention", locale, colorScheme }, async (page) => {
        await expectAttentionTasks({ page, texts });
      });
    });

    test("360 pixels are enough", async () => {
      const viewport = { width: 360, height: 740 };
      for (const lesson of ["digit", "attention"]) {
        await site().with({ place: `#/lessons?lesson=${lesson}`, locale, colorScheme, viewport }, async (page) => {
          for (let part = 1; part <= 6; part++) {
            await live(page).locator("section.panel").waitFor();
            await page.waitForTimeout(200);
            expect(
              await page.evaluate("document.scrollingElement.scrollWidth - document.documentElement.clientWidth"),
            ).toBeLessThanOrEqual(0);
            expect(await violations(page)).toEqual([]);
            if (part < 6) await button(page, texts.all.lessons.nextPart).click();
          }
        });
      }
    });
  });

  describe("lessons of larger networks", () => {
    test.each([
      ["digit", 3],
      ["attention", 4],
    ])("%s: a rate that is far too large is told, and the start makes it good", async (lesson, part) => {
      await site().with({ place: `#/lessons?lesson=${lesson}&part=${part}`, locale: "en" }, async (page) => {
        const { train, fromStart } = en.lessons;
        const field = page.getByRole("textbox", { name: en.view.number(en.lessons.network.rate) });
        await field.fill("1e38");
        await field.press("Enter");
        await button(page, train).click();
        await page.getByText(/no longer a finite number/).waitFor();
        await button(page, train).waitFor();
        expect(await violations(page)).toEqual([]);
        await field.fill("0.003");
        await field.press("Enter");
        await button(page, fromStart).click();
        await expect.poll(() => page.getByText(/no longer a finite number/).count()).toBe(0);
        await button(page, en.lessons.oneStep).click();
        await expect.poll(async () => (await facts(live(page))).get(en.lessons.network.steps)).toBe("1");
      });
    });

    test.each([
      ["digit", 3],
      ["attention", 4],
    ])(
      "%s: goes on in the other language and in another part, and waits while another room is shown",
      async (lesson, part) => {
        await site().with({ place: `#/lessons?lesson=${lesson}&part=${part}`, locale: "en" }, async (page) => {
          const steps = async (name: string): Promise<number> => readNumber((await facts(live(page))).get(name) ?? "");
          await button(page, en.lessons.train).click();
          await expect.poll(() => steps(en.lessons.network.steps), { timeout: patience }).toBeGreaterThan(5);
          await page.keyboard.press("g");
          await button(page, zh.lessons.pause).waitFor();
          const then = await steps(zh.lessons.network.steps);
          await button(page, zh.lessons.nextPart).click();
          await expect.poll(() => steps(zh.lessons.network.steps), { timeout: patience }).toBeGreaterThan(then + 5);
          await page.getByRole("link", { name: zh.app.roomNames.inspector }).click();
          await page.waitForTimeout(300);
          const hidden = async (): Promise<string> => live(page).locator(".lesson-facts dd").first().innerText();
          const before = await live(page).locator(".lesson-facts dd").first().textContent();
          await page.waitForTimeout(500);
          expect(await live(page).locator(".lesson-facts dd").first().textContent()).toBe(before);
          await page.getByRole("link", { name: zh.app.roomNames.lessons }).click();
          await expect.poll(hidden, { timeout: patience }).not.toBe(before);
        });
      },
    );

    test("digits: where their file is missing that is told, and it can be tried again", async () => {
      const tab = await site().open({ place: "#/playground", locale: "en" });
      await tab.page.route("**/digits.bin", (route) => route.abort());
      await tab.page.evaluate("location.hash = '#/lessons?lesson=digit'");
      await tab.page.getByText(digitEn.noDigits).waitFor();
      await tab.page.unroute("**/digits.bin");
      await button(tab.page, digitEn.tryAgain).click();
      await tab.page.getByText(/^Digit 1 of 100/).waitFor();
      await tab.close();
      expect(tab.problems.filter((problem) => !/digits\.bin|ERR_FAILED/.test(problem))).toEqual([]);
    });

    test("attention: a text of one's own, and what is no text", async () => {
      await site().with({ place: "#/lessons?lesson=attention", locale: "en" }, async (page) => {
        const field = page.getByRole("textbox", { name: attentionEn.text });
        const use = button(page, attentionEn.useText);
        for (const bad of ["", "short", "aaaaaaaaaaaa", "ab".repeat(300)]) {
          await field.fill(bad);
          await page.getByText(attentionEn.badText(8, 400)).waitFor();
          expect(await use.isDisabled()).toBe(true);
        }
        await field.fill("to be or not 🐱");
        await use.click();
        const radios = page.getByRole("group", { name: attentionEn.line, exact: true }).getByRole("radio");
        await expect.poll(() => radios.count()).toBe(13);
        for (let part = 2; part <= 6; part++) await button(page, en.lessons.nextPart).click();
        await button(page, en.lessons.oneStep).click();
        await button(page, attentionEn.one).click();
        await expect.poll(() => page.locator(".written-letters b").innerText()).not.toBe("");
      });
    });
  });
}
