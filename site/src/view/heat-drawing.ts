/** What heat maps and the pictures inside of units are painted with, on the context of a canvas. */
import type { KindMark } from "./colors.ts";
import { divergingColor, sequentialColor } from "./colors.ts";
import type { Theme } from "./theme.ts";

export type HeatScale = "diverging" | "sequential";

export interface Cells {
  /** Row by row from the top; NaN is no number. */
  readonly values: ArrayLike<number>;
  readonly rows: number;
  readonly columns: number;
  /** Which number has no colour; of "sequential" the lowest. */
  readonly middle: number;
  /** Distance from the middle where the scale ends. */
  readonly limit: number;
  readonly scale: HeatScale;
  readonly isSmooth: boolean;
}

export interface Area {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Colours of a scale at equal distances: four bytes each. */
const colors = 256;
const palettes = new Map<string, Uint8ClampedArray>();

function paletteOf(scale: HeatScale, theme: Theme): Uint8ClampedArray {
  const key = `${scale} ${theme}`;
  const known = palettes.get(key);
  if (known !== undefined) return known;
  const palette = new Uint8ClampedArray(4 * (colors + 1));
  for (let i = 0; i <= colors; i++) {
    const share = i / colors;
    const rgb = scale === "diverging" ? divergingColor(2 * share - 1, theme) : sequentialColor(share, theme);
    palette.set([...rgb, 255], 4 * i);
  }
  palettes.set(key, palette);
  return palette;
}

/** The largest finite distance from the middle. */
export function largestOf(values: ArrayLike<number>, middle = 0): number {
  let largest = 0;
  for (let i = 0; i < values.length; i++) {
    const distance = Math.abs((values[i] as number) - middle);
    if (distance > largest && distance < Infinity) largest = distance;
  }
  return largest;
}

/** Where a scale ends: the largest distance from the middle, and 1 where all are the middle. */
export function limitOf(values: ArrayLike<number>, middle = 0): number {
  return largestOf(values, middle) || 1;
}

/** Place in the palette, 0 to 1. */
export function shareOf(value: number, { middle, limit, scale }: Pick<Cells, "middle" | "limit" | "scale">): number {
  const share = (value - middle) / limit;
  return Math.min(1, Math.max(0, scale === "diverging" ? (share + 1) / 2 : share));
}

let scratch: HTMLCanvasElement | undefined;

/** Paints cells; where there is no number nothing is painted. */
export function paintCells(context: CanvasRenderingContext2D, cells: Cells, area: Area, theme: Theme): void {
  const { values, rows, columns } = cells;
  if (rows === 0 || columns === 0) return;
  scratch ??= document.createElement("canvas");
  // Exactly as large: smoothing would mix in what lies beside the cells.
  if (scratch.width !== columns) scratch.width = columns;
  if (scratch.height !== rows) scratch.height = rows;
  const small = scratch.getContext("2d");
  if (small === null) return;
  const image = small.createImageData(columns, rows);
  const palette = paletteOf(cells.scale, theme);
  for (let i = 0; i < rows * columns; i++) {
    const value = values[i] as number;
    if (Number.isNaN(value)) continue;
    const at = 4 * Math.round(colors * shareOf(value, cells));
    image.data.set(palette.subarray(at, at + 4), 4 * i);
  }
  small.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = cells.isSmooth;
  context.imageSmoothingQuality = "high";
  context.drawImage(scratch, 0, 0, columns, rows, area.x, area.y, area.width, area.height);
}

/** Fills with slanted lines: here is no number. */
export function paintHatch(context: CanvasRenderingContext2D, area: Area, color: string): void {
  const { x, y, width, height } = area;
  const gap = 6;
  context.save();
  context.beginPath();
  context.rect(x, y, width, height);
  context.clip();
  context.strokeStyle = color;
  context.lineWidth = 1;
  context.beginPath();
  for (let offset = -height; offset < width; offset += gap) {
    context.moveTo(x + offset, y + height);
    context.lineTo(x + offset + height, y);
  }
  context.stroke();
  context.restore();
}

type Path = readonly (readonly [x: number, y: number])[];

const shapes: Partial<Record<KindMark, Path>> = {
  square: [
    [-0.85, -0.85],
    [0.85, -0.85],
    [0.85, 0.85],
    [-0.85, 0.85],
  ],
  triangle: [
    [0, -1.1],
    [1, 0.8],
    [-1, 0.8],
  ],
  down: [
    [0, 1.1],
    [1, -0.8],
    [-1, -0.8],
  ],
  diamond: [
    [0, -1.2],
    [1.2, 0],
    [0, 1.2],
    [-1.2, 0],
  ],
  bar: [
    [-1.2, -0.5],
    [1.2, -0.5],
    [1.2, 0.5],
    [-1.2, 0.5],
  ],
  plus: [
    [-0.4, -1.1],
    [0.4, -1.1],
    [0.4, -0.4],
    [1.1, -0.4],
    [1.1, 0.4],
    [0.4, 0.4],
    [0.4, 1.1],
    [-0.4, 1.1],
    [-0.4, 0.4],
    [-1.1, 0.4],
    [-1.1, -0.4],
    [-0.4, -0.4],
  ],
  cross: [
    [0, -0.55],
    [0.65, -1.2],
    [1.2, -0.65],
    [0.55, 0],
    [1.2, 0.65],
    [0.65, 1.2],
    [0, 0.55],
    [-0.65, 1.2],
    [-1.2, 0.65],
    [-0.55, 0],
    [-1.2, -0.65],
    [-0.65, -1.2],
  ],
  star: Array.from({ length: 10 }, (_, i) => {
    const [radius, angle] = [i % 2 === 0 ? 1.25 : 0.55, (Math.PI * i) / 5];
    return [radius * Math.sin(angle), -radius * Math.cos(angle)] as const;
  }),
};

export interface MarkStyle {
  readonly fill: string;
  readonly edge: string;
  /** Only its outline, in the colour of the fill. */
  readonly isHollow: boolean;
}

/** Draws the mark of a class around a place. */
export function paintMark(
  context: CanvasRenderingContext2D,
  mark: KindMark,
  at: readonly [number, number],
  radius: number,
  style: MarkStyle,
): void {
  const [x, y] = at;
  context.beginPath();
  const shape = shapes[mark];
  if (shape === undefined) {
    context.arc(x, y, radius, 0, 2 * Math.PI);
    if (mark === "ring") {
      context.moveTo(x + radius / 2, y);
      context.arc(x, y, radius / 2, 0, 2 * Math.PI, true);
    }
  } else {
    for (const [dx, dy] of shape) context.lineTo(x + radius * dx, y + radius * dy);
    context.closePath();
  }
  if (style.isHollow) {
    context.fillStyle = style.edge;
    context.strokeStyle = style.fill;
    context.lineWidth = 1.5;
  } else {
    context.fillStyle = style.fill;
    context.strokeStyle = style.edge;
    context.lineWidth = 1;
  }
  context.fill();
  context.stroke();
}

/** Makes the canvas as sharp as the screen; its context counts in CSS pixels. */
export function sharpContext(
  canvas: HTMLCanvasElement,
  width: number,
  height: number,
): CanvasRenderingContext2D | undefined {
  const ratio = globalThis.devicePixelRatio || 1;
  const [wide, high] = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
  if (canvas.width !== wide) canvas.width = wide;
  if (canvas.height !== high) canvas.height = high;
  const context = canvas.getContext("2d");
  if (context === null) return undefined;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

/** The value of a custom property, as drawing on a canvas needs it. */
export function propertyOf(element: Element, name: string): string {
  return getComputedStyle(element).getPropertyValue(name).trim();
}
