/** The devices that device-independent tests run on: all that this host has. */
import { type DeviceName, currentEngine, deviceNames, reasonAgainst, setDefaultDevice } from "../src/tensor/engines.ts";
import { beforeEach, describe } from "vitest";

export const devices: readonly DeviceName[] = deviceNames.filter((name) => reasonAgainst(name) === undefined);

/** A group of tests for each device; new work goes to it while they run. */
export function onEachDevice(tests: (device: DeviceName) => void): void {
  describe.each(devices)("on %s", (device) => {
    beforeEach(() => {
      setDefaultDevice(device);
      // What an earlier test left pending is not this one's.
      currentEngine().run([]);
    });
    tests(device);
  });
}
