/** Runs that are recorded for tests of the page, and a way through all views of one. */
import { join } from "node:path";
import type { Locator, Page } from "playwright-core";
import { type Run, watch } from "../../../src/inspect/index.ts";
import { RunFolder, readRun } from "../../../src/inspect/node/index.ts";
import { training } from "../../train/support.ts";
import type { Place } from "./places.ts";
import { button } from "./playground.ts";
import type { PageSite } from "./site.ts";

export interface Recording {
  readonly folder: string;
  /** Goes on for so many epochs of 7 steps. */
  readonly fit: (epochs: number) => Promise<unknown>;
}

export function recording(folder: string, seed = 7): Recording {
  const { trainer, loader } = training({ plain: true, seed });
  watch(trainer, { sink: new RunFolder(folder), every: 2, traceEvery: 5, activations: "*" });
  return { folder, fit: (epochs) => trainer.fit(loader, { epochs }) };
}

export async function recorded(folder: string, seed = 7): Promise<Run> {
  const made = recording(folder, seed);
  await made.fit(3);
  return readRun(made.folder);
}

export function scrubber(page: Page): Locator {
  return page.getByRole("region", { name: "Place in the run" });
}

export async function openFolder(page: Page, folder: string): Promise<void> {
  await page.getByLabel("Choose a run's folder").setInputFiles(folder);
  await scrubber(page).getByRole("definition").first().waitFor();
}

/** For what must be the same in each language, theme and width. */
export function runPlace(site: () => PageSite): Place {
  return {
    name: "a run in the inspector",
    address: "#/inspector",
    visit: async (page, look) => {
      const folder = join(site().folder, "places", "run");
      await recorded(folder);
      await openFolder(page, folder);
      await look("curves");
      for (const tab of ["Gradients", "Distributions", "Traces"]) {
        await page.getByRole("tab", { name: tab }).click();
        if (tab === "Gradients") await page.getByRole("table", { name: "Parameters at this step" }).waitFor();
        if (tab === "Distributions") await page.getByRole("application", { name: /shares of the elements/ }).waitFor();
        await look(tab);
      }
      await button(page, "step 5").click();
      await button(page, "Back to run").waitFor();
      await page.getByRole("tree").waitFor();
      await button(page, "Back to run").click();
      await button(page, "All runs").click();
      await openFolder(page, folder);
      await page.getByRole("tab", { name: "Compare" }).click();
      await page.getByRole("combobox", { name: "Second run" }).selectOption({ index: 1 });
      await page.getByText("All scalars and norms that were compared").waitFor();
      await look("Compare");
    },
  };
}
