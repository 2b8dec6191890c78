/**
 * Boxes of one frame in layers, edges downwards: rank by the longest path, order by barycentres, places by least squares.
 * Linear in boxes and edges but for sorting layers. Where edges go round in a circle, one of them is drawn upwards.
 */

export interface Box {
  readonly width: number;
  readonly height: number;
}

export interface BoxEdge {
  readonly from: number;
  readonly to: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Arranged {
  readonly width: number;
  readonly height: number;
  /** Upper left corners of the boxes. */
  readonly places: readonly Point[];
  /** By edge the bends on its way, from its start. */
  readonly bends: readonly (readonly Point[])[];
}

export interface Spacing {
  readonly between: number;
  readonly layers: number;
}

/** A longer edge goes straight: bends for all layers on its way would not be linear any more. */
const mostBends = 16;
/** Width up to which a layer is one row in any case. */
const leastWrap = 1600;
const sweeps = 4;
const bendWidth = 8;
/** How much more a box stays where it should than a bend does. */
const boxWeight = 16;

/** A box, or the place where an edge passes a layer. */
interface Spot {
  readonly isBox: boolean;
  readonly width: number;
  readonly height: number;
  readonly above: number[];
  readonly below: number[];
  /** Of the left edge. */
  x: number;
  /** Place in its layer. */
  order: number;
}

/** Boxes that must stand in the first and in the last layer. */
export interface Ends {
  readonly first?: number;
  readonly last?: number;
}

export function arrange(boxes: readonly Box[], edges: readonly BoxEdge[], spacing: Spacing, ends: Ends = {}): Arranged {
  const order = topological(boxes.length, edges);
  const position = new Int32Array(boxes.length);
  order.forEach((box, at) => {
    position[box] = at;
  });
  const isDown = ({ from, to }: BoxEdge): boolean => (position[from] as number) < (position[to] as number);
  const down = edges.map((edge) => (isDown(edge) ? edge : { from: edge.to, to: edge.from }));
  const ranks = wrapped(boxes, ranksOf(order, down, ends), spacing);
  const spots: Spot[] = boxes.map(({ width, height }) => ({
    isBox: true,
    width,
    height,
    above: [],
    below: [],
    x: 0,
    order: 0,
  }));
  const layers: number[][] = [];
  const put = (spot: number, rank: number): void => {
    const layer = (layers[rank] ??= []);
    (spots[spot] as Spot).order = layer.push(spot) - 1;
  };
  boxes.forEach((_, i) => put(i, ranks[i] as number));
  const join = (from: number, to: number): void => {
    (spots[from] as Spot).below.push(to);
    (spots[to] as Spot).above.push(from);
  };
  const ways = down.map(({ from, to }): number[] => {
    const [start, end] = [ranks[from] as number, ranks[to] as number];
    const way: number[] = [];
    let last = from;
    if (end - start - 1 <= mostBends) {
      for (let rank = start + 1; rank < end; rank++) {
        const spot =
          spots.push({ isBox: false, width: bendWidth, height: 0, above: [], below: [], x: 0, order: 0 }) - 1;
        put(spot, rank);
        join(last, spot);
        way.push(spot);
        last = spot;
      }
      join(last, to);
    }
    return way;
  });
  orderLayers(spots, layers);
  placeInLayers(spots, layers, spacing.between);

  const left = spots.reduce((least, { x }) => Math.min(least, x), Infinity);
  const right = spots.reduce((most, { x, width }) => Math.max(most, x + width), -Infinity);
  const tops: number[] = [];
  const heights = layers.map((layer) => layer.reduce((most, i) => Math.max(most, (spots[i] as Spot).height), 0));
  let height = 0;
  heights.forEach((one, rank) => {
    tops[rank] = height;
    height += one + (rank === heights.length - 1 ? 0 : spacing.layers);
  });
  const rankOfSpot = new Int32Array(spots.length);
  layers.forEach((layer, rank) => {
    for (const i of layer) rankOfSpot[i] = rank;
  });
  const middle = (i: number): number =>
    (tops[rankOfSpot[i] as number] as number) + (heights[rankOfSpot[i] as number] as number) / 2;
  return {
    width: boxes.length === 0 ? 0 : right - left,
    height,
    places: boxes.map((box, i) => ({ x: (spots[i] as Spot).x - left, y: middle(i) - box.height / 2 })),
    bends: ways.map((way, i) => {
      const points = way.map((at) => ({ x: (spots[at] as Spot).x + bendWidth / 2 - left, y: middle(at) }));
      return isDown(edges[i] as BoxEdge) ? points : points.reverse();
    }),
  };
}

/** Boxes in front of those that they lead to, but for circles: depth first, from those that nothing leads to. */
function topological(count: number, edges: readonly BoxEdge[]): number[] {
  const next: number[][] = Array.from({ length: count }, () => []);
  const hasSource = new Array<boolean>(count).fill(false);
  for (const { from, to } of edges) {
    next[from]?.push(to);
    hasSource[to] = true;
  }
  const all = Array.from({ length: count }, (_, i) => i);
  const isSeen = new Array<boolean>(count).fill(false);
  const ended: number[] = [];
  // Later ones first: the order is turned round at the end.
  for (const start of [...all.filter((i) => hasSource[i] === false).reverse(), ...all]) {
    if (isSeen[start] === true) continue;
    isSeen[start] = true;
    const path = [{ box: start, at: 0 }];
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const to = (next[top.box] as number[])[top.at++];
      if (to === undefined) {
        ended.push(top.box);
        path.pop();
      } else if (isSeen[to] === false) {
        isSeen[to] = true;
        path.push({ box: to, at: 0 });
      }
    }
  }
  return ended.reverse();
}

/** The longest path from above; what nothing leads to stands right above the first that takes it. */
function ranksOf(order: readonly number[], edges: readonly BoxEdge[], { first, last }: Ends): number[] {
  const count = order.length;
  const ranks = new Array<number>(count).fill(0);
  const byStart: number[][] = Array.from({ length: count }, () => []);
  const hasSource = new Array<boolean>(count).fill(false);
  for (const { from, to } of edges) {
    byStart[from]?.push(to);
    hasSource[to] = true;
  }
  // Edges lead onwards in this order, so one walk is enough.
  for (const from of order) {
    for (const to of byStart[from] as number[]) ranks[to] = Math.max(ranks[to] as number, (ranks[from] as number) + 1);
  }
  for (let i = 0; i < count; i++) {
    const users = byStart[i] as number[];
    if (hasSource[i] === true || users.length === 0 || i === first) continue;
    ranks[i] = users.reduce((least, to) => Math.min(least, ranks[to] as number), Infinity) - 1;
  }
  if (last !== undefined) ranks[last] = ranks.reduce((most, rank) => Math.max(most, rank), 0);
  return ranks;
}

/** A layer that is much wider than all is high goes on in the next one: nothing in it depends on the rest of it. */
function wrapped(boxes: readonly Box[], ranks: readonly number[], { between, layers }: Spacing): number[] {
  const area = boxes.reduce((sum, { width, height }) => sum + (width + between) * (height + layers), 0);
  const mostWidth = Math.max(leastWrap, 2 * Math.sqrt(area));
  const byRank: number[][] = [];
  ranks.forEach((rank, i) => {
    (byRank[rank] ??= []).push(i);
  });
  const found = new Array<number>(boxes.length).fill(0);
  let rank = 0;
  for (const layer of byRank) {
    let width = 0;
    for (const i of layer) {
      const own = (boxes[i] as Box).width + between;
      if (width > 0 && width + own > mostWidth) [rank, width] = [rank + 1, 0];
      width += own;
      found[i] = rank;
    }
    rank++;
  }
  return found;
}

/** Each spot goes to the mean place of its neighbours in the layer before, downwards and upwards in turn. */
function orderLayers(spots: readonly Spot[], layers: readonly number[][]): void {
  const mean = (neighbours: readonly number[], otherwise: number): number =>
    neighbours.length === 0
      ? otherwise
      : neighbours.reduce((sum, i) => sum + (spots[i] as Spot).order, 0) / neighbours.length;
  for (let sweep = 0; sweep < sweeps; sweep++) {
    const isDown = sweep % 2 === 0;
    for (const layer of isDown ? layers : layers.toReversed()) {
      const wanted = new Map(
        layer.map((i) => {
          const { above, below, order } = spots[i] as Spot;
          return [i, mean(isDown ? above : below, order)] as const;
        }),
      );
      layer.sort((a, b) => (wanted.get(a) as number) - (wanted.get(b) as number));
      layer.forEach((i, order) => {
        (spots[i] as Spot).order = order;
      });
    }
  }
}

/** Each layer as near as possible to the centres of its neighbours, in its order and without overlap. */
function placeInLayers(spots: readonly Spot[], layers: readonly number[][], between: number): void {
  for (const layer of layers) {
    let x = 0;
    for (const i of layer) {
      (spots[i] as Spot).x = x;
      x += (spots[i] as Spot).width + between;
    }
    for (const i of layer) (spots[i] as Spot).x -= x / 2;
  }
  const centre = (i: number): number => (spots[i] as Spot).x + (spots[i] as Spot).width / 2;
  const weightOf = (i: number): number => ((spots[i] as Spot).isBox ? boxWeight : 1);
  const mean = (list: readonly number[]): number =>
    list.reduce((sum, i) => sum + weightOf(i) * centre(i), 0) / list.reduce((sum, i) => sum + weightOf(i), 0);
  for (let sweep = 0; sweep < 2 * sweeps; sweep++) {
    const isDown = sweep % 2 === 0;
    for (const layer of isDown ? layers : layers.toReversed()) {
      const wanted = layer.map((i) => {
        const { above, below, x, width } = spots[i] as Spot;
        const near = isDown ? above : below;
        return near.length === 0 ? x : mean(near) - width / 2;
      });
      const xs = spread(
        wanted,
        layer.map((i) => (spots[i] as Spot).width + ((spots[i] as Spot).isBox ? between : bendWidth)),
        layer.map((i) => ((spots[i] as Spot).isBox ? boxWeight : 1)),
      );
      layer.forEach((i, k) => {
        (spots[i] as Spot).x = xs[k] as number;
      });
    }
  }
}

/**
 * The places nearest to the wanted ones, Σ weight · (x − wanted)² least, with x[k + 1] ≥ x[k] + lengths[k]: pools of
 * neighbours that touch each other move together.
 */
export function spread(
  wanted: readonly number[],
  lengths: readonly number[],
  weights: readonly number[] = wanted.map(() => 1),
): number[] {
  const pools: { sum: number; weight: number; count: number }[] = [];
  let offset = 0;
  const offsets: number[] = [];
  wanted.forEach((one, k) => {
    const weight = weights[k] as number;
    offsets.push(offset);
    pools.push({ sum: weight * (one - offset), weight, count: 1 });
    offset += lengths[k] as number;
    for (let last = pools.at(-1), before = pools.at(-2); last !== undefined && before !== undefined; ) {
      if (before.sum / before.weight <= last.sum / last.weight) break;
      before.sum += last.sum;
      before.weight += last.weight;
      before.count += last.count;
      pools.pop();
      [last, before] = [before, pools.at(-2)];
    }
  });
  const xs: number[] = [];
  for (const { sum, weight, count } of pools) {
    for (let k = 0; k < count; k++) xs.push(sum / weight + (offsets[xs.length] as number));
  }
  return xs;
}
