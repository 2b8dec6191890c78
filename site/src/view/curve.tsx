/** Curves over steps, drawn by uPlot. */
import "uplot/dist/uPlot.min.css";
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { t } from "../text/text.ts";
import { CurveTable } from "./curve-table.tsx";
import { kindColor } from "./colors.ts";
import { propertyOf } from "./heat-drawing.ts";
import { formatNumber, noNumber } from "./number.ts";
import { Switch } from "./switch.tsx";
import { theme } from "./theme.ts";
import { useSize } from "./use-size.ts";

export interface CurveSeries {
  readonly label: string;
  /** One for each x; undefined and NaN are gaps. */
  readonly values: readonly (number | undefined)[];
  /** CSS colour or custom property such as "var(--forward)"; default: by its place. */
  readonly color?: string | undefined;
  /** Default: the first is whole, the others are dashed, each in its way. */
  readonly isDashed?: boolean | undefined;
}

export interface CurveProps {
  /** What is shown: the title, and the name for screen readers. */
  readonly label: string;
  readonly x: readonly number[];
  readonly xLabel: string;
  readonly series: readonly CurveSeries[];
  /** CSS pixels; default 160. The width is what there is. */
  readonly height?: number | undefined;
  /** Whether the reader can choose a logarithmic scale. Default false. */
  readonly hasLogSwitch?: boolean | undefined;
  /** How it begins. Default false. */
  readonly isLogarithmic?: boolean | undefined;
  /** Ends of the y axis, where they are known, such as 0 and 1. */
  readonly range?: readonly [number, number] | undefined;
  /** Where the run stands: a line at this x. */
  readonly at?: number | undefined;
  /**
   * Whether it is of a run that is scrubbed: the numbers are those at `at`, of each series the newest up to there, and lines
   * go on over places where a series has none. Default false.
   */
  readonly isScrubbed?: boolean | undefined;
  /** Somebody clicks at an x, or presses Enter there: the nearest of `x`. */
  readonly onPick?: ((x: number) => void) | undefined;
}

const dashes = [[], [6, 4], [2, 3], [8, 3, 2, 3], [12, 4]];

export function dashOf({ isDashed }: CurveSeries, place: number): number[] {
  const dash = isDashed === undefined ? place % dashes.length : isDashed ? Math.max(1, place % dashes.length) : 0;
  return dashes[dash] as number[];
}

/** What the functions that uPlot keeps read when they are called. */
interface Live {
  at: number | undefined;
  onPick: ((x: number) => void) | undefined;
  onCursor: (place: number | undefined) => void;
}

/** What a drawing is made of once; a change of it makes another. */
interface Style {
  readonly colors: readonly string[];
  readonly dashes: readonly number[][];
  readonly labels: readonly string[];
  readonly isLogarithmic: boolean;
  readonly range: readonly [number, number] | undefined;
  readonly theme: string;
}

export function Curve(props: CurveProps): JSX.Element {
  const { label, x, xLabel, series, height = 160, hasLogSwitch, onPick, at, isScrubbed = false } = props;
  const texts = t().view;
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const { width } = useSize(frame);
  const [isLog, setLog] = useState(props.isLogarithmic === true);
  const [cursor, setCursor] = useState<number | undefined>(undefined);
  const live = useRef<Live>({ at, onPick, onCursor: setCursor });
  live.current = { at, onPick, onCursor: setCursor };

  const colors = series.map((each, i) => each.color ?? kindColor(i, theme.value));
  const style: Style = {
    colors,
    dashes: series.map(dashOf),
    labels: series.map((each) => each.label),
    isLogarithmic: isLog,
    range: props.range,
    theme: theme.value,
  };
  const styleKey = JSON.stringify(style);
  const isVisible = width > 0;
  const data = (): uPlot.AlignedData => dataOf(x, series, isLog, isScrubbed);

  useEffect(() => {
    const element = frame.current;
    if (element === null || !isVisible) return undefined;
    const made = new uPlot(optionsOf(style, element, live, { width, height }), data(), element);
    plot.current = made;
    return () => {
      plot.current = undefined;
      made.destroy();
    };
    // The rest is brought up to date below.
  }, [styleKey, isVisible]);
  useEffect(() => plot.current?.setSize({ width, height }), [width, height]);
  useEffect(() => plot.current?.setData(data()), [x, series, isLog]);
  useEffect(() => plot.current?.redraw(false), [at]);

  const move = (place: number): void => {
    const shown = plot.current;
    const to = Math.min(x.length - 1, Math.max(0, place));
    if (shown === undefined || x[to] === undefined) return;
    shown.setCursor({ left: shown.valToPos(x[to], "x"), top: shown.bbox.height / uPlot.pxRatio / 2 });
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const here = cursor ?? newest;
    const places: Readonly<Record<string, number>> = {
      ArrowLeft: here - 1,
      ArrowRight: here + 1,
      PageUp: here - Math.ceil(x.length / 10),
      PageDown: here + Math.ceil(x.length / 10),
      Home: 0,
      End: x.length - 1,
    };
    const place = places[event.key];
    if (place !== undefined) {
      event.preventDefault();
      move(place);
    } else if (event.key === "Enter" && x[here] !== undefined) {
      event.preventDefault();
      onPick?.(x[here]);
    }
  };

  const behind = isScrubbed && at !== undefined ? x.findIndex((value) => value > at) : -1;
  const newest = behind < 0 ? x.length - 1 : behind - 1;
  const place = cursor !== undefined && cursor < x.length ? cursor : newest;
  const valueOf = ({ values }: CurveSeries): number | undefined =>
    isScrubbed ? values.findLast((value, i) => i <= place && value !== undefined) : finite(values[place]);
  const shownValues = series.map((each) => formatNumber(valueOf(each)));
  const atPlace = x[place] === undefined ? "" : `${xLabel} ${formatNumber(x[place], 6)}`;
  const told = series.map((each, i) => `${each.label} ${shownValues[i]}`).join(texts.comma);
  return (
    <figure class="curve">
      <figcaption class="curve-head">
        <span class="curve-title">{label}</span>
        <span class="curve-place">{atPlace}</span>
        {hasLogSwitch === true ? <Switch label={texts.logarithmic} isOn={isLog} onChange={setLog} /> : undefined}
      </figcaption>
      <ul class="legend">
        {series.map((each, i) => (
          <li key={each.label}>
            <svg class="legend-line" width="24" height="8" aria-hidden="true">
              <line
                x1="0"
                x2="24"
                y1="4"
                y2="4"
                stroke={colors[i]}
                stroke-width="2"
                stroke-dasharray={dashOf(each, i).join(" ")}
              />
            </svg>
            {each.label} <b class="number">{shownValues[i] ?? noNumber}</b>
          </li>
        ))}
      </ul>
      <div
        ref={frame}
        class={`curve-frame${x.length === 0 ? " hatched" : ""}${onPick === undefined ? "" : " is-chosen-from"}`}
        style={`height:${height}px`}
        role={onPick === undefined ? "img" : "application"}
        aria-label={`${label}${texts.stop}${x.length === 0 ? texts.curveEmpty : texts.curveAt(atPlace, told)}`}
        aria-description={onPick === undefined ? undefined : texts.curveKeys}
        tabIndex={onPick === undefined ? undefined : 0}
        onKeyDown={onPick === undefined ? undefined : onKeyDown}
        onBlur={() => plot.current?.setCursor({ left: -10, top: -10 })}
      />
      {onPick === undefined ? undefined : (
        <p class="visually-hidden" aria-live="polite">
          {cursor === undefined ? "" : texts.curveAt(atPlace, told)}
        </p>
      )}
      {isLog ? <p class="hint">{texts.logarithmicLeftOut}</p> : undefined}
      <CurveTable label={label} x={x} xLabel={xLabel} series={series} />
    </figure>
  );
}

function finite(value: number | undefined): number | undefined {
  return value === undefined || Number.isNaN(value) ? undefined : value;
}

/** Infinities and, on a logarithmic scale, what is not above 0 have no place in the drawing. */
function dataOf(
  x: readonly number[],
  series: readonly CurveSeries[],
  isLog: boolean,
  isJoined: boolean,
): uPlot.AlignedData {
  // To uPlot null is a gap, and undefined a place that a line goes over.
  const drawable = (value: number | undefined): number | null | undefined =>
    value === undefined && isJoined
      ? undefined
      : value === undefined || !Number.isFinite(value) || (isLog && value <= 0)
        ? null
        : value;
  return [[...x], ...series.map(({ values }) => x.map((_, i) => drawable(values[i])))];
}

function isPowerOfTen(value: number): boolean {
  const power = Math.log10(value);
  return Math.abs(power - Math.round(power)) < 1e-9;
}

function optionsOf(
  style: Style,
  element: HTMLElement,
  live: { readonly current: Live },
  size: { readonly width: number; readonly height: number },
): uPlot.Options {
  const colorOf = (color: string): string => {
    const name = /^var\((--[\w-]+)\)$/.exec(color)?.[1];
    return name === undefined ? color : propertyOf(element, name);
  };
  const [ink, line] = [colorOf("var(--muted)"), colorOf("var(--line)")];
  const font = `11px ${getComputedStyle(element).fontFamily}`;
  // Of a logarithmic scale only the powers of 10 have a line.
  const isShown = (value: number): boolean => !style.isLogarithmic || isPowerOfTen(value);
  const axis: uPlot.Axis = {
    stroke: ink,
    font,
    grid: { stroke: line, width: 1, filter: (_, splits) => splits.map((value) => (isShown(value) ? value : null)) },
    ticks: { stroke: line, width: 1, size: 4 },
    values: (_, splits) => splits.map((value) => (value === null ? "" : formatNumber(value, 6))),
  };
  const drawPlace = (plot: uPlot): void => {
    const { at } = live.current;
    const { min, max } = plot.scales["x"] ?? {};
    if (at === undefined || min === undefined || max === undefined || min === null || max === null) return;
    if (at < min || at > max) return;
    const place = Math.round(plot.valToPos(at, "x", true));
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.strokeStyle = ink;
    ctx.lineWidth = uPlot.pxRatio;
    ctx.setLineDash([3 * uPlot.pxRatio, 3 * uPlot.pxRatio]);
    ctx.beginPath();
    ctx.moveTo(place, bbox.top);
    ctx.lineTo(place, bbox.top + bbox.height);
    ctx.stroke();
    ctx.restore();
  };
  const pick = (plot: uPlot): void => {
    const { idx } = plot.cursor;
    const x = typeof idx === "number" ? plot.data[0][idx] : undefined;
    if (x !== undefined) live.current.onPick?.(x);
  };
  const rangeOf = (_: uPlot, min: number | null, max: number | null): uPlot.Range.MinMax => {
    if (style.range !== undefined && !style.isLogarithmic) return [...style.range];
    if (min === null || max === null) return style.isLogarithmic ? [0.1, 1] : [0, 1];
    if (style.isLogarithmic) return uPlot.rangeLog(min, max, 10, false);
    return min === max ? [Math.min(0, min), Math.max(0, max) || 1] : uPlot.rangeNum(min, max, 0.08, true);
  };
  return {
    ...size,
    legend: { show: false },
    padding: [8, 20, 0, 0],
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
    scales: {
      x: { time: false, range: (_, min, max) => (min === null ? [0, 1] : min === max ? [min, min + 1] : [min, max]) },
      y: { distr: style.isLogarithmic ? 3 : 1, range: rangeOf },
    },
    axes: [
      { ...axis, size: 24, space: 60 },
      { ...axis, size: 56, space: 28 },
    ],
    series: [
      {},
      ...style.colors.map((color, i) => ({
        label: style.labels[i] ?? "",
        stroke: colorOf(color),
        width: 1.5,
        dash: style.dashes[i] ?? [],
        // Two points are a line; one alone would not be seen.
        points: { show: (plot: uPlot) => (plot.data[0]?.length ?? 0) < 2, size: 5 },
      })),
    ],
    hooks: {
      draw: [drawPlace],
      setCursor: [({ cursor }) => live.current.onCursor(cursor.idx ?? undefined)],
      ready: [(plot) => plot.over.addEventListener("click", () => pick(plot))],
    },
  };
}
