/** The page as it is built, in headless Chromium: what it shows, how it is used, and what it does when something is wrong. */
import { afterAll, beforeAll, describe } from "vitest";
import { browserPath } from "./launch.ts";
import { accessTests } from "./page/access.ts";
import { badInputTests } from "./page/bad-input.ts";
import { formulaTests } from "./page/formulas.ts";
import { inspectorTests } from "./page/inspector.ts";
import { languageTests } from "./page/language.ts";
import { openingTests } from "./page/opening.ts";
import { PageSite } from "./page/site.ts";
import { steppingTests } from "./page/stepping.ts";
import { trainingTests } from "./page/training.ts";

describe.skipIf(browserPath === undefined)("the page", () => {
  let started: PageSite | undefined;
  const site = (): PageSite => started as PageSite;

  beforeAll(async () => {
    started = await PageSite.start();
  });
  afterAll(() => started?.end());

  openingTests(site);
  steppingTests(site);
  formulaTests(site);
  trainingTests(site);
  badInputTests(site);
  inspectorTests(site);
  languageTests(site);
  accessTests(site);
});
