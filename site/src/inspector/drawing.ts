/** Draws what is seen of a scene, in units of the graph. Which part that is, and on which canvas, its caller knows. */
import { css, divergingColor, inkOn } from "../view/colors.ts";
import { formatNumber } from "../view/number.ts";
import type { Theme } from "../view/theme.ts";
import { numbersFrom } from "./camera.ts";
import type { Grid } from "./grid.ts";
import { type Scene, type Segment, frameHeader } from "./scene.ts";
import { type Rectangle, touches } from "./spatial-index.ts";
import { type VisibleEdge, type VisibleNode, shapeText } from "./visible-graph.ts";

/** How something is marked because of what is selected. */
export type Mark = "selected" | "derivative" | "gradient";

/** What is drawn beside the scene itself. */
export interface Look {
  readonly theme: Theme;
  /** By id of a node or frame. */
  readonly marks: ReadonlyMap<string, Mark>;
  /** Letters of findings by id of a node or frame. */
  readonly badges: ReadonlyMap<string, string>;
  /** Small values by operation, as far as they are known. */
  readonly values: ReadonlyMap<number, Grid | undefined>;
  /** What the loss and the update are called. */
  readonly names: Readonly<Record<string, string>>;
}

export interface Colors {
  readonly ground: string;
  readonly text: string;
  readonly muted: string;
  readonly line: string;
  readonly forward: string;
  readonly backward: string;
  readonly update: string;
  readonly bad: string;
}

const font = "system-ui, sans-serif";
/** Below these scales there are no texts, and lines are straight. */
const textsFrom = 0.45;
const curvesFrom = 0.3;
const shapesFrom = 0.75;
/** CSS pixels. */
const longestDashed = 2000;

export function colorsOf(element: Element): Colors {
  const style = getComputedStyle(element);
  const color = (name: string, otherwise: string): string => style.getPropertyValue(name).trim() || otherwise;
  return {
    ground: color("--paper", "#ffffff"),
    text: color("--ink", "#16181d"),
    muted: color("--muted", "#5c6068"),
    line: color("--line", "#c9ccd2"),
    forward: color("--forward", "#1f6fd6"),
    backward: color("--backward", "#d9730d"),
    update: color("--update", "#1a7f4b"),
    bad: color("--problem", "#b3261e"),
  };
}

/** One drawing of one part, in units of the graph. */
export class Drawing {
  readonly #context: CanvasRenderingContext2D;
  readonly #scene: Scene;
  readonly #look: Look;
  readonly #colors: Colors;
  readonly #scale: number;

  constructor(context: CanvasRenderingContext2D, scene: Scene, look: Look, colors: Colors, scale: number) {
    this.#context = context;
    this.#scene = scene;
    this.#look = look;
    this.#colors = colors;
    this.#scale = scale;
  }

  /** Of a line: never more CSS pixels than that, and never too few to be seen. */
  #thickness(pixels: number): number {
    return this.#scale > 1 ? pixels / this.#scale : Math.max(pixels, 0.8 / this.#scale);
  }

  draw(area: Rectangle): void {
    const context = this.#context;
    context.textBaseline = "middle";
    this.#frames(area);
    this.#edges(area);
    const nodes = this.#scene.nodesIn(area);
    this.#boxes(nodes);
    if (this.#scale >= textsFrom) for (const node of nodes) this.#texts(node);
    this.#badges(area);
  }

  /**
   * What is marked, with the edges of what is selected. Selected: a thick line. A derivative: a thick dashed line; a
   * gradient: a dotted one.
   */
  drawMarks(area: Rectangle): void {
    const context = this.#context;
    const thick = 3 / this.#scale;
    for (const [id, mark] of this.#look.marks) {
      const node = this.#scene.nodeOf(id);
      if (mark === "selected" && node !== undefined) {
        context.lineWidth = this.#thickness(2.5);
        const segments = this.#scene
          .edgesOf(node)
          .flatMap((edge) => this.#scene.segmentsOf(edge))
          .filter(({ at }) => touches(area, this.#scene.segmentBox(at)));
        this.#lines(segments, this.#colors[this.#scene.laid.graph.pass]);
        this.#shapes(segments);
      }
      const place = this.#scene.placeOf(id);
      if (place === undefined || !touches(area, place)) continue;
      context.strokeStyle = mark === "selected" ? this.#colors.text : this.#colors.update;
      context.lineWidth = thick;
      context.setLineDash(mark === "selected" ? [] : mark === "derivative" ? [3 * thick, 2 * thick] : [thick, thick]);
      const rim = thick / 2 + 1;
      context.strokeRect(place.x - rim, place.y - rim, place.width + 2 * rim, place.height + 2 * rim);
      context.setLineDash([]);
    }
  }

  #frames(area: Rectangle): void {
    const context = this.#context;
    context.strokeStyle = this.#colors.line;
    context.lineWidth = 1 / this.#scale;
    for (const frame of this.#scene.framesIn(area)) {
      context.globalAlpha = 0.05;
      context.fillStyle = this.#colors.text;
      context.fillRect(frame.x, frame.y, frame.width, frame.height);
      context.globalAlpha = 1;
      context.strokeRect(frame.x, frame.y, frame.width, frame.height);
      if (this.#scale < textsFrom) continue;
      context.fillStyle = this.#colors.muted;
      context.font = `600 12px ${font}`;
      const label = this.#look.names[frame.id] ?? frame.label;
      context.fillText(`− ${cut(label, frame.width - 28)}`, frame.x + 8, frame.y + frameHeader / 2 + 1);
    }
  }

  #edges(area: Rectangle): void {
    const context = this.#context;
    const { graph, layout } = this.#scene.laid;
    const { nodes, edges } = graph;
    const found = this.#scene.segmentsIn(area);
    const isUpdate = ({ edge }: Segment): boolean => nodes[(edges[edge] as VisibleEdge).to]?.phase === "update";
    // Dashes cost time for all of a line, also for what is not seen of it.
    const isLong = ({ at }: Segment): boolean => {
      const [x = 0, y = 0, nextX = 0, nextY = 0] = layout.points.subarray(at, at + 4);
      return (Math.abs(nextX - x) + Math.abs(nextY - y)) * this.#scale > longestDashed;
    };
    const [plain, dashed, long]: [Segment[], Segment[], Segment[]] = [[], [], []];
    for (const segment of found) (isUpdate(segment) ? (isLong(segment) ? long : dashed) : plain).push(segment);
    context.lineWidth = this.#thickness(1);
    context.globalAlpha = 0.6;
    this.#lines(plain, this.#colors[graph.pass]);
    this.#lines(long, this.#colors.update);
    context.setLineDash([6, 4]);
    this.#lines(dashed, this.#colors.update);
    context.setLineDash([]);
    context.globalAlpha = 1;
    this.#shapes(found);
  }

  #lines(segments: readonly Segment[], color: string): void {
    if (segments.length === 0) return;
    const context = this.#context;
    const { points } = this.#scene.laid.layout;
    const isCurved = this.#scale >= curvesFrom;
    context.strokeStyle = color;
    context.beginPath();
    for (const { at } of segments) {
      const x = points[at] as number;
      const y = points[at + 1] as number;
      const nextX = points[at + 2] as number;
      const nextY = points[at + 3] as number;
      const middle = (y + nextY) / 2;
      context.moveTo(x, y);
      if (isCurved) context.bezierCurveTo(x, middle, nextX, middle, nextX, nextY);
      else context.lineTo(nextX, nextY);
    }
    context.stroke();
    if (!isCurved) return;
    const unit = 1 / Math.max(1, this.#scale);
    context.fillStyle = color;
    context.beginPath();
    for (const { at, isLast } of segments) {
      if (!isLast) continue;
      const x = points[at + 2] as number;
      const y = points[at + 3] as number;
      const back = (y > (points[at + 1] as number) ? -7 : 7) * unit;
      context.moveTo(x, y);
      context.lineTo(x - 4 * unit, y + back);
      context.lineTo(x + 4 * unit, y + back);
    }
    context.fill();
  }

  #shapes(segments: readonly Segment[]): void {
    if (this.#scale < shapesFrom) return;
    this.#context.textBaseline = "middle";
    for (const segment of segments) if (segment.isFirst) this.#shape(segment);
  }

  /** The shape stands in the middle of the first part of an edge. */
  #shape({ edge, at }: Segment): void {
    const context = this.#context;
    const { graph, layout } = this.#scene.laid;
    const { shape, count } = graph.edges[edge] as VisibleEdge;
    const [x = 0, y = 0, nextX = 0, nextY = 0] = layout.points.subarray(at, at + 4);
    if (Math.abs(nextY - y) < 24) return;
    const text = count > 1 ? `${shapeText(shape)} +${count - 1}` : shapeText(shape);
    const unit = 1 / Math.max(1, this.#scale);
    context.font = `${10 * unit}px ${font}`;
    const width = (5.6 * text.length + 4) * unit;
    const [middleX, middleY] = [(x + nextX) / 2, (y + nextY) / 2];
    context.fillStyle = this.#colors.ground;
    context.fillRect(middleX - width / 2, middleY - 6 * unit, width, 12 * unit);
    context.fillStyle = this.#colors.muted;
    context.textAlign = "center";
    context.fillText(text, middleX, middleY);
    context.textAlign = "left";
  }

  #boxes(nodes: readonly number[]): void {
    const context = this.#context;
    const { graph, layout } = this.#scene.laid;
    context.lineWidth = this.#thickness(1.2);
    if (this.#scale < curvesFrom) {
      this.#smallBoxes(nodes);
      return;
    }
    for (const node of nodes) {
      const { kind, phase } = graph.nodes[node] as VisibleNode;
      const [x = 0, y = 0, width = 0, height = 0] = layout.boxes.subarray(4 * node, 4 * node + 4);
      context.beginPath();
      context.roundRect(x, y, width, height, kind === "leaf" ? height / 2 : 6);
      context.fillStyle = this.#colors.ground;
      context.fill();
      if (kind === "group") {
        context.globalAlpha = 0.16;
        context.fillStyle = this.#colors[phase];
        context.fill();
        context.globalAlpha = 1;
      }
      context.strokeStyle = this.#colors[phase];
      if (kind === "leaf") context.setLineDash([4, 3]);
      context.stroke();
      if (kind === "leaf") context.setLineDash([]);
    }
  }

  /** From far: all boxes of a phase at once. */
  #smallBoxes(nodes: readonly number[]): void {
    const context = this.#context;
    const { graph, layout } = this.#scene.laid;
    for (const phase of ["forward", "backward", "update"] as const) {
      context.beginPath();
      for (const node of nodes) {
        if (graph.nodes[node]?.phase !== phase) continue;
        const k = 4 * node;
        context.rect(
          layout.boxes[k] as number,
          layout.boxes[k + 1] as number,
          layout.boxes[k + 2] as number,
          layout.boxes[k + 3] as number,
        );
      }
      context.fillStyle = this.#colors.ground;
      context.fill();
      context.globalAlpha = 0.16;
      context.fillStyle = this.#colors[phase];
      context.fill();
      context.globalAlpha = 1;
      context.strokeStyle = this.#colors[phase];
      context.stroke();
    }
  }

  #texts(node: number): void {
    const context = this.#context;
    const one = this.#scene.laid.graph.nodes[node] as VisibleNode;
    const { x, y, width } = this.#scene.box(node);
    const label = this.#look.names[one.id] ?? one.label;
    if (this.#scale >= numbersFrom && one.operation !== undefined) {
      this.#numbers(one, one.operation, this.#scene.box(node), label);
      return;
    }
    const isGroup = one.kind === "group";
    context.fillStyle = this.#colors.text;
    context.font = `${isGroup ? "600 " : ""}12px ${font}`;
    context.fillText(cut(isGroup ? `+ ${label}` : label, width - 20), x + 10, y + 14);
    context.fillStyle = this.#colors.muted;
    context.font = `10.5px ${font}`;
    const count = isGroup ? `${one.detail === "" ? "" : `${one.detail} · `}${one.count}` : one.detail;
    context.fillText(cut(count, width - 20), x + 10, y + 29);
    if (one.reads > 0) {
      // It reads results of the forward pass.
      context.fillStyle = this.#colors.forward;
      context.textAlign = "right";
      context.fillText(`▸${one.reads}`, x + width - 6, y + 29);
      context.textAlign = "left";
    }
  }

  /** Near enough for the numbers themselves: a small name above, and the elements below. */
  #numbers(one: VisibleNode, operation: number, box: Rectangle, label: string): void {
    const context = this.#context;
    const { x, y, width, height } = box;
    const unit = 1 / this.#scale;
    context.fillStyle = this.#colors.text;
    context.font = `${12 * unit}px ${font}`;
    context.fillText(`${label}  ${one.detail}`, x + 8 * unit, y + 11 * unit);
    const grid = this.#look.values.get(operation);
    if (grid === undefined) return;
    const [top, inset] = [20 * unit, 4 * unit];
    const cellWidth = (width - 2 * inset) / grid.columns;
    const cellHeight = (height - top - inset) / grid.rows;
    const isWritten = cellWidth * this.#scale > 34 && cellHeight * this.#scale > 11;
    context.textAlign = "center";
    context.font = `${Math.min(11, cellHeight * this.#scale - 1) * unit}px ${font}`;
    grid.data.forEach((number, i) => {
      const color = divergingColor(
        grid.limit > 0 && Number.isFinite(number) ? number / grid.limit : 0,
        this.#look.theme,
      );
      const left = x + inset + (i % grid.columns) * cellWidth;
      const above = y + top + Math.floor(i / grid.columns) * cellHeight;
      context.fillStyle = css(color);
      context.fillRect(left, above, cellWidth, cellHeight);
      if (!isWritten) return;
      context.fillStyle = inkOn(color);
      context.fillText(formatNumber(number, 3), left + cellWidth / 2, above + cellHeight / 2);
    });
    context.textAlign = "left";
  }

  /** Letters of what is not well; never smaller than can be seen. */
  #badges(area: Rectangle): void {
    const context = this.#context;
    const size = this.#scale > 1 ? 9 / this.#scale : Math.max(9, 6 / this.#scale);
    for (const [id, letter] of this.#look.badges) {
      const place = this.#scene.placeOf(id);
      if (place === undefined || !touches(area, place)) continue;
      const [x, y] = [place.x + place.width - size / 2, place.y + size / 2];
      context.fillStyle = this.#colors.bad;
      context.fillRect(x - size, y - size, 2 * size, 2 * size);
      context.fillStyle = this.#colors.ground;
      context.font = `700 ${1.4 * size}px ${font}`;
      context.textAlign = "center";
      context.fillText(letter, x, y + size / 10);
      context.textAlign = "left";
      // The line around says the same without colour.
      context.strokeStyle = this.#colors.bad;
      context.lineWidth = 2 / this.#scale;
      context.setLineDash([2 * size, size / 2, size / 2, size / 2]);
      context.strokeRect(place.x, place.y, place.width, place.height);
      context.setLineDash([]);
    }
  }
}

/** As many letters as have room. */
function cut(text: string, room: number): string {
  const most = Math.max(1, Math.floor(room / 6.4));
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
