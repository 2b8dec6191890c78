/** Every optimiser and schedule on the reference problems, step by step. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { trialsOf } from "../conformance/trials.ts";
import { onEachDevice } from "../devices.ts";

const folder = fileURLToPath(new URL("../../../shared/conformance", import.meta.url));

/** The reference is of PyTorch 1.13, whose NAdam has one momentum too many in a correction; later ones do as ours. */
const others = new Set(["NAdam"]);

describe.skipIf(!existsSync(folder))("optimisers and schedules as PyTorch computed them", () => {
  onEachDevice(() => {
    const all = existsSync(folder) ? trialsOf("optim", folder) : [];
    const trials = all.filter((trial) => trial.missing() === undefined && !others.has(trial.name));

    test("there are cases for all but one", () => {
      expect(new Set(trials.map((trial) => trial.name)).size).toBeGreaterThan(24);
    });

    test.each(trials.map((trial) => [trial.name, trial.id, trial] as const))("%s %s", async (_name, _id, trial) => {
      expect(await trial.run()).toEqual({ status: "passed" });
    });
  });
});
