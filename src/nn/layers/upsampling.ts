/** Resampling layers. Floor: nn. */
import type { Tensor } from "../../tensor/tensor.ts";
import { checkOptions } from "../../base/errors.ts";
import {
  type InterpolateOptions,
  type ResizeOptions,
  interpolate,
  upsampleBilinear,
  upsampleNearest,
} from "../functional/resampling.ts";
import { Module } from "../module/module.ts";

/** The setting that says how large the result is. */
function describeSize({ size, scaleFactor }: ResizeOptions): string {
  return size === undefined || size === null ? `scaleFactor: ${String(scaleFactor)}` : `size: ${String(size)}`;
}

/**
 * Resamples to other extents, as `functional.interpolate`: input [N, C, L], [N, C, H, W] or [N, C, D, H, W].
 *
 * @param options.size or options.scaleFactor, one of both.
 * @param options.mode "nearest" (default), "nearest-exact", "linear", "bilinear", "bicubic", "trilinear" or "area".
 * @param options.alignCorners default false.
 * @example
 * new nn.Upsample({ scaleFactor: 2, mode: "bilinear" }).forward(zeros(1, 3, 8, 8)).shape; // [1, 3, 16, 16]
 */
export class Upsample extends Module {
  readonly options: Readonly<InterpolateOptions>;

  constructor(options: InterpolateOptions) {
    super();
    checkOptions("nn.Upsample", options, ["size", "scaleFactor", "mode", "alignCorners", "recomputeScaleFactor"]);
    this.options = { ...options };
  }

  forward(input: Tensor): Tensor {
    return interpolate(input, this.options);
  }

  protected override describeSettings(): string {
    return `${describeSize(this.options)}, mode: ${this.options.mode ?? "nearest"}`;
  }
}

abstract class ImageUpsampling extends Module {
  readonly options: Readonly<ResizeOptions>;
  readonly #resize: typeof upsampleNearest;

  constructor(resize: typeof upsampleNearest, options: ResizeOptions) {
    super();
    checkOptions(`nn.${this.constructor.name}`, options, ["size", "scaleFactor"]);
    this.#resize = resize;
    this.options = { ...options };
  }

  forward(input: Tensor): Tensor {
    return this.#resize(input, this.options);
  }

  protected override describeSettings(): string {
    return describeSize(this.options);
  }
}

/** Repeats the elements of images [N, C, H, W] to a `size` or by a `scaleFactor`. */
export class UpsamplingNearest2d extends ImageUpsampling {
  constructor(options: ResizeOptions) {
    super(upsampleNearest, options);
  }
}

/** Resamples images [N, C, H, W] along lines to a `size` or by a `scaleFactor`, corners on corners. */
export class UpsamplingBilinear2d extends ImageUpsampling {
  constructor(options: ResizeOptions) {
    super(upsampleBilinear, options);
  }
}
