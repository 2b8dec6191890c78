/** A trace of each example that trains, opened by the inspector. */
import { execFile } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { type Trace, readTrace } from "../../../src/inspect/index.ts";
import { readNumber, shownAs } from "./numbers.ts";
import { type PageSite, patience } from "./site.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));

/** Arguments with which an example comes to its first step soon. */
const settings: Readonly<Record<string, readonly string[]>> = {
  "03-digits-by-hand": ["1000", "1"],
  "04-digits-cnn": ["unused.safetensors", "1"],
  "09-gan": ["1", "1000"],
  "10-transfer": ["1000", "1"],
  "12-autoencoder": ["1000", "1"],
};

const names = readdirSync(join(root, "examples"))
  .filter((name) => readFileSync(join(root, "examples", name), "utf8").match(/\.backward\(\)|new Trainer/) !== null)
  .map((name) => name.replace(/\.ts$/, ""));

/** Runs an example up to its first step. */
async function traceExample(name: string, file: string): Promise<Trace> {
  const preload = new URL("example-preload.ts", import.meta.url).href;
  const threads = new URL("../../../scripts/read-typescript.mjs", import.meta.url).href;
  const imports = ["tsx", threads, preload].flatMap((each) => ["--import", each]);
  await promisify(execFile)(process.execPath, [...imports, `examples/${name}.ts`, ...(settings[name] ?? [])], {
    cwd: root,
    env: { ...process.env, EXAMPLE_TRACE: file },
  });
  return readTrace(readFileSync(file, "utf8"));
}

export function exampleTests(site: () => PageSite): void {
  describe("traces of the examples", () => {
    test("all examples but the server train", () => {
      const all = readdirSync(join(root, "examples")).map((name) => name.replace(/\.ts$/, ""));
      expect(all.filter((name) => !names.includes(name))).toEqual(["14-inference-server"]);
    });

    test.each(names)("%s", async (name) => {
      const file = join(site().folder, `${name}.json`);
      const trace = await traceExample(name, file);
      expect(trace.operations.some(({ phase }) => phase === "backward")).toBe(true);
      await site().with({ place: "#/inspector", locale: "en" }, async (page) => {
        await page.getByLabel("Choose a trace file").setInputFiles(file);
        await page.getByRole("tree").waitFor({ timeout: patience });
        const [, loss = ""] = /loss (\S+) ·/i.exec(await page.getByRole("main").innerText()) ?? [];
        expect(readNumber(loss)).toBe(shownAs(trace.lossValue, 6));
        for (const view of ["Memory", "Time", /Health/, /Graph/]) {
          const tab = page.getByRole("tab", { name: view });
          await tab.click();
          await expect.poll(() => tab.getAttribute("aria-selected")).toBe("true");
          await page.getByRole("tabpanel").waitFor();
        }
        // Each module of the trace stands in the tree, or below one that is closed.
        const rows = await page.getByRole("treeitem").allInnerTexts();
        const top = trace.modules.map(({ path }) => path.split(".")[0] as string).filter((path) => path !== "");
        for (const path of new Set(top)) expect(rows.some((row) => row.includes(path))).toBe(true);
      });
    });
  });
}
