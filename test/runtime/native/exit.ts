/** `exit.ts [RUNS]`: runs processes that end with threads alive (100 by default) and prints how many ended well. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { startNative } from "../../../src/runtime/native/node/library.ts";
import { runsThatFailed } from "./exit-runs.ts";

const runs = Number(process.argv[2] ?? 100);
const started = startNative();
if ("reason" in started) {
  console.log(`no native machine: ${started.reason}`);
  console.log(`0 passed, 0 failed, ${runs} skipped`);
} else {
  const folder = mkdtempSync(join(tmpdir(), "twopass-test-"));
  const failed = await runsThatFailed(runs, folder);
  rmSync(folder, { recursive: true, force: true });
  for (const line of failed) console.error(line);
  console.log(`${runs - failed.length} passed, ${failed.length} failed`);
  if (failed.length > 0) process.exitCode = 1;
}
