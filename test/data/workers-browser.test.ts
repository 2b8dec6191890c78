import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { expect, test } from "vitest";
import { build, preview } from "vite";

const chromiumPath = "/usr/bin/chromium";

interface Outcome {
  readonly alone: readonly unknown[];
  readonly shared: readonly unknown[];
  readonly failing: { readonly message: string; readonly stack: string };
  readonly missing: { readonly message: string };
}

test.skipIf(!existsSync(chromiumPath))(
  "in a page that a bundler made, Web Workers give the same batches and errors",
  async () => {
    const root = fileURLToPath(new URL("./workers/page/", import.meta.url));
    const outDir = mkdtempSync(join(tmpdir(), "twopass-page-"));
    const settings = { root, configFile: false as const, logLevel: "error" as const, build: { outDir } };
    await build({ ...settings, worker: { format: "es" }, build: { outDir, emptyOutDir: true, target: "es2022" } });
    const server = await preview({ ...settings, preview: { port: 0, host: "127.0.0.1" } });
    const browser = await chromium.launch({ executablePath: chromiumPath, args: ["--no-sandbox"] });
    try {
      const page = await browser.newPage();
      await page.goto(server.resolvedUrls?.local[0] as string);
      await page.waitForFunction("globalThis.outcome !== undefined", undefined, { timeout: 30_000 });
      const { alone, shared, failing, missing } = (await page.evaluate("globalThis.outcome")) as Outcome;
      expect(alone.length).toBe(6);
      expect(shared).toEqual(alone);
      expect(failing.message).toBe("DataLoader: example 13 failed: no pixels");
      expect(failing.stack).toContain("sets.js:");
      expect(missing.message).toMatch(/^DataLoader: a worker could not import its module: http.*missing\.js/);
    } finally {
      await browser.close();
      await server.close();
      rmSync(outDir, { recursive: true });
    }
  },
  60_000,
);
