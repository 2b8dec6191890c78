/** A loop kernel in C on random data, against the interpreter and against itself in other cuts. */
import { type Dtype, type TypedArray, allocate, viewOf } from "../../../src/base/dtype.ts";
import { sizeOf } from "../../../src/base/shape.ts";
import { writeLoopArguments } from "../../../src/codegen/loop-arguments.ts";
import { loopUnits } from "../../../src/schedule/split.ts";
import { loopWorkspaceBytes } from "../../../src/codegen/c/loops/folds.ts";
import type { Scalar } from "../../../src/ir/scalar.ts";
import type { LoopKernel, Statement } from "../../../src/schedule/kernel.ts";
import type { KernelPlan, Step } from "../../../src/schedule/plan.ts";
import { randomStream } from "../../ops/sweep/case.ts";
import type { CKernel, CMemory } from "./compiler.ts";
import { interpret } from "./interpret.ts";

/** A kernel with the elements of its buffers; two of its buffers may be one. */
export interface KernelCase {
  readonly kernel: LoopKernel;
  readonly data: readonly TypedArray[];
  /** For each buffer of the kernel the number of its elements among `data`. */
  readonly buffers: readonly number[];
}

function elementsOf(dtype: Dtype, size: number, random: () => number): TypedArray {
  const data = allocate(dtype, size);
  for (let i = 0; i < size; i++) {
    const x = random();
    if (dtype === "bool") data[i] = Number(x < 0.5);
    else if (dtype === "uint8") data[i] = Math.floor(x * 256);
    else if (dtype === "int32") data[i] = x < 0.02 ? Math.floor((random() - 0.5) * 2 ** 32) : Math.floor(random() * 7);
    else data[i] = x < 0.005 ? Number.NaN : x < 0.05 ? 0 : x < 0.08 ? -0 : (random() - 0.5) * 4;
  }
  return data;
}

/** The kernel of a step with random elements in its buffers. */
export function caseOf(plan: KernelPlan, step: Step, seed: number): KernelCase {
  const random = randomStream(seed);
  const places = step.buffers.map((b) => {
    const { input } = plan.buffers[b] as KernelPlan["buffers"][number];
    return input >= 0 ? `input ${input}` : `buffer ${b}`;
  });
  const known = [...new Set(places)];
  const data = known.map((place) => {
    const held = plan.buffers[step.buffers[places.indexOf(place)] as number] as KernelPlan["buffers"][number];
    return elementsOf(held.dtype, sizeOf(held.shape), random);
  });
  return { kernel: step.kernel as LoopKernel, data, buffers: places.map((place) => known.indexOf(place)) };
}

export interface Outcome {
  readonly data: readonly TypedArray[];
  readonly fault: boolean;
}

export function interpretCase({ kernel, data, buffers }: KernelCase, isFused: boolean): Outcome {
  const copies = data.map((d) => d.slice() as TypedArray);
  const fault = interpret(
    kernel,
    buffers.map((b) => copies[b] as TypedArray),
    isFused,
  );
  return { data: copies, fault };
}

/** Runs the units in the given pieces. Throws where a kernel writes behind a buffer. */
export function runCase(
  { kernel, data, buffers }: KernelCase,
  code: CKernel,
  memory: CMemory,
  laneBlock: number,
  cut: (units: number) => readonly (readonly [from: number, to: number])[],
): Outcome {
  memory.clear();
  const offsets = data.map((d) => {
    const offset = memory.allocate(d.byteLength);
    memory.bytes.set(new Uint8Array(d.buffer, d.byteOffset, d.byteLength), offset);
    return offset;
  });
  const fault = memory.allocate(16);
  memory.bytes.fill(0, fault, fault + 16);
  const workspace = memory.allocate(loopWorkspaceBytes);
  const words: bigint[] = [];
  writeLoopArguments(kernel, laneBlock, {
    word: (value) => words.push(BigInt(value)),
    address: (buffer, addend) =>
      words.push(BigInt(memory.address(offsets[buffers[buffer] as number] as number) + addend)),
    number: (dtype, value) => {
      const eight = new BigInt64Array(1);
      viewOf(dtype, eight.buffer, 0, 1)[0] = dtype === "bool" ? -Number(value !== 0) : value;
      words.push(eight[0] as bigint);
    },
    fault: () => words.push(BigInt(memory.address(fault))),
  });
  const args = memory.allocate(8 * words.length);
  memory.bytes.set(new Uint8Array(BigInt64Array.from(words).buffer), args);
  for (const [from, to] of cut(loopUnits(kernel, laneBlock))) {
    code(memory.address(args), from, to, memory.address(workspace));
  }
  const results = data.map((d, i) => {
    const offset = offsets[i] as number;
    const behind = memory.bytes.subarray(offset + d.byteLength, offset + d.byteLength + 64);
    if (behind.some((byte) => byte !== 0xa5)) throw new Error(`written behind element ${d.length} of data ${i}`);
    const copy = new Uint8Array(memory.bytes.slice(offset, offset + d.length * bytesOf(d))).buffer;
    return d.constructor === Uint8Array ? new Uint8Array(copy) : viewOf(dtypeOf(d), copy, 0, d.length);
  });
  return { data: results, fault: memory.bytes[fault] === 1 };
}

function bytesOf(d: TypedArray): number {
  return d.BYTES_PER_ELEMENT;
}

function dtypeOf(d: TypedArray): Dtype {
  return d instanceof Float32Array ? "float32" : d instanceof Float64Array ? "float64" : "int32";
}

export const whole = (units: number): [number, number][] => [[0, units]];

/** Pieces of random sizes in random order. */
export function pieces(seed: number): (units: number) => [number, number][] {
  return (units) => {
    const random = randomStream(seed);
    const list: [number, number][] = [];
    for (let from = 0; from < units; ) {
      const to = Math.min(units, from + 1 + Math.floor(random() * 4));
      list.push([from, to]);
      from = to;
    }
    return list.sort(() => random() - 0.5);
  };
}

/** Whether all results of a kernel are rounded once for each instruction: no call, and no sum of unknown order. */
export function isExact(kernel: LoopKernel): boolean {
  const seen = new Set<Scalar>();
  const calls = (s: Scalar): boolean => {
    if (seen.has(s)) return false;
    seen.add(s);
    return s.instruction === "call" || s.args.some(calls);
  };
  const isPlain = (s: Statement): boolean => {
    if (calls(s.value)) return false;
    const adds = s.kind === "fold" && (s.fold === "sum" || s.fold === "prod") && s.running !== true;
    return !adds || (s.dtype !== "float32" && s.dtype !== "float64");
  };
  return kernel.levels.every((level) => [...level.row, ...level.loop].every(isPlain));
}

/** What differs between results, or "". */
export function difference(got: Outcome, want: Outcome, exact: boolean): string {
  if (got.fault !== want.fault) return `fault ${got.fault}, not ${want.fault}`;
  for (const [i, data] of want.data.entries()) {
    let largest = 1;
    for (const x of data) if (Number.isFinite(x)) largest = Math.max(largest, Math.abs(x));
    for (let j = 0; j < data.length; j++) {
      const [a, b] = [(got.data[i] as TypedArray)[j] as number, data[j] as number];
      if (Object.is(a, b) || (!exact && Math.abs(a - b) <= 2e-5 * largest)) continue;
      return `data ${i}, element ${j}: ${a}, not ${b}`;
    }
  }
  return "";
}
