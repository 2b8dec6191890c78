/**
 * The driver: a WebAssembly function that walks a command buffer wave by wave, so that a whole plan costs one call from
 * JavaScript. Also the calling convention of kernels. How threads share a wave stands in share.ts. Floor: codegen.
 *
 * A command in linear memory, all fields 32 bits wide:
 *   [0] index in the function table     [1] length of the whole command in bytes
 *   [2] chunks of the wave, [3] its length in bytes, [7] its time on one thread in µs, about: in its first command
 *   [4] units of the kernel             [5] units of a chunk          [6] unused      then the arguments
 * A kernel is a function (arguments, from, to, workspace) -> () that does the units from `from` up to `to`, in any order
 * with those of other calls. It reads argument i at arguments + 4 * i; the workspace is memory of the calling thread.
 */

import type { ValueType } from "./encode.ts";
import { Fn, type Local, type Signature } from "./function.ts";
import { assembleModule } from "./module.ts";
import type { LoadOp } from "./opcodes.ts";
import { serveFunction, shareFunction } from "./share.ts";

export const kernelSignature: Signature = { params: ["i32", "i32", "i32", "i32"], results: [] };

/** Bytes of a command in front of its arguments. */
export const commandHeaderBytes = 32;

export type KernelFn = Fn<readonly ["i32", "i32", "i32", "i32"]>;

/** An empty function with the signature of a kernel. */
export function kernelFunction(): KernelFn {
  return new Fn(["i32", "i32", "i32", "i32"]);
}

const argumentLoads = {
  i32: "i32.load",
  f32: "f32.load",
  i64: "i64.load",
  f64: "f64.load",
} as const satisfies Record<Exclude<ValueType, "v128">, LoadOp>;

/** A new local of `kernel` with argument `i`. A 64-bit argument takes the places i and i + 1. */
export function kernelArgument(kernel: KernelFn, i: number, type: keyof typeof argumentLoads = "i32"): Local {
  const local = kernel.local(type);
  const [args] = kernel.params;
  kernel
    .get(args)
    .load(argumentLoads[type], 4 * i, 2)
    .set(local);
  return local;
}

/**
 * `run(begin, end, workspace, pool)`: runs the waves that lie in memory from `begin` up to `end`. `pool` is the address of
 * what threads share, or 0: then the calling thread does all units itself.
 */
function runFunction(share: Fn | undefined): Fn {
  const run = new Fn(["i32", "i32", "i32", "i32"]);
  const [command, end, workspace, pool] = run.params;
  const waveEnd = run.local("i32");
  run.block((exit) => {
    run.push(command, end).op("i32.ge_u").brIf(exit);
    run.loop((nextWave) => {
      run.get(command).get(command).load("i32.load", 12).op("i32.add").set(waveEnd);
      run.block((done) => {
        if (share !== undefined) {
          run.get(pool).if(() => {
            run.get(command).load("i32.load", 8).i32(1).op("i32.gt_u");
            run.if(() => run.push(pool, command, end, workspace).call(share).brIf(done));
          });
        }
        run.loop((next) => {
          run.push(command, commandHeaderBytes).op("i32.add").i32(0).get(command).load("i32.load", 16).get(workspace);
          run.get(command).load("i32.load").callIndirect(kernelSignature);
          run.get(command).get(command).load("i32.load", 4).op("i32.add").tee(command);
          run.get(waveEnd).op("i32.lt_u").brIf(next);
        });
      });
      run.get(waveEnd).tee(command).get(end).op("i32.lt_u").brIf(nextWave);
    });
  });
  return run;
}

/**
 * Bytes of the driver module: imports `env.memory` and `env.table`, exports `run`. With `shared` memory also `serve`, and it
 * imports the function `env.stalled`; see share.ts.
 */
export function driverModule({ shared = false }: { readonly shared?: boolean } = {}): Uint8Array<ArrayBuffer> {
  const functions = shared
    ? {
        run: runFunction(shareFunction(kernelSignature, commandHeaderBytes)),
        serve: serveFunction(kernelSignature, commandHeaderBytes),
      }
    : { run: runFunction(undefined) };
  return assembleModule(functions, { shared, table: true });
}
