/** Curves with few points that look like all of them. A point is never made up: each is one of the run. */
import type { RunCurve } from "twopass/inspect";
import type { DrawnCurves } from "./run-calls.ts";

/** Points that a curve is drawn with at most. */
export const mostPoints = 2000;

/**
 * Of each stretch the lowest, the highest, and the first that is not finite; the first and the last of all, and the newest up
 * to the step `at`.
 */
export function thinned(curve: RunCurve, most = mostPoints, at?: number): RunCurve {
  if (curve.length <= most) return curve;
  const stretches = Math.floor((most - 3) / 3);
  const kept = [0];
  for (let i = 0; i < stretches; i++) {
    const [from, to] = [i, i + 1].map((at) => Math.floor((at * curve.length) / stretches)) as [number, number];
    let [low, high, broken] = [-1, -1, -1];
    for (let at = from; at < to; at++) {
      const value = valueAt(curve, at);
      if (!Number.isFinite(value)) broken = broken < 0 ? at : broken;
      else {
        if (low < 0 || value < valueAt(curve, low)) low = at;
        if (high < 0 || value > valueAt(curve, high)) high = at;
      }
    }
    kept.push(...[low, high, broken].sort((a, b) => a - b));
  }
  kept.push(curve.length - 1);
  if (at !== undefined) kept.push(curve.findLastIndex(([step]) => step <= at));
  kept.sort((a, b) => a - b);
  let last = -1;
  return kept.flatMap((place) => {
    if (place <= last) return [];
    last = place;
    return [curve[place] as RunCurve[number]];
  });
}

function valueAt(curve: RunCurve, at: number): number {
  return (curve[at] as RunCurve[number])[1];
}

/** Some of a list at equal distances, with the first and the last. */
export function some<T>(list: readonly T[], most: number): readonly T[] {
  if (list.length <= most) return list;
  return Array.from({ length: most }, (_, i) => list[Math.round((i * (list.length - 1)) / (most - 1))] as T);
}

/**
 * Means that forget: mₜ = a·mₜ₋₁ + (1 − a)·xₜ from m₀ = 0, divided by 1 − aᵗ so that the first ones are means too. What is
 * not finite stays, and counts for nothing.
 */
export function smoothed(curve: RunCurve, amount: number): RunCurve {
  let [mean, weight] = [0, 0];
  return curve.map(([step, value]) => {
    if (!Number.isFinite(value)) return [step, value];
    mean = amount * mean + (1 - amount) * value;
    weight = amount * weight + 1 - amount;
    return [step, mean / weight];
  });
}

/** Curves over the steps of all of them. */
export function aligned(curves: readonly RunCurve[]): { x: number[]; values: (number | undefined)[][] } {
  const x = [...new Set(curves.flatMap((curve) => curve.map(([step]) => step)))].sort((a, b) => a - b);
  const placeOf = new Map(x.map((step, i) => [step, i]));
  const values = curves.map((curve) => {
    const row = new Array<number | undefined>(x.length).fill(undefined);
    for (const [step, value] of curve) row[placeOf.get(step) as number] = value;
    return row;
  });
  return { x, values };
}

/** @param at a step at which each curve has its number, whatever is left out. */
export function drawnCurves(curves: readonly RunCurve[], smoothing: number, at?: number): DrawnCurves {
  const few = curves.map((curve) => thinned(curve, mostPoints, at));
  const { x, values } = aligned(few);
  if (smoothing <= 0) return { x, series: values.map((row) => ({ values: row })) };
  // Of all points, shown at those that are left.
  const means = curves.map((curve) => new Map(smoothed(curve, smoothing)));
  return {
    x,
    series: values.map((row, i) => ({
      values: row,
      smooth: row.map((value, place) => (value === undefined ? undefined : means[i]?.get(x[place] as number))),
    })),
  };
}
