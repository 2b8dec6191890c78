/** Runs functions of the WebAssembly builder for the tests. */
import type { Fn } from "../../../src/codegen/wasm/function.ts";
import { assembleModule } from "../../../src/codegen/wasm/module.ts";

export type Exported = (...args: readonly unknown[]) => unknown;

/** The compiled `fn`, with a memory and host functions. */
export function instantiate(
  fn: Fn,
  memory = new WebAssembly.Memory({ initial: 1 }),
  hosts: Readonly<Record<string, unknown>> = {},
): Exported {
  const module = new WebAssembly.Module(assembleModule({ fn }));
  return new WebAssembly.Instance(module, { env: { memory, ...hosts } }).exports["fn"] as unknown as Exported;
}
