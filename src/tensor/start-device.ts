/** Starting a device by name, where and how one wants it. Floor: tensor. */
import { TwopassError, checkOptions, describe } from "../base/errors.ts";
import { engineReport } from "../runtime/wasm/features.ts";
import type { RemoteDevice } from "../runtime/worker/remote-device.ts";
import { startRemoteWasm } from "../runtime/worker/start.ts";
import {
  type DeviceName,
  type DeviceOptions,
  addEngine,
  checkDeviceName,
  deviceNames,
  engineOf,
  reasonAgainst,
  removeEngine,
  startEngine,
  startedEngines,
} from "./engines.ts";

export interface StartOptions extends DeviceOptions {
  /** Whether tensors are computed in a worker: a Web Worker in browsers, a worker thread in Node. Default false. */
  readonly worker?: boolean;
}

/** A device that has started. */
export interface StartedDevice {
  readonly name: DeviceName;
  /** What runs where and how, and what not and why: one or more lines. */
  report(): string;
  /** Ends its worker, where it has one: the tensors in it are lost. The next use of the name starts the device anew. */
  close(): void;
}

interface Started {
  readonly handle: StartedDevice;
  readonly device: RemoteDevice;
}

const inWorkers = new Map<DeviceName, Started>();

/**
 * Starts a device, if it has not started; the default device stays what it is. Devices start by themselves when they are
 * first used, so only options need this, before the first tensor is computed.
 *
 * With `{ worker: true }`, planning, code generation and all runs of "wasm" happen in a worker. The page's thread builds
 * graphs and sends messages, so it stays free for the user. All else of a program stays as it is, but the elements of a
 * result come later: `await x.item()` works, `x.itemSync()` throws. An error of a run, such as an index out of range, is
 * thrown by the next read, step, or batch of a loader. The worker does not keep a program alive; reads do.
 *
 * @throws where the device has started with other options, and where the worker cannot be started.
 * @example
 * const device = await startDevice("wasm", { worker: true });
 * await tensor([1, 2]).sum().item(); // 3
 * device.close();
 */
export async function startDevice(name: DeviceName, options: StartOptions = {}): Promise<StartedDevice> {
  checkDeviceName(name);
  checkOptions("startDevice", options, ["worker", "threads"]);
  const { worker = false, threads } = options;
  if (threads !== undefined && !(Number.isInteger(threads) && threads > 0)) {
    throw new TwopassError({
      op: "startDevice",
      problem: "threads is a whole number from 1 on",
      facts: `got ${describe(threads)}`,
    });
  }
  if (typeof worker !== "boolean") {
    throw new TwopassError({ op: "startDevice", problem: "worker is true or false", facts: `got ${describe(worker)}` });
  }
  if (!worker) {
    if (inWorkers.get(name)?.device.isClosed === false) throw hasStarted(name, "in a worker", "without one");
    if (threads !== undefined) {
      if (startedEngines().has(name)) throw hasStarted(name, "with its own number of threads", `${threads}`);
      startEngine(name, { threads });
    }
    const engine = engineOf(name);
    return { name, report: () => engine.device.report(), close: () => undefined };
  }
  const known = inWorkers.get(name);
  if (known !== undefined && !known.device.isClosed) {
    await known.device.started;
    return known.handle;
  }
  if (known !== undefined) forget(name, known.handle);
  if (startedEngines().has(name)) throw hasStarted(name, "in this thread", "in a worker");
  if (name !== "wasm") {
    throw new TwopassError({
      op: "startDevice",
      problem: `the device ${name} does not run in a worker`,
      hint: '"wasm" does',
    });
  }
  // Tensors that are made while the worker loads are its own already.
  const device = startWorker(name, threads === undefined ? {} : { threads });
  const close = (): void => {
    device.close();
    forget(name, handle);
  };
  const handle: StartedDevice = { name, report: () => device.report(), close };
  inWorkers.set(name, { handle, device });
  try {
    await device.started;
  } catch (error) {
    forget(name, handle);
    throw error;
  }
  return handle;
}

function startWorker(name: DeviceName, options: DeviceOptions): RemoteDevice {
  let device: RemoteDevice;
  try {
    device = startRemoteWasm(options);
  } catch (error) {
    const facts = error instanceof Error ? error.message : String(error);
    throw new TwopassError({ op: "startDevice", problem: "a worker could not be started", facts, cause: error });
  }
  addEngine(name, device);
  return device;
}

function forget(name: DeviceName, handle: StartedDevice): void {
  if (inWorkers.get(name)?.handle !== handle) return;
  inWorkers.delete(name);
  removeEngine(name);
}

function hasStarted(name: DeviceName, how: string, wanted: string): TwopassError {
  return new TwopassError({
    op: "startDevice",
    problem: `the device ${name} has started ${how} already`,
    facts: `wanted ${wanted}`,
    hint: "call startDevice first, before layers and tensors are made",
  });
}

/**
 * What each device is in this host, or why it has none: one or more lines. The native device is started to find out.
 *
 * @example
 * Object.keys(deviceReports()); // ["native", "wasm", "js"]
 */
export function deviceReports(): Readonly<Record<DeviceName, string>> {
  const started = startedEngines();
  const reports = deviceNames.map((name) => {
    const device = started.get(name)?.device;
    if (device !== undefined) return [name, device.report()];
    if (name === "wasm") return [name, `${engineReport()}\nnot started`];
    return [name, reasonAgainst(name) ?? engineOf(name).device.report()];
  });
  return Object.fromEntries(reports) as Record<DeviceName, string>;
}
