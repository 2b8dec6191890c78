/** Numbers of a grid as colours, 0 (or another middle) without colour; hatched where there is no number. */
import type { JSX } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { t } from "../text/text.ts";
import { type Rgb, css, divergingColor, inkOn, kindColor, kindMark, sequentialColor } from "./colors.ts";
import { GridTable, gridSummary, isSmallGrid } from "./grid-text.tsx";
import {
  type Cells,
  limitOf,
  paintCells,
  paintHatch,
  paintMark,
  propertyOf,
  shareOf,
  sharpContext,
} from "./heat-drawing.ts";
import { formatNumber } from "./number.ts";
import { type Theme, theme } from "./theme.ts";
import { type Size, useSize } from "./use-size.ts";

export interface HeatMapPoint {
  /** 0 at the left, 1 at the right. */
  readonly x: number;
  /** 0 at the top, 1 at the bottom. */
  readonly y: number;
  /** The class: its colour and mark. */
  readonly kind: number;
  /** Instead of the colour of a class: a number on the scale of the map. */
  readonly value?: number | undefined;
  /** Drawn hollow, such as a point of the test. */
  readonly isHollow?: boolean | undefined;
}

export interface HeatMapCell {
  readonly row: number;
  readonly column: number;
}

export interface HeatMapProps {
  /** What is shown: the name for screen readers, and the caption of the table that they read. */
  readonly label: string;
  /** Row by row from the top. Undefined: there is nothing yet, all is hatched; so is a cell with NaN. */
  readonly values: ArrayLike<number> | undefined;
  readonly rows: number;
  readonly columns: number;
  /** Distance from the middle where the scale ends; default: the largest that there is. */
  readonly limit?: number | undefined;
  /** Which number has no colour, such as 0.5 for a probability; of "sequential" the lowest. Default 0. */
  readonly middle?: number | undefined;
  /** "sequential" for what has no sign, such as a digit's pixels. Default "diverging". */
  readonly scale?: "diverging" | "sequential" | undefined;
  /** Colours between the cells are mixed. Default false. */
  readonly isSmooth?: boolean | undefined;
  /** Numbers stand in the cells, where they fit. Default false. */
  readonly hasNumbers?: boolean | undefined;
  /** In CSS pixels. Default: the width there is, and cells as high as wide. */
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  readonly points?: readonly HeatMapPoint[] | undefined;
  /** Names at the axes. */
  readonly xLabel?: string | undefined;
  readonly yLabel?: string | undefined;
  /** Names of rows and columns, for the text alternative and the tooltip; default: their numbers from 1. */
  readonly rowNames?: readonly string[] | undefined;
  readonly columnNames?: readonly string[] | undefined;
  readonly selected?: HeatMapCell | undefined;
  /** A whole column that is marked. */
  readonly selectedColumn?: number | undefined;
  /** A cell is chosen: by click, or by arrow keys and Enter. */
  readonly onSelect?: ((cell: HeatMapCell) => void) | undefined;
  /** A place is clicked, as for points that are drawn: x and y from 0 to 1 as in HeatMapPoint. Not by keyboard. */
  readonly onPlace?: ((x: number, y: number) => void) | undefined;
}

/** Numbers are written where a cell has at least this room. */
const numberRoom = { width: 36, height: 16 };

export function HeatMap(props: HeatMapProps): JSX.Element {
  const { label, values, rows, columns, width, height, selected, onSelect, onPlace, xLabel, yLabel } = props;
  const id = useId();
  const frame = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const size = useSize(frame);
  const shownTheme = theme.value;
  const [cursor, setCursor] = useState<HeatMapCell | undefined>(undefined);
  const [hasFocus, setFocus] = useState(false);

  useEffect(() => {
    if (canvas.current === null || size.width === 0) return;
    draw(canvas.current, props, size, shownTheme, hasFocus ? cursor : undefined);
  });

  const nameOf = ({ row, column }: HeatMapCell): readonly [string, string] => [
    props.rowNames?.[row] ?? String(row + 1),
    props.columnNames?.[column] ?? String(column + 1),
  ];
  const tell = (cell: HeatMapCell): string => {
    const value = values?.[cell.row * columns + cell.column];
    const shown = value === undefined || Number.isNaN(value) ? t().view.nothingYet : formatNumber(value);
    return t().view.gridCell(...nameOf(cell), shown);
  };
  const placeOf = (event: MouseEvent): readonly [number, number] => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    return [
      Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)),
      Math.min(1, Math.max(0, (event.clientY - box.top) / box.height)),
    ];
  };
  const cellAt = ([x, y]: readonly [number, number]): HeatMapCell => ({
    row: Math.min(rows - 1, Math.floor(y * rows)),
    column: Math.min(columns - 1, Math.floor(x * columns)),
  });

  const onClick = (event: MouseEvent): void => {
    const place = placeOf(event);
    onPlace?.(...place);
    if (onSelect === undefined || rows === 0 || columns === 0) return;
    const cell = cellAt(place);
    setCursor(cell);
    onSelect(cell);
  };
  const onMouseMove = (event: MouseEvent): void => {
    if (values === undefined || props.isSmooth === true || rows === 0 || columns === 0) return;
    (event.currentTarget as HTMLElement).title = tell(cellAt(placeOf(event)));
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const { row, column } = cursor ?? selected ?? { row: 0, column: props.selectedColumn ?? 0 };
    const moved = movedBy(event.key, row, column);
    if (moved !== undefined) {
      event.preventDefault();
      setCursor({ row: between(moved.row, rows), column: between(moved.column, columns) });
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      onSelect?.({ row, column });
    }
  };

  const summary = gridSummary({ label, values, rows, columns, nameOf });
  const isChosen = onSelect !== undefined;
  const shape = `width:${width === undefined ? "100%" : `${width}px`};${
    height === undefined ? `aspect-ratio:${Math.max(1, columns)}/${Math.max(1, rows)}` : `height:${height}px`
  }`;
  return (
    <figure class="heat-map">
      {yLabel === undefined ? undefined : <span class="axis-label axis-label-y">{yLabel}</span>}
      <div
        ref={frame}
        class={`heat-map-frame${onPlace === undefined ? "" : " is-drawn-on"}${isChosen ? " is-chosen-from" : ""}`}
        style={shape}
        role={isChosen ? "application" : undefined}
        aria-label={isChosen ? summary : undefined}
        aria-describedby={isChosen ? `${id}-keys` : undefined}
        tabIndex={isChosen ? 0 : undefined}
        onClick={isChosen || onPlace !== undefined ? onClick : undefined}
        onMouseMove={onMouseMove}
        onKeyDown={isChosen ? onKeyDown : undefined}
        onFocus={() => setFocus(true)}
        onBlur={() => setFocus(false)}
      >
        <canvas ref={canvas} role={isChosen ? undefined : "img"} aria-label={isChosen ? undefined : summary} />
      </div>
      {xLabel === undefined ? undefined : <span class="axis-label axis-label-x">{xLabel}</span>}
      {isChosen ? (
        <div class="visually-hidden">
          <p id={`${id}-keys`}>{t().view.gridKeys}</p>
          <p aria-live="polite">{hasFocus && cursor !== undefined ? tell(cursor) : ""}</p>
        </div>
      ) : undefined}
      {values !== undefined && isSmallGrid(rows, columns) ? (
        <GridTable label={label} values={values} rows={rows} columns={columns} nameOf={nameOf} />
      ) : undefined}
    </figure>
  );
}

function between(place: number, count: number): number {
  return Math.min(count - 1, Math.max(0, place));
}

function movedBy(key: string, row: number, column: number): HeatMapCell | undefined {
  switch (key) {
    case "ArrowUp":
      return { row: row - 1, column };
    case "ArrowDown":
      return { row: row + 1, column };
    case "ArrowLeft":
      return { row, column: column - 1 };
    case "ArrowRight":
      return { row, column: column + 1 };
    case "Home":
      return { row, column: 0 };
    case "End":
      return { row, column: Infinity };
    default:
      return undefined;
  }
}

function draw(
  canvas: HTMLCanvasElement,
  props: HeatMapProps,
  { width, height }: Size,
  shown: Theme,
  cursor: HeatMapCell | undefined,
): void {
  const context = sharpContext(canvas, width, height);
  if (context === undefined) return;
  const { values, rows, columns, middle = 0, scale = "diverging", isSmooth = false, points = [], selected } = props;
  const [wide, high] = [width / Math.max(1, columns), height / Math.max(1, rows)];
  const hatch = propertyOf(canvas, "--hatch");
  if (values === undefined) {
    paintHatch(context, { x: 0, y: 0, width, height }, hatch);
  } else {
    const cells: Cells = {
      values,
      rows,
      columns,
      middle,
      limit: props.limit ?? limitOf(values, middle),
      scale,
      isSmooth,
    };
    // Fainter below points, whose colours are those at the ends of the scale.
    context.globalAlpha = points.length === 0 ? 1 : 0.5;
    paintCells(context, cells, { x: 0, y: 0, width, height }, shown);
    context.globalAlpha = 1;
    // All cells without a number at once: each for itself takes long where they are many.
    const empty = Array.from({ length: rows * columns }, (_, i) => i).filter((i) => Number.isNaN(values[i]));
    if (empty.length > 0) {
      context.save();
      context.beginPath();
      for (const i of empty) context.rect((i % columns) * wide, Math.floor(i / columns) * high, wide, high);
      context.clip();
      paintHatch(context, { x: 0, y: 0, width, height }, hatch);
      context.restore();
    }
    if (props.hasNumbers === true && wide >= numberRoom.width && high >= numberRoom.height) {
      writeNumbers(context, cells, wide, high, shown);
    }
    for (const point of points) {
      const share = point.value === undefined ? undefined : shareOf(point.value, cells);
      const fill = share === undefined ? kindColor(point.kind, shown) : css(colorAt(share, scale, shown));
      paintMark(context, kindMark(point.kind), [point.x * width, point.y * height], 3.5, {
        fill,
        edge: propertyOf(canvas, share === undefined ? "--paper" : "--ink"),
        isHollow: point.isHollow === true,
      });
    }
  }
  const outline = ({ row, column }: HeatMapCell, color: string, by: number, many = 1): void => {
    context.strokeStyle = color;
    context.lineWidth = by;
    const tall = many * high - by;
    context.strokeRect(column * wide + by / 2, row * high + by / 2, Math.max(1, wide - by), Math.max(1, tall));
  };
  const { selectedColumn } = props;
  if (selectedColumn !== undefined) outline({ row: 0, column: selectedColumn }, propertyOf(canvas, "--focus"), 2, rows);
  if (selected !== undefined) outline(selected, propertyOf(canvas, "--ink"), 2);
  if (cursor !== undefined) outline(cursor, propertyOf(canvas, "--focus"), 2);
}

function colorAt(share: number, scale: "diverging" | "sequential", shown: Theme): Rgb {
  return scale === "diverging" ? divergingColor(2 * share - 1, shown) : sequentialColor(share, shown);
}

function writeNumbers(context: CanvasRenderingContext2D, cells: Cells, wide: number, high: number, shown: Theme): void {
  context.font = `${Math.min(12, Math.floor(high * 0.7))}px ui-monospace, monospace`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  for (let i = 0; i < cells.rows * cells.columns; i++) {
    const value = cells.values[i] as number;
    if (Number.isNaN(value)) continue;
    context.fillStyle = inkOn(colorAt(shareOf(value, cells), cells.scale, shown));
    const [row, column] = [Math.floor(i / cells.columns), i % cells.columns];
    context.fillText(formatNumber(value, 3), (column + 0.5) * wide, (row + 0.5) * high, wide - 4);
  }
}
