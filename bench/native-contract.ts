/**
 * Speed of the contraction kernels in C: npx tsx bench/native-contract.ts [filter] [--target avx2]
 *
 * Prints per shape, for one thread and two: GFLOP/s of the median round, its share of the multiply-add peak of as many
 * threads, measured in turn with it, and the share of the best round in the best peak. On a busy machine only the last
 * one means something for two threads.
 */
import { writeContractArguments } from "../src/codegen/c/contract/contract.ts";
import { cTargets } from "../src/codegen/c/target.ts";
import type { ContractKernel, Offsets } from "../src/schedule/kernel.ts";
import {
  Arguments,
  addressOf,
  alignedBytes,
  type CFunction,
  compileC,
  ContractRunner,
} from "../test/codegen/c/contract-support.ts";

const rounds = 15;
const roundNanoseconds = 2e6;

const options = process.argv.slice(2);
const targetAt = options.indexOf("--target");
const target = cTargets[(targetAt < 0 ? "avx512" : options[targetAt + 1]) as keyof typeof cTargets];
const filter = options.find((option, i) => !option.startsWith("--") && (targetAt < 0 || i !== targetAt + 1)) ?? "";
const threadCounts = options.includes("--one") ? [1] : [1, 2];

/** Runs a kernel over and over with its units shared by threads, and gives the nanoseconds of each time. */
const harness = `
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>
#include <time.h>
typedef void Kernel(const int64_t *, int64_t, int64_t, char *);
typedef struct { Kernel *kernel; const int64_t *args; int64_t units, chunk, times; char *workspace; } Work;
static volatile int64_t turn, next, done;
static void share(Work *w, char *workspace) {
  for (int64_t at; (at = __atomic_fetch_add(&next, w->chunk, __ATOMIC_SEQ_CST)) < w->units;) {
    w->kernel(w->args, at, at + w->chunk < w->units ? at + w->chunk : w->units, workspace);
  }
}
static void *worker(void *p) {
  Work *w = p;
  for (int64_t i = 1; i <= w->times; i++) {
    while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) < i) __builtin_ia32_pause();
    share(w, w->workspace + (2 << 20));
    __atomic_store_n(&done, i, __ATOMIC_RELEASE);
  }
  return 0;
}
/* One thread's own time leaves out what other processes take. */
static int64_t now(int64_t threads) {
  struct timespec t; clock_gettime(threads > 1 ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID, &t); return t.tv_sec * 1000000000ll + t.tv_nsec;
}
void measure(intptr_t kernel, intptr_t args, int64_t units, int64_t chunk, int64_t times, intptr_t workspace,
    int64_t threads, intptr_t result) {
  Work w = {(Kernel *)kernel, (const int64_t *)args, units, chunk, times, (char *)workspace};
  pthread_t thread; turn = done = 0; next = units;
  if (threads > 1) pthread_create(&thread, 0, worker, &w);
  for (int64_t i = 1; i <= times; i++) {
    const int64_t start = now(threads);
    __atomic_store_n(&next, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&turn, i, __ATOMIC_RELEASE);
    share(&w, w.workspace);
    if (threads > 1) while (__atomic_load_n(&done, __ATOMIC_ACQUIRE) < i) __builtin_ia32_pause();
    ((int64_t *)result)[i - 1] = now(threads) - start;
  }
  if (threads > 1) pthread_join(thread, 0);
}
void huge(intptr_t address, intptr_t bytes) {
  const intptr_t page = 2 << 20, from = (address + page - 1) & -page;
  madvise((void *)from, (address + bytes - from) & -page, MADV_HUGEPAGE);
}
typedef float V __attribute__((vector_size(${target.vectorBytes})));
void peak(const int64_t *args, int64_t from, int64_t to, char *workspace) {
  V a = *(V *)workspace, b = a;
  ${Array.from({ length: 12 }, (_, i) => `V x${i} = a + ${i};`).join(" ")}
  for (int64_t i = from; i < to; i++) {
    __asm__ volatile("");
    ${Array.from({ length: 12 }, (_, i) => `x${i} = x${i} * a + b;`).join(" ")}
  }
  *(V *)workspace = ${Array.from({ length: 12 }, (_, i) => `x${i}`).join(" + ")};
}
`;

const { measure, peak, huge } = compileC(harness, { measure: 8, peak: 4, huge: 2 }, [...target.flags, "-pthread"]) as {
  readonly huge: CFunction;
  readonly measure: CFunction;
  readonly peak: CFunction;
};
const runner = new ContractRunner(target);
const workspace = alignedBytes(4 << 20);
const nanoseconds = new BigInt64Array(100_000);

/** Memory of operands, in huge pages as the native device has it. */
const pool = alignedBytes(96 << 20);
huge.call(pool.address, pool.bytes.length);

/** The nanoseconds of a run: the median of `times`, or of several threads the shortest, when all of them had a core. */
function time(
  kernel: CFunction,
  words: BigInt64Array,
  units: number,
  chunk: number,
  times: number,
  threads: number,
): number {
  measure.call(
    kernel.address,
    addressOf(words),
    units,
    chunk,
    times,
    workspace.address,
    threads,
    addressOf(nanoseconds),
  );
  const sorted = nanoseconds.slice(0, times).sort();
  return Number(sorted[threads > 1 ? 0 : times >> 1]);
}

const peakUnits = 20_000;
const peakFlops = peakUnits * 12 * 2 * (target.vectorBytes / 4);

function peakRate(threads: number): number {
  return peakFlops / time(peak, new BigInt64Array(1), peakUnits, peakUnits / threads, 5, threads);
}

interface Case {
  readonly name: string;
  readonly kernel: ContractKernel;
}

/** Elements between the first and the last that a kernel reads, about. */
function reach(offset: number, axes: readonly (readonly [number, Offsets])[]): number {
  return axes.reduce(
    (sum, [extent, offsets]) => sum + ("table" in offsets ? Math.max(...offsets.table) : (extent - 1) * offsets.stride),
    offset + 1,
  );
}

function matmul(form: "NN" | "NT" | "TN" | "TT", m: number, n: number, k: number, batch = 1): Case {
  const [a, b] = [form[0] === "T", form[1] === "T"];
  const kernel: ContractKernel = {
    kind: "contract",
    dtype: "float32",
    m,
    n,
    k,
    aOffset: 0,
    bOffset: 0,
    aM: { stride: a ? 1 : k },
    aK: { stride: a ? m : 1 },
    bK: { stride: b ? 1 : n },
    bN: { stride: b ? k : 1 },
    cM: n,
    batch: batch === 1 ? [] : [{ extent: batch, a: m * k, b: k * n, c: m * n }],
    fold: { extent: 1, a: 0, b: 0 },
  };
  return { name: `${form} ${batch > 1 ? `${batch} x ` : ""}${m}x${n}x${k}`, kernel };
}

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** A 3x3 convolution of padded images: forward, or the gradient of the weights. */
function conv(isWeights: boolean, images: number, channels: number, out: number, size: number, stride = 1): Case {
  const padded = size + 2;
  const pixels = Math.floor((padded - 3) / stride) + 1;
  const [taps, area, image] = [channels * 9, pixels * pixels, channels * padded * padded];
  const tapTable = Int32Array.from(
    range(taps).map((t) => (Math.floor(t / 9) * padded + (Math.floor(t / 3) % 3)) * padded + (t % 3)),
  );
  const pixelTable = Int32Array.from(range(area).map((p) => stride * (Math.floor(p / pixels) * padded + (p % pixels))));
  const shared = { kind: "contract", dtype: "float32", aOffset: 0, bOffset: 0 } as const;
  const name = `conv ${isWeights ? "weights" : "forward"} ${images} x ${channels}->${out} ${size} stride ${stride}`;
  if (isWeights) {
    const axes = { m: out, n: taps, k: area, aM: { stride: area }, aK: { stride: 1 }, cM: taps };
    const tables = { bK: { table: pixelTable }, bN: { table: tapTable } };
    return {
      name,
      kernel: { ...shared, ...axes, ...tables, batch: [], fold: { extent: images, a: out * area, b: image } },
    };
  }
  const axes = { m: out, n: area, k: taps, aM: { stride: taps }, aK: { stride: 1 }, cM: area };
  const tables = { bK: { table: tapTable }, bN: { table: pixelTable } };
  const batch = [{ extent: images, a: 0, b: image, c: out * area }];
  return { name, kernel: { ...shared, ...axes, ...tables, batch, fold: { extent: 1, a: 0, b: 0 } } };
}

const cases: readonly Case[] = [
  ...[256, 512, 1024, 2048].flatMap((size) =>
    (["NN", "NT", "TN"] as const).map((form) => matmul(form, size, size, size)),
  ),
  ...[8, 12, 32, 64, 128].flatMap((m) => (["NN", "NT"] as const).map((form) => matmul(form, m, 512, 512))),
  ...[10, 65].flatMap((n) => (["NN", "NT", "TN"] as const).map((form) => matmul(form, 128, n, 256))),
  matmul("NN", 1, 1024, 1024),
  matmul("NT", 1, 1024, 1024),
  matmul("NN", 1024, 1, 1024),
  matmul("TN", 1024, 1, 1024),
  matmul("NN", 64, 64, 32, 48),
  matmul("NT", 64, 64, 32, 48),
  matmul("NN", 64, 32, 64, 48),
  matmul("TN", 64, 32, 64, 48),
  matmul("TN", 128, 128, 768),
  matmul("TN", 512, 784, 128),
  matmul("TN", 512, 128, 768),
  matmul("NT", 128, 512, 784),
  matmul("NT", 768, 512, 128),
  matmul("NN", 768, 128, 512),
  matmul("NN", 128, 512, 784),
  conv(false, 8, 32, 64, 26),
  conv(true, 8, 32, 64, 26),
  conv(false, 8, 64, 64, 32),
  conv(true, 8, 64, 64, 32),
  conv(false, 8, 64, 64, 32, 2),
  conv(true, 8, 64, 64, 32, 2),
];

const median = (list: readonly number[]): number => [...list].sort((x, y) => x - y)[list.length >> 1] as number;

console.log(
  `${target.isa}: GFLOP/s, share of the peak in the median and best round, with ${threadCounts.join(" and ")} threads`,
);
for (const { name, kernel } of cases) {
  if (!name.includes(filter)) continue;
  const { batch, fold, m, n, k } = kernel;
  const batchAxes = (of: "a" | "b" | "c") => batch.map((loop) => [loop.extent, { stride: loop[of] }] as const);
  const aSize = reach(0, [...batchAxes("a"), [fold.extent, { stride: fold.a }], [m, kernel.aM], [k, kernel.aK]]);
  const bSize = reach(0, [...batchAxes("b"), [fold.extent, { stride: fold.b }], [k, kernel.bK], [n, kernel.bN]]);
  const cSize = reach(0, [...batchAxes("c"), [m, { stride: kernel.cM }], [n, { stride: 1 }]]);
  let top = 0;
  const [a, b, c] = [aSize, bSize, cSize].map((size) => {
    const data = new Float32Array(pool.bytes.buffer, pool.bytes.byteOffset + top, size + 16);
    top += Math.ceil(data.byteLength / 64) * 64;
    for (let i = 0; i < data.length; i++) data[i] = Math.random() * 2 - 1;
    return data;
  }) as [Float32Array, Float32Array, Float32Array];
  const args = new Arguments([a, b, c]);
  const units = writeContractArguments(kernel, target, args);
  const words = args.bytes();
  const compiled = runner.kernel(kernel);
  const flops = 2 * m * n * k * fold.extent * batch.reduce((count, { extent }) => count * extent, 1);
  const chunk = Math.ceil(units / Math.max(Math.min(units, 64, Math.floor(flops / target.vectorBytes / 4 / 2000)), 1));
  const times = Math.max(Math.min(Math.floor((roundNanoseconds * 3 * target.vectorBytes) / flops), 1000), 1);
  const columns = threadCounts.map((threads) => {
    const rates: number[] = [];
    const peaks: number[] = [];
    for (let round = 0; round < rounds; round++) {
      peaks.push(peakRate(threads));
      rates.push(flops / time(compiled, words, units, chunk, times, threads));
    }
    const percent = (share: number): string => `${(100 * share).toFixed(0)}%`.padStart(5);
    const shares = rates.map((rate, i) => rate / (peaks[i] as number));
    return `${median(rates).toFixed(0).padStart(5)} ${percent(median(shares))} ${percent(Math.max(...rates) / Math.max(...peaks))}`;
  });
  console.log(`${name.padEnd(36)} ${columns.join("   |")}   ${units} units in ${Math.ceil(units / chunk)} chunks`);
}
