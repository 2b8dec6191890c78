/** Every optimiser and schedule on the reference problems, step by step. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { trialsOf } from "../conformance/trials.ts";
import { onEachDevice } from "../devices.ts";

const folder = fileURLToPath(new URL("../../../shared/conformance", import.meta.url));

describe.skipIf(!existsSync(folder))("optimisers and schedules as PyTorch computed them", () => {
  onEachDevice(() => {
    const all = existsSync(folder) ? trialsOf("optim", folder) : [];
    const trials = all.filter((trial) => trial.missing() === undefined);

    test("every optimiser and schedule of the reference is there", () => {
      expect(trials).toHaveLength(88);
    });

    test.each(trials.map((trial) => [trial.name, trial.id, trial] as const))("%s %s", async (_name, _id, trial) => {
      expect(await trial.run()).toEqual({ status: "passed" });
    });
  });
});
