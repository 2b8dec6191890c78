/** The end of a process with threads alive. `exit.ts` does the same more often. */
import { afterAll, expect, test } from "vitest";
import { startNative } from "../../../src/runtime/native/node/library.ts";
import { runsThatFailed } from "./exit-runs.ts";
import { temporaryFolder } from "./support.ts";

test.skipIf("reason" in startNative())("a process ends well while threads spin or sleep", async () => {
  expect(await runsThatFailed(12, temporaryFolder(afterAll))).toEqual([]);
});
