/** The page as it is built, in headless Chromium: what it shows, how it is used, and what it does when something is wrong. */
import { afterAll, beforeAll, describe } from "vitest";
import { browserPath } from "./launch.ts";
import { accessTests } from "./page/access.ts";
import { badInputTests } from "./page/bad-input.ts";
import { exampleTests } from "./page/examples.ts";
import { formulaTests } from "./page/formulas.ts";
import { inspectorTests } from "./page/inspector.ts";
import { languageTests } from "./page/language.ts";
import { lessonsDescentTests } from "./page/lessons-descent.ts";
import { lessonsDigitTests } from "./page/lessons-digit.ts";
import { neuronLessonTests } from "./page/lessons-neuron.ts";
import { lossLessonTests } from "./page/lessons-loss.ts";
import { openingTests } from "./page/opening.ts";
import { runTests } from "./page/runs.ts";
import { PageSite } from "./page/site.ts";
import { sizeTests } from "./page/size.ts";
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
  sizeTests(site);
  steppingTests(site);
  formulaTests(site);
  trainingTests(site);
  badInputTests(site);
  inspectorTests(site);
  runTests(site);
  exampleTests(site);
  lessonsDescentTests(site);
  lessonsDigitTests(site);
  neuronLessonTests(site);
  lossLessonTests(site);
  languageTests(site);
  accessTests(site);
});
