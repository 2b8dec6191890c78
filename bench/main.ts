/** `npm run bench`: times training steps and single operations, each in a process of its own. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type DeviceName, deviceNames, reasonAgainst } from "../src/tensor/engines.ts";
import { countedNames, countsOf } from "./counts.ts";
import { machineFacts } from "./machine.ts";
import { parseWorkload } from "./measure-training.ts";
import { micros } from "./micro/index.ts";
import { type Request, type Result, root, runChild } from "./run-child.ts";
import { show } from "./statistics.ts";
import { workloadNames, workloads } from "./workloads/index.ts";

const usual = ["w1", "w2", "w3", "w4", "w5", "w6", "w6-compiled"];

const usage = `npm run bench -- [workloads] [--device native|wasm|js] [--threads N] [--seconds S] [--cold] [--json]

Times training steps (w1 to w6; "-compiled" behind a name: through compile(), "-traced": by trace()) and single operations ("micro": all of
them), each in a process of its own. Without names: ${usual.join(", ")}.

  --device NAME   native, wasm or js; else the one that a program gets
  --threads N     threads of that device
  --seconds S     time for each workload; else 6, and 2 for a single operation
  --cold          with a compile cache that is empty at the start of each workload
  --json          a line of JSON for the machine, and one for each workload
  --list          what there is
  --write-counts  writes bench/expected-counts.json, see counts.ts
  --help          this text`;

const options = {
  device: { type: "string" },
  threads: { type: "string" },
  seconds: { type: "string" },
  cold: { type: "boolean" },
  json: { type: "boolean" },
  list: { type: "boolean" },
  "write-counts": { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

async function main(): Promise<void> {
  const { values, positionals } = parse();
  if (values.help === true) return console.log(usage);
  if (values.list === true) return list();
  if (values["write-counts"] === true) return writeCounts();
  const names = (positionals.length > 0 ? positionals : usual).flatMap((name) =>
    name === "micro" ? Object.keys(micros) : [name],
  );
  for (const name of names) {
    if (micros[name] === undefined && parseWorkload(name) === undefined) fail(`unknown workload "${name}": see --list`);
  }
  const device = values.device as DeviceName | undefined;
  if (device !== undefined && !deviceNames.includes(device)) {
    fail(`unknown device "${device}": use ${deviceNames.join(", ")}`);
  }
  const threads = numberOf("threads", values.threads);
  if (threads !== undefined && device === undefined) fail("--threads needs --device");
  const facts = machineFacts();
  console.log(values.json === true ? JSON.stringify({ machine: facts }) : showFacts(facts));
  for (const workload of names) {
    const request: Request = {
      workload,
      seconds: numberOf("seconds", values.seconds) ?? (micros[workload] !== undefined ? 2 : 6),
      ...(device === undefined ? {} : { device }),
      ...(threads === undefined ? {} : { threads }),
    };
    const result = await measure(request, values.cold === true);
    if (typeof result === "string") fail(`${workload}: ${result}`);
    console.log(values.json === true ? JSON.stringify(result) : showResult(result));
  }
}

async function measure(request: Request, isCold: boolean): Promise<Result | string> {
  if (!isCold) return runChild(request);
  const cache = mkdtempSync(join(tmpdir(), "twopass-cache-"));
  try {
    return await runChild(request, { TWOPASS_CACHE: cache });
  } finally {
    rmSync(cache, { recursive: true, force: true });
  }
}

function showFacts(facts: object): string {
  return Object.entries(facts)
    .map(
      ([key, value]) => `${key} ${Number.isInteger(value) ? value : typeof value === "number" ? show(value) : value}`,
    )
    .join(", ");
}

function showResult(result: Result): string {
  const number = (key: string): string => show(Number(result[key]));
  const head = `${String(result["workload"]).padEnd(18)} ${String(result["device"])} ${String(result["threads"])}T  `;
  const times = `${number("ms_median")} ms (min ${number("ms_min")}, p10 ${number("ms_p10")}, p90 ${number("ms_p90")})`;
  if (result["share"] !== undefined) {
    const rate = result["gflops"] === undefined ? `${number("gb_per_s")} GB/s` : `${number("gflops")} GFLOP/s`;
    const percent = (key: string): string => (100 * Number(result[key])).toFixed(0);
    const limit = `${number("limit_rate")} (${String(result["limit"])})`;
    return `${head}${times}  ${rate}, ${percent("share")}% of ${limit}, best ${percent("share_best")}%`;
  }
  const { forward, backward, update } = result["kernels"] as { forward: number; backward: number; update: number };
  const arena = (Number(result["arena_bytes"]) / 2 ** 20).toFixed(1);
  return (
    `${head}${times}  first ${number("first_step_ms")} (build ${number("build_ms")}), ${String(result["steps"])} steps, ` +
    `loss ${number("loss_first")} to ${number("loss_last")}, ${String(result["rss_mb"])} MB, arena ${arena} MiB, ` +
    `kernels ${forward} + ${backward} + ${update}`
  );
}

function list(): void {
  for (const name of workloadNames) console.log(`${name.padEnd(20)} ${workloads[name].what}`);
  for (const [name, { what }] of Object.entries(micros)) console.log(`${name.padEnd(20)} ${what}`);
}

function writeCounts(): void {
  const devices = (["wasm", "native"] as const).filter((device) => reasonAgainst(device) === undefined);
  const counts = Object.fromEntries(
    devices.map((device) => [device, Object.fromEntries(countedNames.map((name) => [name, countsOf(name, device)]))]),
  );
  writeFileSync(join(root, "bench/expected-counts.json"), `${JSON.stringify(counts, null, 2)}\n`);
  console.log(`wrote bench/expected-counts.json for ${devices.join(" and ")}`);
}

function numberOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (!(number > 0)) fail(`--${name} must be a number above 0, got "${text}"`);
  return number;
}

function parse(): ReturnType<typeof parseArgs<{ options: typeof options; allowPositionals: true }>> {
  try {
    return parseArgs({ allowPositionals: true, options });
  } catch (error) {
    return fail(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
  }
}

function fail(message: string): never {
  console.error(`bench: ${message}`);
  process.exit(2);
}

await main();
