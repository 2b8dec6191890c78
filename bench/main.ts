/**
 * npm run bench -- [workloads] [--device js|wasm] [--json]
 *
 * Times training steps, each workload in a process of its own, and the product of two 512 × 512 matrices against the peak
 * of WebAssembly's multiply and add in the same run. Workloads: w1 w2 w4 w6 (with w6-compiled) matmul512.
 */
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";
import { type DeviceName, deviceNames, setDefaultDevice } from "../src/tensor/engines.ts";
import { matmul } from "./matmul.ts";
import { workloads } from "./workloads.ts";

interface Result {
  readonly workload: string;
  readonly device: string;
  readonly threads: number;
  readonly ms_per_step_median: number;
  readonly ms_per_step_min: number;
  readonly first_step_ms: number;
  readonly rss_mb: number;
  readonly loss_first: number;
  readonly loss_last: number;
  readonly steps: number;
}

const warmUpMs = 1500;
const timedMs = 6000;
const most = 300;

/** Steps until the time is over, after a warm-up; the loss is read at every step, as people do. */
async function time(workload: string, device: DeviceName): Promise<Result> {
  const make = workloads[workload];
  if (make === undefined)
    fail(`unknown workload "${workload}": use ${[...Object.keys(workloads), "matmul512"].join(", ")}`);
  setDefaultDevice(device);
  const { step, inner } = make();
  const start = performance.now();
  const first = await step().item();
  const firstMs = performance.now() - start;
  let last = first;
  let steps = 1;
  const run = async (): Promise<number> => {
    const from = performance.now();
    for (let i = 0; i < inner; i++) last = step().itemSync();
    steps += inner;
    // A turn of the event loop, as a program that draws or loads would take.
    await new Promise((resume) => setImmediate(resume));
    return (performance.now() - from) / inner;
  };
  for (const from = performance.now(); performance.now() - from < warmUpMs; ) await run();
  const times: number[] = [];
  for (
    const from = performance.now();
    times.length < 5 || (performance.now() - from < timedMs && times.length < most);
  ) {
    times.push(await run());
  }
  times.sort((a, b) => a - b);
  return {
    workload,
    device,
    threads: 1,
    ms_per_step_median: round(times[times.length >> 1] as number),
    ms_per_step_min: round(times[0] as number),
    first_step_ms: round(firstMs),
    rss_mb: Math.round(process.resourceUsage().maxRSS / 1024),
    loss_first: round(first),
    loss_last: round(last),
    steps,
  };
}

function round(x: number): number {
  return Number(x.toPrecision(5));
}

function fail(message: string): never {
  console.error(`bench: ${message}`);
  process.exit(2);
}

async function main(): Promise<void> {
  const { values, positionals } = parse();
  const device = values.device as DeviceName;
  if (!deviceNames.includes(device)) fail(`unknown device "${device}": use ${deviceNames.join(" or ")}`);
  if (values.child === true) {
    const name = positionals[0] as string;
    console.log(JSON.stringify(name === "matmul512" ? matmul(512) : await time(name, device)));
    return;
  }
  const asked = positionals.length > 0 ? positionals : ["w1", "w2", "w4", "w6", "matmul512"];
  const names = asked.flatMap((name) => (name === "w6" ? ["w6", "w6-compiled"] : [name]));
  for (const name of names) {
    const args = [...process.execArgv, process.argv[1] as string, name, "--child", "--device", device];
    const { status, stdout } = spawnSync(process.execPath, args, {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
    });
    if (status !== 0) process.exit(status ?? 1);
    const result = JSON.parse(stdout.trim().split("\n").at(-1) as string) as Record<string, unknown>;
    if (values.json === true) console.log(JSON.stringify(result));
    else
      console.log(
        Object.entries(result)
          .map(([key, value]) => `${key} ${String(value)}`)
          .join("  "),
      );
  }
}

function parse(): { values: { device: string; json?: boolean; child?: boolean }; positionals: string[] } {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        device: { type: "string", default: "wasm" },
        json: { type: "boolean" },
        child: { type: "boolean" },
      },
    });
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
}

await main();
