/** Sets of points in the plane from −1 to 1: made from a seed, or drawn by the learner. */
import type { DataConfig, DataKind } from "./config.ts";
import { type DataSet, Draw, planeNames } from "./data-set.ts";
import { checkRange, checkWhole, fault } from "./faults.ts";

type Point = readonly [x: number, y: number];

/** A point of a class, without noise. */
const shapes: Partial<Record<DataKind, (label: number, i: number, draw: Draw) => Point>> = {
  // Class 1 where the signs differ; nothing lies close to the axes.
  xor: (label, i, draw) => {
    const side = i % 4 < 2 ? 1 : -1;
    return [side * draw.uniform(0.06, 1), side * (label === 1 ? -1 : 1) * draw.uniform(0.06, 1)];
  },
  // A disc, and a ring around it.
  circle: (label, _, draw) => {
    const radius = label === 1 ? 0.45 * Math.sqrt(draw.uniform(0, 1)) : draw.uniform(0.65, 0.95);
    return around(radius, draw.uniform(0, 2 * Math.PI));
  },
  gauss: (label, _, draw) => {
    const middle = label === 1 ? 0.5 : -0.5;
    return [middle + draw.normal(0.15), middle + draw.normal(0.15)];
  },
  // Two arms of a turn and a quarter.
  spiral: (label, _, draw) => {
    const t = draw.uniform(0.06, 1);
    return around(0.95 * t, 2.5 * Math.PI * t + label * Math.PI);
  },
  // Two half circles that reach into each other.
  moons: (label, _, draw) => {
    const [x, y] = around(1, draw.uniform(0, Math.PI));
    const [u, v] = label === 1 ? [1 - x, 0.5 - y] : [x, y];
    return [0.6 * (u - 0.5), 0.6 * (v - 0.25)];
  },
};

/** How far noise of 1 moves a point: less where the classes are thin. */
const spreads: Partial<Record<DataKind, number>> = { xor: 0.5, circle: 0.5, gauss: 0.8, spiral: 0.2, moons: 0.4 };

/** Numbers to predict. */
const surfaces: Partial<Record<DataKind, (x: number, y: number) => number>> = {
  wave: (x, y) => Math.sin(Math.PI * x) * Math.cos((Math.PI / 2) * y),
  plane: (x, y) => 0.6 * x - 0.4 * y + 0.1,
};

/** The set of a kind that is made; undefined for other kinds. */
export function makePlaneSet(config: DataConfig, seed: number): DataSet | undefined {
  const { kind, size, noise } = config;
  const shape = shapes[kind];
  const surface = surfaces[kind];
  if (shape === undefined && surface === undefined) return undefined;
  checkWhole("size", size, 4, 5000);
  checkRange("noise", noise, 0, 0.5);
  const draw = new Draw(seed, `data ${kind}`);
  const targets = new Float32Array(size);
  const points = Array.from({ length: size }, (_, i): Point => {
    if (shape !== undefined) {
      const label = i % 2;
      targets[i] = label;
      const spread = noise * (spreads[kind] as number);
      const [x, y] = shape(label, i, draw);
      return [within(x + draw.normal(spread)), within(y + draw.normal(spread))];
    }
    const [x, y] = [draw.uniform(-1, 1), draw.uniform(-1, 1)];
    targets[i] = (surface as (x: number, y: number) => number)(x, y) + draw.normal(noise);
    return [x, y];
  });
  return planeSet(points, targets, shape === undefined ? undefined : ["0", "1"]);
}

/** The learner's own points. */
export function drawnSet({ points = [] }: DataConfig): DataSet {
  if (points.length === 0) throw fault("noPoints");
  for (const { x, y, label } of points) {
    checkRange("x₁", x, -1, 1);
    checkRange("x₂", y, -1, 1);
    checkWhole("label", label, 0, 9);
  }
  const labels = [...new Set(points.map(({ label }) => label))].sort((a, b) => a - b);
  return planeSet(
    points.map(({ x, y }): Point => [x, y]),
    Float32Array.from(points, ({ label }) => labels.indexOf(label)),
    labels.map(String),
  );
}

function planeSet(points: readonly Point[], targets: Float32Array, classes: readonly string[] | undefined): DataSet {
  return {
    count: points.length,
    width: 2,
    inputs: Float32Array.from(points.flat()),
    targets,
    classes,
    inputNames: planeNames,
    targetName: "y",
    isPlane: true,
  };
}

function around(radius: number, angle: number): Point {
  return [radius * Math.cos(angle), radius * Math.sin(angle)];
}

function within(x: number): number {
  return Math.max(-1, Math.min(1, x));
}
