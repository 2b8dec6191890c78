/** A program that leaves its loader as it is: idle threads do not keep it alive. */
import { DataLoader } from "../../../src/data/index.ts";
import { noisy } from "./sets.ts";

const module = new URL("./sets.ts", import.meta.url);
const loader = new DataLoader(noisy, { batchSize: 4, workers: 2, worker: { module, export: "noisy" } });
let count = 0;
for await (const [x] of loader) count += x.shape[0] as number;
console.log(`${count} examples`);
const left = loader[Symbol.asyncIterator]();
await left.next();
console.log("left");
