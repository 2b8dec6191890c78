/**
 * Attention forward and backward, with kernels of its own against products and loops:
 * npx tsx bench/native-attention.ts [filter] [--device wasm] [--threads N] [--isa avx2]
 *
 * Queries, keys and values are slices of one tensor [B, T, 3 H D], as a transformer has them. Prints for each shape the
 * milliseconds of the median and the best round of both ways, which are measured in turn, the ratios, and the arena. Times
 * are those of the processor, so that other processes count little; with threads they are those of all together.
 */
import { parseArgs } from "node:util";
import { withMode } from "../src/ir/mode.ts";
import { keyOf, programOf } from "../src/ir/program.ts";
import type { Value } from "../src/ir/value.ts";
import { type Masking, attention, attentionWeights } from "../src/ops/composite/attention.ts";
import { kit } from "../src/ops/kit.ts";
import { makeLeaf } from "../src/ops/leaf.ts";
import { CpuDevice } from "../src/runtime/cpu/device.ts";
import { startNativeDevice } from "../src/runtime/native/node/machine.ts";
import { WasmMachine } from "../src/runtime/wasm/machine.ts";
import { pullback } from "../src/transform/grad.ts";
import { median, show } from "./statistics.ts";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { device: { type: "string" }, threads: { type: "string" }, isa: { type: "string" } },
});

const rounds = 3;

interface Case {
  readonly name: string;
  readonly batch: number;
  readonly heads: number;
  readonly length: number;
  readonly width: number;
  readonly causal: boolean;
}

const cases: readonly Case[] = [
  { name: "12×4×64×32", batch: 12, heads: 4, length: 64, width: 32, causal: false },
  { name: "12×4×64×32 causal", batch: 12, heads: 4, length: 64, width: 32, causal: true },
  { name: "4×8×256×64", batch: 4, heads: 8, length: 256, width: 64, causal: false },
  { name: "2×8×1024×64", batch: 2, heads: 8, length: 1024, width: 64, causal: false },
  { name: "2×8×1024×64 causal", batch: 2, heads: 8, length: 1024, width: 64, causal: true },
];

function start(): CpuDevice {
  const threads = options.threads === undefined ? {} : { threads: Number(options.threads) };
  if (options.device === "wasm") return new CpuDevice(new WasmMachine());
  const isa = options.isa === undefined ? {} : { isa: options.isa };
  const started = startNativeDevice({ ...threads, ...isa });
  if (typeof started === "string") throw new Error(started);
  return started;
}

let seed = 1;
const random = (): number => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed / 2 ** 31 - 1;
};

function leafOf(shape: readonly number[], requiresGrad: boolean): Value {
  const size = shape.reduce((n, extent) => n * extent, 1);
  const data = Float32Array.from({ length: size }, random);
  return makeLeaf(shape, "float32", { kind: "data", data }, requiresGrad);
}

/** A loss and the gradient of the one tensor. */
function graphOf({ batch, heads, length, width, causal }: Case, isFast: boolean): Value[] {
  const features = heads * width;
  const x = leafOf([batch, length, 3 * features], true);
  const [q, key, v] = [0, 1, 2].map((i) => {
    const part = kit.range(x, 2, i * features, (i + 1) * features);
    return kit.permute(kit.reshape(part, [batch, length, heads, width]), [0, 2, 1, 3]);
  }) as [Value, Value, Value];
  const mask: Masking = { causal, allowed: undefined, bias: undefined };
  const scale = 1 / Math.sqrt(width);
  const y = isFast
    ? attention(kit, q, key, v, mask, scale)
    : kit.matmul(attentionWeights(kit, kit.mul(q, scale), key, mask), v);
  const loss = kit.sum(kit.mul(y, leafOf(y.shape, false)), [0, 1, 2, 3]);
  return withMode({ phase: 1 }, () => {
    const { reached } = pullback("bench", [{ value: loss, gradient: kit.full([], 1, "float32") }], new Set([x]));
    return [loss, ...reached.map(({ gradient }) => gradient)];
  });
}

import { profiling } from "../src/runtime/profiling.ts";
function profile(ways: any[]): void {
  for (const w of ways) {
    const best = new Map<string, number>();
    for (let r = 0; r < 30; r++) {
      const seen = new Map<string, number>();
      (profiling as any).listener = (run: any) => {
        const n = seen.get(run.label) ?? 0;
        seen.set(run.label, n + 1);
        const key = run.phase + " " + run.kind + " " + run.label + " " + n;
        best.set(key, Math.min(best.get(key) ?? 1e9, run.milliseconds));
        (ops as any)[key] = run.operations;
      };
      w.time(1);
    }
    (profiling as any).listener = undefined;
    for (const [k, t] of best) console.log("    ", t.toFixed(4), k, ((ops as any)[k] / t / 1e6).toFixed(0), "GF/s");
    console.log("     total", [...best.values()].reduce((a, b) => a + b, 0).toFixed(4));
    w.plan.dispose();
  }
}
const ops = {};
const device = start();
console.log(device.report());
for (const c of cases.filter(({ name }) => name.includes(positionals[0] ?? ""))) {
  const ways = [false, true].map((isFast) => {
    const wanted = graphOf(c, isFast).map((value) => ({ value, cell: undefined }));
    const key = keyOf(wanted);
    const plan = device.compile(programOf(key, wanted, (like, leaf) => makeLeaf(like.shape, like.dtype, leaf)));
    const time = (times: number): number => {
      const from = process.cpuUsage();
      for (let i = 0; i < times; i++) plan.run(key.leaves);
      const { user, system } = process.cpuUsage(from);
      return (user + system) / 1000 / times;
    };
    time(3);
    return { plan, time, times: Math.max(1, Math.round(30 / time(2))), all: [] as number[] };
  });
  for (let round = 0; round < rounds; round++) for (const way of ways) way.all.push(way.time(way.times));
  const [plain, fast] = ways.map(({ all }) => [median(all), Math.min(...all)]) as [number[], number[]];
  const both = (list: readonly number[]): string => list.map(show).join(" ");
  const ratios = plain.map((t, i) => t / (fast[i] as number));
  const arenas = ways.map(({ plan }) => `${(plan.arenaBytes / 2 ** 20).toFixed(1)} MiB`).join(" and ");
  console.log(`${c.name.padEnd(20)} ms ${both(plain)} | ${both(fast)} | ${both(ratios)} times faster, arena ${arenas}`);
  profile(ways);
}

process.exit(0);
