/** How quick the page is. Times are for quiet machines: `npm run page:test` runs this, `npm test` does not. */
import { afterAll, beforeAll, describe } from "vitest";
import { browserPath } from "./launch.ts";
import { PageSite } from "./page/site.ts";
import { speedTests } from "./page/speed.ts";

describe.skipIf(browserPath === undefined)("the page", () => {
  let started: PageSite | undefined;

  beforeAll(async () => {
    started = await PageSite.start();
  });
  afterAll(() => started?.end());

  speedTests(() => started as PageSite);
});
