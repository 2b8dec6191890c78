/**
 * Sizes of the convolutions that have kernels of their own, and each pass as forward convolutions. Floor: schedule.
 */
import type { Value } from "../ir/value.ts";
import { type ConvSettings, convSettings } from "../ops/conv.ts";
import { listOf } from "../ops/record.ts";

export type Pair = readonly [number, number];

/** Sizes of a forward convolution: y[n, o] = Σ x[n, c] ⋆ w[o, c]. An image of one spatial dim has one row. */
export interface ConvShape {
  readonly images: number;
  readonly groups: number;
  /** Channels of one group. */
  readonly inChannels: number;
  readonly outChannels: number;
  readonly input: Pair;
  readonly output: Pair;
  readonly taps: Pair;
  readonly stride: Pair;
  readonly dilation: Pair;
  /** Rows and columns of zeros in front; below 0 where as many are cut off. */
  readonly low: Pair;
}

/** Most elements of a padded piece of an image that a thread copies, and the columns that it has at least. */
export const mostSlab = 160 * 1024;
export const leastColumns = 32;
/** One forward convolution that makes up a pass, and which of the results it gives. */
export interface PhaseShape {
  readonly shape: ConvShape;
  /** Of the input's gradient of a strided convolution: the first result and tap, and the way to the next of each. */
  readonly phase: Pair;
  readonly step: Pair;
  readonly firstTap: Pair;
}

export interface Pass {
  readonly shapes: readonly PhaseShape[];
  readonly isTransposed: boolean;
  readonly isWeight: boolean;
}

/** The pass as forward convolutions; undefined where it is not taken. */
export function passOf(value: Value): Pass | undefined {
  const settings = convSettings(value.attrs);
  const { op, inputs, dtype } = value;
  const [a, b] = inputs as [Value, Value];
  if (dtype !== "float32" || a.shape.length < 3 || a.shape.length > 4) return undefined;
  if ([...a.shape, ...b.shape, ...value.shape].some((n) => n === 0)) return undefined;
  const isTransposed = op.gradientOf === "images";
  const isWeight = op.gradientOf === "kernels";
  const weight = isWeight ? value.shape : b.shape;
  const extents = isWeight ? listOf(value.attrs, "extents") : weight.slice(2);
  const shapes = isTransposed
    ? transposedShapes(value, settings)
    : [
        {
          shape: forwardShape(a.shape, isWeight ? b.shape : value.shape, weight, extents, settings),
          phase: [0, 0] as const,
          step: [1, 1] as const,
          firstTap: [0, 0] as const,
        },
      ];
  if (shapes === undefined || !shapes.every(({ shape }) => fits(shape)) || isProduct(settings, extents))
    return undefined;
  return { shapes, isTransposed, isWeight };
}

function forwardShape(
  x: readonly number[],
  y: readonly number[],
  w: readonly number[],
  extents: readonly number[],
  s: ConvSettings,
): ConvShape {
  return {
    images: x[0] as number,
    groups: s.groups,
    inChannels: w[1] as number,
    outChannels: (w[0] as number) / s.groups,
    input: pair(x.slice(2), 1),
    output: pair(y.slice(2), 1),
    taps: pair(extents, 1),
    stride: pair(s.stride, 1),
    dilation: pair(s.dilation, 1),
    low: pair(s.low, 0),
  };
}

/**
 * dx[i] = Σ_k dy[(i + low − k·dilation) / stride] · w[k] over the k for which the quotient is whole. Results with equal
 * remainder of i by the stride have the same taps: for each remainder p it is a convolution of dy of stride 1 with every
 * stride-th tap from (p + low) mod stride on, turned round.
 */
function transposedShapes(value: Value, s: ConvSettings): PhaseShape[] | undefined {
  const [y, w] = value.inputs as [Value, Value];
  const stride = pair(s.stride, 1);
  const dilation = pair(s.dilation, 1);
  const low = pair(s.low, 0);
  const taps = pair(w.shape.slice(2), 1);
  const extents = pair(value.shape.slice(2), 1);
  if ([0, 1].some((d) => (stride[d] as number) > 1 && (dilation[d] as number) > 1)) return undefined;
  const phases = [0, 1].map((d) => {
    const step = stride[d] as number;
    const count = Math.min(step, extents[d] as number);
    return Array.from({ length: count }, (_, phase) => {
      const shifted = phase + (low[d] as number);
      const firstTap = ((shifted % step) + step) % step;
      const length = Math.max(Math.ceil(((taps[d] as number) - firstTap) / step), 0);
      const reach = (dilation[d] as number) * (length - 1);
      return {
        phase,
        firstTap,
        taps: length,
        low: reach - (shifted - firstTap) / step,
        output: Math.ceil(((extents[d] as number) - phase) / step),
      };
    });
  });
  const [rows, columns] = phases as [PhaseDim[], PhaseDim[]];
  const [outChannels, inChannels] = w.shape as [number, number];
  return rows.flatMap((r) =>
    columns.map((c) => ({
      shape: {
        images: y.shape[0] as number,
        groups: s.groups,
        inChannels: outChannels / s.groups,
        outChannels: inChannels,
        input: pair(y.shape.slice(2), 1),
        output: [r.output, c.output],
        taps: [r.taps, c.taps],
        stride: [1, 1],
        dilation,
        low: [r.low, c.low],
      },
      phase: [r.phase, c.phase],
      step: stride,
      firstTap: [r.firstTap, c.firstTap],
    })),
  );
}

interface PhaseDim {
  readonly phase: number;
  readonly firstTap: number;
  readonly taps: number;
  readonly low: number;
  readonly output: number;
}

/** Elements of the padded piece of one channel that `rows` × `columns` results need, with what keeps channels apart. */
export function slabSize({ taps, stride, dilation }: ConvShape, rows: number, columns: number): number {
  const [height, width] = [rows, columns].map((n, d) => {
    const reach = (n - 1) * (stride[d] as number) + ((taps[d] as number) - 1) * (dilation[d] as number) + 1;
    return roundUp(Math.max(reach, 1), stride[d] as number);
  });
  return roundUp((height as number) * (width as number), 32) + 16;
}

/** Whether the smallest piece of work finds room. */
function fits(shape: ConvShape): boolean {
  const { inChannels, output, taps, stride } = shape;
  const least = slabSize(shape, 1, Math.min(output[1], leastColumns));
  return inChannels * least <= mostSlab && taps[0] * taps[1] <= 1024 && Math.max(...stride) <= 32;
}

/** One tap, no padding and no stride: a matrix product. */
function isProduct(s: ConvSettings, extents: readonly number[]): boolean {
  return [...extents, ...s.stride].every((n) => n === 1) && [...s.low, ...s.high].every((n) => n === 0);
}

function pair(list: readonly number[], missing: number): Pair {
  return list.length === 1 ? [missing, list[0] as number] : [list[0] as number, list[1] as number];
}

export function roundUp(count: number, step: number): number {
  return Math.ceil(count / step) * step;
}
