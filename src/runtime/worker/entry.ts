/** The program of the thread of a remote device. The first message has the options of the device. Floor: runtime. */
import { portOfThread } from "../../base/thread.ts";
import { WasmDevice } from "../wasm/device.ts";
import type { ThreadOptions } from "../wasm/threads.ts";
import { DeviceHost } from "./host.ts";
import type { Request } from "./wire.ts";

const port = portOfThread();
let host: DeviceHost | undefined;
port.listen((message) => {
  if (host === undefined) host = new DeviceHost(new WasmDevice(message as ThreadOptions), port.post);
  else host.take(message as Request);
});
