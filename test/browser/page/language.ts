/** Each language on every panel: nothing of the other one is left, and the choice is remembered. */
import { readdirSync } from "node:fs";
import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { en } from "../../../site/src/text/en.ts";
import { zh } from "../../../site/src/text/zh.ts";
import { mlpTrace } from "./traces.ts";
import { placesOf } from "./places.ts";
import { button, ready } from "./playground.ts";
import { type PageSite, patience } from "./site.ts";

const chinese = /[\u4e00-\u9fff]/;
/** A word in Latin letters; single ones are symbols. */
const latin = /[A-Za-z]{2,}/g;

/** All that is seen or read aloud: texts, names, tooltips, choices. Not what is a program, or a name in another language. */
const visibleTexts = `(() => {
  const texts = new Set();
  const skipped = "pre, code, textarea, script, style, [lang]:not(html)";
  const isSeen = (element) => element.closest(skipped) === null && (element.closest("svg, option") !== null || element.checkVisibility());
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const { data, parentElement } = walker.currentNode;
    if (data.trim() !== "" && parentElement !== null && isSeen(parentElement) && parentElement.closest("[hidden]") === null) texts.add(data.trim());
  }
  for (const name of ["aria-label", "title", "placeholder", "alt", "aria-valuetext"]) {
    for (const element of document.querySelectorAll("[" + name + "]")) {
      if (isSeen(element) && element.closest("[hidden]") === null) texts.add(element.getAttribute(name));
    }
  }
  texts.add(document.title);
  return [...texts];
})()`;

/** Every text of a dictionary; of functions their words, whatever they are told. */
function textsOf(part: unknown): string[] {
  if (typeof part === "string") return [part];
  if (typeof part === "function")
    return [1, 2].map((count) => String(part(...new Array<number>(part.length).fill(count))));
  if (typeof part !== "object" || part === null) return [];
  return Object.values(part).flatMap(textsOf);
}

/** Every text of the lessons. */
async function lessonTexts(wanted: "en" | "zh"): Promise<string[]> {
  const folder = new URL("../../../site/src/text/lessons/", import.meta.url);
  const files = readdirSync(folder).filter((name) => name.endsWith(`-${wanted}.ts`));
  const loaded = await Promise.all(files.map((name) => import(new URL(name, folder).href) as Promise<object>));
  return loaded.flatMap((file) => textsOf(file));
}

function wordsOf(texts: readonly string[]): Set<string> {
  return new Set(texts.flatMap((text) => text.match(latin) ?? []));
}

/** Words of Latin letters that stand in the Chinese texts too: names such as Adam, tanh, CSV. */
const shared = wordsOf([...textsOf(zh), ...(await lessonTexts("zh")), "softmax"]);

async function choose(page: Page, language: "English" | "中文"): Promise<void> {
  const choice = button(page, language);
  if ((await choice.getAttribute("aria-pressed")) !== "true") await choice.click({ force: true });
  await expect.poll(() => choice.getAttribute("aria-pressed")).toBe("true");
}

export function languageTests(site: () => PageSite): void {
  describe("language", () => {
    test("the dictionaries tell the languages apart", () => {
      expect(textsOf(en).filter((text) => chinese.test(text))).toEqual(["中文"]);
      expect(wordsOf(textsOf(en)).size - shared.size).toBeGreaterThan(300);
    });

    test.each(placesOf(site).map((place) => [place.name, place] as const))("%s", async (_, place) => {
      // Names in a trace are those of the program that made it, and units of measure are the same everywhere.
      const names = [JSON.stringify(await mlpTrace()), "step.json, wasm, GFLOP/s, GB/s"];
      const foreign = new Set([...shared, ...wordsOf(names)]);
      await site().with({ place: place.address, locale: "en" }, async (page) => {
        const wrong: string[] = [];
        await place.visit(page, async (panel) => {
          // A window in front leaves no way to the buttons; it has a key.
          const isCovered = (await page.getByRole("dialog").count()) > 0;
          const english = ((await page.evaluate(visibleTexts)) as string[]).filter((text) => chinese.test(text));
          wrong.push(...english.map((text) => `${panel}: ${text}`));
          if (isCovered) return;
          await choose(page, "中文");
          const words = ((await page.evaluate(visibleTexts)) as string[]).flatMap((text) => {
            const left = (text.match(latin) ?? []).filter((word) => !foreign.has(word));
            return left.length === 0 ? [] : [`${panel}: ${left.join(", ")} in: ${text}`];
          });
          wrong.push(...words);
          await choose(page, "English");
        });
        expect([...new Set(wrong)]).toEqual([]);
      });
    });

    test("the window with the keys in Chinese", async () => {
      await site().with({ place: "#/playground?lang=zh" }, async (page) => {
        await page.getByRole("application").first().waitFor();
        await page.keyboard.press("?");
        const dialog = page.getByRole("dialog");
        await dialog.waitFor();
        const text = await dialog.innerText();
        expect(text).toMatch(chinese);
        expect((text.match(latin) ?? []).filter((word) => !shared.has(word))).toEqual([]);
      });
    });

    test("the choice is remembered, by the address and without it, and the system's is the first one", async () => {
      const { page, close, problems } = await site().open({ locale: "zh-CN" });
      await page.getByRole("heading", { name: zh.app.roomNames.playground }).waitFor();
      expect(await page.evaluate("document.documentElement.lang")).toBe("zh-CN");
      await close();
      const first = await site().open({ locale: "en-US" });
      await ready(first.page);
      await choose(first.page, "中文");
      await expect.poll(() => first.page.url()).toContain("lang=zh");
      await first.page.reload();
      await first.page.getByRole("heading", { name: zh.app.roomNames.playground }).waitFor({ timeout: patience });
      const again = await site().open({ context: first.page.context() });
      await again.page.getByRole("heading", { name: zh.app.roomNames.playground }).waitFor();
      await first.close();
      expect([...problems, ...first.problems, ...again.problems]).toEqual([]);
    });
  });
}
