/** Convolution with a bias, and transposed convolution, over any number of spatial dims. Floor: ops. */
import type { Value } from "../../ir/value.ts";
import type { ConvSettings } from "../conv.ts";
import type { Kit } from "../kit.ts";

/** Adds b [C] to every position of x [N, C, ...]. */
function addBias(k: Kit, x: Value, bias: Value | undefined): Value {
  if (bias === undefined) return x;
  return k.add(
    x,
    k.reshape(
      bias,
      x.shape.map((n, i) => (i === 1 ? n : 1)),
    ),
  );
}

/** y = x ⋆ w + b: x [N, C, ...], w [O, C/groups, ...], b [O]. */
export function convolve(k: Kit, x: Value, w: Value, bias: Value | undefined, settings: ConvSettings): Value {
  return addBias(k, k.conv(x, w, settings), bias);
}

export interface TransposedSettings {
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly outputPadding: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;
}

/** Spatial extents of a transposed convolution: (n − 1) · stride − 2 · padding + dilation · (k − 1) + outputPadding + 1. */
export function transposedExtents(
  input: readonly number[],
  kernel: readonly number[],
  s: TransposedSettings,
): number[] {
  return input.map((n, i) => {
    const reach = (s.dilation[i] as number) * ((kernel[i] as number) - 1) + 1;
    return (n - 1) * (s.stride[i] as number) - 2 * (s.padding[i] as number) + reach + (s.outputPadding[i] as number);
  });
}

/** The gradient of a convolution as an operation: x [N, C, ...], w [C, O/groups, ...], b [O], y [N, O, ...]. */
export function convolveTransposed(k: Kit, x: Value, w: Value, bias: Value | undefined, s: TransposedSettings): Value {
  const spatial = x.shape.slice(2);
  const kernel = w.shape.slice(2);
  const { stride, padding, dilation, groups } = s;
  const extents = transposedExtents(spatial, kernel, s);
  const none = padding.map(() => 0);
  if (s.outputPadding.every((p, i) => p < (stride[i] as number))) {
    return addBias(k, k.convInput(x, w, extents, { stride, low: padding, high: padding, dilation, groups }), bias);
  }
  // A forward convolution over these extents would give more than x's positions, so the unpadded result is cut to size.
  const whole = spatial.map(
    (n, i) => (n - 1) * (stride[i] as number) + (dilation[i] as number) * ((kernel[i] as number) - 1) + 1,
  );
  const full = k.convInput(x, w, whole, { stride, low: none, high: none, dilation, groups });
  const end = whole.map((n, i) => Math.min(n, (padding[i] as number) + (extents[i] as number)));
  const size = end.map((n, i) => n - (padding[i] as number));
  const cut = k.slice(
    full,
    [0, 0, ...padding],
    full.shape.map(() => 1),
    [...full.shape.slice(0, 2), ...size],
  );
  const high = [0, 0, ...extents.map((n, i) => n - (size[i] as number))];
  return addBias(
    k,
    k.pad(
      cut,
      high.map(() => 0),
      high,
    ),
    bias,
  );
}
