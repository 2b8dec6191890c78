/** The most multiplications and additions a second that WebAssembly reaches here: chains that fill the registers. */
import { Fn } from "../../src/codegen/wasm/function.ts";
import { assembleModule } from "../../src/codegen/wasm/module.ts";
import { engineFeatures } from "../../src/runtime/wasm/features.ts";

const chainCount = 13;
const repeats = 4;
const turns = 100_000;

/** Independent chains of x = x · a + b; the argument counts turns. */
function peakFunction(fma: boolean): Fn {
  const f = new Fn(["i32"]);
  const [count] = f.params;
  const a = f.local("v128");
  const b = f.local("v128");
  const chains = f.localArray("v128", chainCount);
  f.i32(0).load("v128.load").set(a).i32(0).load("v128.load").set(b);
  f.loop((again) => {
    for (let i = 0; i < repeats; i++) {
      for (const x of chains) {
        if (fma) f.push(x, a, b).op("f32x4.relaxed_madd").set(x);
        else f.push(x, a).op("f32x4.mul").get(b).op("f32x4.add").set(x);
      }
    }
    f.push(count, 1).op("i32.sub").tee(count).brIf(again);
  });
  for (const x of chains) f.i32(0).get(x).store("v128.store");
  return f;
}

export interface WasmPeak {
  readonly fma: boolean;
  /** Measures for about a millisecond; operations a second of one thread. */
  readonly rate: () => number;
}

/** @param fma whether multiply-adds are fused; by default where the engine can. */
export function wasmPeak(fma = engineFeatures().fma): WasmPeak {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const module = new WebAssembly.Module(assembleModule({ fn: peakFunction(fma) }));
  const run = new WebAssembly.Instance(module, { env: { memory } }).exports["fn"] as (count: number) => void;
  // The engine's better code comes with the second call.
  run(turns);
  const rate = (): number => {
    const start = performance.now();
    run(turns);
    return (turns * repeats * chainCount * 8) / ((performance.now() - start) / 1000);
  };
  return { fma, rate };
}
