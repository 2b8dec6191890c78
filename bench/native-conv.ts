/**
 * Speed of the convolution kernels in C: npx tsx bench/native-conv.ts [filter] [--target avx2] [--direct]
 *
 * Prints per shape and pass, for one thread and two: milliseconds of the median round, and the multiplications and
 * additions of the definition as a share of the multiply-add peak of as many threads, measured in turn with it; behind it
 * the same of the best rounds. Beyond 100% the kernel does with fewer. --direct: without Winograd's tiles.
 */
import koffi from "koffi";
import { prelude } from "../src/codegen/c/prelude.ts";
import { cTargets } from "../src/codegen/c/target.ts";
import { kit } from "../src/ops/kit.ts";
import { makeLeaf } from "../src/ops/leaf.ts";
import "../src/ops/table.ts";
import type { Value } from "../src/ir/value.ts";
import { planConv } from "../src/schedule/conv.ts";
import { compileProducts, ConvKernels, PreparedConv } from "../test/codegen/c/conv-support.ts";

const rounds = 15;
/** Independent sums that reach the peak and find registers on every target. */
const sums = 12;

const options = process.argv.slice(2);
const targetAt = options.indexOf("--target");
const target = cTargets[(targetAt < 0 ? "avx512" : options[targetAt + 1]) as keyof typeof cTargets];
const filter = options.find((option, i) => !option.startsWith("--") && (targetAt < 0 || i !== targetAt + 1)) ?? "";
const useWinograd = !options.includes("--direct");

/**
 * Calls one behind the other, the units of each shared by threads. Gives the nanoseconds of each time that the threads
 * had on their cores, divided by their number: other processes do not count, nor does waiting for the last unit.
 */
const harness = `
#include <pthread.h>
#include <sched.h>
#include <time.h>
typedef void Kernel(const int64_t *, int64_t, int64_t, char *);
typedef struct { Kernel *kernel; const int64_t *args; int64_t units, chunk; } Call;
typedef struct { const Call *calls; int64_t count, times; char *workspace; int64_t *spent; } Work;
static int64_t turn, next, done;
static int64_t now(void) {
  struct timespec t; clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); return t.tv_sec * 1000000000ll + t.tv_nsec;
}
static int64_t share(const Call *c, char *workspace) {
  const int64_t start = now();
  for (int64_t at; (at = __atomic_fetch_add(&next, c->chunk, __ATOMIC_SEQ_CST)) < c->units;) {
    c->kernel(c->args, at, at + c->chunk < c->units ? at + c->chunk : c->units, workspace);
  }
  return now() - start;
}
static void await(const int64_t *word, int64_t value) {
  for (int64_t spins = 0; __atomic_load_n(word, __ATOMIC_ACQUIRE) < value; spins++) if (spins > 2000) sched_yield();
}
static void *worker(void *p) {
  const Work *w = p;
  for (int64_t i = 1; i <= w->times * w->count; i++) {
    await(&turn, i);
    w->spent[(i - 1) / w->count] += share(w->calls + (i - 1) % w->count, w->workspace);
    __atomic_store_n(&done, i, __ATOMIC_RELEASE);
  }
  return 0;
}
void measure(int64_t calls, int64_t count, int64_t times, int64_t workspace, int64_t step, int64_t threads,
    int64_t result) {
  int64_t *spent = (int64_t *)result, other[times];
  __builtin_memset(spent, 0, times * 8);
  __builtin_memset(other, 0, times * 8);
  Work w = {(const Call *)calls, count, times, (char *)workspace + step, other};
  pthread_t thread; turn = done = 0;
  if (threads > 1) pthread_create(&thread, 0, worker, &w);
  for (int64_t i = 1; i <= times * count; i++) {
    __atomic_store_n(&next, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&turn, i, __ATOMIC_RELEASE);
    spent[(i - 1) / count] += share(w.calls + (i - 1) % count, (char *)workspace);
    if (threads > 1) await(&done, i);
  }
  if (threads > 1) pthread_join(thread, 0);
  for (int64_t i = 0; i < times; i++) spent[i] = (spent[i] + other[i]) / threads;
}
void peak(const int64_t *args, int64_t from, int64_t to, char *workspace) {
  f32v a = *(f32v *)workspace, b = a;
  ${range(sums, (i) => `f32v x${i} = a + ${i};`)}
  for (int64_t i = from * 1024; i < to * 1024; i++) {
    __asm__ volatile("");
    ${range(sums, (i) => `x${i} = x${i} * a + b;`)}
  }
  *(f32v *)workspace = ${range(sums, (i) => `x${i}`, " + ")};
}
int64_t address(int64_t which) { (void)which; return (int64_t)peak; }
`;

function range(count: number, item: (i: number) => string, between = " "): string {
  return Array.from({ length: count }, (_, i) => item(i)).join(between);
}

const library = compileProducts(prelude(target) + harness, target, ["-pthread"]);
const measure = library.func("measure", "void", [
  "uintptr_t",
  "int64_t",
  "int64_t",
  "uintptr_t",
  "int64_t",
  "int64_t",
  "uintptr_t",
]);
const peakAddress = library.func("address", "int64_t", ["int64_t"])(0) as number;

interface Case {
  readonly name: string;
  readonly images: number;
  readonly channels: number;
  readonly outs: number;
  readonly size: number;
  readonly taps: number;
  readonly pad: number;
  readonly stride?: number;
  readonly groups?: number;
}

const cases: readonly Case[] = [
  { name: "64-64", images: 32, channels: 64, outs: 64, size: 32, taps: 3, pad: 1 },
  { name: "w2a 1-32", images: 64, channels: 1, outs: 32, size: 28, taps: 3, pad: 0 },
  { name: "w2b 32-64", images: 64, channels: 32, outs: 64, size: 26, taps: 3, pad: 0 },
  { name: "w3 3-64", images: 32, channels: 3, outs: 64, size: 32, taps: 3, pad: 1 },
  { name: "w3 64-64 b1", images: 1, channels: 64, outs: 64, size: 32, taps: 3, pad: 1 },
  { name: "w3 3-64 b1", images: 1, channels: 3, outs: 64, size: 32, taps: 3, pad: 1 },
  { name: "128-128", images: 32, channels: 128, outs: 128, size: 16, taps: 3, pad: 1 },
  { name: "256-256", images: 16, channels: 256, outs: 256, size: 14, taps: 3, pad: 1 },
  { name: "512-512", images: 16, channels: 512, outs: 512, size: 7, taps: 3, pad: 1 },
  { name: "5x5", images: 16, channels: 32, outs: 64, size: 28, taps: 5, pad: 2 },
  { name: "1x1 pad", images: 16, channels: 64, outs: 64, size: 32, taps: 1, pad: 1 },
  { name: "odd", images: 8, channels: 20, outs: 50, size: 37, taps: 3, pad: 1 },
  { name: "stem 7x7/2", images: 4, channels: 3, outs: 64, size: 224, taps: 7, pad: 3, stride: 2 },
  { name: "64-128/2", images: 8, channels: 64, outs: 128, size: 56, taps: 3, pad: 1, stride: 2 },
  { name: "depthwise", images: 8, channels: 64, outs: 64, size: 56, taps: 3, pad: 1, groups: 64 },
];

const kernels = new ConvKernels(target);
let seed = 1;
const random = (): number => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed / 2 ** 31 - 1;
};
const sizeOf = (shape: readonly number[]): number => shape.reduce((n, extent) => n * extent, 1);
const leafOf = (shape: readonly number[]): Value => makeLeaf(shape, "float32", { kind: "input", index: 0 });
const dataOf = (value: Value): Float32Array => Float32Array.from({ length: sizeOf(value.shape) }, random);
const address = (data: ArrayBufferView): number => Number(koffi.address(data));

function passesOf(c: Case): [string, Value][] {
  const both = (n: number): number[] => [n, n];
  const settings = {
    stride: both(c.stride ?? 1),
    low: both(c.pad),
    high: both(c.pad),
    dilation: [1, 1],
    groups: c.groups ?? 1,
  };
  const x = leafOf([c.images, c.channels, c.size, c.size]);
  const w = leafOf([c.outs, c.channels / settings.groups, c.taps, c.taps]);
  const y = kit.conv(x, w, settings);
  const dy = leafOf(y.shape);
  return [
    ["forward", y],
    ["input", kit.convInput(dy, w, x.shape.slice(2), settings)],
    ["weight", kit.convWeight(x, dy, w.shape.slice(2), settings)],
  ];
}

const median = (list: number[]): number => list.sort((a, b) => a - b)[list.length >> 1] as number;

function time(calls: BigInt64Array, count: number, times: number, conv: PreparedConv, threads: number): number {
  const result = new BigInt64Array(times);
  measure(address(calls), count, times, conv.workspace, conv.workspaceStep, threads, address(result));
  return median([...result].map(Number));
}

const peakCall = BigInt64Array.of(BigInt(peakAddress), 0n, 64n, 8n);
const peakOperations = 64 * 1024 * sums * 2 * (target.vectorBytes / 4);

for (const c of cases.filter(({ name }) => name.includes(filter))) {
  for (const [pass, value] of passesOf(c)) {
    const plan = planConv(value, (v) => v.op.kind === "leaf", useWinograd);
    if (plan === undefined) continue;
    const conv = new PreparedConv(kernels, value, value.inputs.map(dataOf), plan, 2);
    conv.run();
    const calls = BigInt64Array.from(
      conv.calls.flatMap(({ address: kernel, args, units }) => [kernel, args, units, Math.ceil(units / 64)]),
      BigInt,
    );
    const out =
      pass === "weight"
        ? (value.inputs[1] as Value).shape
        : pass === "input"
          ? (value.inputs[0] as Value).shape
          : value.shape;
    const operations = 2 * sizeOf(out) * (c.channels / (c.groups ?? 1)) * c.taps * c.taps;
    const line = [
      c.name.padEnd(12),
      pass.padEnd(8),
      (plan.steps.at(pass === "weight" ? 0 : -1)?.kernel.role ?? "").padEnd(17),
    ];
    for (const threads of [1, 2]) {
      const once = time(calls, conv.calls.length, 3, conv, threads);
      const times = Math.min(Math.max(Math.round(2e6 / once), 1), 1000);
      const [own, top]: [number[], number[]] = [[], []];
      for (let i = 0; i < rounds; i++) {
        own.push(time(calls, conv.calls.length, times, conv, threads));
        top.push(time(peakCall, 1, 3, conv, threads));
      }
      const speed = operations / median(own);
      const peak = peakOperations / median(top);
      const share = (time: number, peakTime: number): string =>
        `${((100 * operations * peakTime) / (time * peakOperations)).toFixed(0).padStart(4)}%`;
      line.push(
        `${threads}: ${(median(own) / 1e6).toFixed(3).padStart(8)} ms ${speed.toFixed(0).padStart(5)} GF of ${peak.toFixed(0)}`,
        `${share(median(own), median(top))} best ${share(Math.min(...own), Math.min(...top))}`,
      );
    }
    console.log(line.join("  "));
  }
}
