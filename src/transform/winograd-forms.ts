/**
 * The transforms of Winograd's convolution F(4×4, 3×3) along one dim, over any arithmetic: vertices of a graph, or the
 * text of a program. Not where tiles lie. Floor: transform.
 *
 *   y = Aᵀ [(G g) ∘ (Bᵀ d)]   with d of 6 elements and, forward, g of 3 and y of 4; for the kernels' gradient g is a
 *   piece of dy of 4 and y a row of 3.
 *
 * The points are 0, ±a, ±b and infinity with a = 5/8 and b = 3/2. Among small fractions they give about the smallest
 * error: half of that of the usual 0, ±1, ±2. a², b² and the polynomials' coefficients are exact in float32. Even and odd
 * powers of ±a and of ±b are taken apart, so that each pair of points costs little more than one.
 */

export interface Arithmetic<T> {
  add(x: T, y: T): T;
  sub(x: T, y: T): T;
  scale(x: T, by: number): T;
  /** The same number, which is read more than once. */
  keep(x: T): T;
}

/** Some numbers of a row or column, in order. */
export type Line<T> = readonly T[];

const a = 5 / 8;
const b = 3 / 2;
/** Product of the differences of a point to the other finite ones: what G is divided by. */
const atZero = a * a * b * b;
const atA = 2 * a * a * (a * a - b * b);
const atB = 2 * b * b * (b * b - a * a);

/** Bᵀ d: 6 to 6. */
export function imageTransform<T>(k: Arithmetic<T>, d: Line<T>): T[] {
  const [d0, d1, d2, d3, d4, d5] = d as readonly [T, T, T, T, T, T];
  const minus = (x: T, y: T, by: number): T => k.sub(x, k.scale(y, by));
  return pairs(k, {
    evenA: minus(d4, d2, b * b),
    oddA: k.scale(minus(d3, d1, b * b), a),
    evenB: minus(d4, d2, a * a),
    oddB: k.scale(minus(d3, d1, a * a), b),
    zero: k.add(k.scale(d0, atZero), minus(d4, d2, a * a + b * b)),
    top: k.add(k.scale(d1, atZero), minus(d5, d3, a * a + b * b)),
  });
}

/** G g forward: 3 to 6. */
export function weightTransform<T>(k: Arithmetic<T>, g: Line<T>): T[] {
  const [g0, g1, g2] = g as readonly [T, T, T];
  return pairs(k, {
    evenA: k.scale(k.add(g0, k.scale(g2, a * a)), 1 / atA),
    oddA: k.scale(g1, a / atA),
    evenB: k.scale(k.add(g0, k.scale(g2, b * b)), 1 / atB),
    oddB: k.scale(g1, b / atB),
    zero: k.scale(g0, 1 / atZero),
    top: g2,
  });
}

/** G g of a piece of dy: 4 to 6. What it should be divided by is left to `gradientResult`. */
export function pieceTransform<T>(k: Arithmetic<T>, g: Line<T>): T[] {
  const [g0, g1, g2, g3] = g as readonly [T, T, T, T];
  return pairs(k, {
    evenA: k.add(g0, k.scale(g2, a * a)),
    oddA: k.scale(k.add(g1, k.scale(g3, a * a)), a),
    evenB: k.add(g0, k.scale(g2, b * b)),
    oddB: k.scale(k.add(g1, k.scale(g3, b * b)), b),
    zero: g0,
    top: g3,
  });
}

interface Parts<T> {
  readonly evenA: T;
  readonly oddA: T;
  readonly evenB: T;
  readonly oddB: T;
}

function pairs<T>(k: Arithmetic<T>, parts: Parts<T> & { readonly zero: T; readonly top: T }): T[] {
  const [evenA, oddA] = [k.keep(parts.evenA), k.keep(parts.oddA)];
  const [evenB, oddB] = [k.keep(parts.evenB), k.keep(parts.oddB)];
  return [parts.zero, k.add(evenA, oddA), k.sub(evenA, oddA), k.add(evenB, oddB), k.sub(evenB, oddB), parts.top];
}

/** Aᵀ m forward: 6 to 4. */
export function resultTransform<T>(k: Arithmetic<T>, m: Line<T>): T[] {
  const { evenA, oddA, evenB, oddB } = sums(k, m);
  return [
    k.add(k.add(m[0] as T, evenA), evenB),
    k.add(k.scale(oddA, a), k.scale(oddB, b)),
    k.add(k.scale(evenA, a * a), k.scale(evenB, b * b)),
    k.add(k.add(m[5] as T, k.scale(oddA, a ** 3)), k.scale(oddB, b ** 3)),
  ];
}

/** Aᵀ m of the kernels' gradient: 6 to 3. */
export function gradientResult<T>(k: Arithmetic<T>, m: Line<T>): T[] {
  const { evenA, oddA, evenB, oddB } = sums(k, m);
  return [
    k.add(k.add(k.scale(m[0] as T, 1 / atZero), k.scale(evenA, 1 / atA)), k.scale(evenB, 1 / atB)),
    k.add(k.scale(oddA, a / atA), k.scale(oddB, b / atB)),
    k.add(k.add(m[5] as T, k.scale(evenA, (a * a) / atA)), k.scale(evenB, (b * b) / atB)),
  ];
}

function sums<T>(k: Arithmetic<T>, m: Line<T>): Parts<T> {
  const [, m1, m2, m3, m4] = m as readonly [T, T, T, T, T];
  return {
    evenA: k.keep(k.add(m1, m2)),
    oddA: k.keep(k.sub(m1, m2)),
    evenB: k.keep(k.add(m3, m4)),
    oddB: k.keep(k.sub(m3, m4)),
  };
}
