/** Arrangements: order turned around, elements repeated, diagonals and triangles of matrices, padding. Floor: tensor. */
import { TwopassError, checkOptions, describe, showShape } from "../base/errors.ts";
import { type Shape, checkShape, normalizeDim } from "../base/shape.ts";
import * as layout from "../ops/composite/layout.ts";
import { kit } from "../ops/kit.ts";
import { type SizeList, checkAnyWhole, checkRank, distinctDims, sizesOf } from "./arguments.ts";
import { valueOf } from "./handle.ts";
import { checkWhole } from "./options.ts";
import { PartMethods } from "./parts.ts";
import type { Tensor } from "./tensor.ts";
import { tooFewDims } from "./views.ts";

const padModes = ["constant", "reflect", "replicate", "circular"] as const;

export interface PadOptions {
  /** What is outside: a number, the mirrored elements, the nearest one, or those from the other end. Default "constant". */
  readonly mode?: (typeof padModes)[number];
  /** The number for mode "constant", default 0. */
  readonly value?: number;
}

export abstract class ArrangingMethods extends PartMethods {
  /**
   * The order of the elements reversed along each of `dims`.
   *
   * @example
   * await tensor([1, 2, 3]).flip(0).array(); // [3, 2, 1]
   */
  flip(...dims: SizeList): Tensor {
    const list = distinctDims("flip", sizesOf("flip", dims), this.ndim);
    return this.result(kit.flip(valueOf(this), this.ndim === 0 ? [] : list));
  }

  /** Columns in reverse order: `flip(1)`. */
  fliplr(): Tensor {
    if (this.ndim < 2) throw tooFewDims("fliplr", this.shape, 2);
    return this.result(kit.flip(valueOf(this), [1]));
  }

  /** Rows in reverse order: `flip(0)`. */
  flipud(): Tensor {
    if (this.ndim < 1) throw tooFewDims("flipud", this.shape, 1);
    return this.result(kit.flip(valueOf(this), [0]));
  }

  /**
   * Elements moved on by `shifts` along `dims`; those that leave at one end come in at the other. Without `dims` the
   * elements move in row-major order.
   *
   * @example
   * await tensor([1, 2, 3, 4]).roll(1).array(); // [4, 1, 2, 3]
   */
  roll(shifts: number | readonly number[], dims?: number | readonly number[]): Tensor {
    const by = sizesOf("roll", typeof shifts === "number" ? [shifts] : shifts);
    const x = valueOf(this);
    if (dims === undefined && by.length === 1) {
      const line = kit.reshape(x, [this.size]);
      return this.result(kit.reshape(layout.roll(kit, line, 0, by[0] as number), this.shape));
    }
    const at = typeof dims === "number" ? [dims] : (dims ?? []);
    if (by.length === 0 || by.length !== at.length) {
      throw new TwopassError({
        op: "roll",
        problem: "one shift for each dim is needed",
        facts: `shifts ${showShape(by)}, dims ${showShape(at)}`,
      });
    }
    if (this.ndim === 0) throw tooFewDims("roll", this.shape, 1);
    const rolled = at.reduce(
      (y, dim, i) => layout.roll(kit, y, normalizeDim("roll", dim, this.ndim), by[i] as number),
      x,
    );
    return this.result(rolled);
  }

  /** Turned by 90 degrees `k` times in the plane of two dims, from the first towards the second. */
  rot90(k = 1, dims: readonly [number, number] = [0, 1]): Tensor {
    if (this.ndim < 2) throw tooFewDims("rot90", this.shape, 2);
    checkAnyWhole("rot90", "k", k);
    const plane = distinctDims("rot90", dims, this.ndim);
    if (plane.length !== 2) {
      throw new TwopassError({ op: "rot90", problem: "two dims are needed", facts: `got ${showShape(plane)}` });
    }
    const [a, b] = plane as [number, number];
    const x = valueOf(this);
    switch (((k % 4) + 4) % 4) {
      case 1:
        return this.result(kit.transpose(kit.flip(x, [b]), a, b));
      case 2:
        return this.result(kit.flip(x, plane));
      case 3:
        return this.result(kit.transpose(kit.flip(x, [a]), a, b));
      default:
        return this.result(x);
    }
  }

  /**
   * The whole tensor `sizes[i]` times along dim i; more sizes than dims make new dims in front.
   *
   * @throws if there are fewer sizes than dims.
   * @example
   * await tensor([1, 2]).repeat(2, 2).array(); // [[1, 2, 1, 2], [1, 2, 1, 2]]
   */
  repeat(...sizes: SizeList): Tensor {
    const counts = sizesOf("repeat", sizes);
    if (counts.length < this.ndim) {
      throw new TwopassError({
        op: "repeat",
        problem: "fewer sizes than dims",
        facts: `${showShape(counts)} for shape ${showShape(this.shape)}`,
        hint: "tile takes fewer",
        shapes: [this.shape],
      });
    }
    return this.#repeated("repeat", counts);
  }

  /** `repeat` that takes fewer sizes than dims: they are meant for the last ones. */
  tile(...sizes: SizeList): Tensor {
    const counts = sizesOf("tile", sizes);
    return this.#repeated("tile", [...new Array<number>(Math.max(this.ndim - counts.length, 0)).fill(1), ...counts]);
  }

  #repeated(op: string, counts: readonly number[]): Tensor {
    checkShape(op, counts);
    const front = new Array<number>(counts.length - this.ndim).fill(1);
    const x = kit.reshape(valueOf(this), [...front, ...this.shape]);
    checkShape(
      op,
      x.shape.map((n, i) => n * (counts[i] as number)),
    );
    return this.result(layout.repeat(kit, x, counts));
  }

  /**
   * Each element `repeats` times in a row along `dim`; without it, of the flattened tensor.
   *
   * @example
   * await tensor([1, 2]).repeatInterleave(2).array(); // [1, 1, 2, 2]
   */
  repeatInterleave(repeats: number, dim?: number): Tensor {
    checkWhole("repeatInterleave", "repeats", repeats, 0);
    const x = valueOf(this);
    const at = dim === undefined ? 0 : normalizeDim("repeatInterleave", dim, this.ndim);
    const from = dim === undefined || this.ndim === 0 ? kit.reshape(x, [this.size]) : x;
    checkShape("repeatInterleave", from.shape.with(at, (from.shape[at] as number) * repeats));
    return this.result(layout.repeatEach(kit, from, at, repeats));
  }

  /**
   * The diagonal of the matrices in two dims, as a last dim; `offset` > 0 is above the main one, < 0 below.
   *
   * @example
   * await tensor([[1, 2], [3, 4]]).diagonal().array(); // [1, 4]
   */
  diagonal(offset = 0, dim1 = 0, dim2 = 1): Tensor {
    checkAnyWhole("diagonal", "offset", offset);
    if (this.ndim < 2) throw tooFewDims("diagonal", this.shape, 2);
    const [a, b] = distinctDims("diagonal", [dim1, dim2], this.ndim) as [number, number];
    const rest = this.shape.map((_, i) => i).filter((i) => i !== a && i !== b);
    return this.result(layout.diagonal(kit, kit.permute(valueOf(this), [...rest, a, b]), offset));
  }

  /** Matrices in dims `dim1` and `dim2` of the result with the last dim of this tensor on their diagonal, 0 elsewhere. */
  diagEmbed(offset = 0, dim1 = -2, dim2 = -1): Tensor {
    checkAnyWhole("diagEmbed", "offset", offset);
    if (this.ndim < 1) throw tooFewDims("diagEmbed", this.shape, 1);
    const rank = this.ndim + 1;
    const [a, b] = distinctDims("diagEmbed", [dim1, dim2], rank) as [number, number];
    const full = layout.diagonalEmbed(kit, valueOf(this), offset);
    let next = 0;
    const order = full.shape.map((_, i) => (i === a ? rank - 2 : i === b ? rank - 1 : next++));
    return this.result(kit.permute(full, order));
  }

  /** A vector as the diagonal of a matrix, or the diagonal of a matrix as a vector. */
  diag(offset = 0): Tensor {
    if (this.ndim === 1) return this.diagEmbed(offset);
    if (this.ndim === 2) return this.diagonal(offset);
    throw new TwopassError({
      op: "diag",
      problem: "takes a vector or a matrix",
      facts: `got ${showShape(this.shape)}`,
      hint: "use diagonal or diagEmbed for batches",
      shapes: [this.shape],
    });
  }

  /** All elements, flattened, on the diagonal of a matrix. */
  diagflat(offset = 0): Tensor {
    checkAnyWhole("diagflat", "offset", offset);
    return this.result(layout.diagonalEmbed(kit, kit.reshape(valueOf(this), [this.size]), offset));
  }

  /**
   * The lower triangle of each matrix, 0 above: element [i, j] stays where j ≤ i + `diagonal`.
   *
   * @example
   * await tensor([[1, 2], [3, 4]]).tril().array(); // [[1, 0], [3, 4]]
   */
  tril(diagonal = 0): Tensor {
    return this.#triangle("tril", diagonal, "lower");
  }

  /** The upper triangle of each matrix, 0 below: element [i, j] stays where j ≥ i + `diagonal`. */
  triu(diagonal = 0): Tensor {
    return this.#triangle("triu", diagonal, "upper");
  }

  #triangle(op: string, offset: number, part: "lower" | "upper"): Tensor {
    if (this.ndim < 2) throw tooFewDims(op, this.shape, 2);
    checkAnyWhole(op, "diagonal", offset);
    return this.result(layout.triangle(kit, valueOf(this), offset, part));
  }

  /** The sum of the diagonal of a matrix; int32 for integers. */
  trace(): Tensor {
    checkRank("trace", "the tensor", this, 2);
    const line = layout.diagonal(kit, valueOf(this), 0);
    return this.result(kit.sum(this.isFloatingPoint() ? line : kit.cast(line, "int32"), [0]));
  }

  /**
   * More elements at the ends of the last dims: `sizes` is [low, high] of the last dim, then of the one before, and so on.
   * Negative sizes cut off.
   *
   * Differs from PyTorch: every mode takes any number of dims.
   *
   * @param options.mode "constant" (default), "reflect", "replicate" or "circular".
   * @param options.value what is outside in mode "constant", default 0.
   * @throws if "reflect" or "circular" need more elements than there are.
   * @example
   * await tensor([1, 2, 3]).pad([1, 1], { mode: "reflect" }).array(); // [2, 1, 2, 3, 2]
   */
  pad(sizes: readonly number[], options: PadOptions = {}): Tensor {
    checkOptions("pad", options, ["mode", "value"]);
    const { mode = "constant", value = 0 } = options;
    const list = sizesOf("pad", [sizes]);
    const rank = this.ndim;
    if (list.length % 2 !== 0 || list.length > 2 * rank) {
      throw new TwopassError({
        op: "pad",
        problem: "two sizes for each padded dim are needed",
        facts: `got ${showShape(list)} for shape ${showShape(this.shape)}`,
        hint: "[low, high] of the last dim first",
      });
    }
    if (!padModes.includes(mode)) {
      throw new TwopassError({
        op: "pad",
        problem: `unknown mode ${describe(mode)}`,
        hint: `known: ${padModes.join(", ")}`,
      });
    }
    const low = this.shape.map((_, i) => list[2 * (rank - 1 - i)] ?? 0);
    const high = this.shape.map((_, i) => list[2 * (rank - 1 - i) + 1] ?? 0);
    this.shape.forEach((n, i) => checkPad(mode, n, low[i] as number, high[i] as number, i, this.shape));
    const [moreLow, moreHigh] = [low, high].map((ends) => ends.map((n) => Math.max(n, 0))) as [number[], number[]];
    const x = valueOf(this);
    const padded =
      mode === "constant"
        ? kit.pad(x, moreLow, moreHigh, value)
        : moreLow.reduce((y, n, i) => layout.padEdges(kit, y, i, n, moreHigh[i] as number, mode), x);
    const start = low.map((n) => Math.max(-n, 0));
    const size = this.shape.map((n, i) => n + (low[i] as number) + (high[i] as number));
    return this.result(
      kit.slice(
        padded,
        start,
        start.map(() => 1),
        size,
      ),
    );
  }
}

/** Throws if a dim of extent n cannot be padded so. */
function checkPad(
  mode: (typeof padModes)[number],
  n: number,
  low: number,
  high: number,
  dim: number,
  shape: Shape,
): void {
  const any = Number.POSITIVE_INFINITY;
  const most = { constant: any, reflect: Math.max(n - 1, 0), replicate: n === 0 ? 0 : any, circular: n }[mode];
  if (low <= most && high <= most && n + low + high >= 0) return;
  throw new TwopassError({
    op: "pad",
    problem: n + low + high < 0 ? "more is cut off than there is" : `mode "${mode}" has too few elements to take`,
    facts: `${low} and ${high} at the ends of dim ${dim} of ${showShape(shape)}`,
    shapes: [shape],
  });
}
