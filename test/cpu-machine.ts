/**
 * The machine that tests of CPU devices run on. TWOPASS_TEST_MACHINE names it: "wasm" (unless set) or "native", which takes
 * its instruction set from TWOPASS_ISA. `npm test` runs these tests once for each.
 */
import { CpuDevice, type CpuDeviceOptions } from "../src/runtime/cpu/device.ts";
import type { AcquiredKernels, Machine } from "../src/runtime/cpu/machine.ts";
import { startNative } from "../src/runtime/native/node/library.ts";
import { NativeMachine } from "../src/runtime/native/node/machine.ts";
import { WasmMachine } from "../src/runtime/wasm/machine.ts";
import type { Kernel } from "../src/schedule/kernel.ts";

const name = process.env["TWOPASS_TEST_MACHINE"] ?? "wasm";
export const machineName = name as Machine["name"];

export function makeMachine(): Machine {
  if (name === "wasm") return new WasmMachine();
  if (name !== "native") throw new Error(`there is no machine "${name}"`);
  const started = startNative();
  if ("reason" in started) throw new Error(started.reason);
  const [wanted, isa] = [process.env["TWOPASS_ISA"], started.library.toolchain.target.isa];
  if (wanted !== undefined && isa !== wanted) throw new Error(`this computer runs ${isa}, not ${wanted}`);
  return new NativeMachine(started.library);
}

export function makeDevice(options: CpuDeviceOptions = {}): CpuDevice {
  return new CpuDevice(makeMachine(), options);
}

/** Most of these are equal: some hundred functions. */
const mostAtOnce = 8192;

/**
 * Compiles at once what `work` needs, where each plan would have to wait for the C compiler: `work` is run first on a
 * device that notes the kernels and computes nothing, so its results mean nothing then. Gives devices for the real run.
 */
export function preparedDevices(work: (fused: CpuDevice, unfused: CpuDevice) => void): {
  readonly fused: CpuDevice;
  readonly unfused: CpuDevice;
} {
  const machine = makeMachine();
  if (machineName === "native") {
    const kernels: Kernel[] = [];
    const noting = new Proxy(machine, {
      get(target, name) {
        if (name === "acquire") {
          return (more: readonly Kernel[]): AcquiredKernels => {
            kernels.push(...more);
            return { functions: more.map(() => 0), keys: [] };
          };
        }
        if (name === "run" || name === "release") return () => undefined;
        const value: unknown = Reflect.get(target, name);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    work(new CpuDevice(noting), new CpuDevice(noting, { fuse: false }));
    // In parts: a compiler has so many seconds for all that it is given at once.
    for (let from = 0; from < kernels.length; from += mostAtOnce)
      machine.acquire(kernels.slice(from, from + mostAtOnce));
  }
  return { fused: new CpuDevice(machine), unfused: new CpuDevice(machine, { fuse: false }) };
}
