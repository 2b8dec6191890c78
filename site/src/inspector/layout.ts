/**
 * Where the nodes, frames and edges of a visible graph stand. Each frame is laid out by itself and is then one box of the
 * frame around it, so frames never overlap. The forward graph goes down; the backward graph goes up, so that a layer stands
 * at about the same height in both.
 */
import { type Arranged, type Box, type BoxEdge, type Point, arrange } from "./layered.ts";
import type { VisibleFrame, VisibleGraph, VisibleNode } from "./visible-graph.ts";

export interface FramePlace {
  readonly id: string;
  readonly label: string;
  readonly depth: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  /** x, y, width and height of each node. */
  readonly boxes: Float32Array;
  /** Outer ones first. The model itself has none. */
  readonly frames: readonly FramePlace[];
  /** x and y of the points of all edges. */
  readonly points: Float32Array;
  /** Where the points of each edge begin, in numbers, and where the last one's end. */
  readonly starts: Uint32Array;
}

export const nodeHeight = 40;
const padding = 16;
const header = 24;
const portSize: Box = { width: 8, height: 0 };
const spacing = { between: 20, layers: 36 };
const leastWidth = 88;
const mostWidth = 220;

/** Wide enough for its texts, as far as their length tells. */
export function nodeWidth({ label, detail, kind, count, reads }: VisibleNode): number {
  const isGroup = kind === "group";
  const second = detail.length + (isGroup ? String(count).length + 3 : 0) + (reads > 0 ? 4 : 0);
  const letters = Math.max(label.length + (isGroup ? 2 : 0), 0.9 * second);
  return Math.min(mostWidth, Math.max(leastWidth, 24 + 7 * letters));
}

/** What an edge from outside comes through, and one to the outside leaves by: ports of a frame. */
const entry = -1;
const exit = -2;

/** One part of an edge: inside of a frame, from box to box or port. Boxes are numbers of nodes and, behind them, frames. */
interface Leg {
  readonly frame: number;
  readonly from: number;
  readonly to: number;
}

interface Tree {
  /** By box: the number of the frame around it. */
  readonly parents: readonly number[];
  readonly depths: readonly number[];
  readonly numbers: ReadonlyMap<VisibleFrame, number>;
  /** By box: its first operation, for the order of boxes. */
  readonly firsts: readonly number[];
}

interface PlacedFrame {
  readonly frame: VisibleFrame;
  readonly number: number;
  readonly arranged: Arranged;
  /** By box and port its place in what is arranged. */
  readonly placeOf: ReadonlyMap<number, number>;
  readonly inner: readonly PlacedFrame[];
  readonly width: number;
  readonly height: number;
  /** Room above what is arranged. */
  readonly top: number;
}

/** @returns places of everything that is seen; linear in nodes and edges but for sorting. */
export function layoutGraph(graph: VisibleGraph): Layout {
  return new FrameLayout(graph).layout();
}

class FrameLayout {
  readonly #graph: VisibleGraph;
  readonly #isUp: boolean;
  readonly #tree: Tree;
  /** By edge its parts. */
  readonly #legs: readonly (readonly Leg[])[];
  /** By frame the parts in it, each once; the same list says which they are. */
  readonly #legsOf = new Map<number, Map<string, Leg>>();
  readonly #boxes: Float32Array;
  readonly #frames: FramePlace[] = [];
  /** By frame and part the points on the way. */
  readonly #bends = new Map<number, Map<string, readonly Point[]>>();
  /** By frame the points of its ports: on its border, and inside. */
  readonly #ports = new Map<number, Map<number, readonly [Point, Point]>>();

  constructor(graph: VisibleGraph) {
    this.#graph = graph;
    this.#isUp = graph.pass === "backward";
    this.#tree = treeOf(graph);
    this.#boxes = new Float32Array(4 * graph.nodes.length);
    this.#legs = graph.edges.map(({ from, to }) => legsOf(this.#tree, from, to));
    for (const leg of this.#legs.flat()) {
      let list = this.#legsOf.get(leg.frame);
      if (list === undefined) this.#legsOf.set(leg.frame, (list = new Map()));
      list.set(key(leg), leg);
    }
  }

  layout(): Layout {
    const root = this.#place(this.#graph.root);
    this.#settle(root, 0, 0, 0);
    const { edges } = this.#graph;
    const starts = new Uint32Array(edges.length + 1);
    const points: number[] = [];
    edges.forEach((edge, i) => {
      starts[i] = points.length;
      points.push(...this.#end(edge.from, !this.#isUp));
      for (const leg of this.#legs[i] ?? []) {
        if (leg.from === entry) this.#pass(points, leg.frame, entry, false);
        for (const { x, y } of this.#bends.get(leg.frame)?.get(key(leg)) ?? []) points.push(x, y);
        if (leg.to === exit) this.#pass(points, leg.frame, exit, true);
      }
      points.push(...this.#end(edge.to, this.#isUp));
    });
    starts[edges.length] = points.length;
    return {
      width: root.width,
      height: root.height,
      boxes: this.#boxes,
      frames: this.#frames,
      points: Float32Array.from(points),
      starts,
    };
  }

  /** Finds the size of a frame, with those in it, and where its parts stand in it. */
  #place(frame: VisibleFrame): PlacedFrame {
    const { nodes, root } = this.#graph;
    const number = this.#tree.numbers.get(frame) as number;
    const inner = frame.frames.map((one) => this.#place(one));
    const sizes = new Map<number, Box>();
    for (const node of frame.nodes)
      sizes.set(node, { width: nodeWidth(nodes[node] as VisibleNode), height: nodeHeight });
    for (const one of inner) sizes.set(one.number, one);
    const legs = [...(this.#legsOf.get(number)?.values() ?? [])];
    const hasEntry = legs.some(({ from }) => from === entry);
    const hasExit = legs.some(({ to }) => to === exit);
    // In the order of their operations, so that most edges lead onwards.
    const order = [...sizes.keys()].sort((a, b) => this.#first(a) - this.#first(b));
    const places = [...(hasEntry ? [entry] : []), ...order, ...(hasExit ? [exit] : [])];
    const placeOf = new Map(places.map((box, at) => [box, at]));
    const arranged = arrange(
      places.map((box) => sizes.get(box) ?? portSize),
      legs.map(({ from, to }): BoxEdge => ({ from: placeOf.get(from) as number, to: placeOf.get(to) as number })),
      spacing,
      { ...(hasEntry ? { first: 0 } : {}), ...(hasExit ? { last: places.length - 1 } : {}) },
    );
    const isRoot = frame === root;
    const top = isRoot ? padding : padding + header;
    return {
      frame,
      number,
      arranged,
      placeOf,
      inner,
      width: Math.max(isRoot ? 0 : 24 + 7 * frame.label.length, arranged.width + 2 * padding),
      height: arranged.height + top + padding,
      top,
    };
  }

  /** Puts a frame and all in it where it belongs. */
  #settle(placed: PlacedFrame, x: number, y: number, depth: number): void {
    const { frame, number, arranged, placeOf, inner, width, height, top } = placed;
    if (depth > 0) this.#frames.push({ id: frame.id, label: frame.label, depth, x, y, width, height });
    // A frame that its label makes wider has its content in the middle.
    const left = x + (width - arranged.width) / 2;
    const turned = (at: number, size: number): number => y + top + (this.#isUp ? arranged.height - at - size : at);
    const at = (box: number): Point => arranged.places[placeOf.get(box) as number] as Point;
    for (const node of frame.nodes) {
      const place = at(node);
      const nodeSize = nodeWidth(this.#graph.nodes[node] as VisibleNode);
      this.#boxes.set([left + place.x, turned(place.y, nodeHeight), nodeSize, nodeHeight], 4 * node);
    }
    for (const one of inner) {
      const place = at(one.number);
      this.#settle(one, left + place.x, turned(place.y, one.height), depth + 1);
    }
    const ports = new Map<number, readonly [Point, Point]>();
    for (const port of [entry, exit]) {
      if (!placeOf.has(port)) continue;
      const place = at(port);
      const portX = left + place.x + portSize.width / 2;
      const isAbove = (port === entry) !== this.#isUp;
      ports.set(port, [
        { x: portX, y: isAbove ? y : y + height },
        { x: portX, y: turned(place.y, 0) },
      ]);
    }
    this.#ports.set(number, ports);
    const bends = new Map<string, readonly Point[]>();
    [...(this.#legsOf.get(number)?.keys() ?? [])].forEach((name, i) => {
      const way = arranged.bends[i] ?? [];
      bends.set(
        name,
        way.map((point) => ({ x: left + point.x, y: turned(point.y, 0) })),
      );
    });
    this.#bends.set(number, bends);
  }

  #pass(points: number[], frame: number, port: number, isOutwards: boolean): void {
    const [border, inside] = this.#ports.get(frame)?.get(port) ?? [];
    for (const point of isOutwards ? [inside, border] : [border, inside]) {
      if (point !== undefined) points.push(point.x, point.y);
    }
  }

  /** The middle of the lower or upper side of a node. */
  #end(node: number, isLower: boolean): [number, number] {
    const [x = 0, y = 0, width = 0, height = 0] = this.#boxes.subarray(4 * node, 4 * node + 4);
    return [x + width / 2, isLower ? y + height : y];
  }

  #first(box: number): number {
    return this.#tree.firsts[box] as number;
  }
}

function key({ from, to }: Leg): string {
  return `${from} ${to}`;
}

/** Out of the frames around its start, over in the innermost frame with both ends, and into those around its end. */
function legsOf({ parents, depths }: Tree, from: number, to: number): Leg[] {
  const out: Leg[] = [];
  const into: Leg[] = [];
  let [a, b] = [from, to];
  const leave = (): void => {
    const frame = parents[a] as number;
    out.push({ frame, from: a, to: exit });
    a = frame;
  };
  const enter = (): void => {
    const frame = parents[b] as number;
    into.push({ frame, from: entry, to: b });
    b = frame;
  };
  while ((depths[a] as number) > (depths[b] as number)) leave();
  while ((depths[b] as number) > (depths[a] as number)) enter();
  while (parents[a] !== parents[b]) {
    leave();
    enter();
  }
  return [...out, { frame: parents[a] as number, from: a, to: b }, ...into.reverse()];
}

function treeOf({ nodes, root, nodeOf }: VisibleGraph): Tree {
  const parents: number[] = [];
  const depths: number[] = [];
  const firsts = new Array<number>(nodes.length).fill(Infinity);
  const numbers = new Map<VisibleFrame, number>();
  nodeOf.forEach((node, operation) => {
    if (node >= 0) firsts[node] = Math.min(firsts[node] as number, operation);
  });
  let count = nodes.length;
  const visit = (frame: VisibleFrame, parent: number, depth: number): number => {
    const number = count++;
    numbers.set(frame, number);
    parents[number] = parent;
    depths[number] = depth;
    let least = Infinity;
    for (const node of frame.nodes) {
      parents[node] = number;
      depths[node] = depth + 1;
      least = Math.min(least, firsts[node] as number);
    }
    for (const inner of frame.frames) least = Math.min(least, visit(inner, number, depth + 1));
    firsts[number] = least;
    return least;
  };
  visit(root, -1, 0);
  return { parents, depths, numbers, firsts };
}
