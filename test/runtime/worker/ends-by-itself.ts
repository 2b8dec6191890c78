/** A program with a device in a worker that, by its argument, reads at its end or does not. It prints when it has left. */
import process from "node:process";
import { tensor } from "../../../src/tensor/creation.ts";
import { startDevice } from "../../../src/tensor/start-device.ts";
import { StoredTensor } from "../../../src/tensor/stored.ts";

await startDevice("wasm", { worker: true });
const w = new StoredTensor(tensor([1, 2]), { requiresGrad: true });
const sum = w.sum();
await sum.realize();
w.assign(w.add(1));
if (process.argv[2] === "reads") void sum.item().then((x) => console.log(x));
else void w.mul(2);
console.log("left");
