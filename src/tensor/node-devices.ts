/** Plugs in the devices that only Node has. Floor: tensor; Node only. */
import { startNativeDevice } from "../runtime/native/node/machine.ts";
import { plugIn } from "./engines.ts";

plugIn("native", (options) => startNativeDevice(options));
