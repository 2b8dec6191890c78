/** Runs a convolution's kernels as machine code: plans a pass, compiles its steps, calls them on memory of their own. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import koffi, { type LibraryHandle } from "koffi";
import { convKey, convSource, convWorkspaceBytes, writeConvArguments } from "../../../src/codegen/c/conv/conv.ts";
import { prelude } from "../../../src/codegen/c/prelude.ts";
import type { CTarget } from "../../../src/codegen/c/target.ts";
import type { Value } from "../../../src/ir/value.ts";
import { type ConvKernel, type ConvPlan, planConv } from "../../../src/schedule/conv.ts";
import { type CKernel, CMemory, compiler } from "./compiler.ts";

const flags = [
  "-O2",
  "-ffp-contract=fast",
  "-Wall",
  "-Wextra",
  "-Werror",
  "-Wno-unused",
  "-Wno-unused-parameter",
  "-shared",
  "-fPIC",
];

/** A library of C functions as the native device compiles products. */
export function compileProducts(source: string, target: CTarget, more: readonly string[] = []): LibraryHandle {
  const folder = mkdtempSync(join(tmpdir(), "twopass-conv-"));
  try {
    const [text, library] = [join(folder, "kernels.c"), join(folder, "kernels.so")];
    writeFileSync(text, source);
    const words = [...target.flags, ...flags, ...more, "-o", library, text];
    const { status, stderr } = spawnSync(compiler as string, words, { encoding: "utf8" });
    if (status !== 0) throw new Error(stderr);
    return koffi.load(library);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const kernelTypes = ["uintptr_t", "int64_t", "int64_t", "uintptr_t"];

/** A kernel as a function, and where its code is. */
export interface Kernel {
  readonly run: CKernel;
  readonly address: number;
}

/** Kernels by key, compiled when first asked for. */
export class ConvKernels {
  readonly target: CTarget;
  readonly #known = new Map<string, Kernel>();

  constructor(target: CTarget) {
    this.target = target;
  }

  get(kernel: ConvKernel): Kernel {
    const key = convKey(kernel);
    let found = this.#known.get(key);
    if (found === undefined) {
      const source = `${prelude(this.target)}${convSource(kernel, "k0", this.target)}int64_t at() { return (int64_t)k0; }\n`;
      const library = compileProducts(source, this.target);
      const address = Number(library.func("at", "int64_t", [])());
      found = { run: library.func("k0", "void", kernelTypes) as CKernel, address };
      this.#known.set(key, found);
    }
    return found;
  }
}

export interface Call {
  readonly kernel: ConvKernel;
  readonly run: CKernel;
  readonly address: number;
  readonly args: number;
  readonly units: number;
}

/** A convolution, its operands and results in memory, ready to run. */
export class PreparedConv {
  readonly calls: readonly Call[];
  readonly memory: CMemory;
  readonly workspace: number;
  /** From one thread's workspace to the next one's. */
  readonly workspaceStep: number;
  readonly #result: { readonly offset: number; readonly size: number };
  readonly #workspace: number;
  readonly #guards: readonly number[];

  constructor(
    kernels: ConvKernels,
    value: Value,
    operands: readonly Float32Array[],
    plan = planOf(value),
    threads = 1,
  ) {
    const sizes = plan.scratch.reduce((n, bytes) => n + bytes + 512, 0);
    const size = value.shape.reduce((n, extent) => n * extent, 1);
    const data = operands.reduce((n, list) => n + list.byteLength + 512, 0);
    this.workspaceStep = convWorkspaceBytes(kernels.target);
    this.memory = new CMemory(data + sizes + 4 * size + threads * this.workspaceStep + 65536);
    const memory = this.memory;
    const guards: number[] = [];
    // What lies behind buffers, and in the workspace at first, is NaN.
    const take = (bytes: number): number => {
      const offset = memory.allocate(bytes);
      guards.push(offset + bytes);
      memory.bytes.fill(0xff, offset + bytes, offset + bytes + 64);
      return offset;
    };
    const inputs = operands.map((list) => {
      const offset = take(list.byteLength);
      new Float32Array(memory.bytes.buffer, memory.bytes.byteOffset + offset, list.length).set(list);
      return offset;
    });
    const scratch = plan.scratch.map(take);
    this.#result = { offset: take(4 * size), size };
    this.#workspace = take(threads * this.workspaceStep);
    this.workspace = memory.address(this.#workspace);
    const bases = value.inputs.map(baseOf);
    this.calls = plan.steps.map(({ kernel, buffers }) => {
      const places = buffers.map((b) => {
        if (b === "result") return this.#result.offset;
        return typeof b === "number" ? (scratch[b] as number) : (inputs[bases.indexOf(b)] as number);
      });
      const words: number[] = [];
      const units = writeConvArguments(kernel, kernels.target, {
        word: (word) => words.push(word),
        address: (buffer, addend) => words.push(memory.address(places[buffer] as number) + addend),
      });
      const offset = take(8 * words.length);
      new BigInt64Array(memory.bytes.buffer, memory.bytes.byteOffset + offset, words.length).set(words.map(BigInt));
      return { kernel, ...kernels.get(kernel), args: memory.address(offset), units };
    });
    this.#guards = guards;
  }

  /** Runs all steps in ranges of `chunk` units, from the last one where `isBackward`. */
  run(chunk = Number.POSITIVE_INFINITY, isBackward = false): Float32Array {
    this.memory.bytes.fill(0xff, this.#workspace, this.#workspace + this.workspaceStep);
    for (const { run, args, units } of this.calls) {
      const starts: number[] = [];
      for (let unit = 0; unit < units; unit += chunk) starts.push(unit);
      if (isBackward) starts.reverse();
      for (const start of starts) run(args, start, Math.min(start + chunk, units), this.workspace);
    }
    for (const guard of this.#guards) {
      if (this.memory.bytes[guard] !== 0xff) throw new Error("a kernel wrote behind a buffer");
    }
    const { offset, size } = this.#result;
    return new Float32Array(this.memory.bytes.buffer, this.memory.bytes.byteOffset + offset, size).slice();
  }
}

function baseOf(value: Value): Value {
  let base = value;
  while (base.op.kind === "view") base = base.inputs[0] as Value;
  return base;
}

function planOf(value: Value): ConvPlan {
  const plan = planConv(value, (v) => v.op.kind === "leaf");
  if (plan === undefined) throw new Error("the convolution is not taken");
  return plan;
}
