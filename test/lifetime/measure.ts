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
  // Finalisers run between turns of the event loop.
  for (let i = 0; i < 3; i++) {
    gc();
    await new Promise((resume) => setImmediate(resume));
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  const engine = engineOf(machineName);
  const { cells, arena, cache, reserved } = engine.device.memory();
  return {
    host: heapUsed + arrayBuffers - reserved,
    device: cells + arena + cache,
    reserved,
    plans: engine.stats.plans,
  };
}
