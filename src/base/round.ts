/** Rounding that JavaScript does not have. Floor: base. */

/** Half goes to the even neighbour, as in IEEE 754 and PyTorch. */
export function roundHalfEven(x: number): number {
  const low = Math.floor(x);
  const rest = x - low;
  if (rest < 0.5 || rest !== rest) return rest === 0 ? x : Object.is(low, 0) && x < 0 ? -0 : low;
  if (rest > 0.5) return low + 1 === 0 ? -0 : low + 1;
  return low % 2 === 0 ? low : low + 1 === 0 ? -0 : low + 1;
}
