import { kit } from "/work/main/src/ops/kit.ts";
import * as act from "/work/main/src/ops/composite/activation.ts";
import { layerNorm } from "/work/main/src/ops/composite/normalization.ts";
import { planOf, inputOf, cellOf, adam } from "/work/main/test/schedule/models.ts";
import { loopSource } from "/work/main/src/codegen/c/loops.ts";
import { laneBlockOf, loopUnits, writeLoopArguments } from "/work/main/src/codegen/c/loop-arguments.ts";
import { cTargets } from "/work/main/src/codegen/c/target.ts";
import { compileKernels } from "/work/main/test/codegen/c/compiler.ts";
import { itemSize, viewOf } from "/work/main/src/base/dtype.ts";
import { sizeOf } from "/work/main/src/base/shape.ts";
import koffi from "/work/main/node_modules/koffi/index.js";
import { showKernel } from "/work/main/src/schedule/show.ts";
const target = cTargets[(process.argv[2] ?? "avx512") as "avx512"];
const only = process.argv[3] ?? "";
const R = Number(process.env.ROWS ?? 8192);
const cases: Record<string, () => any[]> = {
  copy: () => [kit.copy(inputOf([R, 1024]))],
  relu: () => [kit.relu(inputOf([R, 1024]))],
  exp: () => [kit.exp(inputOf([R, 1024]))],
  tanh: () => [kit.tanh(inputOf([R, 1024]))],
  geluTanh: () => [act.gelu(kit, inputOf([R, 1024]), "tanh" as any)],
  geluErf: () => [act.gelu(kit, inputOf([R, 1024]))],
  adam: () => adam([cellOf("w", [R/4, 1024])], [inputOf([R/4, 1024])]),
  softmax: () => [act.softmax(kit, inputOf([R, 1024]), 1)],
  logSoftmax: () => [act.logSoftmax(kit, inputOf([R, 1024]), 1)],
  layerNorm512: () => [layerNorm(kit, inputOf([2*R, 512]), 1, cellOf("weight", [512]), cellOf("bias", [512]), 1e-5)],
  layerNorm1024: () => [layerNorm(kit, inputOf([R, 1024]), 1, cellOf("weight", [1024]), cellOf("bias", [1024]), 1e-5)],
  sumRows: () => [kit.sum(inputOf([R, 1024]), [1])],
  maxRows: () => [kit.max ? kit.max(inputOf([R, 1024]), [1]) : kit.sum(inputOf([R, 1024]), [1])],
  sumCols1024: () => [kit.sum(inputOf([R, 1024]), [0])],
  sumCols1000: () => [kit.sum(inputOf([R, 1000]), [0])],
  sumCols64: () => [kit.sum(inputOf([R * 16, 64]), [0])],
  sumAll: () => [kit.sum(inputOf([R, 1024]), [0, 1])],
  softmaxCols: () => [act.softmax(kit, inputOf([512, R * 2]), 0)],
  transpose: () => [kit.copy(kit.transpose(inputOf([R, 1024]), 0, 1))],
  transposeAdd: () => [kit.add(kit.transpose(inputOf([1024, R]), 0, 1), inputOf([R, 1024]))],
  softmax64: () => [act.softmax(kit, inputOf([R * 16, 64]), 1)],
  softmax10: () => [act.softmax(kit, inputOf([R * 16, 10]), 1)],
};
const memory = { base: 0, used: 0 };
const big = new Uint8Array(new SharedArrayBuffer(1024 * 2 ** 20));
memory.base = Math.ceil(Number(koffi.address(big)) / 64) * 64;
const f32 = new Float32Array(big.buffer, memory.base - Number(koffi.address(big)), 240 * 2 ** 20);
const allocate = (bytes: number) => { const at = memory.used; memory.used += Math.ceil((bytes + 64 + 4096) / 64) * 64 ; return memory.base + at; };
const workspace = allocate(65536);
const median = (l: number[]) => l.sort((a, b) => a - b)[l.length >> 1]!;
// the plain copy
const copySource = `#include <string.h>
void k0(const int64_t *args, int64_t from, int64_t to, char *workspace) { char *x = (char *)args[0], *y = (char *)args[1]; for (int64_t i = 0; i < args[2]; i += 64) { i32v v = LOAD(i32v, x + i); STORE(i32v, y + i, v);} }
void k1(const int64_t *args, int64_t from, int64_t to, char *workspace) { memcpy((char *)args[1], (char *)args[0], args[2]); }
void k2(const int64_t *args, int64_t from, int64_t to, char *workspace) { char *x = (char *)args[0]; i32v s = {}; for (int64_t i = 0; i < 2 * args[2]; i += 64) { s += LOAD(i32v, x + i); } STORE(i32v, workspace, s); }
`;
const [copyLoop, copyMem, readLoop] = compileKernels(copySource, 3, cTargets.avx512);
const begin = memory.used;
for (const [name, make] of Object.entries(cases)) {
  if (only !== "" && !new RegExp(`^(${only})$`).test(name)) continue;
  memory.used = begin;
  const { plan } = planOf(make());
  const loops = plan.steps.filter((s) => s.kernel.kind === "loop");
  const text = loops.map((s, i) => loopSource(s.kernel as any, `k${i}`, target)).join("\n");
  if (process.env.SHOW) console.log(loops.map((s) => showKernel(s.kernel)).join("\n"), text);
  const codes = compileKernels(text, loops.length, target);
  const places = plan.buffers.map((b) => allocate(b.bytes));
  let bytes = 0;
  f32.fill(0.5, 65536/4, memory.used / 4);
  for (let i = 65536/4; i < memory.used / 4; i++) f32[i] = (i * 2654435761 % 1000) / 500 - 1;
  const runs = loops.map((s, i) => {
    const k: any = s.kernel;
    const words: bigint[] = [];
    const lb = Number(process.env.BLOCK ?? laneBlockOf(k));
    writeLoopArguments(k, lb, {
      word: (v) => words.push(BigInt(v)),
      address: (b, add) => words.push(BigInt(places[s.buffers[b]!]! + add)),
      number: (dtype, value) => { const e = new BigInt64Array(1); viewOf(dtype, e.buffer, 0, 1)[0] = value; words.push(e[0]!); },
      fault: () => words.push(BigInt(workspace)),
    });
    const data = BigInt64Array.from(words);
    for (const b of new Set(s.buffers)) bytes += plan.buffers[b]!.bytes;
    const written = 0;
    return { code: codes[i]!, args: Number(koffi.address(data)), units: loopUnits(k, lb), data };
  });
  const half = Math.floor(bytes / 2 / 64) * 64;
  const [cx, cy] = [allocate(half), allocate(half)];
  if (memory.used > f32.length * 4) throw new Error("mem " + memory.used);
  const cargs = BigInt64Array.from([BigInt(cx), BigInt(cy), BigInt(half)]);
  const ca = Number(koffi.address(cargs));
  const t: number[][] = [[], [], [], []];
  const time = (f: () => void) => { const s = performance.now(); f(); return performance.now() - s; };
  for (let r = 0; r < 9; r++) {
    t[0]!.push(time(() => runs.forEach((x) => x.code(x.args, 0, x.units, workspace))));
    t[1]!.push(time(() => copyLoop!(ca, 0, 1, workspace)));
    t[2]!.push(time(() => copyMem!(ca, 0, 1, workspace)));
    t[3]!.push(time(() => readLoop!(ca, 0, 1, workspace)));
  }
  const [a, b, c, d] = t.map((l) => median(l)) as [number, number, number, number];
  const gb = (ms: number) => (bytes / ms / 1e6).toFixed(1);
  console.log(`${name.padEnd(14)} ${loops.length} kernels ${(bytes / 1e6).toFixed(0)} MB: ${gb(a)} GB/s  copy loop ${gb(b)} memcpy ${gb(c)} read ${gb(d)}  => ${(100 * b / a).toFixed(0)}% of copy loop, ${(100*d/a).toFixed(0)}% of read`);
}
