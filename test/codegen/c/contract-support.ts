/** Runs contraction kernels as machine code: compiles their C and calls it on typed arrays. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import koffi from "koffi";
import {
  contractKey,
  contractModes,
  contractSource,
  contractWorkspaceBytes,
  writeContractArguments,
} from "../../../src/codegen/c/contract/contract.ts";
import { prelude } from "../../../src/codegen/c/prelude.ts";
import { type CTarget, cTargets } from "../../../src/codegen/c/target.ts";
import type { ContractKernel } from "../../../src/schedule/kernel.ts";

export type Elements = Float32Array | Float64Array | Int32Array;

const compiler = process.env["CC"] ?? "gcc";

/** The targets that this machine can compile for and run. */
export function runnableTargets(): CTarget[] {
  if (spawnSync(compiler, ["--version"]).status !== 0) return [];
  if (process.arch === "arm64") return [cTargets.neon, cTargets.plain];
  if (process.platform !== "linux") return [cTargets.plain];
  const flags = new Set(/^flags\s*:(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1]?.split(" "));
  const needs = {
    avx512: ["avx512f", "avx512dq", "avx512bw", "avx512vl"],
    avx2: ["avx2", "fma"],
    neon: ["neon"],
    plain: [],
  };
  return Object.values(cTargets).filter(({ isa }) => needs[isa].every((flag) => flags.has(flag)));
}

let files = 0;
const folder = mkdtempSync(join(tmpdir(), "contract-"));

/** A function of a compiled file. */
export interface CFunction {
  readonly call: (...args: number[]) => void;
  readonly address: number;
}

/** Compiles a file; functions take as many words as the number behind their names. */
export function compileC(
  source: string,
  functions: Readonly<Record<string, number>>,
  flags: readonly string[],
): Readonly<Record<string, CFunction>> {
  const path = join(folder, `kernel-${process.pid}-${files++}`);
  writeFileSync(`${path}.c`, source);
  const options = [
    "-O2",
    ...flags,
    "-ffp-contract=fast",
    "-Wall",
    "-Wextra",
    "-Wno-unused-parameter",
    "-Wno-unused-function",
  ];
  const done = spawnSync(compiler, [...options, "-shared", "-fPIC", "-o", `${path}.so`, `${path}.c`], {
    encoding: "utf8",
  });
  if (done.status !== 0 || done.stderr !== "") throw new Error(`${compiler}: ${done.stderr}`);
  const library = koffi.load(`${path}.so`);
  return Object.fromEntries(
    Object.entries(functions).map(([name, words]) => [
      name,
      {
        call: library.func(
          name,
          "void",
          Array.from({ length: words }, () => "int64_t"),
        ) as CFunction["call"],
        address: Number(koffi.address(library.symbol(name))),
      },
    ]),
  );
}

export function addressOf(data: ArrayBufferView): number {
  return Number(koffi.address(data));
}

/** Memory at a multiple of 64. */
export function alignedBytes(bytes: number): { bytes: Uint8Array; address: number } {
  const all = new Uint8Array(bytes + 64);
  const skip = (64 - (addressOf(all) % 64)) % 64;
  return { bytes: all.subarray(skip, skip + bytes), address: addressOf(all) + skip };
}

/** Arguments of a call in memory. */
export class Arguments {
  readonly words: number[] = [];
  readonly tables: Int32Array[] = [];
  readonly #buffers: readonly ArrayBufferView[];

  constructor(buffers: readonly ArrayBufferView[]) {
    this.#buffers = buffers;
  }

  word(value: number): void {
    this.words.push(value);
  }

  address(buffer: number, addend: number): void {
    this.words.push(addressOf(this.#buffers[buffer] as ArrayBufferView) + addend);
  }

  table(places: Int32Array, unit: number): void {
    const table = places.map((place) => place * unit);
    this.tables.push(table);
    this.words.push(addressOf(table));
  }

  bytes(): BigInt64Array {
    return BigInt64Array.from(this.words, BigInt);
  }
}

/** Kernels of one target, compiled once by key. */
export class ContractRunner {
  readonly target: CTarget;
  readonly #kernels = new Map<string, CFunction>();
  readonly #workspace: { bytes: Uint8Array; address: number };
  /** Keeps the tables of the last call, of which the kernel has but addresses. */
  last: Arguments | undefined;

  constructor(target: CTarget) {
    this.target = target;
    this.#workspace = alignedBytes(contractWorkspaceBytes(target) + 64);
  }

  /** Compiles what the kernels need in one file, where they share functions. */
  compile(kernels: readonly ContractKernel[]): void {
    const wanted = new Map(kernels.map((kernel) => [contractKey(kernel), kernel]));
    for (const key of this.#kernels.keys()) wanted.delete(key);
    const list = [...wanted].map(([key, kernel], i) => ({ key, kernel, name: `kernel${i}` }));
    if (list.length === 0) return;
    const texts = list.map(({ kernel, name }) => contractSource(contractModes(kernel), name, this.target));
    const source = [prelude(this.target), ...texts].join("\n");
    const functions = compileC(source, Object.fromEntries(list.map(({ name }) => [name, 4])), this.target.flags);
    for (const { key, name } of list) this.#kernels.set(key, functions[name] as CFunction);
  }

  kernel(kernel: ContractKernel): CFunction {
    this.compile([kernel]);
    return this.#kernels.get(contractKey(kernel)) as CFunction;
  }

  /** Runs a kernel in ranges of `chunk` units, last first where `isBackward`. */
  run(kernel: ContractKernel, a: Elements, b: Elements, c: Elements, chunk = 0, isBackward = false): void {
    const args = new Arguments([a, b, c]);
    this.last = args;
    const units = writeContractArguments(kernel, this.target, args);
    const words = args.bytes();
    const { call } = this.kernel(kernel);
    const starts: number[] = [];
    for (let unit = 0; unit < units; unit += chunk === 0 ? units : chunk) starts.push(unit);
    if (isBackward) starts.reverse();
    const guard = this.#workspace.bytes.subarray(contractWorkspaceBytes(this.target));
    guard.fill(77);
    for (const from of starts) {
      const to = Math.min(from + (chunk === 0 ? units : chunk), units);
      call(addressOf(words), from, to, this.#workspace.address);
    }
    if (guard.some((byte) => byte !== 77)) throw new Error("the kernel wrote behind its workspace");
  }
}
