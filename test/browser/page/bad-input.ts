/** What the page says where there is nothing good to show: a rate that diverges, no hidden layer, tables that are none. */
import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { readNumber } from "./numbers.ts";
import { button, counters, network, ready } from "./playground.ts";
import { type PageSite, patience } from "./site.ts";

const good = "height,width,kind\n1,5,cat\n2,6,cat\n3,1,dog\n4,2,dog\n5,1,dog\n6,7,cat\n7,2,dog\n8,9,cat\n";

async function pasteTable(page: Page, table: string): Promise<void> {
  await page.getByRole("combobox", { name: "Data set" }).selectOption("csv");
  await page.getByRole("textbox", { name: "Or paste the table here" }).fill(table);
}

async function expectAlert(page: Page, text: RegExp): Promise<void> {
  await expect
    .poll(() => page.getByRole("alert").allInnerTexts(), { timeout: patience })
    .toContainEqual(expect.stringMatching(text));
}

export function badInputTests(site: () => PageSite): void {
  describe("bad input", () => {
    test("a rate of 10 diverges: the page says so, where from, and how to go on", async () => {
      await site().with({ place: "#/playground?data=wave&loss=mse&opt=sgd&layers=8relu_8relu" }, async (page) => {
        await ready(page);
        await page.getByRole("tab", { name: "Training" }).click();
        const rate = page.getByRole("textbox", { name: "Learning rate η, as a number" });
        await rate.fill("10");
        await rate.press("Enter");
        await button(page, "Make this change").click();
        await button(page, "Train at full speed").click();
        await expectAlert(page, /Diverged at step \d+\..*The first infinite number came from: \S+/s);
        const health = page.getByRole("region", { name: "Health of this step" });
        await expect.poll(() => health.innerText(), { timeout: patience }).toContain("Not a finite number");
        await button(page, /^Go (to the step before|\d+ steps back)/).click();
        await page.getByText("nothing is computed yet").waitFor();
        await button(page, "Reset").click();
        await expect.poll(() => page.getByRole("alert").count(), { timeout: patience }).toBe(0);
      });
    });

    test("a network without a hidden layer is a network", async () => {
      await site().with({ place: "#/playground?data=gauss&layers=none" }, async (page) => {
        await ready(page);
        expect(await network(page).getByRole("group").count()).toBe(2);
        await page.getByRole("tab", { name: "Network" }).click();
        await page.getByText("No hidden layer").waitFor();
        await button(page, "100 epochs").click();
        const right = async (): Promise<number> => Number((await counters(page)).get("right, test")?.replace("%", ""));
        await expect.poll(right, { timeout: patience }).toBeGreaterThan(90);
      });
    });

    test("tables: with holes, of one class, of nothing; and a good one", async () => {
      await site().with({}, async (page) => {
        await ready(page);
        await pasteTable(page, good.replace("3,1,dog", "3,,dog"));
        await expectAlert(page, /row 3|line 4/i);
        await pasteTable(page, good.replaceAll("cat", "dog"));
        await expectAlert(page, /class/i);
        await pasteTable(page, "a");
        await expectAlert(page, /\w+/);
        await pasteTable(page, good);
        await ready(page);
        await expect.poll(() => page.getByRole("alert").count(), { timeout: patience }).toBe(0);
        await expect.poll(() => network(page).ariaSnapshot(), { timeout: patience }).toContain("height");
        await button(page, "10 epochs").click();
        const right = async (): Promise<string | undefined> => (await counters(page)).get("right");
        await expect.poll(right, { timeout: patience }).toMatch(/%$/);
      });
    });

    test("a worker that is killed while it trains: another one takes its place, and the page says so", async () => {
      const { page, problems, close } = await site().open({ script: keepWorkers });
      try {
        await ready(page);
        await button(page, "Train at full speed").click();
        await expect.poll(() => stepsOf(page), { timeout: patience }).toBeGreaterThan(100);
        // As a browser does it that has no memory left: nobody is told.
        await page.evaluate(() => {
          for (const worker of (globalThis as unknown as Kept).workers) worker.terminate();
        });
        await expectAlert(page, /worker/i);
        await ready(page);
        expect(await stepsOf(page)).toBe(0);
        await button(page, "10 epochs").click();
        await expect.poll(() => stepsOf(page), { timeout: patience }).toBeGreaterThan(10);
        expect(problems).toEqual([]);
      } finally {
        await close();
      }
    });

    test("a tab that is hidden and frozen while it trains goes on when it is back", async () => {
      await site().with({}, async (page) => {
        await ready(page);
        await button(page, "Train at full speed").click();
        await expect.poll(() => stepsOf(page), { timeout: patience }).toBeGreaterThan(100);
        const session = await page.context().newCDPSession(page);
        await session.send("Page.setWebLifecycleState", { state: "frozen" });
        // Longer than a worker may be silent before it counts as dead.
        await new Promise((resolve) => setTimeout(resolve, 18_000));
        await session.send("Page.setWebLifecycleState", { state: "active" });
        const steps = await stepsOf(page);
        await expect.poll(() => stepsOf(page), { timeout: patience }).toBeGreaterThan(steps);
        expect(await page.getByRole("alert").count()).toBe(0);
        await button(page, "Stop").click();
        await button(page, "Train at full speed").waitFor();
      });
    });
  });
}

interface Kept {
  workers: Worker[];
}

/** In the page, in front of its own code: notes the workers that it starts. */
function keepWorkers(): void {
  const kept: Worker[] = [];
  (globalThis as unknown as Kept).workers = kept;
  globalThis.Worker = class extends Worker {
    constructor(url: string | URL, options?: WorkerOptions) {
      super(url, options);
      kept.push(this);
    }
  };
}

async function stepsOf(page: Page): Promise<number> {
  return readNumber((await counters(page)).get("steps") ?? "");
}
