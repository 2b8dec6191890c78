/**
 * The kernels of convolutions in C: their keys, sources, arguments and units. Code differs by the role of the kernel and
 * the tile alone; all sizes are arguments. Floor: codegen.
 */
import type { ConvKernel } from "../../../schedule/conv.ts";
import { directArguments, directSource, directWorkspaceBytes, packArguments, packSource } from "./direct.ts";
import { gradientArguments, gradientSource, gradientWorkspace, sumArguments, sumSource } from "./gradient.ts";
import { narrowGradientSource } from "./narrow.ts";
import { directTile, widthOf } from "./plan.ts";
import { type ConvArguments, type ConvWriter, writeArguments } from "./text.ts";
import type { CTarget } from "../target.ts";
import {
  transformArguments,
  transformSource,
  winogradArguments,
  winogradSource,
  winogradWorkspace,
} from "../winograd/winograd.ts";
import { winogradGradientArguments, winogradGradientSource, winogradGradientWorkspace } from "../winograd/gradient.ts";

export type { ConvWriter } from "./text.ts";

/** Text that is equal for kernels of equal code. */
export function convKey({ role, shape }: ConvKernel): string {
  const width = widthOf(shape);
  if (role === "pack" || role === "direct") return `conv ${role} ${width}`;
  return role === "gradient" && width === "narrow" ? `conv ${role} narrow` : `conv ${role}`;
}

/** The C function `name` for kernels of this key, with the static functions that it needs. */
export function convSource(kernel: ConvKernel, name: string, target: CTarget): string {
  switch (kernel.role) {
    case "pack":
      return packSource(name, directTile(widthOf(kernel.shape), target), kernel);
    case "direct":
      return directSource(name, target, directTile(widthOf(kernel.shape), target), kernel);
    case "gradient":
      return widthOf(kernel.shape) === "narrow"
        ? narrowGradientSource(name, target, kernel)
        : gradientSource(name, target, kernel);
    case "sum":
      return sumSource(name, target, kernel);
    case "transform":
      return transformSource(name, target, kernel);
    case "winograd":
      return winogradSource(name, target, kernel);
    case "winogradGradient":
      return winogradGradientSource(name, target, kernel);
  }
}

function argumentsOf(kernel: ConvKernel, target: CTarget): ConvArguments & { readonly units: number } {
  switch (kernel.role) {
    case "pack":
      return packArguments(kernel, directTile(widthOf(kernel.shape), target));
    case "direct":
      return directArguments(kernel, directTile(widthOf(kernel.shape), target));
    case "gradient":
      return gradientArguments(kernel, target);
    case "sum":
      return sumArguments(kernel, target);
    case "transform":
      return transformArguments(kernel, target);
    case "winograd":
      return winogradArguments(kernel, target);
    case "winogradGradient":
      return winogradGradientArguments(kernel, target);
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
  return Math.max(
    directWorkspaceBytes(target),
    ...[gradientWorkspace, winogradWorkspace, winogradGradientWorkspace].map((at) => at(target).bytes),
  );
}
