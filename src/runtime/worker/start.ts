/** Starts the thread of a remote device. Floor: runtime. */
import { type WebWorkerClass, startThread } from "../../base/thread.ts";
import type { ThreadOptions } from "../wasm/threads.ts";
import { RemoteDevice } from "./remote-device.ts";

// The global itself: bundlers look for its name.
declare const Worker: WebWorkerClass;

/** The WebAssembly device in a thread of its own. */
export function startRemoteWasm(options: ThreadOptions = {}): RemoteDevice {
  const makeWeb = (): InstanceType<WebWorkerClass> =>
    new Worker(new URL("./entry.js", import.meta.url), { type: "module" });
  // As sources, files have another ending than as built.
  const file = import.meta.url.endsWith(".ts") ? "./entry.ts" : "./entry.js";
  return new RemoteDevice("wasm", (events) => {
    const thread = startThread(new URL(file, import.meta.url), makeWeb, events);
    thread.post(options);
    return thread;
  });
}
