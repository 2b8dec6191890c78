/** Axes around a drawing, as wide as there is room. What lies outside of them is not seen. */
import type { ComponentChildren, JSX } from "preact";
import { useRef } from "preact/hooks";
import { formatNumber } from "../../view/number.ts";
import { useSize } from "../../view/use-size.ts";

export type Range = readonly [from: number, to: number];

/** From numbers to places in the drawing. */
export interface Scale {
  readonly x: (value: number) => number;
  readonly y: (value: number) => number;
  readonly width: number;
  readonly height: number;
}

interface PlotProps {
  /** All that it shows, for screen readers. */
  readonly label: string;
  readonly x: Range;
  readonly y: Range;
  readonly xName: string;
  readonly yName: string;
  /** Undefined: as high as wide. */
  readonly height?: number | undefined;
  /** A place is pressed, or the pointer is drawn over places. */
  readonly onPlace?: ((x: number, y: number) => void) | undefined;
  /** What lies below the drawing, on the same place. */
  readonly behind?: ((scale: Scale) => ComponentChildren) | undefined;
  readonly children: (scale: Scale) => ComponentChildren;
}

const margin = { left: 40, right: 12, top: 14, bottom: 32 };

/** Numbers far outside of the drawing are drawn at its border's other side: not every program draws at 10²⁰. */
function near(place: number, size: number): number {
  return Math.min(3 * size, Math.max(-2 * size, place));
}

/** Round numbers, 3 to 6 of them. */
function ticks([from, to]: Range): number[] {
  const power = 10 ** Math.floor(Math.log10((to - from) / 3));
  const step = power * ([5, 2].find((times) => (to - from) / (times * power) >= 3) ?? 1);
  const first = Math.ceil(from / step - 1e-9);
  const count = Math.floor(to / step + 1e-9) - first + 1;
  return Array.from({ length: count }, (_, i) => Number(((first + i) * step).toPrecision(6)));
}

/** Points as a path; what is no finite number is left out. */
export function lineOf(scale: Scale, x: readonly number[], y: readonly number[]): string {
  return x
    .flatMap((each, i) => {
      const value = y[i] as number;
      return Number.isFinite(each + value) ? [`${scale.x(each).toFixed(1)} ${scale.y(value).toFixed(1)}`] : [];
    })
    .reduce((path, point) => `${path}${path === "" ? "M" : "L"}${point}`, "");
}

/** An arrow from a place in the drawing, by so many pixels. */
export function arrow(x: number, y: number, dx: number, dy: number): string {
  const long = Math.hypot(dx, dy);
  if (long === 0) return "";
  const [along, across] = [dx, dy].map((part) => (part / long) * Math.min(6, long)) as [number, number];
  const wing = (side: 1 | -1): string => `${-along - (side * across) / 2} ${-across + (side * along) / 2}`;
  return `M${x} ${y}l${dx} ${dy}l${wing(1)}M${x + dx} ${y + dy}l${wing(-1)}`;
}

export function Plot(props: PlotProps): JSX.Element {
  const { label, x, y, xName, yName, onPlace, behind, children } = props;
  const frame = useRef<HTMLDivElement>(null);
  const { width } = useSize(frame);
  const wide = width - margin.left - margin.right;
  const height = props.height ?? Math.max(0, wide) + margin.top + margin.bottom;
  const high = height - margin.top - margin.bottom;
  const scale: Scale = {
    x: (value) => near(((value - x[0]) / (x[1] - x[0])) * wide, wide),
    y: (value) => near(high - ((value - y[0]) / (y[1] - y[0])) * high, high),
    width: wide,
    height: high,
  };
  const place = (event: PointerEvent): void => {
    const { left, top } = (event.currentTarget as Element).getBoundingClientRect();
    const valueAt = ([from, to]: Range, share: number): number =>
      Number((from + Math.min(1, Math.max(0, share)) * (to - from)).toFixed(2));
    onPlace?.(
      valueAt(x, (event.clientX - left - margin.left) / wide),
      valueAt(y, 1 - (event.clientY - top - margin.top) / high),
    );
  };
  const onPointerDown = (event: PointerEvent): void => {
    (event.currentTarget as Element).setPointerCapture(event.pointerId);
    place(event);
  };
  return (
    <div ref={frame} class="plot" style={`height:${height}px`}>
      {wide <= 0 || behind === undefined ? undefined : (
        <div class="plot-behind" style={`left:${margin.left}px;top:${margin.top}px`}>
          {behind(scale)}
        </div>
      )}
      {wide <= 0 ? undefined : (
        <svg
          role="img"
          aria-label={label}
          width={width}
          height={height}
          class={onPlace === undefined ? undefined : "plot-drawn"}
          onPointerDown={onPlace === undefined ? undefined : onPointerDown}
          onPointerMove={onPlace === undefined ? undefined : (event) => event.buttons % 2 === 1 && place(event)}
        >
          <g transform={`translate(${margin.left} ${margin.top})`}>
            {ticks(x).map((value) => (
              <g key={value} transform={`translate(${scale.x(value)} ${high})`}>
                <line class="plot-grid" y1={-high} />
                <text class="plot-tick" y="14" text-anchor="middle">
                  {formatNumber(value)}
                </text>
              </g>
            ))}
            {ticks(y).map((value) => (
              <g key={value} transform={`translate(0 ${scale.y(value)})`}>
                <line class="plot-grid" x2={wide} />
                <text class="plot-tick" x="-5" y="4" text-anchor="end">
                  {formatNumber(value)}
                </text>
              </g>
            ))}
            <text class="plot-name" x={wide} y={high + 29} text-anchor="end">
              {xName}
            </text>
            <text class="plot-name" x={4 - margin.left} y="-3">
              {yName}
            </text>
            <svg width={wide} height={high}>
              {children(scale)}
            </svg>
          </g>
        </svg>
      )}
    </div>
  );
}
