/** For everybody: what axe-core finds, the keyboard alone, narrow screens, dark ones, and an address that can be sent. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Locator, Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { zh } from "../../../site/src/text/zh.ts";
import { placesOf } from "./places.ts";
import { button, counters, details, everything, network, place, ready } from "./playground.ts";
import { type PageSite, patience } from "./site.ts";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What axe-core finds, a line for each element. */
export async function violations(page: Page): Promise<string[]> {
  // The page's own rules let no such script in; the debugger does.
  if (!(await page.evaluate("'axe' in globalThis"))) await page.evaluate(`${axe}; undefined`);
  return page.evaluate<string[]>(`axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) =>
    violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => id + ": " + target.join(" ") + ": " + failureSummary)))`);
}

/** How bright a colour such as "rgb(18, 20, 24)" is, 0 to 1. */
function brightness(color: string): number {
  const [r = NaN, g = NaN, b = NaN] = (color.match(/[\d.]+/g) ?? []).map(Number);
  return (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;
}

async function colors(page: Page): Promise<{ readonly paper: number; readonly ink: number }> {
  const found = await page.evaluate<[string, string]>(
    `[document.documentElement, document.body].map((element) => getComputedStyle(element)).reduce(
      ([paper], { backgroundColor, color }) => [/, 0\\)$/.test(backgroundColor) ? paper : backgroundColor, color], [""])`,
  );
  return { paper: brightness(found[0]), ink: brightness(found[1]) };
}

function hasFocus(element: Locator): Promise<boolean> {
  return element.evaluate((one) => one === document.activeElement);
}

/** Goes on with the Tab key until something has the focus. */
async function tabTo(page: Page, target: Locator): Promise<void> {
  for (let i = 0; i < 150; i++) {
    await page.keyboard.press("Tab");
    if (await hasFocus(target)) return;
  }
  throw new Error(`the Tab key does not lead to ${String(target)}`);
}

/** How much wider than the window the page is. */
function excess(page: Page): Promise<number> {
  return page.evaluate<number>("document.scrollingElement.scrollWidth - document.documentElement.clientWidth");
}

export function accessTests(site: () => PageSite): void {
  describe.each(["light", "dark"] as const)("in %s", (colorScheme) => {
    test.each(placesOf(site).map((each) => [each.name, each] as const))("axe finds nothing in %s", async (_, each) => {
      await site().with({ place: each.address, locale: "en", colorScheme }, async (page) => {
        const found: string[] = [];
        await each.visit(page, async (panel) => {
          found.push(...(await violations(page)).map((line) => `${panel}: ${line}`));
        });
        expect(found).toEqual([]);
        const { paper, ink } = await colors(page);
        const [dark, bright] = colorScheme === "dark" ? [paper, ink] : [ink, paper];
        expect(dark).toBeLessThan(0.2);
        expect(bright).toBeGreaterThan(0.8);
      });
    });
  });

  describe("widths", () => {
    test.each([360, 1280])("at %i pixels nothing is wider than the page", async (width) => {
      const wide: string[] = [];
      for (const each of placesOf(site)) {
        await site().with({ place: each.address, locale: "en", viewport: { width, height: 740 } }, async (page) => {
          await each.visit(page, async (panel) => {
            const more = await excess(page);
            if (more > 0) wide.push(`${each.name}, ${panel}: ${more} pixels`);
          });
        });
      }
      expect(wide).toEqual([]);
    });
  });

  describe("use", () => {
    test("by the keyboard alone: train, step, look into a unit, change a weight, and back", async () => {
      await site().with({ place: "#/playground?size=40&layers=3tanh_2tanh&batch=8", locale: "en" }, async (page) => {
        await ready(page);
        await page.keyboard.press("Tab");
        await page.keyboard.press("Enter");
        expect(await hasFocus(page.getByRole("main"))).toBe(true);
        await tabTo(page, button(page, "Train at full speed"));
        await page.keyboard.press("Enter");
        await button(page, "Stop").waitFor();
        await expect.poll(async () => (await counters(page)).get("epoch"), { timeout: patience }).toMatch(/\d{2}/);
        await page.keyboard.press("r");
        await page.getByText("nothing is computed yet").waitFor();

        for (const key of ["ArrowRight", "o", "f", "f", "f"]) {
          const before = await place(page);
          await page.keyboard.press(key);
          await expect.poll(() => place(page), { timeout: patience }).not.toBe(before);
        }
        expect(await place(page)).toMatch(/Update/);

        await tabTo(page, network(page).getByRole("button", { name: /^Unit x₁/ }));
        await page.keyboard.press("ArrowRight");
        await page.keyboard.press("ArrowRight");
        await page.keyboard.press("Enter");
        await details(page)
          .getByRole("heading", { name: /^Unit h.*layer 2/ })
          .waitFor();
        await page.keyboard.press("w");
        await page.keyboard.press("ArrowDown");
        await page.keyboard.press("Enter");
        await details(page)
          .getByRole("heading", { name: /^Weight from h₂/ })
          .waitFor();
        await tabTo(page, page.getByRole("textbox", { name: "Change w₂, as a number" }));
        await page.keyboard.press("Control+a");
        await page.keyboard.type("1.25");
        await page.keyboard.press("Enter");
        await page.getByText(/^After these steps|stays the same/).waitFor();
        await tabTo(page, button(page, "Make this change"));
        await page.keyboard.press("Enter");
        await expect.poll(() => details(page).innerText(), { timeout: patience }).toMatch(/before\s+1\.25/);

        await page.keyboard.press("?");
        await page.getByRole("dialog").waitFor();
        await page.keyboard.press("Escape");
        await expect.poll(() => page.getByRole("dialog").count()).toBe(0);
        // The window gives the focus back a moment after it is gone.
        await expect
          .poll(() => page.evaluate("document.activeElement?.closest('dialog') ?? undefined"))
          .toBeUndefined();
        await page.keyboard.press("g");
        await page.getByRole("heading", { name: zh.app.roomNames.playground, exact: true }).waitFor();
      });
    });

    test("the colours can be chosen, and are remembered", async () => {
      await site().with({ colorScheme: "light", locale: "en" }, async (page) => {
        await ready(page);
        expect((await colors(page)).paper).toBeGreaterThan(0.9);
        const choice = page.getByRole("button", { name: /^Colours/ });
        for (let i = 0; i < 3 && !(await choice.getAttribute("aria-label"))?.endsWith("dark"); i++)
          await choice.click();
        await expect.poll(async () => (await colors(page)).paper).toBeLessThan(0.15);
        await page.reload();
        await ready(page);
        expect((await colors(page)).paper).toBeLessThan(0.15);
      });
    });

    test("the address of a page that was set shows the same network elsewhere", async () => {
      await site().with({ locale: "en" }, async (page) => {
        await ready(page);
        await page.getByRole("combobox", { name: "Data set" }).selectOption("circle");
        const noise = page.getByRole("textbox", { name: "Noise, as a number" });
        await noise.fill("0.25");
        await noise.press("Enter");
        await page.getByRole("tab", { name: "Network" }).click();
        await button(page, "Add a layer").click();
        await button(page, "One unit less in layer 1").click();
        await page.getByRole("tab", { name: "Training" }).click();
        await page.getByRole("combobox", { name: "Optimiser" }).selectOption("momentum");
        await page.getByRole("tab", { name: "Data" }).click();
        await expect.poll(() => page.url()).toMatch(/data=circle.*opt=momentum/);
        await expect
          .poll(() => network(page).getByRole("group", { name: "layer 3" }).count(), { timeout: patience })
          .toBe(1);
        await ready(page);
        const here = await everything(page);
        const other = await site().open({ place: new URL(page.url()).hash, locale: "en" });
        await ready(other.page);
        await expect.poll(() => everything(other.page), { timeout: patience }).toBe(here);
        await other.close();
        expect(other.problems).toEqual([]);
      });
    });
  });
}
