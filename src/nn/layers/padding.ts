/** Padding layers: elements around the spatial dims. Floor: nn. */
import { TwopassError, describe, showShape } from "../../base/errors.ts";
import type { PadOptions } from "../../tensor/arranging.ts";
import { checkTensor } from "../../tensor/arguments.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { rankError, vertexOf } from "../functional/common.ts";
import { Module } from "../module/module.ts";

/** One number for all sides, or [low, high] of the last dim, then of the one before, and so on. Negative ones cut off. */
export type PaddingSizes = number | readonly number[];

abstract class Padding extends Module {
  /** Low and high of the last dim, then of the one before. */
  readonly padding: readonly number[];
  readonly #n: number;
  readonly #options: PadOptions;

  constructor(n: number, padding: PaddingSizes, options: PadOptions) {
    super();
    const sizes = typeof padding === "number" ? new Array<number>(2 * n).fill(padding) : padding;
    if (!Array.isArray(sizes) || sizes.length !== 2 * n || !sizes.every((size) => Number.isInteger(size))) {
      throw new TwopassError({
        op: `nn.${this.constructor.name}`,
        problem: `padding must be a whole number, or ${2 * n} of them`,
        facts: `got ${Array.isArray(padding) ? showShape(padding) : describe(padding)}`,
        hint: "[low, high] of the last dim first",
      });
    }
    this.padding = [...sizes];
    this.#n = n;
    this.#options = options;
  }

  forward(input: Tensor): Tensor {
    const op = `nn.${this.constructor.name}`;
    checkTensor(op, "the input", input);
    const n = this.#n;
    if (input.ndim !== n + 1 && input.ndim !== n + 2) throw rankError(op, vertexOf(op, "the input", input), n);
    return input.pad(this.padding, this.#options);
  }

  protected override describeSettings(): string {
    return showShape(this.padding);
  }
}

const reflect: PadOptions = { mode: "reflect" };
const replicate: PadOptions = { mode: "replicate" };
const circular: PadOptions = { mode: "circular" };

/** A number around sequences [N, C, L] or [C, L]: `padding` [left, right], or one number for both. */
export class ConstantPad1d extends Padding {
  constructor(padding: PaddingSizes, value: number) {
    super(1, padding, { value });
  }
}

/** A number around images [N, C, H, W] or [C, H, W]: `padding` [left, right, top, bottom], or one number for all. */
export class ConstantPad2d extends Padding {
  constructor(padding: PaddingSizes, value: number) {
    super(2, padding, { value });
  }
}

/** A number around volumes [N, C, D, H, W]: `padding` [left, right, top, bottom, front, back], or one number for all. */
export class ConstantPad3d extends Padding {
  constructor(padding: PaddingSizes, value: number) {
    super(3, padding, { value });
  }
}

/** Zeros around sequences, as `ConstantPad1d`. */
export class ZeroPad1d extends Padding {
  constructor(padding: PaddingSizes) {
    super(1, padding, {});
  }
}

/**
 * Zeros around images, as `ConstantPad2d`.
 *
 * @example
 * new nn.ZeroPad2d([1, 2, 0, 0]).forward(zeros(1, 3, 4, 4)).shape; // [1, 3, 4, 7]
 */
export class ZeroPad2d extends Padding {
  constructor(padding: PaddingSizes) {
    super(2, padding, {});
  }
}

/** Zeros around volumes, as `ConstantPad3d`. */
export class ZeroPad3d extends Padding {
  constructor(padding: PaddingSizes) {
    super(3, padding, {});
  }
}

/** Sequences [N, C, L] or [C, L] mirrored at both ends, without the last element itself. */
export class ReflectionPad1d extends Padding {
  constructor(padding: PaddingSizes) {
    super(1, padding, reflect);
  }
}

/** Images [N, C, H, W] or [C, H, W] mirrored at their edges: `padding` [left, right, top, bottom]. */
export class ReflectionPad2d extends Padding {
  constructor(padding: PaddingSizes) {
    super(2, padding, reflect);
  }
}

/** Volumes [N, C, D, H, W] mirrored at their faces. */
export class ReflectionPad3d extends Padding {
  constructor(padding: PaddingSizes) {
    super(3, padding, reflect);
  }
}

/** Sequences [N, C, L] or [C, L] whose first and last element go on. */
export class ReplicationPad1d extends Padding {
  constructor(padding: PaddingSizes) {
    super(1, padding, replicate);
  }
}

/** Images [N, C, H, W] or [C, H, W] whose edges go on. */
export class ReplicationPad2d extends Padding {
  constructor(padding: PaddingSizes) {
    super(2, padding, replicate);
  }
}

/** Volumes [N, C, D, H, W] whose faces go on. */
export class ReplicationPad3d extends Padding {
  constructor(padding: PaddingSizes) {
    super(3, padding, replicate);
  }
}

/** Sequences [N, C, L] or [C, L] that begin again behind their end. */
export class CircularPad1d extends Padding {
  constructor(padding: PaddingSizes) {
    super(1, padding, circular);
  }
}

/** Images [N, C, H, W] or [C, H, W] that begin again behind their edges. */
export class CircularPad2d extends Padding {
  constructor(padding: PaddingSizes) {
    super(2, padding, circular);
  }
}

/** Volumes [N, C, D, H, W] that begin again behind their faces. */
export class CircularPad3d extends Padding {
  constructor(padding: PaddingSizes) {
    super(3, padding, circular);
  }
}
