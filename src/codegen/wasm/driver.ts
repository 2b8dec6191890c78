/**
 * The driver: a WebAssembly function that walks a command buffer and runs one kernel per command, so that a whole plan
 * costs one call from JavaScript. Also the calling convention of kernels. Floor: codegen.
 *
 * A command in linear memory, all fields 32 bits wide:
 *   [index in the function table] [length of the whole command in bytes] [6 more words] [argument 0] [argument 1] ...
 * A kernel is a function (i32 argsPointer) -> () that reads argument i at argsPointer + 4 * i.
 */

import type { ValueType } from "./encode.ts";
import { Fn, type Local, type Signature } from "./function.ts";
import { assembleModule } from "./module.ts";
import type { LoadOp } from "./opcodes.ts";

export const kernelSignature: Signature = { params: ["i32"], results: [] };

/** Bytes of a command in front of its arguments. */
export const commandHeaderBytes = 32;

export type KernelFn = Fn<readonly ["i32"]>;

/** An empty function with the signature of a kernel. */
export function kernelFunction(): KernelFn {
  return new Fn(["i32"]);
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

/** `run(begin, end)`: runs the commands that lie in memory from `begin` up to `end`. */
export function driverFunction(): Fn {
  const run = new Fn(["i32", "i32"]);
  const [command, end] = run.params;
  run.block((exit) => {
    run.push(command, end).op("i32.ge_u").brIf(exit);
    run.loop((again) => {
      run.push(command, commandHeaderBytes).op("i32.add");
      run.get(command).load("i32.load").callIndirect(kernelSignature);
      run.get(command).get(command).load("i32.load", 4).op("i32.add").tee(command);
      run.get(end).op("i32.lt_u").brIf(again);
    });
  });
  return run;
}

/** Bytes of the driver module: imports `env.memory` and `env.table`, exports `run`. */
export function driverModule({ shared = false }: { readonly shared?: boolean } = {}): Uint8Array<ArrayBuffer> {
  return assembleModule({ run: driverFunction() }, { shared, table: true });
}
