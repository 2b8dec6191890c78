/** Where the nodes and edges of a graph are drawn: from left to right, or from top to bottom where it is narrow. */
import type { Graph } from "./graphs.ts";

export interface Box {
  readonly x: number;
  readonly y: number;
}

export interface GraphLayout {
  readonly width: number;
  readonly height: number;
  readonly nodeWidth: number;
  /** Upper left corners. */
  readonly boxes: ReadonlyMap<string, Box>;
  /** From the border of one node to that of another. */
  readonly edge: (from: string, to: string) => { readonly from: Box; readonly to: Box };
}

export const nodeHeight = 68;
const least = { across: 72, gap: 34 };

export function layoutOf({ leaves, operations }: Graph, room: number): GraphLayout {
  const nodes = [...leaves, ...operations];
  const columns = 1 + Math.max(...nodes.map(({ at }) => at[0]));
  const rows = 1 + Math.max(...nodes.map(({ at }) => at[1]));
  const isAcross = room >= columns * least.across + (columns - 1) * least.gap;
  // From top to bottom an edge from side to side needs room for its number, too, where there are but two.
  const besides = rows > 2 ? 12 : 40;
  const gap = isAcross ? Math.min(64, Math.max(least.gap, (room - columns * 92) / (columns - 1))) : besides;
  const count = isAcross ? columns : rows;
  const nodeWidth = Math.min(108, Math.floor((room - (count - 1) * gap) / count));
  const steps = isAcross ? [nodeWidth + gap, nodeHeight + 36] : [nodeHeight + 36, nodeWidth + gap];
  const boxes = new Map(
    nodes.map(({ name, at }) => {
      const [along, beside] = [at[0] * (steps[0] as number), at[1] * (steps[1] as number)];
      return [name, isAcross ? { x: along, y: beside } : { x: beside, y: along }];
    }),
  );
  const corner = (name: string): Box => boxes.get(name) as Box;
  const [along, beside] = [
    (columns - 1) * (steps[0] as number) + (isAcross ? nodeWidth : nodeHeight),
    (rows - 1) * (steps[1] as number) + (isAcross ? nodeHeight : nodeWidth),
  ];
  return {
    width: isAcross ? along : beside,
    height: isAcross ? beside : along,
    nodeWidth,
    boxes,
    edge: (from, to) => {
      const [a, b] = [corner(from), corner(to)];
      // Between the sides that face each other: the next column, or below in the same one.
      const isBeside = isAcross ? a.x !== b.x : a.y === b.y;
      return isBeside
        ? { from: { x: a.x + nodeWidth, y: a.y + nodeHeight / 2 }, to: { x: b.x, y: b.y + nodeHeight / 2 } }
        : { from: { x: a.x + nodeWidth / 2, y: a.y + nodeHeight }, to: { x: b.x + nodeWidth / 2, y: b.y } };
    },
  };
}
