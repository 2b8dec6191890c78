/** The playground as a reader meets it: what is shown, by roles and names, and the buttons of one step. */
import type { Locator, Page } from "playwright-core";
import { expect } from "vitest";
import { patience } from "./site.ts";

export interface ShownUnit {
  readonly name: string;
  readonly activation: string | undefined;
  /** "none": there is none yet; undefined: inputs have none. */
  readonly gradient: string | undefined;
  readonly bias: string | undefined;
}

export interface ShownNetwork {
  /** The input is layer 0. */
  readonly layers: readonly (readonly ShownUnit[])[];
  readonly loss: string | undefined;
}

export function button(page: Page, name: string | RegExp): Locator {
  return page.getByRole("button", typeof name === "string" ? { name, exact: true } : { name });
}

/** Waits until the network is there, in front of its first step. */
export async function ready(page: Page): Promise<void> {
  await button(page, "Next layer").waitFor();
  await expect.poll(() => place(page), { timeout: patience }).toContain("nothing is computed yet");
}

export function network(page: Page): Locator {
  return page.getByRole("application", { name: "The network" });
}

/** Where in the step one is. */
export function place(page: Page): Promise<string> {
  return page.getByRole("region", { name: "One training step" }).innerText();
}

/** Presses a button of the timeline, and waits until one is somewhere else. */
export async function move(page: Page, name: string): Promise<void> {
  const before = await place(page);
  await button(page, name).click();
  await expect.poll(() => place(page), { timeout: patience }).not.toBe(before);
}

/** All that the room says, in one text. */
export function everything(page: Page): Promise<string> {
  return page.getByRole("main").ariaSnapshot();
}

export async function shownNetwork(page: Page): Promise<ShownNetwork> {
  const layers: ShownUnit[][] = [];
  let loss: string | undefined;
  for (const line of (await network(page).ariaSnapshot()).split("\n")) {
    if (/group ".*, \d+ units?"/.test(line)) layers.push([]);
    const [, unit] = /button "Unit (.*)"/.exec(line) ?? [];
    if (unit !== undefined) {
      const [name = "", ...parts] = unit.split(", ");
      const valueOf = (word: string): string | undefined =>
        parts.find((part) => part.startsWith(`${word} `))?.slice(word.length + 1);
      const gradient = parts.includes("no gradient yet") ? "none" : valueOf("gradient");
      layers.at(-1)?.push({ name, activation: valueOf("activation"), gradient, bias: undefined });
    }
    const [, bias] = /button "Bias of .*: (.*)"/.exec(line) ?? [];
    const units = layers.at(-1);
    const last = units?.at(-1);
    if (bias !== undefined && units !== undefined && last !== undefined) units[units.length - 1] = { ...last, bias };
    loss = /img "L: (.*)"/.exec(line)?.[1] ?? loss;
  }
  return { layers, loss };
}

/** A table as texts, its heads included. */
export function cells(table: Locator): Promise<string[][]> {
  return table.evaluate((element) =>
    [...(element as HTMLTableElement).rows].map((row) => [...row.cells].map(({ textContent }) => textContent)),
  );
}

/** Terms and their definitions, such as the counters of the run, in a region. */
export async function facts(region: Locator): Promise<Map<string, string>> {
  const terms = await region.getByRole("term").allInnerTexts();
  const definitions = await region.getByRole("definition").allInnerTexts();
  return new Map(terms.map((term, i) => [term, definitions[i] ?? ""]));
}

/** The counters of the run: epoch, steps, loss. */
export function counters(page: Page): Promise<Map<string, string>> {
  return facts(page.getByRole("region", { name: "The run", exact: true }));
}

export function details(page: Page): Locator {
  return page.getByRole("region", { name: "Details" });
}

/** The lines of a formula of what is selected: by symbols, and with the numbers put in. */
export function formula(page: Page, name: string): Promise<string[]> {
  return details(page)
    .getByRole("group", { name, exact: true })
    .evaluate((group) => [...group.children].map(({ textContent }) => textContent));
}

/** A unit of the drawing. Layers are called as the drawing calls them: "layer 1", "Output". */
export function unit(page: Page, layer: string, name: string): Locator {
  return network(page)
    .getByRole("group", { name: layer })
    .getByRole("button", { name: new RegExp(`^Unit ${name.replaceAll(/[()]/g, "\\$&")}`) });
}
