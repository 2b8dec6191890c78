/**
 * What training steps and micro workloads take without looking at a clock: kernels by phase and bytes of the arena. The
 * numbers are those of the code, so they are compared exactly; `npm run bench -- --write-counts` writes them anew.
 */
import { type DeviceName, engineOf, withDevice } from "../src/tensor/engines.ts";
import { micros } from "./micro/index.ts";
import { type WorkloadName, workloadNames, workloads } from "./workloads/index.ts";

export interface Counts {
  readonly forward: number;
  readonly backward: number;
  readonly update: number;
  readonly arenaBytes: number;
}

export const countedNames: readonly string[] = [...workloadNames, ...Object.keys(micros)];

/** Runs a workload once on a device. */
export function countsOf(name: string, device: DeviceName): Counts {
  withDevice(device, () => {
    const micro = micros[name];
    if (micro !== undefined) return micro.make()();
    const { x, y, step } = workloads[name as WorkloadName].make();
    step(x, y).itemSync();
  });
  const plan = engineOf(device).plans.latest;
  if (plan === undefined) throw new Error(`${name} has run nothing on ${device}`);
  const { kernels, arenaBytes } = plan;
  return { forward: kernels[0], backward: kernels[1], update: kernels[2], arenaBytes };
}
