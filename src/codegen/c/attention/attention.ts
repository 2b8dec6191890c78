/**
 * The kernels of attention in C: their keys, sources, arguments and units. Code differs by the role of the kernel alone;
 * all sizes, strides and masks are arguments. Floor: codegen.
 */
import type { AttentionKernel } from "../../../schedule/attention.ts";
import { forwardArguments, forwardSource, forwardWorkspace } from "./forward.ts";
import { gradientArguments, gradientSource, gradientWorkspace } from "./gradient.ts";
import { type ConvArguments, type ConvWriter, writeArguments } from "../conv/text.ts";
import type { CTarget } from "../target.ts";

/** Text that is equal for kernels of equal code. */
export function attentionKey({ role }: AttentionKernel): string {
  return `attention ${role}`;
}

/** The C function `name` for kernels of this key, with the static functions that it needs. */
export function attentionSource(kernel: AttentionKernel, name: string, target: CTarget): string {
  return kernel.role === "forward" ? forwardSource(name, target, kernel) : gradientSource(name, target, kernel);
}

function argumentsOf(kernel: AttentionKernel): ConvArguments & { readonly units: number } {
  return kernel.role === "forward" ? forwardArguments(kernel) : gradientArguments(kernel);
}

/** Writes the arguments of a call and gives its units: in any order and by any thread. */
export function writeAttentionArguments(kernel: AttentionKernel, writer: ConvWriter): number {
  const list = argumentsOf(kernel);
  writeArguments(list, writer);
  return list.units;
}

/** Bytes of workspace of a thread. */
export function attentionWorkspaceBytes(target: CTarget): number {
  return Math.max(forwardWorkspace(target).end, gradientWorkspace(target).end);
}
