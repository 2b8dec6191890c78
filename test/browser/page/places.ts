/** Ways to every panel of the page, in English: what must be the same in each language, theme and width begins here. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { expect } from "vitest";
import { lessonIds } from "../../../site/src/lessons/lesson-ids.ts";
import { button, details, move, ready, unit } from "./playground.ts";
import { runPlace } from "./recorded-runs.ts";
import { type PageSite, patience } from "./site.ts";
import { mlpText } from "./traces.ts";

export interface Place {
  readonly name: string;
  /** Behind the address. */
  readonly address: string;
  /** From the page as it was opened to the panels, one after the other; the language is English at each. */
  readonly visit: (page: Page, look: (panel: string) => Promise<void>) => Promise<void>;
}

const dataKinds = ["xor", "circle", "gauss", "spiral", "moons", "wave", "plane", "points", "csv", "digits", "text"];

async function selectSome(page: Page, look: (panel: string) => Promise<void>): Promise<void> {
  await unit(page, "layer 1", "h₁").click({ force: true });
  await details(page).getByRole("heading", { name: "Unit h₁, layer 1" }).waitFor();
  await look("unit");
  await button(page, "w₂").click();
  await button(page, "Why did this weight change?").click();
  await page.getByRole("region", { name: "Why it changes" }).waitFor();
  await look("weight");
  const field = page.getByRole("textbox", { name: "Change w₂, as a number" });
  await field.fill("2");
  await field.press("Enter");
  await page.getByText(/^After these steps|stays the same/).waitFor();
  await look("change");
  await button(page, "Leave it as it is").click();
  await button(page, "The unit it leads to").click();
  await button(page, "Its bias").click();
  await look("bias");
  await unit(page, "Input", "x₁").click({ force: true });
  await look("input");
  await button(page, "Example 1").click();
  await look("example");
}

export function placesOf(site: () => PageSite): readonly Place[] {
  const traceFile = (): string => join(site().folder, "step.json");
  return [
    {
      name: "the playground",
      address: "#/playground?layers=3tanh_2sigmoid&size=40&batch=8",
      visit: async (page, look) => {
        await ready(page);
        await look("beginning");
        for (const phase of ["forward", "loss", "backward", "update"]) {
          await move(page, phase === "backward" ? "Next operation" : "Next phase");
          await look(phase);
          if (phase === "backward") await move(page, "Next phase");
        }
        await page.getByText(/^All \d+ moments of this step/).click();
        await look("moments");
        await selectSome(page, look);
        for (const tab of ["Network", "Training"]) {
          await page.getByRole("tab", { name: tab }).click();
          await look(tab);
        }
        await button(page, "Keys").click();
        await page.getByRole("dialog").waitFor();
        await look("keys");
        await page.keyboard.press("Escape");
      },
    },
    ...dataKinds.map(
      (kind): Place => ({
        name: `the playground with ${kind}`,
        address: `#/playground?layers=4relu&data=${kind}`,
        visit: async (page, look) => {
          const told = page.getByText("nothing is computed yet").or(page.getByRole("alert"));
          await told.first().waitFor();
          await look(kind);
        },
      }),
    ),
    {
      name: "a network that diverges",
      address: "#/playground?data=wave&loss=mse&opt=sgd&layers=8relu_8relu&lr=10",
      visit: async (page, look) => {
        await ready(page);
        await button(page, "Train at full speed").click();
        await expect.poll(() => page.getByRole("alert").count(), { timeout: patience }).not.toBe(0);
        await page.getByText("nothing is computed yet").waitFor();
        await look("diverged");
      },
    },
    ...lessonIds.map(
      (id): Place => ({
        name: `the lesson ${id}`,
        address: `#/lessons?lesson=${id}`,
        visit: async (page, look) => {
          const next = button(page, "Next");
          for (let part = 1; ; part++) {
            await page.getByRole("region", { name: new RegExp(`^Part ${part} of`) }).waitFor();
            await look(`part ${part}`);
            if (await next.isDisabled()) return;
            await next.click();
          }
        },
      }),
    ),
    runPlace(site),
    {
      name: "the inspector",
      address: "#/inspector",
      visit: async (page, look) => {
        await button(page, "Choose a trace file").waitFor();
        await look("empty");
        const text = await mlpText();
        writeFileSync(traceFile(), text);
        const input = page.getByLabel("Choose a trace file");
        await input.setInputFiles(traceFile());
        await page.getByRole("tree").waitFor();
        await look("graphs");
        await page.getByRole("tree").focus();
        await button(page, "operations").click();
        for (let i = 0; i < 4; i++) await page.keyboard.press("ArrowDown");
        await look("operation");
        for (const view of [/^Health/, "Memory", "Time"]) {
          await page.getByRole("tab", { name: view }).click();
          await look(String(view));
        }
        await page.getByLabel("Choose a trace file").setInputFiles(traceFile());
        await page.getByRole("tab", { name: "Compare" }).click();
        await page.getByText("Structure").waitFor();
        await look("Compare");
      },
    },
  ];
}
