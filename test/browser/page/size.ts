/** How much the page's code weighs as a server sends it. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import type { PageSite } from "./site.ts";

/** Of all scripts and styles, each compressed by itself. */
const mostKilobytes = 390;

export function sizeTests(site: () => PageSite): void {
  describe("size", () => {
    test(`all code of the page is at most ${mostKilobytes} kB of gzip`, () => {
      const folder = join(site().folder, "page");
      const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
        .filter((path) => /\.(js|css)$/.test(path))
        .map((path) => ({ path, kilobytes: gzipSync(readFileSync(join(folder, path)), { level: 9 }).length / 1000 }))
        .sort((a, b) => b.kilobytes - a.kilobytes);
      const largest = files.slice(0, 6).map(({ path, kilobytes }) => `${path} ${kilobytes.toFixed(1)}`);
      const total = files.reduce((sum, { kilobytes }) => sum + kilobytes, 0);
      expect(total, `kB in all, the largest: ${largest.join(", ")}`).toBeLessThanOrEqual(mostKilobytes);
    });
  });
}
