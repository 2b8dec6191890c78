/** The page opens with and without the headers that threads need, and asks no other host for anything. */
import { describe, expect, test } from "vitest";
import { button, counters, move, ready } from "./playground.ts";
import type { OpenOptions, PageSite } from "./site.ts";

/** Where a server sends no headers, a service worker does; where there is none, all works on one thread. */
const ways: readonly (readonly [string, OpenOptions, boolean])[] = [
  ["with the headers", {}, true],
  ["without the headers, by its service worker", { isIsolated: false }, true],
  ["without the headers and without a service worker", { isIsolated: false, serviceWorkers: "block" }, false],
];

export function openingTests(site: () => PageSite): void {
  describe("opening", () => {
    test.each(ways)("%s: both rooms open, and nothing goes wrong", async (_, options, isIsolated) => {
      await site().with(options, async (page) => {
        await expect.poll(() => page.evaluate("crossOriginIsolated").catch(() => undefined)).toBe(isIsolated);
        await ready(page);
        await move(page, "Next layer");
        await button(page, "10 epochs").click();
        await expect.poll(async () => (await counters(page)).get("epoch")).toBe("10");
        await page.getByRole("link", { name: "Inspector" }).click();
        await button(page, "Choose a trace file").waitFor();
        expect(await page.title()).toBe("Inspector · twopass");
        await page.getByRole("link", { name: "Playground" }).click();
        // The network that has learnt is still there.
        await expect.poll(async () => (await counters(page)).get("epoch")).toBe("10");
      });
    });

    test("a room that the address does not know is the first one", async () => {
      await site().with({ place: "#/nowhere?data=nothing" }, async (page) => {
        await ready(page);
        expect(await page.title()).toBe("Playground · twopass");
      });
    });
  });
}
