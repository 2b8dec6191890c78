/** The devices of this process by name, and which one is current. Floor: tensor. */
import { startNativeDevice } from "#native-device";
import { environment } from "../base/environment.ts";
import { TwopassError, nearest } from "../base/errors.ts";
import type { Device } from "../runtime/device.ts";
import { JsDevice } from "../runtime/js/device.ts";
import { WasmDevice } from "../runtime/wasm/device.ts";
import { Engine } from "./engine.ts";
import { scope } from "./scope.ts";

/** The devices by name; the first one that this host has is the default. */
export const deviceNames = ["native", "wasm", "js"] as const;

/** Names of the devices that tensors can be on. */
export type DeviceName = (typeof deviceNames)[number];

export interface DeviceOptions {
  /** Threads that share the work; by default one for each core. */
  readonly threads?: number;
}

/** Makes a device, or tells in one line why this host has none of its kind. */
type DeviceMaker = (options: DeviceOptions) => Device | string;

const makers: Readonly<Record<DeviceName, DeviceMaker>> = {
  native: startNativeDevice,
  wasm: (options) => new WasmDevice(options),
  js: () => new JsDevice(),
};

/** Runs that may be under way in a thread when the next batch is made: one works, one waits. */
const mostUnderWay = 1;

const engines = new Map<DeviceName, Engine>();
/** Why a device is not here, once that is known. */
const reasons = new Map<DeviceName, string>();
/** Undefined until somebody asks: to know whether the native device is here, it is started. */
let current: DeviceName | undefined;

/**
 * The engine of a device; starts it at the first call.
 *
 * @param op who names the device, for messages.
 * @throws where this host has no such device.
 */
export function engineOf(name: DeviceName, op = "device"): Engine {
  const engine = engines.get(name);
  if (engine !== undefined) return engine;
  checkDeviceName(name, op);
  const started = startEngine(name, {});
  if (started instanceof Engine) return started;
  throw new TwopassError({ op, problem: `there is no device "${name}" here`, facts: started });
}

/** Starts a device that has not started. Gives its engine, or why it cannot be here; it is not tried again. */
export function startEngine(name: DeviceName, options: DeviceOptions): Engine | string {
  const known = reasons.get(name);
  if (known !== undefined) return known;
  const made = makers[name](options);
  if (typeof made !== "string") return addEngine(name, made);
  reasons.set(name, made);
  return made;
}

/** Why a device is not here; undefined where it is. Starts it to find out. */
export function reasonAgainst(name: DeviceName): string | undefined {
  if (engines.has(name)) return undefined;
  const started = startEngine(name, {});
  return typeof started === "string" ? started : undefined;
}

/** Throws unless a device has this name. */
export function checkDeviceName(name: unknown, op = "device"): asserts name is DeviceName {
  if (deviceNames.includes(name as DeviceName)) return;
  const near = nearest(String(name), deviceNames);
  throw new TwopassError({
    op,
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
  return engineOf(defaultDevice());
}

/**
 * The device that new work goes to. Unless it was set: the one that TWOPASS_DEVICE names in the environment, else
 * "native" in Node where a C compiler and the package koffi are there, else "wasm".
 *
 * @throws where the environment names a device that is not here.
 * @example
 * setDefaultDevice("wasm");
 * defaultDevice(); // "wasm"
 */
export function defaultDevice(): DeviceName {
  current ??= usualDevice();
  return current;
}

function usualDevice(): DeviceName {
  const named = environment("TWOPASS_DEVICE");
  if (named !== undefined && named !== "") {
    checkDeviceName(named, "TWOPASS_DEVICE");
    engineOf(named, "TWOPASS_DEVICE");
    return named;
  }
  return deviceNames.find((name) => reasonAgainst(name) === undefined) ?? "js";
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
  const before = defaultDevice();
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
