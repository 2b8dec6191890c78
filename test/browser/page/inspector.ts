/** The inspector: traces that are opened, files that are none, and an operation with its numbers and its derivative. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Locator, Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { type Trace, type TraceValue, traceText } from "../../../src/inspect/index.ts";
import { readNumber, shownAs } from "./numbers.ts";
import { button } from "./playground.ts";
import { type PageSite, patience } from "./site.ts";
import { mlpTrace, traces } from "./traces.ts";

const place = "#/inspector";

function selection(page: Page): Locator {
  return page.getByRole("region", { name: "What is selected" });
}

async function open(page: Page, site: PageSite, name: string, text: string): Promise<void> {
  const file = join(site.folder, name);
  writeFileSync(file, text);
  await page.getByLabel("Choose a trace file").setInputFiles(file);
}

/** Terms with their definitions, in order: those of the value come before those of the gradient. */
async function entries(region: Locator): Promise<(readonly [term: string, definition: string])[]> {
  const terms = await region.getByRole("term").allInnerTexts();
  const definitions = await region.getByRole("definition").allInnerTexts();
  return terms.map((term, i) => [term, definitions[i] ?? ""]);
}

/** What the page says of a tensor, computed here from its elements. */
function summary(value: TraceValue): Record<"norm" | "mean" | "std" | "min" | "max", number> {
  if (value.kind === "statistics") return value;
  const { data } = value;
  const mean = data.reduce((sum, x) => sum + x, 0) / data.length;
  return {
    norm: Math.hypot(...data),
    mean,
    std: Math.sqrt(data.reduce((sum, x) => sum + (x - mean) ** 2, 0) / data.length),
    min: Math.min(...data),
    max: Math.max(...data),
  };
}

/** The numbers under a heading of the selection are those of a tensor. */
async function expectValue(page: Page, name: string, value: TraceValue): Promise<void> {
  const heading = selection(page).getByRole("heading", { name });
  await heading.waitFor();
  const section = heading.locator("xpath=..");
  const isSingle = value.kind === "elements" && value.data.length === 1;
  const terms = isSingle ? (["mean"] as const) : (["norm", "mean", "std", "min", "max"] as const);
  const lines = async (): Promise<Map<string, string>> =>
    isSingle ? new Map([["mean", (await section.innerText()).split(/\n+/)[1] ?? ""]]) : new Map(await entries(section));
  await expect.poll(async () => (await lines()).get("mean") ?? "", { timeout: patience }).toMatch(/\d/);
  const told = await lines();
  const wanted = summary(value);
  for (const term of terms) {
    const shown = readNumber(told.get(term) ?? "");
    // A sum in another order differs in its last digits, and where it is 0 in all of them.
    const size = Math.max(Math.abs(wanted[term]), 1e-6 * wanted.norm);
    const isNear = Math.abs(shown - wanted[term]) <= 6e-4 * size;
    expect([name, term, shown, wanted[term], isNear]).toEqual([name, term, shown, wanted[term], true]);
  }
}

/** The number of the operation that is selected. */
async function selectedNumber(page: Page): Promise<number | undefined> {
  const found = (await entries(selection(page))).find(([term]) => term === "operation")?.[1];
  return found === undefined ? undefined : Number(/number (\d+)/.exec(found)?.[1]);
}

/** Names of operations in a list of the selection. */
async function links(page: Page, title: string): Promise<string[]> {
  const heading = selection(page).getByRole("heading", { name: title, exact: true });
  if ((await heading.count()) === 0) return [];
  return heading.locator("xpath=following-sibling::ul[1]").getByRole("button").allInnerTexts();
}

/** Goes down the tree to the next operation for which something holds. */
async function goTo(page: Page, isWanted: (at: number) => boolean): Promise<number> {
  await page.getByRole("tree").focus();
  for (let i = 0; i < 200; i++) {
    await page.keyboard.press("ArrowDown");
    const at = await selectedNumber(page);
    if (at !== undefined && isWanted(at)) return at;
  }
  throw new Error("the tree has no such operation");
}

async function expectOperation(page: Page, trace: Trace, at: number): Promise<void> {
  const { operations } = trace;
  const one = operations[at] as (typeof operations)[number];
  const facts = new Map((await entries(selection(page))).slice(0, 6));
  expect(facts.get("operation")).toBe(`${one.op} (number ${at})`);
  expect(facts.get("phase")).toBe(one.phase);
  expect(facts.get("result")).toBe(`${one.dtype} [${one.shape.join(", ")}]`);
  if (one.value !== undefined) await expectValue(page, "Value", one.value);
  const gradient = operations[one.gradient ?? -1]?.value;
  if (gradient !== undefined) await expectValue(page, "Gradient ∂L/∂(this)", gradient);
}

export function inspectorTests(site: () => PageSite): void {
  describe("the inspector", () => {
    test.each(traces)("the trace of %s: numbers and derivatives of its operations", async (_, make) => {
      const trace = await make();
      const { operations } = trace;
      const derivativesOf = (of: number): number[] =>
        [...operations.keys()].filter((at) => operations[at]?.derivativeOf === of);
      await site().with({ place, locale: "en" }, async (page) => {
        await open(page, site(), "step.json", traceText(trace));
        await page.getByRole("tree").waitFor();
        const head = await page.getByRole("main").innerText();
        expect(head).toContain(trace.model);
        expect(head).toContain(`${operations.length} operations`);
        expect(head).toContain(`loss ${Number(trace.lossValue.toPrecision(6))}`);
        await button(page, "operations").click();

        const at = await goTo(
          page,
          (number) =>
            operations[number]?.gradient !== undefined &&
            operations[number]?.op !== "leaf" &&
            derivativesOf(number).length > 0,
        );
        await expectOperation(page, trace, at);
        const derivatives = derivativesOf(at);
        const told = await links(page, "Its derivative");
        expect(told).toHaveLength(derivatives.length);
        derivatives.forEach((derivative, i) => expect(told[i]).toContain(operations[derivative]?.op));
        // What belongs to it is marked, and said.
        const said = page.getByText(/^Selected: .*\. Belongs to it: /);
        expect(await said.innerText()).toContain(told[0]);

        // The link leads to the derivative, and from there back.
        await selection(page)
          .getByRole("heading", { name: "Its derivative" })
          .locator("xpath=following-sibling::ul[1]")
          .getByRole("button")
          .first()
          .click();
        await expect.poll(() => selectedNumber(page), { timeout: patience }).toBe(derivatives[0]);
        await expectOperation(page, trace, derivatives[0] as number);
        const back = await links(page, "Is part of the derivative of");
        expect(back).toHaveLength(1);
        expect(back[0]).toContain(operations[at]?.op);
      });
    });

    test("a parameter: before, gradient, state and after", async () => {
      const trace = await mlpTrace();
      await site().with({ place, locale: "en" }, async (page) => {
        await open(page, site(), "step.json", traceText(trace));
        await page.getByRole("tree").waitFor();
        await button(page, "operations").click();
        const at = await goTo(page, (number) => trace.operations[number]?.label === "0.weight");
        const parameter = trace.parameters.find(({ operation }) => operation === at);
        expect(parameter?.path).toBe("0.weight");
        await expectValue(page, "Before the update", parameter?.before as TraceValue);
        await expectValue(page, "After the update", parameter?.after as TraceValue);
        await expectValue(
          page,
          "Gradient ∂L/∂(this)",
          trace.operations[parameter?.gradient as number]?.value as TraceValue,
        );
        await expectValue(page, "exp_avg, after", parameter?.state["exp_avg"]?.after as TraceValue);
      });
    });

    test("a source line leads to the reader's editor once the page knows where the sources are, and that is remembered", async () => {
      const made = await mlpTrace();
      const hostile = 'w/"><img src=x onerror=alert(1)>#?.ts:3:4';
      const lines = ["/work/my model.ts:12:5", "work/model.ts:7:1", "javascript:alert(1):1:2", hostile, ""];
      const operations = made.operations.map((one, i) => ({ ...one, line: lines[i % lines.length] ?? "" }));
      await site().with({ place, locale: "en" }, async (page) => {
        const openTree = async (): Promise<void> => {
          await open(page, site(), "step.json", traceText({ ...made, operations }));
          await page.getByRole("tree").waitFor();
          await button(page, "operations").click();
        };
        const addresses = (): Promise<(string | null)[]> =>
          selection(page)
            .getByRole("link")
            .evaluateAll((links) => links.map((link) => link.getAttribute("href")));
        const isWith = (line: string) => (at: number) => operations[at]?.line === line;
        await openTree();
        await goTo(page, isWith("/work/my model.ts:12:5"));
        expect(await addresses()).toEqual(["vscode://file/work/my%20model.ts:12:5"]);
        await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
        await button(page, "Copy the place").click();
        await selection(page).getByText("Copied").waitFor();
        expect(await page.evaluate("navigator.clipboard.readText()")).toBe("/work/my model.ts:12:5");

        for (const line of ["work/model.ts:7:1", "javascript:alert(1):1:2", hostile]) {
          await goTo(page, isWith(line));
          await selection(page).getByText(line, { exact: true }).waitFor();
          expect([line, await addresses()]).toEqual([line, []]);
        }
        await selection(page)
          .getByText(/^Open lines in/)
          .first()
          .click();
        await page.getByRole("textbox", { name: "Folder of the sources" }).fill("/home/me");
        await page.getByRole("combobox", { name: "Open lines in" }).selectOption({ label: "JetBrains" });
        const file = encodeURIComponent(`/home/me/${hostile.replace(":3:4", "")}`);
        expect(await addresses()).toEqual([`idea://open?file=${file}&line=3&column=4`]);
        await goTo(page, isWith("javascript:alert(1):1:2"));
        expect(await addresses()).toEqual([]);
        await page.reload();
        await openTree();
        await goTo(page, isWith("work/model.ts:7:1"));
        expect(await addresses()).toEqual(["idea://open?file=%2Fhome%2Fme%2Fwork%2Fmodel.ts&line=7&column=1"]);
      });
    });

    test("a file that is none, one that is cut, one of another version: each is told, and the room goes on", async () => {
      const text = traceText(await mlpTrace());
      await site().with({ place, locale: "en" }, async (page) => {
        for (const [name, content, problem] of [
          ["notes.json", "hello", /no trace/],
          ["cut.json", text.slice(0, text.length / 2), /cut short or damaged/],
          ["other.json", text.replace('"version":1', '"version":99'), /version/],
          ["list.json", "[1, 2]", /trace/],
        ] as const) {
          await open(page, site(), name, content);
          const alert = page.getByRole("alert").filter({ hasText: `${name} could not be opened` });
          await alert.waitFor();
          expect(await alert.innerText()).toMatch(problem);
          await alert.getByRole("button", { name: "Dismiss" }).click();
          await expect.poll(() => page.getByRole("alert").count()).toBe(0);
        }
        await open(page, site(), "good.json", text);
        await page.getByRole("tree").waitFor();
        expect(await page.getByRole("alert").count()).toBe(0);
      });
    });

    test("two steps are compared", async () => {
      const [first, second] = [await mlpTrace(), await mlpTrace()];
      const other: Trace = { ...second, lossValue: 2 * second.lossValue };
      await site().with({ place, locale: "en" }, async (page) => {
        await open(page, site(), "first.json", traceText(first));
        await page.getByRole("tree").waitFor();
        await open(page, site(), "second.json", traceText(other));
        await expect
          .poll(() => page.getByRole("combobox", { name: "Trace" }).innerText(), { timeout: patience })
          .toContain("second");
        await page.getByRole("tab", { name: "Compare" }).click();
        await page.getByText("Both have the same modules, parameters and operations.").waitFor();
        const [, a = "", b = ""] = /Loss (\S+) → (\S+) /.exec(await page.getByRole("main").innerText()) ?? [];
        expect(readNumber(a)).toBe(shownAs(first.lossValue, 6));
        expect(readNumber(b)).toBe(shownAs(other.lossValue, 6));
      });
    });
  });
}
