/** Points of two classes, places and lines in the plane, and how finely it is mapped: what pages and labs both know. */
export interface PointSet {
  /** x₁ and x₂ of each point, from −1 to 1. */
  readonly inputs: Float32Array;
  /** 0 or 1. */
  readonly targets: Float32Array;
}

/** Rows and columns of the maps. */
export const resolution = 24;

export type PlanePlace = readonly [x1: number, x2: number];

/** The places where w₁x₁ + w₂x₂ + b = 0. */
export interface PlaneLine {
  readonly weights: readonly [w1: number, w2: number, b: number];
  readonly name: string;
  readonly isFaint?: boolean | undefined;
}

/** Where a line meets the edges of the plane; undefined where it lies outside. */
export function lineEnds(weights: PlaneLine["weights"]): readonly [PlanePlace, PlanePlace] | undefined {
  if (!weights.every(Number.isFinite)) return undefined;
  const [w1, w2, b] = weights;
  const ends: PlanePlace[] = [];
  const isInside = (value: number): boolean => value >= -1 && value <= 1;
  for (const side of [-1, 1]) {
    const [at1, at2] = [-(w2 * side + b) / w1, -(w1 * side + b) / w2];
    if (isInside(at1)) ends.push([at1, side]);
    if (isInside(at2)) ends.push([side, at2]);
  }
  const [first] = ends;
  const other = ends.find((end) => first !== undefined && Math.hypot(end[0] - first[0], end[1] - first[1]) > 1e-6);
  return first === undefined || other === undefined ? undefined : [first, other];
}
