/** An image read at any places. Floor: ops. */
import { sizeOf, stridesOf } from "../../base/shape.ts";
import { withMode } from "../../ir/mode.ts";
import type { Value } from "../../ir/value.ts";
import type { Kit } from "../kit.ts";
import { table } from "../table.ts";
import { clamp } from "./elementwise.ts";

export const gridModes = ["bilinear", "nearest", "bicubic"] as const;
export const gridPaddings = ["zeros", "border", "reflection"] as const;

export interface GridSettings {
  /** How elements between places come about. */
  readonly mode: (typeof gridModes)[number];
  /** What lies outside of the image. */
  readonly padding: (typeof gridPaddings)[number];
  /** Whether −1 and 1 are the centres of the corner elements instead of their outer edges. */
  readonly alignCorners: boolean;
}

/** A place along one dim and its factor. */
interface Tap {
  readonly place: Value;
  readonly weight: Value | undefined;
}

/** Coordinates from −1 to 1 as places 0 to n − 1. */
function toPlaces(k: Kit, x: Value, n: number, alignCorners: boolean): Value {
  return alignCorners ? k.mul(k.add(x, 1), (n - 1) / 2) : k.div(k.sub(k.mul(k.add(x, 1), n), 1), 2);
}

/** Places outside of the image moved into it, unless zeros lie there. */
function inside(k: Kit, at: Value, n: number, { padding, alignCorners }: GridSettings): Value {
  if (padding === "zeros") return at;
  if (padding === "border") return clamp(k, at, 0, n - 1);
  const low = alignCorners ? 0 : -0.5;
  const span = alignCorners ? n - 1 : n;
  if (span === 0) return k.mul(at, 0);
  const far = k.abs(k.sub(at, low));
  const rest = k.map(table.fmod, far, k.full(far.shape, span, far.dtype));
  const turns = withMode({ grad: false }, () => k.map(table.floor, k.div(far, span)));
  const isOdd = k.gt(k.abs(k.sub(turns, k.mul(k.map(table.floor, k.div(turns, 2)), 2))), 0.5);
  return clamp(k, k.add(k.where(isOdd, k.sub(span, rest), rest), low), 0, n - 1);
}

/** The cubic of Keys (1981) with slope −¾ at distances from 0 to 2. */
function cubic(k: Kit, d: Value, isNear: boolean): Value {
  const a = -0.75;
  if (isNear) return k.add(k.mul(k.mul(k.sub(k.mul(d, a + 2), a + 3), d), d), 1);
  return k.sub(k.mul(k.add(k.mul(k.sub(k.mul(d, a), 5 * a), d), 8 * a), d), 4 * a);
}

/** The places that an element is read at along a dim of extent n, and their factors. */
function tapsAlong(k: Kit, x: Value, n: number, s: GridSettings): Tap[] {
  const raw = toPlaces(k, x, n, s.alignCorners);
  if (s.mode === "nearest") return [{ place: k.map(table.round, inside(k, raw, n, s)), weight: undefined }];
  const at = s.mode === "bicubic" ? raw : inside(k, raw, n, s);
  const start = withMode({ grad: false }, () => k.map(table.floor, at));
  const t = k.sub(at, start);
  if (s.mode === "bilinear") {
    return [
      { place: start, weight: k.sub(1, t) },
      { place: k.add(start, 1), weight: t },
    ];
  }
  return [-1, 0, 1, 2].map((step) => {
    const distance = step <= 0 ? k.sub(t, step) : k.sub(step, t);
    const weight = cubic(k, distance, step === 0 || step === 1);
    return { place: inside(k, k.add(start, step), n, s), weight };
  });
}

/** x [N, C, ...spatial] read at grid [N, ...out, D], whose last dim has the coordinate of the last spatial dim first. */
export function gridSample(k: Kit, x: Value, grid: Value, s: GridSettings): Value {
  const [n, channels, ...spatial] = x.shape as readonly [number, number, ...number[]];
  const out = grid.shape.slice(1, -1);
  const count = sizeOf(out);
  const last = grid.shape.length - 1;
  const along = spatial.map((extent, d) => {
    const at = spatial.length - 1 - d;
    return tapsAlong(k, k.reshape(k.range(grid, last, at, at + 1), [n, count]), extent, s);
  });
  const flat = k.reshape(x, [n, channels, sizeOf(spatial)]);
  const strides = stridesOf(spatial);
  const corners = along.reduce<Tap[][]>((all, taps) => all.flatMap((some) => taps.map((tap) => [...some, tap])), [[]]);
  const parts = corners.map((taps) => {
    const index = withMode({ grad: false }, () =>
      taps
        .map(({ place }, d) =>
          k.mul(clamp(k, k.cast(place, "int32"), 0, (spatial[d] as number) - 1), strides[d] as number),
        )
        .reduce((sum, part) => k.add(sum, part)),
    );
    const read = k.gather(flat, k.expand(k.reshape(index, [n, 1, count]), [n, channels, count]), 2);
    const weights = taps.flatMap(({ weight }) => (weight === undefined ? [] : [weight]));
    const weighted =
      weights.length === 0
        ? read
        : k.mul(
            read,
            k.reshape(
              weights.reduce((w, each) => k.mul(w, each)),
              [n, 1, count],
            ),
          );
    if (s.padding !== "zeros") return weighted;
    const isInside = taps
      .map(({ place }, d) => k.and(k.ge(place, 0), k.le(place, (spatial[d] as number) - 1)))
      .reduce((both, each) => k.and(both, each));
    return k.where(k.reshape(isInside, [n, 1, count]), weighted, 0);
  });
  return k.reshape(
    parts.reduce((sum, part) => k.add(sum, part)),
    [n, channels, ...out],
  );
}
