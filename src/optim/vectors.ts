/** Arithmetic of long vectors in JavaScript's memory, in float64. Floor: optim. */

/** What is kept may be narrower than what is computed. */
export type Vector = Float32Array | Float64Array;

export function dot(a: Vector, b: Vector): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

/** x ← x + factor · y. */
export function addTo(x: Float64Array, factor: number, y: Vector): void {
  for (let i = 0; i < x.length; i++) x[i] = (x[i] as number) + factor * (y[i] as number);
}

export function moved(x: Float64Array, t: number, direction: Float64Array): Float64Array {
  const to = x.slice();
  addTo(to, t, direction);
  return to;
}

export function largest(x: Float64Array): number {
  let most = 0;
  for (const element of x) if (!(Math.abs(element) <= most)) most = Math.abs(element);
  return most;
}

export function sumOfSizes(x: Float64Array): number {
  let sum = 0;
  for (const element of x) sum += Math.abs(element);
  return sum;
}
