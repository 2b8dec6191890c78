/** Resampling: a dim read at places between its elements. Floor: ops. */
import { allocate } from "../../base/dtype.ts";
import type { Value } from "../../ir/value.ts";
import type { Kit } from "../kit.ts";
import { makeLeaf } from "../leaf.ts";
import { takeAt } from "./indexing.ts";
import { repeatEach } from "./layout.ts";

const interpolations = ["nearest", "nearest-exact", "linear", "cubic"] as const;
/** How elements between places come about: the one before, the nearest, a line, or a cubic through four. */
export type Interpolation = (typeof interpolations)[number];

/** Where the elements of a result lie in the input. */
export interface Sampling {
  /** Extent of the result. */
  readonly size: number;
  /** Step in the input for a step in the result. */
  readonly step: number;
  /** Whether the centres of the first and last elements fall together, instead of the outer edges. */
  readonly alignCorners: boolean;
}

/** One of the elements that a result is a sum of: where it is read, and its factor. */
interface Tap {
  readonly places: Int32Array;
  readonly weights: Float64Array;
}

/** The cubic of Keys (1981) with the slope −¾, as image libraries have it. */
function cubic(distance: number): number {
  const a = -0.75;
  const d = Math.abs(distance);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

/** The places and factors of all taps along a dim of extent n. */
function tapsOf(n: number, how: Interpolation, { size, step, alignCorners }: Sampling): Tap[] {
  const isCubic = how === "cubic";
  const count = { nearest: 1, "nearest-exact": 1, linear: 2, cubic: 4 }[how];
  const taps = Array.from({ length: count }, () => ({
    places: new Int32Array(size),
    weights: new Float64Array(size).fill(1),
  }));
  for (let i = 0; i < size; i++) {
    if (count === 1) {
      // PyTorch multiplies in float32, which decides on which side of a whole number a place lies.
      const at = how === "nearest" ? Math.fround(i * Math.fround(step)) : Math.fround((i + 0.5) * Math.fround(step));
      (taps[0] as Tap).places[i] = Math.min(Math.floor(at), n - 1);
      continue;
    }
    const centred = alignCorners ? i * step : (i + 0.5) * step - 0.5;
    const at = isCubic ? centred : Math.max(centred, 0);
    const start = isCubic ? Math.floor(at) : Math.min(Math.floor(at), n - 1);
    taps.forEach((tap, t) => {
      const place = start + t - (isCubic ? 1 : 0);
      tap.places[i] = Math.min(Math.max(place, 0), n - 1);
      tap.weights[i] = isCubic ? cubic(at - place) : t === 0 ? 1 - (at - start) : at - start;
    });
  }
  return taps;
}

/** x resampled along `dim`. */
export function resample(k: Kit, x: Value, dim: number, how: Interpolation, sampling: Sampling): Value {
  const n = x.shape[dim] as number;
  const { size, step } = sampling;
  if (size === n && step === 1) return x;
  // Whole repeats are a view, and their derivative a sum.
  if (how.startsWith("nearest") && size % n === 0 && step === n / size) return repeatEach(k, x, dim, size / n);
  const along = x.shape.map((_, i) => (i === dim ? size : 1));
  const parts = tapsOf(n, how, sampling).map(({ places, weights }) => {
    const taken = takeAt(k, x, makeLeaf([size], "int32", { kind: "data", data: places }), dim);
    if (how.startsWith("nearest")) return taken;
    const data = allocate(x.dtype, size);
    data.set(weights);
    return k.mul(taken, makeLeaf(along, x.dtype, { kind: "data", data }));
  });
  return parts.reduce((sum, part) => k.add(sum, part));
}
