/** Runs in the inspector: from a folder that is dropped, and from `twopass inspect` while they grow. */
import { readFileSync } from "node:fs";
import { type Server, type Socket, connect, createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Locator, Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { type Run, type RunStatistics, compareRuns, runAt } from "../../../src/inspect/index.ts";
import { readRun, readRunTrace, serveRuns } from "../../../src/inspect/node/index.ts";
import { violations } from "./access.ts";
import { readNumber, shownAs } from "./numbers.ts";
import { button } from "./playground.ts";
import { openFolder, recorded, recording, scrubber } from "./recorded-runs.ts";
import { type PageSite, patience } from "./site.ts";

/** Terms with their definitions. */
async function entries(region: Locator): Promise<Map<string, string>> {
  const terms = await region.getByRole("term").allInnerTexts();
  const definitions = await region.getByRole("definition").allInnerTexts();
  return new Map(terms.map((term, i) => [term, definitions[i] ?? ""]));
}

/** Rows of a table by their first cell, without the head. */
async function table(page: Page, caption: string): Promise<Map<string, string[]>> {
  const rows = page.getByRole("table", { name: caption }).getByRole("row");
  const texts = await rows.evaluateAll((all) =>
    (all as HTMLTableRowElement[]).map((row) => [...row.cells].map((cell) => cell.innerText.trim())),
  );
  return new Map(texts.slice(1).map(([first = "", ...rest]) => [first, rest]));
}

const numbers = (cells: readonly string[] | undefined): number[] => (cells ?? []).map(readNumber);

/** All that stands above the views is of the newest record up to a step. */
async function expectMoment(page: Page, run: Run, step: number): Promise<void> {
  const record = runAt(run, step).record as NonNullable<ReturnType<typeof runAt>["record"]>;
  await expect
    .poll(async () => readNumber((await entries(scrubber(page))).get("recorded at step") ?? ""), { timeout: patience })
    .toBe(record.step);
  const told = await entries(scrubber(page));
  for (const [term, value] of [
    ["epoch", record.epoch],
    ["batch", record.batch],
    ["loss", record.loss],
    ["lr", record.lr],
    ["gradient norm", record.gradient],
  ] as const)
    expect([term, readNumber(told.get(term) ?? "")]).toEqual([term, shownAs(value)]);
}

async function expectStatistics(page: Page, title: string, wanted: RunStatistics): Promise<void> {
  const heading = page.getByRole("heading", { name: title });
  await heading.waitFor();
  const told = await entries(heading.locator("xpath=.."));
  for (const name of ["norm", "mean", "std", "rms", "min", "max"] as const) {
    const shown = readNumber(told.get(name) ?? "");
    // rms is computed from the norm again.
    expect([title, name, shown]).toEqual([title, name, expect.closeTo(shownAs(wanted[name]), 12)]);
  }
  expect(told.get("zeros")).toBe(`${wanted.zeros} of ${wanted.size}`);
  expect(told.get("not finite")).toBe(`${wanted.nonFinite} of ${wanted.size}`);
}

/** Goes to a step with the keys of the slider. */
async function scrubTo(page: Page, run: Run, step: number): Promise<void> {
  const steps = [...new Set([...run.records.map((one) => one.step), ...run.traces, 7, 14, 21])].sort((a, b) => a - b);
  await scrubber(page).getByRole("slider").focus();
  await page.keyboard.press("Home");
  for (let i = 0; i < steps.indexOf(step); i++) await page.keyboard.press("ArrowRight");
  await scrubber(page).getByText(`step ${step} of 21`).waitFor();
}

/** A way to a server that can be cut. */
class Wire {
  readonly #to: number;
  #server: Server | undefined;
  #port = 0;
  readonly #sockets = new Set<Socket>();

  constructor(to: number) {
    this.#to = to;
  }

  async join(): Promise<number> {
    this.#server = createServer((socket) => {
      const other = connect(this.#to, "127.0.0.1");
      for (const [one, next] of [
        [socket, other],
        [other, socket],
      ] as const) {
        this.#sockets.add(one);
        one.on("error", () => next.destroy());
        one.on("close", () => this.#sockets.delete(one) && next.destroy());
        one.pipe(next);
      }
    });
    await new Promise<void>((resolve) => this.#server?.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
    return this.#port;
  }

  async cut(): Promise<void> {
    const closed = new Promise((resolve) => this.#server?.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

export function runTests(site: () => PageSite): void {
  describe("runs", () => {
    test("a folder that is chosen: each number is the run's, at each step that is looked at", async () => {
      const folder = join(site().folder, "chosen", "first");
      const run = await recorded(folder);
      const other = await recorded(join(site().folder, "chosen", "second"), 8);
      await site().with({ place: "#/inspector", locale: "en" }, async (page) => {
        await openFolder(page, folder);
        expect(await page.getByRole("main").innerText()).toContain(`Sequential · Adam`);
        await expectMoment(page, run, Infinity);
        const legend = async (name: string): Promise<number> =>
          readNumber((await page.getByRole("listitem").filter({ hasText: name }).innerText()).replace(name, ""));
        for (const [name, curve] of Object.entries(run.scalars)) {
          await expect.poll(() => legend(name), { timeout: patience }).toBe(shownAs(curve.at(-1)?.[1] as number));
        }

        await scrubTo(page, run, 9 + 1);
        await expectMoment(page, run, 10);
        for (const [name, value] of Object.entries(runAt(run, 10).scalars)) {
          await expect.poll(() => legend(name), { timeout: patience }).toBe(shownAs(value));
        }

        await page.getByRole("tab", { name: "Gradients" }).click();
        await page.getByRole("table", { name: "Parameters at this step" }).waitFor();
        for (const step of [10, 1]) {
          await scrubTo(page, run, step);
          await expectMoment(page, run, step);
          const record = run.records.find((one) => one.step === step) as (typeof run.records)[number];
          const layers = await table(page, "Gradients by layer at this step");
          expect([...layers.keys()]).toEqual(Object.keys(record.layers));
          for (const [layer, norm] of Object.entries(record.layers)) {
            expect(numbers(layers.get(layer))[0]).toBe(shownAs(norm));
          }
          const parameters = await table(page, "Parameters at this step");
          for (const [path, { weight, gradient, change, ratio }] of Object.entries(record.parameters)) {
            const wanted = [gradient?.norm, weight.norm, change?.norm, ratio].map((value) => shownAs(value as number));
            expect([path, numbers(parameters.get(path)?.slice(0, 4))]).toEqual([path, wanted]);
            const band =
              (ratio as number) < 1e-4 ? "↓\u00a0small" : (ratio as number) > 1e-2 ? "↑\u00a0large" : "usual";
            expect(parameters.get(path)?.[4]).toBe(band);
          }
        }

        await page.getByRole("tab", { name: "Distributions" }).click();
        const first = run.records[0] as (typeof run.records)[number];
        for (const [kind, of] of [
          ["weights", "weight"],
          ["gradients", "gradient"],
          ["changes by the update", "change"],
        ] as const) {
          await page.getByRole("combobox", { name: "What" }).selectOption({ label: kind });
          await page.getByRole("combobox", { name: "Of" }).selectOption("4.weight");
          const statistics = first.parameters["4.weight"]?.[of] as RunStatistics;
          await expectStatistics(page, `4.weight, ${kind}, step 1 `, statistics);
        }
        await page.getByRole("combobox", { name: "What" }).selectOption({ label: "activations" });
        await page.getByRole("combobox", { name: "Of" }).selectOption("2");
        await expectStatistics(page, "2, activations, step 1 ", first.activations["2"] as RunStatistics);
        await page.getByRole("switch", { name: "follows the run" }).click({ force: true });
        await expectMoment(page, run, Infinity);
        await expectStatistics(page, "2, activations, step 20 ", run.records.at(-1)?.activations["2"] as RunStatistics);

        await page.getByRole("tab", { name: "Traces" }).click();
        await button(page, "step 10").click();
        const trace = await readRunTrace(folder, 10);
        await page.getByRole("tree").waitFor();
        expect(await page.getByRole("main").innerText()).toContain(`loss ${Number(trace.lossValue.toPrecision(6))}`);
        await button(page, "Back to first").click();
        await page.getByRole("combobox", { name: "second" }).selectOption("5");
        await button(page, "Compare two steps").click();
        await page.getByText("Both have the same modules").waitFor();
        const [, a = "", b = ""] = /Loss (\S+) → (\S+) /.exec(await page.getByRole("main").innerText()) ?? [];
        const losses = [await readRunTrace(folder, 1), await readRunTrace(folder, 5)].map(({ lossValue }) => lossValue);
        expect([readNumber(a), readNumber(b)]).toEqual(losses.map((loss) => shownAs(loss, 6)));
        await button(page, "Back to first").click();

        await button(page, "All runs").click();
        await openFolder(page, join(site().folder, "chosen", "second"));
        await page.getByRole("tab", { name: "Compare" }).click();
        await page.getByRole("combobox", { name: "Second run" }).selectOption("first");
        const { first: differs, gradients } = compareRuns(other, run);
        const sentence = page.getByText("The first number that differs:");
        await sentence.waitFor();
        expect((await sentence.innerText()).replaceAll("−", "-")).toBe(
          `The first number that differs: step ${differs?.step}, ${differs?.name}: ${differs?.a} and ${differs?.b}`,
        );
        const told = await table(page, "Gradients that differ most, at the step where they do");
        expect([...told.keys()]).toEqual(gradients.map(({ path }) => path));
        for (const { path, step, a: x, b: y } of gradients) {
          expect([path, ...numbers(told.get(path)).slice(1)]).toEqual([path, step, shownAs(x), shownAs(y)]);
        }
      });
    });

    test("files that are dropped, a folder without a run, and a run of another version", async () => {
      const folder = join(site().folder, "dropped", "first");
      const run = await recorded(folder);
      const drop = (page: Page, version: string): Promise<unknown> => {
        const files = ["run.json", "records.jsonl", "scalars.csv"].map((name) => [
          name,
          readFileSync(join(folder, name), "utf8").replace('"version":1', `"version":${version}`),
        ]);
        return page.evaluate(`{
          const data = new DataTransfer();
          for (const [name, text] of ${JSON.stringify(files)}) data.items.add(new File([text], name));
          document.querySelector(".inspector").dispatchEvent(new DragEvent("drop", { bubbles: true, dataTransfer: data }));
        }`);
      };
      await site().with({ place: "#/inspector", locale: "en" }, async (page) => {
        await button(page, "Choose a trace file").waitFor();
        await drop(page, "7");
        await expect.poll(() => page.getByRole("alert").innerText(), { timeout: patience }).toMatch(/another version/);
        await page.getByLabel("Choose a run's folder").setInputFiles(join(folder, "traces"));
        await expect
          .poll(() => page.getByRole("alert").innerText())
          .toMatch(/traces could not be opened.*no run\.json/s);
        await drop(page, "1");
        await expectMoment(page, run, Infinity);
        expect(await page.getByRole("alert").count()).toBe(0);
        await page.getByRole("tab", { name: "Traces" }).click();
        await page.getByText("No step was traced.").waitFor();
      });
    });

    test("a run that grows while the page is open: list, curves and numbers follow; a connection that is lost comes back", async () => {
      const runs = join(site().folder, "served");
      const growing = recording(join(runs, "deep", "grows"));
      await growing.fit(1);
      const server = await serveRuns(runs, { port: 0, page: join(site().folder, "page") });
      const wire = new Wire(server.port);
      const address = server.url.replace(`:${server.port}/`, `:${await wire.join()}/`);
      const { page, close } = await site().open({ place: "#/lessons", locale: "en" });
      const errors: string[] = [];
      page.on("pageerror", (error) => errors.push(error.message));
      try {
        await page.goto(address);
        const listed = async (): Promise<string[] | undefined> =>
          (await table(page, `Runs in ${runs}, as they grow. Select one to look into it.`)).get("deep/grows");
        await expect
          .poll(async () => (await listed())?.slice(0, 3), { timeout: patience })
          .toEqual(["■ finished", "7", "1"]);
        const before = await readRun(growing.folder);
        expect(readNumber((await listed())?.[3] ?? "")).toBe(
          shownAs(before.scalars["batch/loss"]?.at(-1)?.[1] as number),
        );
        await page.getByRole("img", { name: /^batch\/loss: / }).waitFor();
        expect(await violations(page)).toEqual([]);

        await button(page, "deep/grows").click();
        await expectMoment(page, before, Infinity);
        await expect.poll(() => page.url()).toContain("run=deep%2Fgrows");
        await growing.fit(1);
        const later = await readRun(growing.folder);
        expect(later.records.at(-1)?.step).toBe(14);
        await expectMoment(page, later, Infinity);
        // One who has gone back stays there while the run grows.
        await scrubber(page).getByRole("slider").focus();
        await page.keyboard.press("Home");
        await expectMoment(page, later, 1);
        await growing.fit(1);
        await scrubber(page).getByText("step 1 of 21").waitFor();
        await expectMoment(page, later, 1);
        await page.getByRole("switch", { name: "follows the run" }).click({ force: true });
        await expectMoment(page, await readRun(growing.folder), Infinity);

        await wire.cut();
        await page.getByText("The connection to twopass inspect is lost.").waitFor();
        await growing.fit(1);
        await expectMoment(page, await readRun(growing.folder), 21);
        await wire.join();
        await expect.poll(() => page.getByText("The connection to").count(), { timeout: patience }).toBe(0);
        const grown = await readRun(growing.folder);
        expect(grown.records.at(-1)?.step).toBe(28);
        await expectMoment(page, grown, Infinity);

        // Begun again, the run is another one, with fewer steps.
        await recording(growing.folder, 8).fit(1);
        const again = await readRun(growing.folder);
        expect(again.records.at(-1)?.step).toBe(6);
        await expectMoment(page, again, Infinity);

        await page.getByRole("tab", { name: "Traces" }).click();
        await button(page, "step 5").click();
        await page.getByRole("tree").waitFor();
        // The address leads to the same run again.
        await page.reload();
        await expectMoment(page, again, Infinity);
        expect(errors).toEqual([]);
      } finally {
        await close();
        await wire.cut();
        await server.close();
      }
    });
  });
}
