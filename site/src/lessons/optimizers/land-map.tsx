/** The map of a landscape, with the ways that the optimisers went on it. */
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { kindColor } from "../../view/colors.ts";
import { paintCells, propertyOf, sharpContext } from "../../view/heat-drawing.ts";
import { theme } from "../../view/theme.ts";
import { Plot, arrow, lineOf } from "../kit/plot.tsx";
import type { OptimizerName } from "./constants.ts";
import { contour, heightsOf } from "./contours.ts";
import type { Land, Run, RunStep } from "./lab.ts";

const marks: Readonly<Record<OptimizerName, string>> = {
  sgd: "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0z",
  momentum: "M-4.5-4.5h9v9h-9z",
  rmsprop: "M0-6 5.5 4.5h-11z",
  adam: "M0-6.5 6.5 0 0 6.5-6.5 0z",
};

/** Places in the list of colours: none is like that of gradients or of updates, which are drawn here too. */
const colors: Readonly<Record<OptimizerName, number>> = { sgd: 7, momentum: 1, rmsprop: 3, adam: 4 };

export function optimizerColor(name: OptimizerName): string {
  return kindColor(colors[name], theme.value);
}

/** The sign of an optimiser. */
export function Mark({ name }: { readonly name: OptimizerName }): JSX.Element {
  return (
    <svg class="optimizer-mark" width="14" height="14" viewBox="-7 -7 14 14" aria-hidden="true">
      <path d={marks[name]} fill={optimizerColor(name)} />
    </svg>
  );
}

interface LandMapProps {
  readonly label: string;
  readonly land: Land;
  readonly runs: readonly Run[];
  readonly count: number;
  /** Whose gradient and next step are drawn. */
  readonly chosen: OptimizerName;
  readonly onStart: (w1: number, w2: number) => void;
}

/** Dashes as in the curves of the losses, which are drawn in the same order. */
const dashes = ["", "6 4", "2 3", "8 3 2 3"];
/** Pixels: the gradient's arrow only tells where it points. */
const arrowLength = 34;

export function stepAt({ steps }: Run, count: number): RunStep {
  return steps[Math.min(count, steps.length - 1)] as RunStep;
}

export function LandMap({ label, land, runs, count, chosen, onStart }: LandMapProps): JSX.Element {
  const range = [-land.reach, land.reach] as const;
  const run = runs.find(({ optimizer }) => optimizer === chosen);
  const here = run === undefined ? undefined : stepAt(run, count);
  return (
    <Plot
      label={label}
      x={range}
      y={range}
      xName="w₁"
      yName="w₂"
      onPlace={onStart}
      behind={({ width, height }) => <Ground land={land} width={width} height={height} />}
    >
      {(scale) => (
        <>
          {runs.map(({ optimizer, steps }, i) => (
            <path
              key={optimizer}
              class="optimizer-path"
              stroke={optimizerColor(optimizer)}
              stroke-dasharray={dashes[i]}
              d={lineOf(
                scale,
                steps.slice(0, count + 1).map(({ w }) => w[0]),
                steps.slice(0, count + 1).map(({ w }) => w[1]),
              )}
            />
          ))}
          {here === undefined ? undefined : <Arrows step={here} scale={scale} />}
          {runs.map((each) => {
            const [w1, w2] = stepAt(each, count).w;
            return Number.isFinite(w1 + w2) ? (
              <path
                key={each.optimizer}
                class="optimizer-here"
                fill={optimizerColor(each.optimizer)}
                d={marks[each.optimizer]}
                transform={`translate(${scale.x(w1)} ${scale.y(w2)})`}
              />
            ) : undefined;
          })}
        </>
      )}
    </Plot>
  );
}

interface ArrowsProps {
  readonly step: RunStep;
  readonly scale: { readonly x: (value: number) => number; readonly y: (value: number) => number };
}

/** Against the gradient, and the step that is made. */
function Arrows({ step, scale }: ArrowsProps): JSX.Element | undefined {
  const { w, slope, move } = step;
  const steepness = Math.hypot(...slope);
  if (!Number.isFinite(steepness + move[0] + move[1] + w[0] + w[1])) return undefined;
  const [x, y] = [scale.x(w[0]), scale.y(w[1])];
  return (
    <>
      {steepness === 0 ? undefined : (
        <path
          class="descent-slope"
          d={arrow(x, y, (-slope[0] / steepness) * arrowLength, (slope[1] / steepness) * arrowLength)}
        />
      )}
      <path class="descent-move" d={arrow(x, y, scale.x(w[0] + move[0]) - x, scale.y(w[1] + move[1]) - y)} />
    </>
  );
}

interface GroundProps {
  readonly land: Land;
  readonly width: number;
  readonly height: number;
}

const contourCount = 14;

/** Dark is high. The bottom has a line around it. */
function Ground({ land, width, height }: GroundProps): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const shown = theme.value;
  useEffect(() => {
    const { current } = canvas;
    const context = current === null ? undefined : sharpContext(current, width, height);
    if (current === null || context === undefined) return;
    const { loss, size, goal } = land;
    const highest = Math.max(...loss);
    const cells = {
      values: loss.map((value) => Math.log(1 + value / goal)),
      rows: size,
      columns: size,
      middle: 0,
      limit: 4 * Math.log(1 + highest / goal),
      scale: "sequential",
      isSmooth: true,
    } as const;
    paintCells(context, cells, { x: 0, y: 0, width, height }, shown);
    for (const [i, level] of heightsOf(goal, highest, contourCount).entries()) {
      context.beginPath();
      for (const piece of contour(loss, size, level)) {
        const [from, to] = piece.map(([column, row]) => [(column * width) / (size - 1), (row * height) / (size - 1)]);
        context.moveTo(...(from as [number, number]));
        context.lineTo(...(to as [number, number]));
      }
      context.strokeStyle = propertyOf(current, i === 0 ? "--update" : "--faint");
      context.lineWidth = i === 0 ? 2 : 0.75;
      context.stroke();
    }
  }, [land, width, height, shown]);
  return <canvas ref={canvas} style={`width:${width}px;height:${height}px`} />;
}
