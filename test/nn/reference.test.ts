/** Every layer of `nn` that the reference cases know, forward and backward. The runner of all cases is in conformance. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { trialsOf } from "../conformance/trials.ts";
import { onEachDevice } from "../devices.ts";

const folder = fileURLToPath(new URL("../../../shared/conformance", import.meta.url));

describe.skipIf(!existsSync(folder))("modules as PyTorch computed them", () => {
  onEachDevice(() => {
    const trials = existsSync(folder)
      ? trialsOf("modules", folder).filter((trial) => trial.missing() === undefined)
      : [];

    test("there are cases for most layers", () => {
      expect(new Set(trials.map((trial) => trial.name)).size).toBeGreaterThan(60);
    });

    test.each(trials.map((trial) => [trial.name, trial.id, trial] as const))("%s %s", async (_name, _id, trial) => {
      expect(await trial.run()).toEqual({ status: "passed" });
    });
  });
});
