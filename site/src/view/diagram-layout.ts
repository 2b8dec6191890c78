/** Where the units of a diagram stand, and what is at a place of it. All in CSS pixels. */
import type { DiagramLayer, DiagramSelection } from "./diagram-types.ts";

/** More are folded. */
export const mostLayers = 10;
export const mostUnits = 16;

export interface Box {
  readonly width: number;
  readonly height: number;
}

export interface PlacedUnit {
  readonly unit: number;
  /** The middle of its box. */
  readonly x: number;
  readonly y: number;
}

export interface Column {
  readonly layer: number;
  readonly x: number;
  readonly units: readonly PlacedUnit[];
  /** Units above and below that are not drawn. */
  readonly above: number;
  readonly below: number;
  readonly top: number;
  readonly bottom: number;
}

export interface DiagramLayout {
  readonly width: number;
  readonly height: number;
  readonly box: Box;
  readonly columnWidth: number;
  readonly columns: readonly Column[];
  /** Layers at the left and the right that are not drawn. */
  readonly left: number;
  readonly right: number;
  /** Of the loss, where it is drawn. */
  readonly loss: { readonly x: number; readonly y: number } | undefined;
}

export interface LayoutRequest {
  readonly layers: readonly DiagramLayer[];
  /** The width there is. */
  readonly width: number;
  /** The first layer that is drawn, and by layer the first unit. */
  readonly firstLayer: number;
  readonly firstUnits: readonly number[];
  readonly hasLoss: boolean;
}

const head = 40;
const caption = 16;
const fold = 28;
const lossWidth = 76;
/** Between boxes, so that edges can be told apart. */
const leastGap = 56;

/** Units with a picture are square; others have room for a number. */
export function boxOf(layers: readonly DiagramLayer[]): Box {
  const most = Math.max(1, ...layers.map(({ units }) => Math.min(mostUnits, units.length)));
  const side = most <= 5 ? 48 : most <= 9 ? 38 : 30;
  const hasMaps = layers.some(({ units }) => units.some(({ map }) => map !== undefined));
  return hasMaps ? { width: side, height: side } : { width: 60, height: 24 };
}

/** The first of a window of `most` among `count`, moved as little as needed so that `at` is inside. */
export function windowStart(start: number, count: number, most: number, at?: number): number {
  const least = at === undefined ? 0 : at - most + 1;
  const largest = at === undefined ? count : at;
  return Math.max(0, Math.min(count - most, Math.max(least, Math.min(largest, start))));
}

export function layoutOf({ layers, width, firstLayer, firstUnits, hasLoss }: LayoutRequest): DiagramLayout {
  const box = boxOf(layers);
  const start = windowStart(firstLayer, layers.length, mostLayers);
  const drawn = layers.slice(start, start + mostLayers);
  const right = layers.length - start - drawn.length;
  const showsLoss = hasLoss && right === 0;
  const forLoss = showsLoss ? lossWidth : 0;
  const columnWidth = Math.max(box.width + leastGap, Math.min(220, (width - forLoss) / Math.max(1, drawn.length)));
  const total = columnWidth * drawn.length + forLoss;
  const margin = Math.max(0, (width - total) / 2);
  const isFolded = drawn.some(({ units }) => units.length > mostUnits);
  const most = Math.max(1, ...drawn.map(({ units }) => Math.min(mostUnits, units.length)));
  const pitch = box.height + caption;
  const top = head + (isFolded ? fold : 0);
  const middle = top + (most * pitch) / 2;
  const columns = drawn.map((layer, i): Column => {
    const at = start + i;
    const first = windowStart(firstUnits[at] ?? 0, layer.units.length, mostUnits);
    const count = Math.min(mostUnits, layer.units.length);
    const x = margin + columnWidth * (i + 0.5);
    const high = middle - (count * pitch) / 2;
    return {
      layer: at,
      x,
      units: Array.from({ length: count }, (_, place) => ({
        unit: first + place,
        x,
        y: high + place * pitch + caption + box.height / 2,
      })),
      above: first,
      below: layer.units.length - first - count,
      top: high,
      bottom: high + count * pitch,
    };
  });
  return {
    width: Math.max(width, total),
    height: top + most * pitch + (isFolded ? fold : 0) + 8,
    box,
    columnWidth,
    columns,
    left: start,
    right,
    loss: showsLoss
      ? { x: margin + columnWidth * drawn.length + lossWidth / 2 - 8, y: middle + caption / 2 }
      : undefined,
  };
}

/** The mark of a bias: at the lower left corner of its unit's box. */
export function biasPlace({ x, y }: PlacedUnit, box: Box): readonly [x: number, y: number] {
  return [x - box.width / 2 - 5, y + box.height / 2 - 3];
}

export interface Line {
  readonly fromX: number;
  readonly fromY: number;
  readonly toX: number;
  readonly toY: number;
}

export function lineBetween(from: PlacedUnit, to: PlacedUnit, { width }: Box): Line {
  return { fromX: from.x + width / 2, fromY: from.y, toX: to.x - width / 2, toY: to.y };
}

/** A curve that leaves and arrives level; `isBack` draws it from its end. */
export function pathOf({ fromX, fromY, toX, toY }: Line, isBack = false): string {
  const middle = round((fromX + toX) / 2);
  const [a, b] = [`${round(fromX)} ${round(fromY)}`, `${round(toX)} ${round(toY)}`];
  const [c, d] = [`${middle} ${round(fromY)}`, `${middle} ${round(toY)}`];
  return isBack ? `M${b}C${d} ${c} ${a}` : `M${a}C${c} ${d} ${b}`;
}

function round(place: number): number {
  return Math.round(10 * place) / 10;
}

const reach = { edge: 7, bias: 9 };

/** What is drawn at a place: a bias before its unit, and the nearest edge. */
export function hitAt(
  layout: DiagramLayout,
  layers: readonly DiagramLayer[],
  x: number,
  y: number,
): DiagramSelection | undefined {
  const { box, columns } = layout;
  for (const { layer, units } of columns) {
    for (const placed of units) {
      const { unit } = placed;
      const [biasX, biasY] = biasPlace(placed, box);
      const hasBias = layers[layer]?.units[unit]?.bias !== undefined;
      if (hasBias && Math.hypot(x - biasX, y - biasY) <= reach.bias) return { kind: "bias", layer, unit };
      if (Math.abs(x - placed.x) <= box.width / 2 && Math.abs(y - placed.y) <= box.height / 2) {
        return { kind: "unit", layer, unit };
      }
    }
  }
  return edgeAt(layout, layers, x, y);
}

function edgeAt(
  { box, columns }: DiagramLayout,
  layers: readonly DiagramLayer[],
  x: number,
  y: number,
): DiagramSelection | undefined {
  const right = columns.findIndex((column) => x < column.x - box.width / 2);
  const [before, after] = [columns[right - 1], columns[right]];
  if (before === undefined || after === undefined || layers[after.layer]?.weights === undefined) return undefined;
  const fromX = before.x + box.width / 2;
  const length = after.x - box.width / 2 - fromX;
  if (x < fromX) return undefined;
  const { height, slope } = curveAt((x - fromX) / length);
  let best: DiagramSelection | undefined;
  let nearest = reach.edge;
  for (const to of after.units) {
    for (const from of before.units) {
      const rise = to.y - from.y;
      // Across the line, not straight up.
      const distance = Math.abs(from.y + rise * height - y) / Math.hypot(1, (rise * slope) / length);
      if (distance >= nearest) continue;
      nearest = distance;
      best = { kind: "edge", layer: after.layer, unit: to.unit, from: from.unit };
    }
  }
  return best;
}

/**
 * Height, 0 to 1, and slope of the curve of `pathOf` at a share of its length along x. With t its parameter,
 * x = 1.5t − 1.5t² + t³ and y = 3t² − 2t³.
 */
function curveAt(x: number): { readonly height: number; readonly slope: number } {
  let [low, high] = [0, 1];
  for (let i = 0; i < 20; i++) {
    const t = (low + high) / 2;
    if (1.5 * t - 1.5 * t * t + t ** 3 < x) low = t;
    else high = t;
  }
  const t = (low + high) / 2;
  return { height: 3 * t * t - 2 * t ** 3, slope: (6 * t - 6 * t * t) / (1.5 - 3 * t + 3 * t * t) };
}
