/** The WebAssembly device: byte code made at run time. Runs wherever JavaScript runs. Floor: runtime. */
import { CpuDevice, type CpuDeviceOptions } from "../cpu/device.ts";
import { WasmMachine } from "./machine.ts";

export class WasmDevice extends CpuDevice {
  constructor(options: CpuDeviceOptions = {}) {
    super(new WasmMachine(), options);
  }
}
