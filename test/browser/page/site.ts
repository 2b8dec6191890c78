/** The built page, served with and without the headers that threads need, and tabs that note whatever goes wrong in them. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { build } from "vite";
import { launch } from "../launch.ts";
import { type Site, serve } from "../serve.ts";

const root = fileURLToPath(new URL("../../../site", import.meta.url));

/** Milliseconds that one wait may take: a busy machine is no failure. */
export const patience = 60_000;

export interface OpenOptions extends BrowserContextOptions {
  /** Behind the address: "#/inspector", "#/playground?data=spiral". Default: the first room. */
  readonly place?: string;
  /** Whether the server sends the headers that threads need. Default true. */
  readonly isIsolated?: boolean;
  /** In the context of another tab, which remembers what was chosen there. */
  readonly context?: BrowserContext;
  /** Runs in the tab in front of the page's own code. */
  readonly script?: () => void;
}

export interface Tab {
  readonly page: Page;
  /** Errors of the console and of the page, requests that failed or went to another host. */
  readonly problems: string[];
  readonly close: () => Promise<void>;
}

export class PageSite {
  /** For files of tests; the built page is in its folder "page". */
  readonly folder: string;
  readonly #browser: Browser;
  readonly #sites: readonly [isolated: Site, plain: Site];

  private constructor(folder: string, browser: Browser, sites: readonly [Site, Site]) {
    this.folder = folder;
    this.#browser = browser;
    this.#sites = sites;
  }

  static async start(): Promise<PageSite> {
    const folder = mkdtempSync(join(tmpdir(), "twopass-page-"));
    const { NODE_ENV } = process.env;
    // As it is built for readers, not for a test.
    process.env["NODE_ENV"] = "production";
    try {
      await build({ root, logLevel: "error", build: { outDir: join(folder, "page"), emptyOutDir: true } });
    } finally {
      process.env["NODE_ENV"] = NODE_ENV;
    }
    const folders = { "/": join(folder, "page") };
    const sites = [await serve({ folders, isIsolated: true }), await serve({ folders })] as const;
    return new PageSite(folder, await launch(), sites);
  }

  async end(): Promise<void> {
    await this.#browser.close();
    for (const site of this.#sites) await site.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** A new context, so nothing is remembered, with the page open in it. */
  async open({ place = "", isIsolated = true, context: given, script, ...options }: OpenOptions = {}): Promise<Tab> {
    const site = this.#sites[isIsolated ? 0 : 1];
    const context = given ?? (await this.#browser.newContext({ viewport: { width: 1400, height: 1000 }, ...options }));
    context.setDefaultTimeout(patience);
    const page = await context.newPage();
    const problems = watch(page, site.address);
    if (script !== undefined) await page.addInitScript(script);
    await page.goto(`${site.address}/${place}`);
    return { page, problems, close: () => (given === undefined ? context.close() : page.close()) };
  }

  /** Opens the page, runs a test with it, and tells what went wrong in the tab. */
  async with(options: OpenOptions, body: (page: Page) => Promise<void>): Promise<void> {
    const { page, problems, close } = await this.open(options);
    try {
      await body(page);
      if (problems.length > 0) throw new Error(`the page had problems:\n${problems.join("\n")}`);
    } finally {
      await close();
    }
  }
}

function watch(page: Page, address: string): string[] {
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(`console: ${message.text()}`);
  });
  page.on("requestfailed", (request) => {
    // A page that is left takes its requests along.
    if (request.failure()?.errorText !== "net::ERR_ABORTED") problems.push(`failed: ${request.url()}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400) problems.push(`${response.status()}: ${response.url()}`);
  });
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(`${address}/`) && !/^(blob|data):/.test(url)) problems.push(`elsewhere: ${url}`);
  });
  return problems;
}
