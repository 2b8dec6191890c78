/**
 * Convolution over any number of spatial dims and its two derivatives, a closed set: each one's derivatives are the
 * other two. x [N, C, ...], w [O, C/groups, ...], y [N, O, ...]. A transposed convolution is `convInput`. Floor: ops.
 */
import { sizeOf, stridesOf } from "../base/shape.ts";
import type { Attrs, HostTensor } from "../ir/op.ts";
import type { Value } from "../ir/value.ts";
import { listOf, numberOf, record } from "./record.ts";

export interface ConvSettings {
  readonly stride: readonly number[];
  readonly low: readonly number[];
  readonly high: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;
}

export function convSettings(attrs: Attrs): ConvSettings {
  return {
    stride: listOf(attrs, "stride"),
    low: listOf(attrs, "low"),
    high: listOf(attrs, "high"),
    dilation: listOf(attrs, "dilation"),
    groups: numberOf(attrs, "groups"),
  };
}

/** The spatial extents of the result: floor((n + low + high − dilation·(k−1) − 1) / stride) + 1. */
export function convExtents(input: readonly number[], kernel: readonly number[], s: ConvSettings): number[] {
  return input.map((n, i) => {
    const reach = (s.dilation[i] as number) * ((kernel[i] as number) - 1) + 1;
    return Math.floor((n + (s.low[i] as number) + (s.high[i] as number) - reach) / (s.stride[i] as number)) + 1;
  });
}

/** Visits each product of the convolution by the places of its three factors; the reference of all three. */
function forEachProduct(
  x: readonly number[],
  w: readonly number[],
  y: readonly number[],
  s: ConvSettings,
  visit: (xPlace: number, wPlace: number, yPlace: number) => void,
): void {
  const spatial = x.slice(2);
  const kernel = w.slice(2);
  const xStrides = stridesOf(x);
  const inGroup = w[1] as number;
  const outGroup = (w[0] as number) / s.groups;
  const kernelSize = sizeOf(kernel);
  const kernelStrides = stridesOf(kernel);
  const yStrides = stridesOf(y);
  const ySpatial = y.slice(2);
  const pixels = sizeOf(ySpatial);
  const pixelStrides = stridesOf(ySpatial);
  for (let pixel = 0; pixel < pixels; pixel++) {
    for (let tap = 0; tap < kernelSize; tap++) {
      let at = 0;
      let inside = true;
      for (let d = 0; d < spatial.length && inside; d++) {
        const out = Math.floor(pixel / (pixelStrides[d] as number)) % (ySpatial[d] as number);
        const k = Math.floor(tap / (kernelStrides[d] as number)) % (kernel[d] as number);
        const i = out * (s.stride[d] as number) + k * (s.dilation[d] as number) - (s.low[d] as number);
        inside = i >= 0 && i < (spatial[d] as number);
        at += i * (xStrides[d + 2] as number);
      }
      if (!inside) continue;
      for (let n = 0; n < (x[0] as number); n++) {
        for (let o = 0; o < (w[0] as number); o++) {
          const c0 = Math.floor(o / outGroup) * inGroup;
          for (let c = 0; c < inGroup; c++) {
            visit(
              n * (xStrides[0] as number) + (c0 + c) * (xStrides[1] as number) + at,
              (o * inGroup + c) * kernelSize + tap,
              n * (yStrides[0] as number) + o * (yStrides[1] as number) + pixel,
            );
          }
        }
      }
    }
  }
}

type Picker = (sum: Float64Array, x: HostTensor, y: HostTensor) => (i: number, j: number, k: number) => void;

function evaluateInto(
  out: HostTensor,
  a: HostTensor,
  b: HostTensor,
  shapes: readonly (readonly number[])[],
  attrs: Attrs,
  picker: Picker,
): void {
  const sum = new Float64Array(out.data.length);
  const [x, w, y] = shapes as [readonly number[], readonly number[], readonly number[]];
  forEachProduct(x, w, y, convSettings(attrs), picker(sum, a, b));
  out.data.set(sum);
}

/** y = x ⋆ w (cross-correlation, as every framework's convolution). */
export const conv = record({
  name: "conv",
  kind: "conv",
  doc: "convolution of images with kernels",
  infer([a, b], attrs) {
    const x = a as Value;
    const w = b as Value;
    const extents = convExtents(x.shape.slice(2), w.shape.slice(2), convSettings(attrs));
    return { shape: [x.shape[0] as number, w.shape[0] as number, ...extents], dtype: x.dtype };
  },
  evaluate(out, [a, b], attrs) {
    const x = a as HostTensor;
    const w = b as HostTensor;
    evaluateInto(out, x, w, [x.shape, w.shape, out.shape], attrs, (sum) => (i, j, k) => {
      sum[k] = (sum[k] as number) + (x.data[i] as number) * (w.data[j] as number);
    });
  },
  vjp: (k, g, [a, b], _out, attrs) => {
    const x = a as Value;
    const w = b as Value;
    return [
      x.requiresGrad ? k.convInput(g, w, x.shape.slice(2), convSettings(attrs)) : undefined,
      w.requiresGrad ? k.convWeight(x, g, w.shape.slice(2), convSettings(attrs)) : undefined,
    ];
  },
});

/** The derivative of a convolution with respect to its input: from y and w a tensor like x. */
export const convInput = record({
  name: "convInput",
  kind: "conv",
  doc: "the input's gradient of a convolution; a transposed convolution",
  gradientOf: "images",
  infer([b, c], attrs) {
    const y = b as Value;
    const w = c as Value;
    const channels = (w.shape[1] as number) * numberOf(attrs, "groups");
    return { shape: [y.shape[0] as number, channels, ...listOf(attrs, "extents")], dtype: y.dtype };
  },
  evaluate(out, [b, c], attrs) {
    const y = b as HostTensor;
    const w = c as HostTensor;
    evaluateInto(out, y, w, [out.shape, w.shape, y.shape], attrs, (sum) => (i, j, k) => {
      sum[i] = (sum[i] as number) + (y.data[k] as number) * (w.data[j] as number);
    });
  },
  vjp: (k, g, [b, c], _out, attrs) => {
    const y = b as Value;
    const w = c as Value;
    return [
      y.requiresGrad ? k.conv(g, w, convSettings(attrs)) : undefined,
      w.requiresGrad ? k.convWeight(g, y, w.shape.slice(2), convSettings(attrs)) : undefined,
    ];
  },
});

/** The derivative of a convolution with respect to its kernels: from x and y a tensor like w. */
export const convWeight = record({
  name: "convWeight",
  kind: "conv",
  doc: "the kernels' gradient of a convolution",
  gradientOf: "kernels",
  infer([a, b], attrs) {
    const x = a as Value;
    const y = b as Value;
    const channels = (x.shape[1] as number) / numberOf(attrs, "groups");
    return { shape: [y.shape[1] as number, channels, ...listOf(attrs, "extents")], dtype: x.dtype };
  },
  evaluate(out, [a, b], attrs) {
    const x = a as HostTensor;
    const y = b as HostTensor;
    evaluateInto(out, x, y, [x.shape, out.shape, y.shape], attrs, (sum) => (i, j, k) => {
      sum[j] = (sum[j] as number) + (x.data[i] as number) * (y.data[k] as number);
    });
  },
  vjp: (k, g, [a, b], _out, attrs) => {
    const x = a as Value;
    const y = b as Value;
    return [
      x.requiresGrad ? k.convInput(y, g, x.shape.slice(2), convSettings(attrs)) : undefined,
      y.requiresGrad ? k.conv(x, g, convSettings(attrs)) : undefined,
    ];
  },
});
