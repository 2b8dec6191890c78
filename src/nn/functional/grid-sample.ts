/** Images read at any places as functions. Floor: nn. */
import { TwopassError, describe, nearest, showShape } from "../../base/errors.ts";
import { checkShape, sameShape, sizeOf } from "../../base/shape.ts";
import type { Value } from "../../ir/value.ts";
import { allocate } from "../../base/dtype.ts";
import {
  type GridSettings,
  gridModes,
  gridPaddings,
  gridSample as gridSampleOf,
} from "../../ops/composite/grid-sample.ts";
import { kit } from "../../ops/kit.ts";
import { makeLeaf } from "../../ops/leaf.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { checkWhole, floatingVertex, likeVertex, resultOf, withDefaults } from "./common.ts";

export interface GridSampleOptions {
  /** "bilinear" (default; of volumes trilinear), "nearest", or for images "bicubic". */
  readonly mode?: GridSettings["mode"];
  /** What lies outside: "zeros" (default), the "border", or the "reflection" of the image. */
  readonly paddingMode?: GridSettings["padding"];
  /** Whether −1 and 1 are the centres of the corner elements instead of their outer edges; default false. */
  readonly alignCorners?: boolean | null;
}

function oneOf<T extends string>(op: string, name: string, given: unknown, known: readonly T[]): T {
  if (known.includes(given as T)) return given as T;
  const near = typeof given === "string" ? nearest(given, known) : undefined;
  throw new TwopassError({
    op,
    problem: `unknown ${name} ${describe(given)}`,
    hint: near === undefined ? `known: ${known.join(", ")}` : `did you mean "${near}"?`,
  });
}

/**
 * An image read at the places of a grid: coordinates (x, y) from −1 to 1 across its width and height, those of volumes
 * (x, y, z). Jaderberg et al., "Spatial Transformer Networks" (2015).
 *
 * @param input [N, C, H, W], or [N, C, D, H, W]
 * @param grid [N, H', W', 2], or [N, D', H', W', 3]
 * @returns [N, C, H', W'], or [N, C, D', H', W']
 * @example
 * const mirror = tensor([[[-1, 0, 0], [0, 1, 0]]]);
 * const image = tensor([[[[1, 2, 3]]]]);
 * await gridSample(image, affineGrid(mirror, [1, 1, 1, 3])).flatten().array(); // [3, 2, 1]
 */
export function gridSample(input: Tensor, grid: Tensor, given?: GridSampleOptions): Tensor {
  const op = "gridSample";
  const options = withDefaults<Required<GridSampleOptions>>(op, given, {
    mode: "bilinear",
    paddingMode: "zeros",
    alignCorners: false,
  });
  const mode = oneOf(op, "mode", options.mode, gridModes);
  const padding = oneOf(op, "paddingMode", options.paddingMode, gridPaddings);
  const x = floatingVertex(op, input);
  const g = likeVertex(op, "the grid", grid, x);
  const n = x.shape.length - 2;
  const fits = (n === 2 || n === 3) && g.shape.length === n + 2 && g.shape[0] === x.shape[0] && g.shape[n + 1] === n;
  if (!fits || x.shape.slice(2).includes(0)) {
    throw new TwopassError({
      op,
      problem: "an input [N, C, H, W] takes a grid [N, H', W', 2], and [N, C, D, H, W] a grid [N, D', H', W', 3]",
      facts: `input ${showShape(x.shape)}, grid ${showShape(g.shape)}`,
      shapes: [x.shape, g.shape],
    });
  }
  if (mode === "bicubic" && n === 3) throw new TwopassError({ op, problem: 'mode "bicubic" takes images only' });
  const settings = { mode, padding, alignCorners: options.alignCorners === true };
  return resultOf(gridSampleOf(kit, x, g, settings), [input, grid]);
}

/** The coordinates along each dim and 1, for all places of a grid: [size, D + 1]. */
function placesOf(extents: readonly number[], dtype: Value["dtype"], alignCorners: boolean): Value {
  const size = sizeOf(extents);
  const n = extents.length;
  const data = allocate(dtype, size * (n + 1));
  for (let place = 0; place < size; place++) {
    let rest = place;
    for (let d = n - 1; d >= 0; d--) {
      const extent = extents[d] as number;
      const i = rest % extent;
      rest = (rest - i) / extent;
      const middle = alignCorners ? (extent > 1 ? (2 * i) / (extent - 1) - 1 : 0) : (2 * i + 1) / extent - 1;
      data[place * (n + 1) + n - 1 - d] = middle;
    }
    data[place * (n + 1) + n] = 1;
  }
  return makeLeaf([size, n + 1], dtype, { kind: "data", data });
}

/**
 * A grid for `gridSample` from affine maps: the coordinates of each place of the result, multiplied by theta.
 *
 * @param theta [N, 2, 3] for images, [N, 3, 4] for volumes.
 * @param size shape of the result of `gridSample`: [N, C, H, W], or [N, C, D, H, W].
 * @param options.alignCorners as of `gridSample`; default false.
 * @returns [N, H, W, 2], or [N, D, H, W, 3]
 * @example
 * const mirror = tensor([[[-1, 0, 0], [0, 1, 0]]]);
 * await affineGrid(mirror, [1, 1, 1, 2]).array(); // [[[[0.5, 0], [-0.5, 0]]]]
 */
export function affineGrid(
  theta: Tensor,
  size: readonly number[],
  options?: { readonly alignCorners?: boolean | null },
): Tensor {
  const op = "affineGrid";
  const standard: { alignCorners: boolean | null } = { alignCorners: false };
  const { alignCorners } = withDefaults(op, options, standard);
  const x = floatingVertex(op, theta);
  const n = Array.isArray(size) ? size.length - 2 : 0;
  if ((n !== 2 && n !== 3) || !sameShape(x.shape, [size[0] as number, n, n + 1])) {
    throw new TwopassError({
      op,
      problem: "theta [N, 2, 3] takes a size [N, C, H, W], and [N, 3, 4] a size [N, C, D, H, W]",
      facts: `theta ${showShape(x.shape)}, size ${Array.isArray(size) ? showShape(size) : describe(size)}`,
      shapes: [x.shape],
    });
  }
  const extents = size.slice(2).map((extent, i) => checkWhole(op, `extent ${i}`, extent, 1));
  checkShape(op, [size[0] as number, ...extents, n]);
  const places = placesOf(extents, x.dtype, alignCorners === true);
  // [places, N, n] to [N, places, n].
  const moved = kit.dot(places, x, { batchA: [], batchB: [], contractA: [1], contractB: [2] });
  const grid = kit.permute(moved, [1, 0, 2]);
  return resultOf(kit.reshape(grid, [size[0] as number, ...extents, n]), [theta]);
}
