/** What the WebAssembly engine can do, and the tiles that suit it. Floor: runtime. */
import { environment } from "../../base/environment.ts";
import { Fn } from "../../codegen/wasm/function.ts";
import { assembleModule } from "../../codegen/wasm/module.ts";
import type { Tiles } from "./kernels.ts";

export interface Features {
  /** Fused multiply-add (relaxed SIMD). */
  readonly fma: boolean;
  /** Engines before V8 13 keep few vectors in registers. */
  readonly oldBackend: boolean;
}

interface Process {
  readonly versions?: { readonly v8?: string };
  readonly arch?: string;
  getBuiltinModule?(name: "node:v8"): { setFlagsFromString(flags: string): void } | undefined;
}

const hostProcess = (): Process | undefined => (globalThis as { process?: Process }).process;

/** Whether relaxed SIMD is there; found out once, and TWOPASS_RELAXED_SIMD=0 says that it is not. */
let hasFma: boolean | undefined;

export function engineFeatures(): Features {
  hasFma ??= environment("TWOPASS_RELAXED_SIMD") !== "0" && (fuses() || fusesWithFlag());
  const v8 = Number.parseInt(hostProcess()?.versions?.v8 ?? "99", 10);
  return { fma: hasFma, oldBackend: v8 < 13 };
}

/** Whether the engine knows the instruction, and means 2 · 3 + 1 by it: drafts of the standard had another order. */
function fuses(): boolean {
  const probe = new Fn([], ["f32"]);
  probe.f32x4(2).f32x4(3).f32x4(1).op("f32x4.relaxed_madd").lane("f32x4.extract_lane", 0);
  const bytes = assembleModule({ probe });
  if (!WebAssembly.validate(bytes)) return false;
  const memory = new WebAssembly.Memory({ initial: 0 });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } });
  return (exports["probe"] as () => number)() === 7;
}

/** Node 20 has relaxed SIMD behind a flag, which holds for all that is compiled later, in other threads too. */
function fusesWithFlag(): boolean {
  try {
    hostProcess()?.getBuiltinModule?.("node:v8")?.setFlagsFromString("--experimental-wasm-relaxed-simd");
    return fuses();
  } catch {
    return false;
  }
}

/** What the WebAssembly device uses of this engine and what not, for people. */
export function engineReport(): string {
  const { fma } = engineFeatures();
  const why =
    environment("TWOPASS_RELAXED_SIMD") === "0" ? "TWOPASS_RELAXED_SIMD=0" : "this engine has no relaxed SIMD";
  const multiply = fma ? "fused multiply-add in products of matrices" : `no fused multiply-add: ${why}`;
  return `WebAssembly made at run time, 128-bit SIMD, ${multiply}`;
}

/** Whether the tiles of `chooseTiles` were measured on an engine and processor like these: Node on x64. */
export function areTilesKnown(): boolean {
  const { versions, arch } = hostProcess() ?? {};
  return versions?.v8 !== undefined && arch === "x64";
}

/** Tiles that keep their sums in registers on this engine; see docs/performance.md. */
export function chooseTiles({ fma, oldBackend }: Features): Tiles {
  const wide = fma && !oldBackend;
  return {
    float32: { mr: wide ? 6 : 4, nr: 8, fma },
    float64: { mr: 4, nr: 4, fma },
    int32: { mr: 4, nr: 8, fma: false },
  };
}
