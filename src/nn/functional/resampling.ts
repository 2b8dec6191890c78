/** Resampling as functions. Floor: nn. */
import { TwopassError, describe, nearest, showShape } from "../../base/errors.ts";
import { checkShape } from "../../base/shape.ts";
import type { Value } from "../../ir/value.ts";
import { adaptiveAvgPool } from "../../ops/composite/pooling.ts";
import { type Interpolation, resample } from "../../ops/composite/resampling.ts";
import { kit } from "../../ops/kit.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { floatingVertex, perDim, resultOf, vertexOf, withDefaults } from "./common.ts";

/** What each mode does along a dim, and for how many spatial dims it is. */
const modes = {
  nearest: { how: "nearest", dims: [1, 2, 3] },
  "nearest-exact": { how: "nearest-exact", dims: [1, 2, 3] },
  linear: { how: "linear", dims: [1] },
  bilinear: { how: "linear", dims: [2] },
  bicubic: { how: "cubic", dims: [2] },
  trilinear: { how: "linear", dims: [3] },
  area: { how: "area", dims: [1, 2, 3] },
} as const satisfies Record<string, { how: Interpolation | "area"; dims: readonly number[] }>;

export type InterpolationMode = keyof typeof modes;

export interface InterpolateOptions {
  /** Extents of the result: one for all spatial dims, or one for each. Either this or `scaleFactor`. */
  readonly size?: number | readonly number[] | null;
  /** Factors of the extents, which are rounded down: one for all spatial dims, or one for each. */
  readonly scaleFactor?: number | readonly number[] | null;
  /** Default "nearest". "linear" takes 1 spatial dim, "bilinear" and "bicubic" 2, "trilinear" 3, the others any. */
  readonly mode?: InterpolationMode;
  /** Whether the centres of the corner elements fall together instead of their outer edges; default false. */
  readonly alignCorners?: boolean | null;
  /** Whether the step is that of the rounded extents instead of 1 / scaleFactor; default false. */
  readonly recomputeScaleFactor?: boolean | null;
}

function modeOf(op: string, mode: unknown, rank: number): (typeof modes)[InterpolationMode] {
  const found = typeof mode === "string" && Object.hasOwn(modes, mode) ? modes[mode as InterpolationMode] : undefined;
  if (found === undefined) {
    const near = typeof mode === "string" ? nearest(mode, Object.keys(modes)) : undefined;
    throw new TwopassError({
      op,
      problem: `unknown mode ${describe(mode)}`,
      hint: near === undefined ? `known: ${Object.keys(modes).join(", ")}` : `did you mean "${near}"?`,
    });
  }
  if ((found.dims as readonly number[]).includes(rank - 2)) return found;
  throw new TwopassError({
    op,
    problem: `mode "${String(mode)}" takes an input with a batch, channels and ${found.dims.join(" to ")} spatial dims`,
    facts: `the input has ${rank} dims`,
  });
}

/** The factors along the spatial dims. */
function factorsOf(op: string, given: number | readonly number[], n: number): readonly number[] {
  const list = typeof given === "number" ? new Array<number>(n).fill(given) : given;
  if (Array.isArray(list) && list.length === n && list.every((f) => Number.isFinite(f) && f > 0)) return list;
  throw new TwopassError({
    op,
    problem: `scaleFactor must be a number above 0${n > 1 ? `, or ${n} of them` : ""}`,
    facts: `got ${Array.isArray(given) ? showShape(given) : describe(given)}`,
  });
}

/**
 * An input resampled to other extents.
 *
 * "nearest" repeats the element at ⌊i · step⌋, "nearest-exact" that at ⌊(i + ½) · step⌋; "linear", "bilinear" and
 * "trilinear" draw lines between neighbours, "bicubic" the cubics of Keys (1981) with slope −¾; "area" takes the mean over
 * adaptive windows. The step is old extent / new extent, 1 / scaleFactor where that is given, or with `alignCorners`
 * (old − 1) / (new − 1).
 *
 * @param input [N, C, L], [N, C, H, W] or [N, C, D, H, W]
 * @param options.size or options.scaleFactor, one of both.
 * @param options.mode default "nearest".
 * @example
 * interpolate(zeros(1, 3, 8, 8), { scaleFactor: 2, mode: "bilinear" }).shape; // [1, 3, 16, 16]
 */
export function interpolate(input: Tensor, given: InterpolateOptions): Tensor {
  return interpolateAs("interpolate", input, given);
}

function interpolateAs(op: string, input: Tensor, given: InterpolateOptions): Tensor {
  const options = withDefaults<Required<InterpolateOptions>>(op, given, {
    size: null,
    scaleFactor: null,
    mode: "nearest",
    alignCorners: null,
    recomputeScaleFactor: null,
  });
  const { size, scaleFactor, alignCorners } = options;
  const shape = vertexOf(op, "the input", input).shape;
  const { how } = modeOf(op, options.mode, shape.length);
  const keepsDtype = how === "nearest" || how === "nearest-exact";
  const x = keepsDtype ? vertexOf(op, "the input", input) : floatingVertex(op, input);
  const spatial = shape.slice(2);
  const n = spatial.length;
  if ((size === null) === (scaleFactor === null)) {
    throw new TwopassError({
      op,
      problem: "either size or scaleFactor must be given",
      facts: size === null ? "got none" : "got both",
    });
  }
  if ((keepsDtype || how === "area") && alignCorners !== null) {
    throw new TwopassError({ op, problem: `mode "${options.mode}" has no alignCorners` });
  }
  const factors = scaleFactor === null ? undefined : factorsOf(op, scaleFactor, n);
  const extents =
    size === null
      ? spatial.map((old, i) => Math.floor(old * (factors?.[i] as number)))
      : perDim(op, "size", size, n, [], 1);
  if ([...spatial, ...extents].some((extent) => extent < 1)) {
    throw new TwopassError({
      op,
      problem: "there are no elements to read, or none left",
      facts: `input ${showShape(shape)}, the result would have ${showShape(extents)}`,
      shapes: [shape],
    });
  }
  checkShape(op, [...shape.slice(0, 2), ...extents]);
  if (how === "area") return resultOf(adaptiveAvgPool(kit, x, extents), [input]);
  const isAligned = alignCorners === true;
  const stepOf = (old: number, i: number): number => {
    const extent = extents[i] as number;
    if (isAligned) return extent > 1 ? (old - 1) / (extent - 1) : 0;
    return factors === undefined || options.recomputeScaleFactor === true ? old / extent : 1 / (factors[i] as number);
  };
  const y = spatial.reduce<Value>((part, old, i) => {
    const sampling = { size: extents[i] as number, step: stepOf(old, i), alignCorners: isAligned };
    return resample(kit, part, i + 2, how, sampling);
  }, x);
  return resultOf(y, [input]);
}

/** Extents or factors of a result, as of `interpolate`. */
export type ResizeOptions = Pick<InterpolateOptions, "size" | "scaleFactor">;

/** `interpolate` with mode "nearest". */
export function upsampleNearest(input: Tensor, options: ResizeOptions): Tensor {
  return interpolateAs("upsampleNearest", input, { ...options, mode: "nearest" });
}

/** `interpolate` of images with mode "bilinear" and `alignCorners`. */
export function upsampleBilinear(input: Tensor, options: ResizeOptions): Tensor {
  return interpolateAs("upsampleBilinear", input, { ...options, mode: "bilinear", alignCorners: true });
}
