/** Points in a plane and lines through it. Units are as wide as high, so that a square of an error is a square. */
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { formatNumber } from "../../view/number.ts";
import type { Line, LineReading, Point } from "./lab.ts";
import { texts } from "./texts.ts";

export interface PlotLine extends Line {
  readonly name: string;
  readonly color: string;
  readonly dash: string;
}

interface PlotProps {
  readonly label: string;
  readonly points: readonly Point[];
  readonly chosen: number;
  readonly onChoose: (point: number) => void;
  /** Undefined: points cannot be moved. */
  readonly onMove: ((point: number, y: number) => void) | undefined;
  readonly lines: readonly PlotLine[];
  /** Whose errors are drawn; undefined: none. */
  readonly reading: LineReading | undefined;
  /** Of the chosen point alone, or squares of all. */
  readonly hasSquares: boolean;
}

export const plotEnds = { left: -3, right: 3, bottom: -3, top: 5 } as const;
const unit = 48;
const margin = { left: 26, top: 8, right: 8, bottom: 22 } as const;
const size = {
  width: margin.left + unit * (plotEnds.right - plotEnds.left) + margin.right,
  height: margin.top + unit * (plotEnds.top - plotEnds.bottom) + margin.bottom,
} as const;

const across = (x: number): number => margin.left + unit * (x - plotEnds.left);
const up = (y: number): number => margin.top + unit * (plotEnds.top - y);
/** What is farther away is not drawn: no drawing holds such numbers. */
const isDrawn = (y: number): boolean => Math.abs(y) < 1e4;

function between(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

/** To a tenth, and within the plot. */
function settled(y: number): number {
  return Math.min(plotEnds.top, Math.max(plotEnds.bottom, Math.round(10 * y) / 10));
}

export function Plot(props: PlotProps): JSX.Element {
  const { label, points, chosen, onChoose, onMove, lines, reading, hasSquares } = props;
  const svg = useRef<SVGSVGElement>(null);
  const words = texts();

  const drag = (event: PointerEvent, i: number): void => {
    const box = svg.current?.getBoundingClientRect();
    const { currentTarget } = event;
    if (box === undefined || !(currentTarget as Element).hasPointerCapture(event.pointerId)) return;
    const place = ((event.clientY - box.top) / box.height) * size.height;
    onMove?.(i, settled(plotEnds.top - (place - margin.top) / unit));
  };
  const onKeyDown = (event: KeyboardEvent, i: number): void => {
    const by = { ArrowUp: 0.1, ArrowDown: -0.1, PageUp: 1, PageDown: -1 }[event.key];
    if (by === undefined || onMove === undefined) return;
    event.preventDefault();
    onMove(i, settled((points[i] as Point).y + by));
  };
  const shownErrors = reading === undefined ? [] : hasSquares ? points.map((_, i) => i) : [chosen];
  return (
    <svg
      ref={svg}
      class="fit-plot"
      viewBox={`0 0 ${size.width} ${size.height}`}
      role="group"
      aria-label={label}
      aria-description={onMove === undefined ? undefined : words.pointKeys}
    >
      <clipPath id="fit-field">
        <rect x={margin.left} y={margin.top} width={6 * unit} height={8 * unit} />
      </clipPath>
      <g class="fit-grid" aria-hidden="true">
        {between(plotEnds.left, plotEnds.right).map((x) => (
          <g key={x}>
            <line
              class={x === 0 ? "fit-zero" : ""}
              x1={across(x)}
              x2={across(x)}
              y1={up(plotEnds.bottom)}
              y2={up(plotEnds.top)}
            />
            <text x={across(x)} y={size.height - 6} text-anchor="middle">
              {formatNumber(x)}
            </text>
          </g>
        ))}
        {between(plotEnds.bottom, plotEnds.top).map((y) => (
          <g key={y}>
            <line
              class={y === 0 ? "fit-zero" : ""}
              x1={across(plotEnds.left)}
              x2={across(plotEnds.right)}
              y1={up(y)}
              y2={up(y)}
            />
            <text x={margin.left - 5} y={up(y) + 4} text-anchor="end">
              {formatNumber(y)}
            </text>
          </g>
        ))}
      </g>
      <g clip-path="url(#fit-field)" aria-hidden="true">
        {shownErrors.map((i) => {
          const { x, y } = points[i] as Point;
          const output = reading?.outputs[i] ?? NaN;
          if (!isDrawn(output)) return undefined;
          const side = unit * Math.abs(output - y);
          // To the side where there is room.
          const left = x > 0 ? across(x) - side : across(x);
          return (
            <g key={i} class="fit-error">
              {hasSquares ? <rect x={left} y={Math.min(up(y), up(output))} width={side} height={side} /> : undefined}
              <line x1={across(x)} x2={across(x)} y1={up(y)} y2={up(output)} />
            </g>
          );
        })}
        {lines
          .filter(({ w, b }) => isDrawn(b - 3 * w) && isDrawn(b + 3 * w))
          .map(({ name, w, b, color, dash }) => (
            <line
              key={name}
              class="fit-line"
              x1={across(plotEnds.left)}
              y1={up(b + w * plotEnds.left)}
              x2={across(plotEnds.right)}
              y2={up(b + w * plotEnds.right)}
              stroke={color}
              stroke-dasharray={dash}
            />
          ))}
      </g>
      {points.map(({ x, y }, i) => (
        <g
          key={i}
          class={onMove === undefined ? "fit-point" : "fit-point is-movable"}
          role="button"
          tabIndex={0}
          aria-pressed={i === chosen}
          aria-label={words.point(i + 1, formatNumber(x), formatNumber(y))}
          onClick={() => onChoose(i)}
          onFocus={() => onChoose(i)}
          onKeyDown={(event) => onKeyDown(event, i)}
          onPointerDown={(event) => {
            onChoose(i);
            if (onMove !== undefined) event.currentTarget.setPointerCapture(event.pointerId);
          }}
          onPointerMove={(event) => drag(event, i)}
        >
          <circle class="fit-hold" cx={across(x)} cy={up(y)} r="14" />
          <circle class="fit-mark" cx={across(x)} cy={up(y)} r="5" />
        </g>
      ))}
    </svg>
  );
}
