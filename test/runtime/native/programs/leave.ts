/**
 * `leave HOW`: uses all threads, then ends while they are alive: 0 spinning, 1 asleep, 2 by process.exit, 3 after a
 * worker thread that used them too.
 */
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker, isMainThread } from "node:worker_threads";
import { startNative } from "../../../../src/runtime/native/node/library.ts";

const started = startNative();
if ("reason" in started) throw new Error(started.reason);
if (isMainThread) {
  const how = process.argv[2];
  if (how === "1") await sleep(5);
  if (how === "3") await new Promise((resolve) => new Worker(new URL(import.meta.url)).on("exit", resolve));
  console.log("left");
  if (how === "2") process.exit();
}
