/** Patches of images as columns, and columns added back to images; channels and pixels exchanged. Floor: ops. */
import type { Value } from "../../ir/value.ts";
import type { Kit } from "../kit.ts";

/** Places of a kernel over an image [N, C, H, W]: two numbers each. */
export interface Patches {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
  /** Patches along each dim. */
  readonly extents: readonly number[];
}

/** The extents of a padded dim that any patch touches: (extent − 1) · stride + 1 elements from each place of the kernel. */
function reach(p: Patches, i: number): number {
  return ((p.extents[i] as number) - 1) * (p.stride[i] as number) + 1;
}

/** y[n, c · KH · KW + place, patch] = x[n, c, patch · stride + place · dilation − padding]. */
export function unfold(k: Kit, x: Value, p: Patches): Value {
  const [n, c] = x.shape as [number, number];
  const [rows, columns] = p.kernel as [number, number];
  const [high, wide] = p.extents as [number, number];
  const around = [0, 0, ...p.padding];
  const padded = k.pad(x, around, around);
  const parts: Value[] = [];
  for (let i = 0; i < rows * columns; i++) {
    const at = [Math.floor(i / columns), i % columns].map((place, d) => place * (p.dilation[d] as number));
    const part = k.slice(padded, [0, 0, ...at], [1, 1, ...p.stride], [n, c, high, wide]);
    parts.push(k.reshape(part, [n, c, 1, high * wide]));
  }
  return k.reshape(k.concat(parts, 2), [n, c * rows * columns, high * wide]);
}

/** The opposite: x [N, C · KH · KW, patches] added up where patches overlap, in images of the given extents. */
export function fold(k: Kit, x: Value, p: Patches, spatial: readonly number[]): Value {
  const [n, width] = x.shape as [number, number];
  const [rows, columns] = p.kernel as [number, number];
  const channels = width / (rows * columns);
  const split = k.reshape(x, [n, channels, rows * columns, ...p.extents]);
  const inner = [0, 0, ...p.stride.map((s) => s - 1)];
  const extents = spatial.map((extent, d) => extent + 2 * (p.padding[d] as number));
  let sum: Value | undefined;
  for (let i = 0; i < rows * columns; i++) {
    const part = k.reshape(k.range(split, 2, i, i + 1), [n, channels, ...p.extents]);
    const low = [Math.floor(i / columns), i % columns].map((place, d) => place * (p.dilation[d] as number));
    const high = extents.map((extent, d) => extent - (low[d] as number) - reach(p, d));
    const placed = k.pad(part, [0, 0, ...low], [0, 0, ...high], 0, inner);
    sum = sum === undefined ? placed : k.add(sum, placed);
  }
  return k.slice(sum as Value, [0, 0, ...p.padding], [1, 1, 1, 1], [n, channels, ...spatial]);
}

/** [..., C · r², H, W] to [..., C, H · r, W · r]: channel c · r² + i · r + j is pixel (i, j) of each r × r block. */
export function pixelShuffle(k: Kit, x: Value, r: number): Value {
  const outer = x.shape.slice(0, -3);
  const [channels, high, wide] = x.shape.slice(-3) as [number, number, number];
  const split = k.reshape(x, [...outer, channels / (r * r), r, r, high, wide]);
  const order = [0, 3, 1, 4, 2].map((d) => d + outer.length);
  const moved = k.permute(split, [...outer.map((_, i) => i), ...order]);
  return k.reshape(moved, [...outer, channels / (r * r), high * r, wide * r]);
}

/** The opposite of `pixelShuffle`. */
export function pixelUnshuffle(k: Kit, x: Value, r: number): Value {
  const outer = x.shape.slice(0, -3);
  const [channels, high, wide] = x.shape.slice(-3) as [number, number, number];
  const split = k.reshape(x, [...outer, channels, high / r, r, wide / r, r]);
  const order = [0, 2, 4, 1, 3].map((d) => d + outer.length);
  const moved = k.permute(split, [...outer.map((_, i) => i), ...order]);
  return k.reshape(moved, [...outer, channels * r * r, high / r, wide / r]);
}

/** Channels of x [N, C, ...] in `groups` rows, read by columns. */
export function channelShuffle(k: Kit, x: Value, groups: number): Value {
  const [n, channels, ...spatial] = x.shape as readonly [number, number, ...number[]];
  const split = k.reshape(x, [n, groups, channels / groups, ...spatial]);
  return k.reshape(k.transpose(split, 1, 2), x.shape);
}
