/** A program that ends, by its argument in one of three ways, while threads of the WebAssembly device sleep. */
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { kit } from "../../../src/ops/kit.ts";
import { CpuDevice } from "../../../src/runtime/cpu/device.ts";
import { WasmMachine } from "../../../src/runtime/wasm/machine.ts";
import { inputOf } from "../../schedule/models.ts";
import { runOnce } from "../compiled-graph.ts";

const machine = new WasmMachine({ threads: 2, oversubscribe: true });
const device = new CpuDevice(machine);
const [a, b] = [inputOf([256, 256]), inputOf([256, 256])];
while (machine.working < 2) {
  runOnce(device, [kit.matmul(a, b)]);
  await sleep(5);
}
runOnce(device, [kit.matmul(a, b)]);
process.stdout.write(`${machine.working} threads\n`);
if (process.argv[2] === "exit") process.exit(0);
if (process.argv[2] === "throw") throw new Error("on purpose");
