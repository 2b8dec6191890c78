/** The devices of this process by name, and which one is current. Floor: tensor. */
import { TwopassError, nearest } from "../base/errors.ts";
import type { Device } from "../runtime/device.ts";
import { JsDevice } from "../runtime/js/device.ts";
import { WasmDevice } from "../runtime/wasm/device.ts";
import { Engine } from "./engine.ts";
import { scope } from "./scope.ts";

const makers = {
  js: (): Device => new JsDevice(),
  wasm: (): Device => new WasmDevice(),
} as const;

/** Names of the devices that tensors can be on. */
export type DeviceName = keyof typeof makers;

export const deviceNames = Object.keys(makers) as readonly DeviceName[];

/** Runs that may be under way in a thread when the next batch is made: one works, one waits. */
const mostUnderWay = 1;

const engines = new Map<DeviceName, Engine>();
let current: DeviceName = "wasm";

/** The engine of a device; starts it at the first call. */
export function engineOf(name: DeviceName): Engine {
  const engine = engines.get(name);
  if (engine !== undefined) return engine;
  checkDeviceName(name);
  return addEngine(name, makers[name]());
}

/** Throws unless a device has this name. */
export function checkDeviceName(name: unknown): asserts name is DeviceName {
  if (deviceNames.includes(name as DeviceName)) return;
  const near = nearest(String(name), deviceNames);
  throw new TwopassError({
    op: "device",
    problem: `unknown device "${String(name)}"`,
    hint: near === undefined ? `known: ${deviceNames.join(", ")}` : `did you mean "${near}"?`,
  });
}

/** Makes a device the one of its name, which must not have started. */
export function addEngine(name: DeviceName, device: Device): Engine {
  const engine = new Engine(device);
  engines.set(name, engine);
  return engine;
}

/** Forgets a device that is closed: the next use of its name starts another one. */
export function removeEngine(name: DeviceName): void {
  engines.delete(name);
}

/**
 * Resolves as soon as no device in another thread is far behind: loaders wait for it before each batch, so that a loop
 * which reads nothing does not queue work without end.
 *
 * @throws what has failed in a thread since something was read.
 */
export async function deviceQueue(): Promise<void> {
  for (const { device } of engines.values()) if (device.remote !== undefined) await device.remote.queue(mostUnderWay);
}

/** The engine that new work goes to. */
export function currentEngine(): Engine {
  return engineOf(current);
}

/**
 * The device that new work goes to; "wasm" unless changed.
 *
 * @example
 * defaultDevice(); // "wasm"
 */
export function defaultDevice(): DeviceName {
  return current;
}

/**
 * Sets the device for all new work of this process.
 *
 * @example
 * setDefaultDevice("js");
 * zeros(2).device; // "js"
 * setDefaultDevice("wasm");
 */
export function setDefaultDevice(name: DeviceName): void {
  engineOf(name);
  current = name;
}

/**
 * Runs a synchronous function whose new work goes to `name`.
 *
 * @example
 * withDevice("js", () => zeros(2)).device; // "js"
 */
export function withDevice<T>(name: DeviceName, body: () => T): T {
  engineOf(name);
  const before = current;
  return scope(
    "withDevice",
    body,
    () => {
      current = name;
    },
    () => {
      current = before;
    },
  );
}

/** All engines that were started. */
export function startedEngines(): ReadonlyMap<DeviceName, Engine> {
  return engines;
}
