/** The WebAssembly device: byte code made at run time. Runs wherever JavaScript runs. Floor: runtime. */
import { CpuDevice, type CpuDeviceOptions } from "../cpu/device.ts";
import { WasmMachine, type WasmMachineOptions } from "./machine.ts";

export interface WasmDeviceOptions extends CpuDeviceOptions, WasmMachineOptions {}

export class WasmDevice extends CpuDevice {
  constructor(options: WasmDeviceOptions = {}) {
    super(new WasmMachine(options), options);
  }
}
