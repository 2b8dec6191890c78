/** How much memory the process and the device have in use, after a collection. */
import v8 from "node:v8";
import vm from "node:vm";
import { engineOf } from "../../src/tensor/engines.ts";
import { machineName } from "../cpu-machine.ts";

v8.setFlagsFromString("--expose-gc");
const gc = vm.runInNewContext("gc") as () => void;

export interface Measured {
  /** Bytes that JavaScript holds, typed arrays included. */
  readonly host: number;
  /** Bytes of the device that are in use, and that it has reserved. */
  readonly device: number;
  readonly reserved: number;
  readonly plans: number;
}

export async function measure(): Promise<Measured> {
  const engine = engineOf(machineName);
  const cells = (): number => engine.device.memory().cells;
  // Finalisers run between turns of the event loop: until nothing moves out any more, of earlier tests either.
  for (let still = 0, before = cells(); still < 3; ) {
    gc();
    await new Promise((resume) => setImmediate(resume));
    still = cells() === before ? still + 1 : 0;
    before = cells();
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  const { cells: inUse, arena, cache, reserved } = engine.device.memory();
  return {
    host: heapUsed + arrayBuffers - reserved,
    device: inUse + arena + cache,
    reserved,
    plans: engine.stats.plans,
  };
}
