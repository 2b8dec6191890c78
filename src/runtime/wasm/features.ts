/** What the WebAssembly engine can do, and the tiles that suit it. Floor: runtime. */
import { Fn } from "../../codegen/wasm/function.ts";
import { assembleModule } from "../../codegen/wasm/module.ts";
import type { Tiles } from "./kernels.ts";

export interface Features {
  /** Fused multiply-add (relaxed SIMD). */
  readonly fma: boolean;
  /** Engines before V8 13 keep few vectors in registers. */
  readonly oldBackend: boolean;
}

export function engineFeatures(): Features {
  const probe = new Fn([]);
  probe.f32x4(0).f32x4(0).f32x4(0).op("f32x4.relaxed_madd", "drop");
  const fma = WebAssembly.validate(assembleModule({ probe }));
  const versions = (globalThis as { process?: { versions?: { v8?: string } } }).process?.versions;
  const v8 = Number.parseInt(versions?.v8 ?? "99", 10);
  return { fma, oldBackend: v8 < 13 };
}

/** What the WebAssembly device uses of this engine and what not, for people. */
export function engineReport(): string {
  const { fma } = engineFeatures();
  const multiply = fma
    ? "fused multiply-add in products of matrices"
    : "no fused multiply-add: this engine has no relaxed SIMD";
  return `WebAssembly made at run time, 128-bit SIMD, ${multiply}\none thread: kernels are not divided among threads`;
}

/** Tiles that keep their sums in registers on this engine; measured, see docs/performance.md. */
export function chooseTiles({ fma, oldBackend }: Features): Tiles {
  const wide = fma && !oldBackend;
  return {
    float32: { mr: wide ? 6 : 4, nr: 8, fma },
    float64: { mr: 4, nr: 4, fma },
    int32: { mr: 4, nr: 8, fma: false },
  };
}
