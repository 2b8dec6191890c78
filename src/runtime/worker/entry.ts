/** The program of the thread of a remote device. Floor: runtime. */
import { portOfThread } from "../../base/thread.ts";
import { WasmDevice } from "../wasm/device.ts";
import { DeviceHost } from "./host.ts";
import type { Request } from "./wire.ts";

const port = portOfThread();
const host = new DeviceHost(new WasmDevice(), port.post);
port.listen((request) => host.take(request as Request));
