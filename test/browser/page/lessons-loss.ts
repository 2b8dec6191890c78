/** The lessons on the loss and on the chain rule, part by part, with their tasks done as a reader does them. */
import type { Locator, Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { type FittedLine, type Line, type Point, lossLab } from "../../../site/src/lessons/loss/lab.ts";
import { en } from "../../../site/src/text/en.ts";
import { chainRuleEn } from "../../../site/src/text/lessons/chain-rule-en.ts";
import { chainRuleZh } from "../../../site/src/text/lessons/chain-rule-zh.ts";
import { lossEn } from "../../../site/src/text/lessons/loss-en.ts";
import { lossZh } from "../../../site/src/text/lessons/loss-zh.ts";
import { zh } from "../../../site/src/text/zh.ts";
import { violations } from "./access.ts";
import { expectShown, shownAs, sizes, sizesIn } from "./numbers.ts";
import { button, cells } from "./playground.ts";
import { type PageSite, patience } from "./site.ts";

const languages = [
  { name: "English", locale: "en", all: en, loss: lossEn, chain: chainRuleEn },
  { name: "Chinese", locale: "zh-CN", all: zh, loss: lossZh, chain: chainRuleZh },
] as const;
type Texts = (typeof languages)[number];

const points: readonly Point[] = [-0.8, 0.5, 0.8, 2.1, 2.4].map((y, i) => ({ x: i - 2, y }));

/** Writes a number into the field of a slider. */
async function write(page: Page, { all }: Texts, label: string, value: number): Promise<void> {
  const field = page.getByRole("textbox", { name: all.view.number(label), exact: true });
  await field.fill(String(value));
  await field.press("Enter");
}

/** Waits for the part with its task done, or not done. */
async function taskIs(page: Page, { all }: Texts, isDone: boolean): Promise<void> {
  const text = isDone ? all.lessons.taskDone : all.lessons.task;
  await page.locator(".task-state").getByText(text, { exact: true }).waitFor();
}

/** Goes on to the next part, whose head has the focus then. */
async function nextPart(page: Page, texts: Texts, title: string): Promise<void> {
  await button(page, texts.all.lessons.nextPart).click();
  const heading = page.getByRole("heading", { name: title, exact: true });
  await heading.waitFor();
  await expect.poll(() => heading.evaluate((one) => one === document.activeElement)).toBe(true);
}

/** Lines of a formula as they are read. */
async function formula(page: Page, name: string): Promise<string[]> {
  const group = page.getByRole("group", { name, exact: true });
  return (await group.locator(".formula-line").allTextContents()).map((line) => line.replaceAll("\u00a0", " "));
}

function point(page: Page, { loss }: Texts, number: number): Locator {
  const start = loss.point(number, "@", "").split("@")[0] as string;
  return page.getByRole("button", { name: new RegExp(`^${start}`) });
}

async function expectLines(page: Page, texts: Texts, at: readonly Point[], from: Line): Promise<void> {
  await button(page, texts.all.lessons.pause).click();
  const table = page.locator(".loss-table");
  // The last step may come in a moment after the button; then nothing moves any more.
  await button(page, texts.all.lessons.oneStep).waitFor();
  let rows = await cells(table);
  let caption: string | null = "";
  await expect
    .poll(
      async () => {
        const before = JSON.stringify([rows, caption]);
        [rows, caption] = [await cells(table), await table.locator("caption").textContent()];
        return JSON.stringify([rows, caption]) === before;
      },
      { interval: 300, timeout: patience },
    )
    .toBe(true);
  const steps = Number(/\d+/.exec(caption ?? "")?.[0]);
  const expected = lossLab().train([from, from, from], at, 0.05, steps);
  expected.forEach(({ w, b, loss }: FittedLine, i) => {
    const [name = "", shownW, shownB, shownLoss] = rows[i + 1] ?? [];
    expectShown(shownW, w, `w of ${name} after ${steps} steps`);
    expectShown(shownB, b, `b of ${name}`);
    expectShown(shownLoss, loss, `the loss of ${name}`);
  });
}

/** A node of the graph, as it is called in English. */
function node(page: Page, name: string): Locator {
  return page.getByRole("button", { name, exact: true });
}

function shownSize(value: number): number {
  return Math.abs(shownAs(value));
}

/** Every text of a dictionary. */
function wordsOf(part: unknown): string[] {
  if (typeof part === "string") return part.match(/[A-Za-z]{2,}/g) ?? [];
  if (typeof part === "function") return wordsOf(String(part(...new Array<string>(part.length).fill(""))));
  return typeof part === "object" && part !== null ? Object.values(part).flatMap(wordsOf) : [];
}

export function lossLessonTests(site: () => PageSite): void {
  describe("the lessons on the loss and on the chain rule", () => {
    test.each(languages.map((each) => [each.name, each] as const))("the loss in %s", async (_, texts) => {
      const { loss, all } = texts;
      await site().with({ place: "#/lessons?lesson=loss", locale: texts.locale }, async (page) => {
        const titles = loss.parts.map(({ title }) => title);
        await page.getByRole("heading", { name: titles[0] as string, exact: true }).waitFor();
        await taskIs(page, texts, false);
        await expect
          .poll(() => formula(page, loss.error), { timeout: patience })
          .toEqual(["ŷ₄ = w · x₄ + b = −0.5 · 1 + 0.5 = 0", "e₄ = ŷ₄ − y₄ = 0 − 2.1 = −2.1"]);
        await point(page, texts, 1).click();
        await expect.poll(async () => (await formula(page, loss.error))[1]).toBe("e₁ = ŷ₁ − y₁ = 1.5 − (−0.8) = 2.3");
        await write(page, texts, loss.sliders.b, -1.8);
        await taskIs(page, texts, true);

        await nextPart(page, texts, titles[1] as string);
        await taskIs(page, texts, false);
        await write(page, texts, loss.sliders.b, 1);
        await write(page, texts, loss.sliders.w, 0.7);
        await taskIs(page, texts, true);
        const { squares, loss: mean } = lossLab().read({ w: 0.7, b: 1 }, points);
        expect(sizesIn((await formula(page, loss.mean))[1] as string)).toEqual(sizes(...squares, 5, mean));

        await nextPart(page, texts, titles[2] as string);
        await taskIs(page, texts, false);
        // Dragged with the mouse, then moved by keys.
        const box = await point(page, texts, 5).boundingBox();
        if (box === null) throw new Error("the point is not drawn");
        const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
        await page.mouse.move(x, y);
        await page.mouse.down();
        await page.mouse.move(x + 3, y + 60, { steps: 5 });
        await page.mouse.up();
        const field = page.getByRole("textbox", { name: all.view.number(loss.pointY(5, "2")), exact: true });
        await expect.poll(async () => Number(await field.inputValue())).toBeLessThan(1.7);
        await point(page, texts, 5).focus();
        for (let i = 0; i < 6; i++) await page.keyboard.press("PageDown");
        await page.keyboard.press("ArrowUp");
        await expect.poll(() => field.inputValue()).toBe("-2.9");
        const outlier = points.map((each, i) => (i === 4 ? { x: 2, y: -2.9 } : each));
        await button(page, all.lessons.train).click();
        await taskIs(page, texts, true);
        await expectLines(page, texts, outlier, { w: 0.7, b: 1 });

        await write(page, texts, loss.rate, 1);
        await button(page, all.lessons.train).click();
        await page.getByRole("alert").filter({ hasText: "MSE" }).waitFor();
        await button(page, all.lessons.train).waitFor();
        await button(page, all.lessons.fromStart).click();
        await expect.poll(() => page.getByRole("alert").count()).toBe(0);
        expect((await cells(page.locator(".loss-table")))[1]?.slice(1, 3)).toEqual(["0.7", "1"]);
        await button(page, loss.pointsBack).click();

        await nextPart(page, texts, titles[3] as string);
        await taskIs(page, texts, false);
        await expect.poll(async () => sizesIn((await formula(page, loss.slope))[1] as string).at(-1)).toBe(9.2);
        const curve = page.getByRole("application", { name: new RegExp(`^${loss.valley}`) });
        await curve.focus();
        await page.keyboard.press("End");
        for (let i = 0; i < 44; i++) await page.keyboard.press("ArrowLeft");
        await page.keyboard.press("Enter");
        await taskIs(page, texts, true);
        await expect.poll(async () => (await formula(page, loss.slope))[1]?.endsWith(" = 0")).toBe(true);

        await nextPart(page, texts, titles[4] as string);
        await taskIs(page, texts, false);
        await write(page, texts, loss.score, -5.5);
        await taskIs(page, texts, true);
        const reading = lossLab().score(-5.5, 1);
        const [, cost, slope] = await formula(page, loss.entropy);
        expect(sizesIn(cost as string)).toEqual(sizes(reading.p, reading.loss));
        expect(sizesIn(slope as string)).toEqual([...sizes(reading.p), 1, ...sizes(reading.slope)]);
        expect(sizesIn((await formula(page, loss.square))[1] as string).at(-1)).toBe(shownSize(reading.squareSlope));
        await button(page, loss.classIs(0)).click();
        const other = lossLab().score(-5.5, 0);
        await expect
          .poll(async () => sizesIn((await formula(page, loss.entropy))[2] as string))
          .toEqual([...sizes(other.p), 0, ...sizes(other.slope)]);
        // What was done stays done.
        await taskIs(page, texts, true);
      });
    });

    test.each(languages.map((each) => [each.name, each] as const))("the chain rule in %s", async (_, texts) => {
      const { chain, all } = texts;
      const name = (
        title: string,
        value: string,
        gradient: string,
        state: "none" | "part" | "whole" = "whole",
      ): string => chain.node(title, value, gradient, { hasValue: value !== "", gradient: state });
      await site().with({ place: "#/lessons?lesson=chainRule", locale: texts.locale }, async (page) => {
        const titles = chain.parts.map(({ title }) => title);
        await page.getByRole("heading", { name: titles[0] as string, exact: true }).waitFor();
        await node(page, name("L = e²", "", "", "none")).waitFor();
        await node(page, name("w", "2", "", "none")).waitFor();
        await taskIs(page, texts, false);
        for (let i = 0; i < 4; i++) await button(page, chain.next).click();
        await taskIs(page, texts, true);
        await node(page, name("L = e²", "4", "", "none")).click();
        expect(await formula(page, chain.value)).toEqual(["L = e² = 2² = 4"]);

        await nextPart(page, texts, titles[1] as string);
        await taskIs(page, texts, false);
        await button(page, chain.next).focus();
        for (let i = 0; i < 4; i++) await page.keyboard.press("Enter");
        await node(page, name("p = w · x", "6", "4")).waitFor();
        await taskIs(page, texts, false);
        await page.keyboard.press("Enter");
        await taskIs(page, texts, true);
        await node(page, name("x", "3", "8")).click();
        expect((await formula(page, chain.gradient))[0]?.replace(/^.*∂x = /u, "")).toBe("4 · 2 = 8");
        await button(page, chain.previous).click();
        await node(page, name("x", "3", "", "none")).waitFor();

        await nextPart(page, texts, titles[2] as string);
        await taskIs(page, texts, false);
        await node(page, name("w", "2", "12")).waitFor();
        expect((await formula(page, chain.nudge))[1]).toBe(" = (4.012009 − 4) / 0.001 = 12.01");
        await write(page, texts, `x (${chain.roles.x})`, 0);
        await node(page, name("w", "2", "0")).waitFor();
        await taskIs(page, texts, true);
        await write(page, texts, `x (${chain.roles.x})`, 1e200);
        await page.getByRole("alert").getByText(chain.notFinite).waitFor();
        await button(page, all.lessons.fromStart).click();
        await expect.poll(() => page.getByRole("alert").count()).toBe(0);

        await nextPart(page, texts, titles[3] as string);
        await taskIs(page, texts, false);
        await button(page, chain.toEnd).click();
        await button(page, chain.previous).click();
        await node(page, name("w", "1.5", "5", "part")).waitFor();
        await button(page, chain.next).click();
        await node(page, name("w", "1.5", "15")).waitFor();
        expect((await formula(page, chain.gradient))[2]).toBe(" = 10 + 5 = 15");
        await write(page, texts, `x₂ (${chain.roles["x₂"]})`, -2);
        await taskIs(page, texts, true);
        expect((await formula(page, chain.gradient))[2]).toBe(" = −8 + 8 = 0");

        await nextPart(page, texts, titles[4] as string);
        await taskIs(page, texts, false);
        await button(page, chain.toLoss).click();
        await button(page, chain.toEnd).click();
        const bend = async (): Promise<number | undefined> =>
          sizesIn((await formula(page, chain.local))[0] ?? "").at(-1);
        await expect.poll(bend).toBe(shownSize(1 - Math.tanh(0.5) ** 2));
        await write(page, texts, `x (${chain.roles.x})`, 4);
        await taskIs(page, texts, true);
        await expect.poll(bend).toBe(shownSize(1 - Math.tanh(3.5) ** 2));
      });
    });

    test("playing goes on through a change of language, and stops where the room or the part is left", async () => {
      await site().with({ place: "#/lessons?lesson=chainRule", locale: "en" }, async (page) => {
        await node(page, "L = e²: no value yet, no gradient yet").waitFor();
        await button(page, chainRuleEn.play).click();
        await node(page, "p = w · x: value 6, no gradient yet").waitFor();
        await button(page, "中文").click();
        await node(page, chainRuleZh.node("s = p + b", "5", "", { hasValue: true, gradient: "none" })).waitFor();
        await button(page, "English").click();
        await page.getByRole("link", { name: en.app.roomNames.playground }).click();
        // A step that was under way may end; then what is not shown stands still.
        const happened = page.locator(".chain-panel [role=status]");
        await page.waitForTimeout(300);
        const left = await happened.textContent();
        await page.waitForTimeout(2000);
        expect(await happened.textContent()).toBe(left);
        await page.getByRole("link", { name: en.app.roomNames.lessons }).click();
        await button(page, en.lessons.pause).click();
        // Quick clicks are all counted, and none is beyond the end.
        await button(page, en.lessons.fromStart).click();
        for (let i = 0; i < 3; i++) await button(page, chainRuleEn.next).click({ delay: 0 });
        await node(page, "e = s − y: value 2, no gradient yet").waitFor();
        await button(page, chainRuleEn.play).click();
        await button(page, en.lessons.nextPart).click();
        await button(page, en.lessons.nextPart).click();
        await button(page, en.lessons.nextPart).click();
        await page.getByRole("heading", { name: chainRuleEn.parts[3]?.title as string }).waitFor();
        await button(page, chainRuleEn.play).waitFor();
        await page.waitForTimeout(1000);
        expect(await node(page, "L = e²: no value yet, no gradient yet").count()).toBe(1);
      });
    });

    describe.each(["loss", "chainRule"] as const)("%s", (lesson) => {
      test.each([
        ["light", 1280],
        ["dark", 360],
      ] as const)("axe finds nothing in %s, and nothing is wider than %i pixels", async (colorScheme, width) => {
        const viewport = { width, height: 740 };
        const wrong: string[] = [];
        for (let part = 1; part <= 5; part++) {
          const place = `#/lessons?lesson=${lesson}&part=${part}`;
          await site().with({ place, locale: "en", colorScheme, viewport }, async (page) => {
            await page.getByText(en.lessons.part(part, 5), { exact: true }).waitFor();
            await page.locator(".formula, .loss-table").first().waitFor();
            if (lesson === "chainRule") await button(page, chainRuleEn.toEnd).click();
            wrong.push(...(await violations(page)).map((line) => `part ${part}: ${line}`));
            const more = await page.evaluate<number>(
              "document.scrollingElement.scrollWidth - document.documentElement.clientWidth",
            );
            if (more > 0) wrong.push(`part ${part}: ${more} pixels too wide`);
          });
        }
        expect(wrong).toEqual([]);
      });

      test("nothing is left in English", async () => {
        const known = new Set([...wordsOf(zh), ...wordsOf(lossZh), ...wordsOf(chainRuleZh), "exp", "tanh"]);
        const wrong: string[] = [];
        for (let part = 1; part <= 5; part++) {
          await site().with({ place: `#/lessons?lesson=${lesson}&part=${part}`, locale: "zh-CN" }, async (page) => {
            await page.getByText(zh.lessons.part(part, 5), { exact: true }).waitFor();
            await page.locator(".formula, .loss-table").first().waitFor({ timeout: patience });
            if (lesson === "chainRule") await button(page, chainRuleZh.toEnd).click();
            const words = wordsOf(await page.getByRole("main").ariaSnapshot()).filter((word) => !known.has(word));
            wrong.push(...words.map((word) => `part ${part}: ${word}`));
          });
        }
        // The roles that the snapshot itself names.
        const roles = new Set(
          "heading level paragraph text region button disabled pressed img group slider textbox navigation list listitem article main table row cell columnheader rowheader rowgroup caption emphasis status term definition figure application alert current page strong superscript".split(
            " ",
          ),
        );
        expect(wrong.filter((line) => !roles.has(line.split(": ")[1] as string))).toEqual([]);
      });
    });
  });
}
