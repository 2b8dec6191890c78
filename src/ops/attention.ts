/**
 * Attention and its derivatives in one go, for devices that need no memory for the weights. Vertices of these are found
 * below `either` only (ops/composite/attention.ts), beside the same from primitives. Each gives one vector, the parts of
 * which are views of it. Floor: ops.
 *
 * q [..., T, D], key [..., S, D], v [..., S, E] and mask [..., T, S] have equal dims in front; N is their product. The mask
 * is bool, true where attention is allowed, or added to the scores. `causal`: row i sees keys 0 to i.
 */
import { internal, showShape } from "../base/errors.ts";
import { type Shape, sameShape, sizeOf } from "../base/shape.ts";
import type { Attrs, HostTensor } from "../ir/op.ts";
import type { Value } from "../ir/value.ts";
import { numberOf, record } from "./record.ts";

/** Extents of attention. */
export interface AttentionSizes {
  /** The dims in front, and N. */
  readonly batch: Shape;
  readonly count: number;
  /** T, S, D and E. */
  readonly rows: number;
  readonly keys: number;
  readonly width: number;
  readonly valueWidth: number;
}

type Shaped = { readonly shape: Shape };

export function attentionSizes([q, , v]: readonly Shaped[]): AttentionSizes {
  const { shape } = q as Shaped;
  const [keys, valueWidth] = (v as Shaped).shape.slice(-2) as [number, number];
  const [rows, width] = shape.slice(-2) as [number, number];
  const batch = shape.slice(0, -2);
  return { batch, count: sizeOf(batch), rows, keys, width, valueWidth };
}

/** First elements of the parts of both vectors. */
export function attentionParts({ count, rows, keys, width, valueWidth }: AttentionSizes, parts: number) {
  const peaks = count * rows * valueWidth;
  const dKey = count * rows * width;
  const dValue = dKey + parts * count * keys * width;
  return {
    /** Of the forward vector; the result begins at 0. */
    forward: { peaks, inverses: peaks + count * rows, end: peaks + 2 * count * rows },
    /** Of the gradients; that of q begins at 0. */
    gradient: { dKey, dValue, end: dValue + parts * count * keys * valueWidth },
  };
}

/** Rows of q in one of `parts` runs of rows; whole blocks of rows for any kernel. */
export function rowsOfPart(rows: number, parts: number): number {
  return Math.ceil(rows / parts / 32) * 32;
}

function checked(inputs: readonly Value[], mask: Value | undefined): AttentionSizes {
  const [, key, v] = inputs as [Value, Value, Value];
  const sizes = attentionSizes(inputs);
  const { batch, rows, keys, width, valueWidth } = sizes;
  const fits =
    sameShape(key.shape, [...batch, keys, width]) &&
    sameShape(v.shape, [...batch, keys, valueWidth]) &&
    (mask === undefined || sameShape(mask.shape, [...batch, rows, keys]));
  if (!fits) throw internal(`attention of ${inputs.map((x) => showShape(x.shape)).join(", ")}`);
  return sizes;
}

/** scale · q keyᵀ + mask for one row of q, in units of log 2: −Infinity where attention is not allowed. */
function scoresOf(
  inputs: readonly HostTensor[],
  mask: HostTensor | undefined,
  attrs: Attrs,
  row: number,
): Float64Array {
  const [q, key] = inputs as [HostTensor, HostTensor];
  const { rows, keys, width } = attentionSizes(inputs);
  const scale = numberOf(attrs, "scale");
  const head = Math.floor(row / rows);
  return Float64Array.from({ length: keys }, (_, j) => {
    if (attrs["causal"] === true && j > row - head * rows) return Number.NEGATIVE_INFINITY;
    const seen = mask?.data[row * keys + j] as number;
    if (mask?.dtype === "bool" && seen === 0) return Number.NEGATIVE_INFINITY;
    let sum = 0;
    for (let d = 0; d < width; d++) {
      sum += (q.data[row * width + d] as number) * (key.data[(head * keys + j) * width + d] as number);
    }
    return (sum * scale + (mask === undefined || mask.dtype === "bool" ? 0 : seen)) * Math.LOG2E;
  });
}

/** Σ x[i + at] · y[i + other] over `length` elements. */
function dot(x: HostTensor, at: number, y: HostTensor, other: number, length: number): number {
  let sum = 0;
  for (let i = 0; i < length; i++) sum += (x.data[at + i] as number) * (y.data[other + i] as number);
  return sum;
}

/**
 * Of q, key, v and perhaps a mask: the result [N, T, E] of softmax(scale · q keyᵀ + mask) v, then for each row the largest
 * score [N, T] in units of log 2, then 1 / Σ exp(score − largest) [N, T]. With a mask a row may see nothing: that gives 0, largest 0 and 1.
 */
export const attention = record({
  name: "attention",
  kind: "attention",
  doc: "softmax of scaled and masked products of queries and keys, times values; with what its derivative needs",
  infer(inputs) {
    const sizes = checked(inputs, inputs[3]);
    return { shape: [attentionParts(sizes, 1).forward.end], dtype: (inputs[0] as Value).dtype };
  },
  evaluate(out, inputs, attrs) {
    const [, , v, mask] = inputs as [HostTensor, HostTensor, HostTensor, HostTensor?];
    const sizes = attentionSizes(inputs);
    const { count, rows, keys, valueWidth } = sizes;
    const { forward } = attentionParts(sizes, 1);
    for (let row = 0; row < count * rows; row++) {
      const scores = scoresOf(inputs, mask, attrs, row);
      const isEmpty = mask !== undefined && scores.every((s) => s === Number.NEGATIVE_INFINITY);
      const peak = isEmpty ? 0 : Math.max(...scores);
      const weights = scores.map((s) => 2 ** (s - peak));
      const inverse = isEmpty ? 1 : 1 / weights.reduce((sum, w) => sum + w, 0);
      out.data[forward.peaks + row] = peak;
      out.data[forward.inverses + row] = inverse;
      for (let e = 0; e < valueWidth; e++) {
        let sum = 0;
        for (let j = 0; j < keys; j++) {
          const at = Math.floor(row / rows) * keys + j;
          sum += (weights[j] as number) * (v.data[at * valueWidth + e] as number);
        }
        out.data[row * valueWidth + e] = sum * inverse;
      }
    }
  },
  vjp: null,
});

/**
 * Of q, key, v, the forward vector, the gradient g [..., T, E] of its result and perhaps a mask: dq [N, T, D], then dkey
 * [parts, N, S, D] and dv [parts, N, S, E], each as sums over runs of rows of q that are still to be added. With weights p:
 * dv = pᵀ g, ds = scale · p ∘ (g vᵀ − Σ g ∘ result), dq = ds key, dkey = dsᵀ q.
 */
export const attentionGradient = record({
  name: "attentionGradient",
  kind: "attention",
  doc: "gradients of attention with respect to queries, keys and values",
  infer(inputs, attrs) {
    const sizes = checked(inputs, inputs[5]);
    const { gradient } = attentionParts(sizes, numberOf(attrs, "parts"));
    return { shape: [gradient.end], dtype: (inputs[0] as Value).dtype };
  },
  evaluate(out, inputs, attrs) {
    const [q, key, v, made, g, mask] = inputs as [
      HostTensor,
      HostTensor,
      HostTensor,
      HostTensor,
      HostTensor,
      HostTensor?,
    ];
    const sizes = attentionSizes(inputs);
    const { count, rows, keys, width, valueWidth } = sizes;
    const parts = numberOf(attrs, "parts");
    const { forward, gradient } = attentionParts(sizes, parts);
    const sums = new Float64Array(out.data.length);
    const add = (to: number, from: HostTensor, at: number, length: number, factor: number): void => {
      for (let i = 0; i < length; i++) sums[to + i] = (sums[to + i] as number) + factor * (from.data[at + i] as number);
    };
    for (let row = 0; row < count * rows; row++) {
      const head = Math.floor(row / rows);
      const part = Math.floor((row % rows) / rowsOfPart(rows, parts));
      const delta = dot(g, row * valueWidth, made, row * valueWidth, valueWidth);
      scoresOf(inputs, mask, attrs, row).forEach((score, j) => {
        const at = head * keys + j;
        const [peak, inverse] = [made.data[forward.peaks + row], made.data[forward.inverses + row]] as [number, number];
        const p = 2 ** (score - peak) * inverse;
        const dp = dot(g, row * valueWidth, v, at * valueWidth, valueWidth);
        const ds = p * (dp - delta) * numberOf(attrs, "scale");
        const to = part * count * keys + at;
        add(row * width, key, at * width, width, ds);
        add(gradient.dKey + to * width, q, row * width, width, ds);
        add(gradient.dValue + to * valueWidth, g, row * valueWidth, valueWidth, p);
      });
    }
    out.data.set(sums);
  },
  vjp: null,
});
