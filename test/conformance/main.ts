/**
 * Runs the library against the reference cases computed by PyTorch, and exits with 1 where a case fails that is not a
 * known one, or where the lists of skips.ts and known.ts are out of date. options.ts says how it is called.
 */
import { resolve } from "node:path";
import { type DeviceName, defaultDevice, deviceNames, setDefaultDevice } from "../../src/tensor/engines.ts";
import { startDevice } from "../../src/tensor/start-device.ts";
import { setHints } from "../../src/tensor/switches.ts";
import { known } from "./known.ts";
import { type Options, UsageError, readOptions, usage } from "./options.ts";
import { Report } from "./report.ts";
import type { Outcome } from "./result.ts";
import { skipLists, skips } from "./skips.ts";
import { type Trial, isAvailable, trialsOf } from "./trials.ts";

async function main(options: Options): Promise<boolean> {
  const start = performance.now();
  // Each result is read before its backward pass on purpose.
  setHints(false);
  const device = await useDevice(options);
  const report = new Report(options.verbose);
  for (const section of options.sections) {
    for (const trial of trialsOf(section, resolve(options.dir))) {
      if (options.op !== undefined && options.op !== trial.name) continue;
      if (options.family !== undefined && options.family !== trial.family) continue;
      report.add(trial, await outcomeOf(trial, report));
    }
  }
  if (report.total.total === 0) throw new UsageError("no case matches");
  checkSkips(report);
  report.print();
  if (options.op === undefined && options.family === undefined) report.note(device);
  const { passed, failed, skipped, total } = report.total;
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`\n${total} cases on ${device === "worker" ? "wasm in a worker" : device} in ${seconds} s`);
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  if (options.json) console.log(JSON.stringify({ passed, failed, skipped, total }));
  return report.good;
}

/** Runs a trial unless the library lacks what it needs, and checks it against the lists. */
async function outcomeOf(trial: Trial, report: Report): Promise<Outcome> {
  const missing = trial.missing();
  if (missing !== undefined) {
    const reason = skips[missing.list].get(missing.name);
    if (reason !== undefined) return { status: "skipped", reason };
    return { status: "failed", reason: `neither implemented nor skipped: there is no ${missing.needs}` };
  }
  const outcome = await trial.run();
  const reason = known.get(trial.id);
  if (reason === undefined) return outcome;
  if (outcome.status === "failed") return { ...outcome, status: "skipped", known: reason };
  report.problem(`${trial.section} ${trial.id} ${trial.name} has ${outcome.status}, but known.ts says: ${reason}`);
  return outcome;
}

/** What skips.ts lists and the library has. */
function checkSkips(report: Report): void {
  for (const list of skipLists) {
    for (const [name, reason] of skips[list]) {
      if (isAvailable({ list, name })) report.problem(`${name} is available, but skips.ts says: ${reason}`);
    }
  }
}

async function useDevice({ device = defaultDevice(), worker }: Options): Promise<DeviceName | "worker"> {
  const name = deviceNames.find((one) => one === device);
  if (name === undefined) throw new UsageError(`there is no device "${device}", only ${deviceNames.join(", ")}`);
  if (worker && name !== "wasm") throw new UsageError(`the device ${name} does not run in a worker`);
  await startDevice(name, { worker });
  setDefaultDevice(name);
  return worker ? "worker" : name;
}

try {
  if (!(await main(readOptions(process.argv.slice(2))))) process.exitCode = 1;
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\n${usage}`);
  process.exitCode = 2;
}
