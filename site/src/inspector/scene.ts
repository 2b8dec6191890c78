/** A laid out graph that can be asked what is where. */
import type { LaidGraph } from "./calls.ts";
import type { FramePlace } from "./layout.ts";
import { type Rectangle, SpatialIndex, touches } from "./spatial-index.ts";

/** Height of the part of a frame that is clicked. */
export const frameHeader = 24;

export type Direction = "up" | "down" | "left" | "right";

/** A part of an edge between two of its points. */
export interface Segment {
  readonly edge: number;
  /** Where the first of its two points is in the points of the layout. */
  readonly at: number;
  readonly isFirst: boolean;
  readonly isLast: boolean;
}

export class Scene {
  readonly laid: LaidGraph;
  readonly #nodes = new SpatialIndex();
  readonly #segments: Segment[] = [];
  /** Of the segments. */
  readonly #index = new SpatialIndex(512);
  readonly #placeOf = new Map<string, number>();
  readonly #edgesOf: readonly number[][];

  constructor(laid: LaidGraph) {
    this.laid = laid;
    const { graph } = laid;
    graph.nodes.forEach(({ id }, node) => {
      this.#nodes.add(this.box(node));
      this.#placeOf.set(id, node);
    });
    const edgesOf: number[][] = graph.nodes.map(() => []);
    graph.edges.forEach(({ from, to }, edge) => {
      edgesOf[from]?.push(edge);
      edgesOf[to]?.push(edge);
      for (const segment of this.segmentsOf(edge)) {
        this.#segments.push(segment);
        this.#index.add(this.segmentBox(segment.at));
      }
    });
    this.#edgesOf = edgesOf;
  }

  box(node: number): Rectangle {
    const [x = 0, y = 0, width = 0, height = 0] = this.laid.layout.boxes.subarray(4 * node, 4 * node + 4);
    return { x, y, width, height };
  }

  segmentsOf(edge: number): Segment[] {
    const { starts } = this.laid.layout;
    const [first, end] = [starts[edge] as number, starts[edge + 1] as number];
    const segments: Segment[] = [];
    for (let at = first; at + 2 < end; at += 2) {
      segments.push({ edge, at, isFirst: at === first, isLast: at + 4 === end });
    }
    return segments;
  }

  /** The rectangle around the point at a place in the points of the layout, and the one behind it. */
  segmentBox(at: number): Rectangle {
    const [x = 0, y = 0, nextX = 0, nextY = 0] = this.laid.layout.points.subarray(at, at + 4);
    return { x: Math.min(x, nextX), y: Math.min(y, nextY), width: Math.abs(nextX - x), height: Math.abs(nextY - y) };
  }

  nodesIn(area: Rectangle): number[] {
    return this.#nodes.find(area);
  }

  segmentsIn(area: Rectangle): Segment[] {
    return this.#index.find(area).map((segment) => this.#segments[segment] as Segment);
  }

  framesIn(area: Rectangle): readonly FramePlace[] {
    return this.laid.layout.frames.filter((frame) => touches(area, frame));
  }

  edgesOf(node: number): readonly number[] {
    return this.#edgesOf[node] ?? [];
  }

  /** The node of a closed group or a drawn operation. */
  nodeOf(id: string): number | undefined {
    return this.#placeOf.get(id);
  }

  /** Where a group, open or closed, or an operation stands. */
  placeOf(id: string): Rectangle | undefined {
    const node = this.#placeOf.get(id);
    return node === undefined ? this.laid.layout.frames.find((frame) => frame.id === id) : this.box(node);
  }

  /** The id of what is at a place: a node, or the head of a frame. */
  at(x: number, y: number): string | undefined {
    const [node] = this.#nodes.find({ x, y, width: 0, height: 0 });
    if (node !== undefined) return this.laid.graph.nodes[node]?.id;
    const isHead = (frame: FramePlace): boolean =>
      touches({ x, y, width: 0, height: 0 }, { ...frame, height: frameHeader });
    return this.laid.layout.frames.findLast(isHead)?.id;
  }

  /** The nearest node in a direction; sideways distance counts double, nodes on an edge of this one half. */
  next(from: string, direction: Direction): string | undefined {
    const start = this.placeOf(from);
    if (start === undefined) return this.laid.graph.nodes[0]?.id;
    const own = this.#placeOf.get(from);
    const near = new Set(
      own === undefined
        ? []
        : this.edgesOf(own).flatMap((edge) => {
            const { from: a, to: b } = this.laid.graph.edges[edge] as { from: number; to: number };
            return [a, b];
          }),
    );
    const isVertical = direction === "up" || direction === "down";
    const sign = direction === "down" || direction === "right" ? 1 : -1;
    let best: number | undefined;
    let least = Infinity;
    for (let node = 0; node < this.laid.graph.nodes.length; node++) {
      if (node === own) continue;
      const box = this.box(node);
      const dx = box.x + box.width / 2 - start.x - start.width / 2;
      const dy = box.y + box.height / 2 - start.y - start.height / 2;
      const ahead = sign * (isVertical ? dy : dx);
      if (ahead < 1) continue;
      const aside = Math.abs(isVertical ? dx : dy);
      const far = (ahead + 2 * aside) * (near.has(node) ? 0.5 : 1);
      if (far < least) [least, best] = [far, node];
    }
    return best === undefined ? undefined : this.laid.graph.nodes[best]?.id;
  }
}
