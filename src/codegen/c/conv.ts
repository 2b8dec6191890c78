/**
 * The kernels of convolutions in C: their keys, sources, arguments and units. Code differs by the role of the kernel and
 * the tile alone; all sizes are arguments. Floor: codegen.
 */
import type { ConvKernel } from "../../schedule/conv.ts";
import {
  directArguments,
  directSource,
  directTile,
  directWorkspaceBytes,
  packArguments,
  packSource,
} from "./conv-direct.ts";
import { gradientArguments, gradientSource, gradientWorkspace, sumArguments, sumSource } from "./conv-gradient.ts";
import { isNarrow } from "./conv-plan.ts";
import { type ConvArguments, type ConvWriter, writeArguments } from "./conv-text.ts";
import type { CTarget } from "./target.ts";

export type { ConvWriter } from "./conv-text.ts";

/** Text that is equal for kernels of equal code. */
export function convKey({ role, shape }: ConvKernel): string {
  const hasTile = role === "pack" || role === "direct";
  return `conv ${role}${hasTile && isNarrow(shape) ? " narrow" : ""}`;
}

/** The C function `name` for kernels of this key, with the static functions that it needs. */
export function convSource(kernel: ConvKernel, name: string, target: CTarget): string {
  switch (kernel.role) {
    case "pack":
      return packSource(name, directTile(kernel, target), kernel);
    case "direct":
      return directSource(name, target, directTile(kernel, target), kernel);
    case "gradient":
      return gradientSource(name, target, kernel);
    case "sum":
      return sumSource(name, target, kernel);
    case "transform":
    case "winograd":
    case "winogradGradient":
      throw new Error("no");
  }
}

function argumentsOf(kernel: ConvKernel, target: CTarget): ConvArguments & { readonly units: number } {
  switch (kernel.role) {
    case "pack":
      return packArguments(kernel, directTile(kernel, target));
    case "direct":
      return directArguments(kernel, directTile(kernel, target));
    case "gradient":
      return gradientArguments(kernel, target);
    case "sum":
      return sumArguments(kernel, target);
    case "transform":
    case "winograd":
    case "winogradGradient":
      throw new Error("no");
  }
}

/** Units of the kernel's range: in any order and by any thread. */
export function convUnits(kernel: ConvKernel, target: CTarget): number {
  return argumentsOf(kernel, target).units;
}

/** Writes the arguments of a call and gives its units. */
export function writeConvArguments(kernel: ConvKernel, target: CTarget, writer: ConvWriter): number {
  const list = argumentsOf(kernel, target);
  writeArguments(list, writer);
  return list.units;
}

/** Bytes of workspace of a thread. */
export function convWorkspaceBytes(target: CTarget): number {
  return Math.max(directWorkspaceBytes(target), gradientWorkspace(target).bytes);
}
