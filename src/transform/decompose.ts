/**
 * Operations that a code generator does not spell, in terms of those it does: padded windows and convolutions over
 * padded images (or by transformed tiles), the input's gradient of a convolution as a convolution. Floor: transform.
 */
import { isFloating } from "../base/dtype.ts";
import { type RewriteRule, Rewriter } from "../ir/rewrite.ts";
import type { Value } from "../ir/value.ts";
import { withMode } from "../ir/mode.ts";
import { attentionByPrimitives } from "../ops/composite/attention.ts";
import { convSettings } from "../ops/conv.ts";
import { kit } from "../ops/kit.ts";
import { listOf } from "../ops/record.ts";
import { withBody } from "./loop/bodies.ts";
import { suitsWinograd, winogradConv, winogradWeight } from "./winograd.ts";

const none = (list: readonly number[]): number[] => list.map(() => 0);

/** Zeros (or `value`) around and between the spatial elements of x [N, C, ...]; negative amounts cut off. */
function padSpatial(
  x: Value,
  low: readonly number[],
  high: readonly number[],
  inner: readonly number[],
  value = 0,
): Value {
  const most = (list: readonly number[]): number[] => [0, 0, ...list.map((n) => Math.max(n, 0))];
  const padded = kit.pad(x, most(low), most(high), value, [0, 0, ...inner]);
  const start = [0, 0, ...low.map((n) => Math.max(-n, 0))];
  const size = padded.shape.map(
    (n, d) => n - (start[d] as number) - Math.max(-((d < 2 ? 0 : high[d - 2]) as number), 0),
  );
  return kit.slice(
    padded,
    start,
    padded.shape.map(() => 1),
    size,
  );
}

/** Rules for devices with loop kernels and contractions. New vertices get the phase of what they stand for. */
export const decompose: RewriteRule = (value, inputs) =>
  withMode({ phase: value.phase, path: value.path, grad: false }, () => {
    const { op, attrs } = value;
    if (op.kind === "loop") return withBody(value, inputs, (outputs) => new Rewriter().run(outputs, decompose));
    if (op.kind === "window" && attrs["spatial"] === undefined) return paddedWindow(value, inputs[0] as Value);
    // Derivatives are written down by now.
    if (op.isPartial === true) return inputs[0];
    if (op.kind === "attention") return attentionByPrimitives(kit, value, inputs);
    if (op.kind !== "conv") return undefined;
    const settings = convSettings(attrs);
    const [a, b] = inputs as [Value, Value];
    if (op.gradientOf === undefined) {
      const kernel = b.shape.slice(2);
      const channels = [a.shape[1] as number, b.shape[0] as number] as const;
      const results = value.shape.slice(2);
      if (suitsWinograd({ dtype: a.dtype, channels, kernel, results }, settings)) {
        return winogradConv(a, b, settings.low, results);
      }
      if ([...settings.low, ...settings.high].every((n) => n === 0)) return undefined;
      const x = padSpatial(a, settings.low, settings.high, none(settings.low));
      return kit.conv(x, b, { ...settings, low: none(settings.low), high: none(settings.high) });
    }
    if (op.gradientOf === "images") return inputGradient(value, a, b);
    const kernel = value.shape.slice(2);
    const channels = [a.shape[1] as number, b.shape[1] as number] as const;
    if (suitsWinograd({ dtype: a.dtype, channels, kernel, results: b.shape.slice(2) }, settings)) {
      return winogradWeight(a, b, settings.low);
    }
    if ([...settings.low, ...settings.high].every((n) => n === 0)) return undefined;
    const x = padSpatial(a, settings.low, settings.high, none(settings.low));
    return kit.convWeight(x, b, listOf(attrs, "extents"), {
      ...settings,
      low: none(settings.low),
      high: none(settings.high),
    });
  });

/** The window over an image padded with the lowest number, positions counted in the image as it was. */
function paddedWindow(value: Value, x: Value): Value {
  const low = listOf(value.attrs, "low");
  const spatial = x.shape.slice(2);
  const high = spatial.map((n, d) => {
    const [kernel, stride, dilation] = ["kernel", "stride", "dilation"].map((key) => listOf(value.attrs, key)[d]) as [
      number,
      number,
      number,
    ];
    const reach = ((listOf(value.attrs, "extents")[d] as number) - 1) * stride + dilation * (kernel - 1) + 1;
    return Math.max(reach - n - (low[d] as number), 0);
  });
  const lowest = isFloating(x.dtype) ? Number.NEGATIVE_INFINITY : x.dtype === "int32" ? -(2 ** 31) : 0;
  const padded = padSpatial(x, low, high, none(low), lowest);
  return kit.apply(value.op, [padded], { ...value.attrs, spatial });
}

/**
 * dx = dy, spread by the stride and padded, convolved with the kernels turned round and their channels exchanged.
 * Along each dim: low' = dilation·(k−1) − low, and high' so that the result has the extent of x.
 */
function inputGradient(value: Value, y: Value, w: Value): Value {
  const s = convSettings(value.attrs);
  const extents = listOf(value.attrs, "extents");
  const kernel = w.shape.slice(2);
  const low = kernel.map((k, d) => (s.dilation[d] as number) * (k - 1) - (s.low[d] as number));
  const high = kernel.map((k, d) => {
    const spread = ((y.shape[d + 2] as number) - 1) * (s.stride[d] as number) + 1;
    const reach = (s.dilation[d] as number) * (k - 1) + 1;
    return (extents[d] as number) + reach - 1 - spread - (low[d] as number);
  });
  const channels = [y.shape[1] as number, w.shape[1] as number] as const;
  if (suitsWinograd({ dtype: y.dtype, channels, kernel, results: extents }, s)) {
    return winogradConv(y, kit.flip(kit.permute(w, [1, 0, 2, 3]), [2, 3]), low, extents);
  }
  const spread = padSpatial(
    y,
    low,
    high,
    s.stride.map((n) => n - 1),
  );
  const [out, inGroup] = w.shape as [number, number];
  const outGroup = out / s.groups;
  const grouped = kit.reshape(w, [s.groups, outGroup, inGroup, ...kernel]);
  const swapped = kit.permute(grouped, [0, 2, 1, ...kernel.map((_, d) => d + 3)]);
  const turned = kit.flip(
    swapped,
    kernel.map((_, d) => d + 3),
  );
  const weight = kit.reshape(turned, [s.groups * inGroup, outGroup, ...kernel]);
  return kit.conv(spread, weight, {
    stride: kernel.map(() => 1),
    low: none(kernel),
    high: none(kernel),
    dilation: s.dilation,
    groups: s.groups,
  });
}
