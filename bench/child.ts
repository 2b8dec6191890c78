/**
 * One measurement in a process of its own: `node child.js '{"workload": "w1", "seconds": 6}'` prints one line of JSON.
 * Started by run-child.ts.
 */
import { currentEngine, setDefaultDevice } from "../src/tensor/engines.ts";
import { startDevice } from "../src/tensor/start-device.ts";
import { micros } from "./micro/index.ts";
import { measureMicro } from "./micro/measure.ts";
import { measureTraining } from "./measure-training.ts";
import type { Request } from "./run-child.ts";
import { round } from "./statistics.ts";

const request = JSON.parse(process.argv[2] as string) as Request;
const { workload, device, threads } = request;
const start = performance.now();
if (device !== undefined) {
  await startDevice(device, threads === undefined ? {} : { threads });
  setDefaultDevice(device);
}
const deviceMs = round(performance.now() - start);
const result = await (micros[workload] === undefined ? measureTraining : measureMicro)(workload, request);
const state = currentEngine().device.report();
if (state.includes("a thread has ended")) throw new Error(`the threads asked for are not there: ${state}`);
console.log(JSON.stringify({ ...result, device_ms: deviceMs }));
