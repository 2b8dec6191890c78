/** The machine's C compiler for tests: kernels from text to functions that take addresses of one block of memory. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import koffi from "koffi";
import { hostSource } from "../../../src/codegen/c/functions.ts";
import { prelude } from "../../../src/codegen/c/prelude.ts";
import { type CTarget, cTargets } from "../../../src/codegen/c/target.ts";

export type CKernel = (args: number, from: number, to: number, workspace: number) => void;

function runs(command: string): boolean {
  return spawnSync(command, ["--version"], { stdio: "ignore" }).status === 0;
}

/** The first compiler there is, or undefined. TWOPASS_TEST_CC names another. */
export const compiler = [process.env["TWOPASS_TEST_CC"], "gcc", "cc", "clang"].find((c) => c !== undefined && runs(c));

/** Targets whose code this machine can run. */
export function runnableTargets(): CTarget[] {
  if (compiler === undefined) return [];
  if (process.arch === "arm64") return [cTargets.neon, cTargets.plain];
  if (process.arch !== "x64") return [cTargets.plain];
  const info = existsSync("/proc/cpuinfo") ? readFileSync("/proc/cpuinfo", "utf8") : "";
  const has = (...features: string[]): boolean => features.every((f) => new RegExp(`\\b${f}\\b`).test(info));
  return [
    ...(has("avx512f", "avx512dq", "avx512bw", "avx512vl") ? [cTargets.avx512] : []),
    ...(has("avx2", "fma") ? [cTargets.avx2] : []),
    cTargets.plain,
  ];
}

/** Compiles the text of kernels k0, k1 ... behind the prelude of a target. */
export function compileKernels(text: string, count: number, target: CTarget): CKernel[] {
  const folder = mkdtempSync(join(tmpdir(), "twopass-c-"));
  try {
    const [source, library] = [join(folder, "kernels.c"), join(folder, "kernels.so")];
    writeFileSync(source, prelude(target) + hostSource(text) + text);
    const flags = [
      "-Og",
      ...target.flags,
      "-Wall",
      "-Werror",
      "-Wno-unused",
      "-Wno-tautological-compare",
      "-shared",
      "-fPIC",
    ];
    const { status, stderr } = spawnSync(compiler as string, [...flags, "-o", library, source, "-lm"], {
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(stderr);
    const loaded = koffi.load(library);
    const types = ["uintptr_t", "int64_t", "int64_t", "uintptr_t"];
    return Array.from({ length: count }, (_, i) => loaded.func(`k${i}`, "void", types) as CKernel);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A block of memory that kernels see. Offsets count from its start. */
export class CMemory {
  readonly bytes: Uint8Array;
  readonly #base: number;
  #used = 0;

  constructor(size: number) {
    const whole = new Uint8Array(size + 64);
    const shift = (64 - (Number(koffi.address(whole)) % 64)) % 64;
    this.bytes = whole.subarray(shift, shift + size);
    this.#base = Number(koffi.address(whole)) + shift;
  }

  address(offset: number): number {
    return this.#base + offset;
  }

  /** Room at a multiple of 64, with 64 bytes of slack behind it, all of it 0xa5. */
  allocate(bytes: number): number {
    const offset = this.#used;
    this.#used += Math.ceil(bytes / 64) * 64 + 64;
    if (this.#used > this.bytes.length) throw new Error(`${this.#used} bytes of ${this.bytes.length}`);
    this.bytes.fill(0xa5, offset, this.#used);
    return offset;
  }

  clear(): void {
    this.#used = 0;
  }
}
