/** What is drawn of a run: curves, a moment, gradients by layer, distributions over the steps, and two runs side by side. */
import {
  type Run,
  type RunCurve,
  type RunParameter,
  type RunRecord,
  type RunStatistics,
  compareRuns,
  runAt,
} from "twopass/inspect";
import type {
  ComparedRuns,
  CurveName,
  Distributed,
  Distribution,
  GradientMark,
  LayerMap,
  LayerRow,
  ParameterRow,
  RunMoment,
} from "./run-calls.ts";
import { some } from "./thin.ts";

/** Columns of a map at most. */
const mostColumns = 160;
const bins = 32;
/** As `health` has them. */
const vanishingBelow = 1e-4;
const explodingAbove = 1e3;
const mostDifferences = 200;

export function curveOf({ scalars, records }: Run, { kind, name }: CurveName): RunCurve {
  if (kind === "scalar") return scalars[name] ?? [];
  return records.flatMap(({ step, layers, parameters }) => {
    const value = kind === "layer" ? layers[name] : parameters[name]?.ratio;
    return value === undefined ? [] : [[step, value] as const];
  });
}

/** The scalar that stands for the loss: that of batches, which is told most often, else the next best. */
export function lossName(names: readonly string[]): string {
  return (
    ["batch/loss", "train/loss"].find((name) => names.includes(name)) ??
    names.find((name) => name.endsWith("loss")) ??
    ""
  );
}

/** Steps of which something is known. */
export function stepsOf({ scalars, records, traces }: Run): number[] {
  const steps = new Set([...records.map(({ step }) => step), ...traces]);
  for (const curve of Object.values(scalars)) for (const [step] of curve) steps.add(step);
  return [...steps].sort((a, b) => a - b);
}

export function momentOf(run: Run, step = Infinity): RunMoment {
  const { scalars, record } = runAt(run, step);
  if (record === undefined) return { scalars, layers: [], parameters: [] };
  const { epoch, batch, loss, lr, gradient } = record;
  return {
    record: { step: record.step, epoch, batch, loss, lr, gradient },
    scalars,
    layers: layerRows(run, record),
    parameters: Object.entries(record.parameters).map(([path, parameter]) => parameterRow(path, parameter)),
  };
}

function parameterRow(path: string, { weight, gradient, change, ratio }: RunParameter): ParameterRow {
  return { path, weight: weight.norm, gradient: gradient?.norm, change: change?.norm, ratio };
}

function layerRows({ info }: Run, { layers, parameters }: RunRecord): LayerRow[] {
  const sizes = new Map<string, number>();
  // A norm is that of the finite elements: it does not tell of the others.
  const broken = new Set(Object.keys(layers).filter((path) => !Number.isFinite(layers[path])));
  for (const { path, shape } of info.parameters) {
    const gradient = parameters[path]?.gradient;
    if (gradient === undefined) continue;
    const layer = path.slice(0, Math.max(0, path.lastIndexOf(".")));
    if (gradient.nonFinite > 0) broken.add(layer);
    sizes.set(layer, (sizes.get(layer) ?? 0) + shape.reduce((product, length) => product * length, 1));
  }
  const rows = Object.entries(layers).map(([path, norm]) => ({
    path,
    norm,
    rms: norm / Math.sqrt(sizes.get(path) ?? 1),
  }));
  const finite = rows.filter(({ path }) => !broken.has(path));
  const most = finite.reduce((largest, { rms }) => Math.max(largest, rms), 0);
  const all = finite.reduce((sum, { norm }) => Math.hypot(sum, norm), 0);
  const markOf = ({ path, norm, rms }: Omit<LayerRow, "mark">): GradientMark =>
    broken.has(path)
      ? "notFinite"
      : all > explodingAbove && norm > all / 10
        ? "exploding"
        : rms < vanishingBelow * most
          ? "vanishing"
          : "well";
  return rows.map((row) => ({ ...row, mark: markOf(row) }));
}

export function layerMap({ records }: Run): LayerMap {
  const shown = some(records, mostColumns);
  const layers = [...new Set(shown.flatMap((record) => Object.keys(record.layers)))];
  const values = layers.flatMap((layer) => shown.map((record) => Math.log10(record.layers[layer] ?? NaN)));
  return { layers, steps: shown.map(({ step }) => step), values: Float32Array.from(values) };
}

function statisticsOf(
  { activations, parameters }: RunRecord,
  kind: Distributed,
  path: string,
): RunStatistics | undefined {
  return kind === "activation" ? activations[path] : parameters[path]?.[kind];
}

export function distribution(run: Run, kind: Distributed, path: string, step = Infinity): Distribution {
  const known = run.records.flatMap((record) => {
    const statistics = statisticsOf(record, kind, path);
    return statistics === undefined ? [] : [{ step: record.step, statistics }];
  });
  const shape = run.info.parameters.find((parameter) => kind !== "activation" && parameter.path === path)?.shape;
  return {
    ...known.findLast((one) => one.step <= step),
    ...(shape === undefined ? {} : { shape }),
    map: histogramMap(some(known, mostColumns)),
  };
}

interface StatisticsAt {
  readonly step: number;
  readonly statistics: RunStatistics;
}

/** Histograms in the same bins. What one bin of a histogram has is spread over those that it covers. */
function histogramMap(known: readonly StatisticsAt[]): Distribution["map"] {
  const counted = known.map(({ statistics }) => statistics.histogram).filter(({ sampled }) => sampled > 0);
  let from = counted.reduce((least, histogram) => Math.min(least, histogram.from), Infinity);
  let to = counted.reduce((most, histogram) => Math.max(most, histogram.to), -Infinity);
  if (from > to) [from, to] = [0, 0];
  if (from === to) {
    const room = Math.abs(from) / 100 || 1;
    [from, to] = [from - room, to + room];
  }
  const values = new Float32Array(bins * known.length);
  known.forEach(({ statistics: { histogram } }, column) => {
    const placeOf = (x: number): number => Math.min(bins, Math.max(0, (bins * (x - from)) / (to - from)));
    const width = (histogram.to - histogram.from) / histogram.counts.length;
    if (histogram.sampled === 0) for (let row = 0; row < bins; row++) values[row * known.length + column] = NaN;
    histogram.counts.forEach((count, i) => {
      if (count === 0) return;
      const start = placeOf(histogram.from + i * width);
      const end = placeOf(histogram.from + (i + 1) * width);
      const share = count / histogram.sampled;
      const last = Math.min(bins - 1, Math.max(Math.floor(start), Math.ceil(end) - 1));
      for (let bin = Math.min(bins - 1, Math.floor(start)); bin <= last; bin++) {
        const part = end > start ? (Math.min(end, bin + 1) - Math.max(start, bin)) / (end - start) : 1;
        const at = (bins - 1 - bin) * known.length + column;
        values[at] = (values[at] as number) + share * part;
      }
    });
  });
  return { steps: known.map(({ step }) => step), from, to, bins, values };
}

export function compared(a: Run, b: Run): Omit<ComparedRuns, "isReading" | "isPartial"> {
  const { first, gradients, scalars } = compareRuns(a, b);
  const steps = new Set(a.records.map(({ step }) => step));
  const isShared =
    b.records.some(({ step }) => steps.has(step)) ||
    Object.entries(scalars).some(
      // Times are not compared.
      ([name, pairs]) => name !== "seconds" && pairs.some(([, x, y]) => x !== undefined && y !== undefined),
    );
  return {
    isShared,
    ...(first === undefined ? {} : { first }),
    gradients: gradients.slice(0, mostDifferences),
    scalars: Object.keys(scalars),
  };
}
