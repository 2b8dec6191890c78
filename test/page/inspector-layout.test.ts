import { expect, test } from "vitest";
import { graphModel, passes } from "../../site/src/inspector/graph-model.ts";
import { type BoxEdge, arrange, spread } from "../../site/src/inspector/layered.ts";
import { type Layout, layoutGraph } from "../../site/src/inspector/layout.ts";
import { Scene } from "../../site/src/inspector/scene.ts";
import { type Rectangle, SpatialIndex, touches } from "../../site/src/inspector/spatial-index.ts";
import { type VisibleFrame, type VisibleGraph, openAt, visibleGraph } from "../../site/src/inspector/visible-graph.ts";
import { exampleTraces, longTrace } from "./inspector-traces.ts";

const spacing = { between: 10, layers: 20 };
const boxes = (count: number): { width: number; height: number }[] =>
  Array.from({ length: count }, () => ({ width: 50, height: 30 }));

function boxOf({ boxes: all }: Layout, node: number): Rectangle {
  const [x = 0, y = 0, width = 0, height = 0] = all.subarray(4 * node, 4 * node + 4);
  return { x, y, width, height };
}

const within = (inner: Rectangle, outer: Rectangle): boolean =>
  inner.x >= outer.x - 0.01 &&
  inner.y >= outer.y - 0.01 &&
  inner.x + inner.width <= outer.x + outer.width + 0.01 &&
  inner.y + inner.height <= outer.y + outer.height + 0.01;

const overlap = (a: Rectangle, b: Rectangle): boolean =>
  a.x + 0.01 < b.x + b.width &&
  b.x + 0.01 < a.x + a.width &&
  a.y + 0.01 < b.y + b.height &&
  b.y + 0.01 < a.y + a.height;

/** Boxes and frames that stand directly in a frame do not overlap, and are in it. */
function expectNested(graph: VisibleGraph, layout: Layout): void {
  const frames = new Map(layout.frames.map((frame) => [frame.id, frame]));
  const visit = (frame: VisibleFrame): void => {
    const own =
      frame === graph.root ? { x: 0, y: 0, width: layout.width, height: layout.height } : frames.get(frame.id);
    const parts = [
      ...frame.nodes.map((node) => boxOf(layout, node)),
      ...frame.frames.flatMap(({ id }) => frames.get(id) ?? []),
    ];
    for (const part of parts) expect(within(part, own as Rectangle)).toBe(true);
    const sorted = parts.toSorted((a, b) => a.y - b.y);
    sorted.forEach((one, i) => {
      for (let k = i + 1; k < sorted.length && (sorted[k] as Rectangle).y < one.y + one.height; k++) {
        expect(overlap(one, sorted[k] as Rectangle)).toBe(false);
      }
    });
    for (const inner of frame.frames) visit(inner);
  };
  visit(graph.root);
}

test("edges lead downwards, and boxes do not overlap", () => {
  const edges = [
    { from: 0, to: 1 },
    { from: 0, to: 2 },
    { from: 1, to: 3 },
    { from: 2, to: 3 },
    { from: 0, to: 3 },
  ];
  const { places, bends } = arrange(boxes(4), edges, spacing);
  for (const { from, to } of edges)
    expect(places[to]?.y).toBeGreaterThanOrEqual((places[from]?.y as number) + 30 + spacing.layers);
  expect(places[1]?.y).toBe(places[2]?.y);
  expect(Math.abs((places[1]?.x as number) - (places[2]?.x as number))).toBeGreaterThanOrEqual(
    50 + spacing.between - 0.01,
  );
  // The edge over a layer passes it at a place of its own.
  expect(bends[4]).toHaveLength(1);
  for (const at of [1, 2]) {
    const distance = (bends[4]?.[0]?.x as number) - (places[at]?.x as number);
    expect(distance < 0 || distance > 50).toBe(true);
  }
});

test("the order in which boxes are given does not matter for what is above what", () => {
  const { places } = arrange(
    boxes(3),
    [
      { from: 2, to: 0 },
      { from: 0, to: 1 },
    ],
    spacing,
  );
  expect([2, 0, 1].map((i) => places[i]?.y)).toEqual([0, 50, 100]);
});

test("a circle is drawn, with one edge upwards", () => {
  const edges = [
    { from: 0, to: 1 },
    { from: 1, to: 2 },
    { from: 2, to: 0 },
  ];
  const { places } = arrange(boxes(3), edges, spacing);
  const up = edges.filter(({ from, to }) => (places[to]?.y as number) < (places[from]?.y as number));
  expect(up).toHaveLength(1);
});

test("a chain is straight", () => {
  const { places } = arrange(
    boxes(5),
    [0, 1, 2, 3].map((from) => ({ from, to: from + 1 })),
    spacing,
  );
  expect(new Set(places.map(({ x }) => Math.round(x)))).toEqual(new Set([0]));
});

test("a very wide layer goes on in the next ones", () => {
  const { width } = arrange(boxes(400), [], spacing);
  expect(width).toBeLessThan(400 * 50 * 0.2);
});

test("places are the nearest to the wanted ones that do not overlap", () => {
  expect(spread([0, 100, 200], [10, 10, 10])).toEqual([0, 100, 200]);
  expect(spread([0, 0], [10, 10])).toEqual([-5, 5]);
  expect(spread([5, 0, 100], [10, 10, 10])).toEqual([-2.5, 7.5, 100]);
  // The heavy one stays.
  expect(spread([0, 0], [10, 10], [9, 1])).toEqual([-1, 9]);
});

test("frames hold what is in them, at every level of every example", async () => {
  for (const { trace } of await exampleTraces()) {
    const model = graphModel(trace);
    for (const level of ["modules", "layers", "operations"] as const) {
      for (const pass of passes) {
        const graph = visibleGraph(model, pass, { open: openAt(model, level), hasFolded: false });
        const layout = layoutGraph(graph);
        expectNested(graph, layout);
        expect(layout.starts).toHaveLength(graph.edges.length + 1);
        graph.edges.forEach(({ from, to }, i) => {
          const [start, end] = [layout.starts[i] as number, layout.starts[i + 1] as number];
          const [a, b] = [boxOf(layout, from), boxOf(layout, to)];
          expect(layout.points[start]).toBeCloseTo(a.x + a.width / 2, 1);
          expect(layout.points[end - 2]).toBeCloseTo(b.x + b.width / 2, 1);
          expect(layout.points.subarray(start, end).every(Number.isFinite)).toBe(true);
        });
      }
    }
  }
});

test("data goes down and gradients come up", async () => {
  const [{ trace } = { trace: longTrace(10) }] = await exampleTraces();
  const model = graphModel(trace);
  for (const pass of passes) {
    const graph = visibleGraph(model, pass, { open: new Set(), hasFolded: false });
    const layout = layoutGraph(graph);
    for (const { from, to } of graph.edges) {
      const isDown = boxOf(layout, to).y > boxOf(layout, from).y;
      expect(isDown).toBe(pass === "forward");
    }
  }
});

test("a graph of 2000 operations is laid out in well under a second, and time grows with its size only", () => {
  const timeOf = (length: number): number => {
    const model = graphModel(longTrace(length));
    const start = performance.now();
    for (const pass of passes) {
      const graph = visibleGraph(model, pass, { open: openAt(model, "operations"), hasFolded: true });
      expect(graph.nodes).toHaveLength(length / 2);
      layoutGraph(graph);
    }
    return performance.now() - start;
  };
  timeOf(500);
  // The quickest of some: other work on the machine is no failure.
  const short = Math.min(...[1, 2, 3].map(() => timeOf(2000)));
  expect(short).toBeLessThan(1000);
  // Ten times as much: a square would be a hundred times.
  expect(timeOf(20_000)).toBeLessThan(50 * Math.max(20, short));
});

test("the index finds what touches an area, and nothing else", () => {
  let seed = 7;
  const random = (most: number): number => {
    seed = (seed * 48271) % 2147483647;
    return (seed / 2147483647) * most;
  };
  const rectangle = (most: number): Rectangle => ({
    x: random(5000) - 1000,
    y: random(5000) - 1000,
    width: random(most),
    height: random(most),
  });
  const index = new SpatialIndex(100);
  const all = Array.from({ length: 500 }, (_, i) => rectangle(i % 20 === 0 ? 4000 : 60));
  for (const one of all) index.add(one);
  for (let k = 0; k < 50; k++) {
    const area = rectangle(k % 5 === 0 ? 5000 : 300);
    const expected = all.flatMap((one, i) => (touches(area, one) ? [i] : []));
    expect(index.find(area).toSorted((a, b) => a - b)).toEqual(expected);
  }
});

test("a scene says what is at a place, and what is next to a node", async () => {
  const [{ trace } = { trace: longTrace(10) }] = await exampleTraces();
  const model = graphModel(trace);
  const graph = visibleGraph(model, "forward", { open: new Set(["m:0"]), hasFolded: false });
  const scene = new Scene({ graph, layout: layoutGraph(graph) });
  graph.nodes.forEach(({ id }, node) => {
    const { x, y, width, height } = scene.box(node);
    expect(scene.at(x + width / 2, y + height / 2)).toBe(id);
    expect(scene.placeOf(id)).toEqual({ x, y, width, height });
  });
  const frame = scene.placeOf("m:0") as Rectangle;
  expect(scene.at(frame.x + 4, frame.y + 4)).toBe("m:0");
  expect(scene.at(-50, -50)).toBeUndefined();
  expect(scene.next("m:1", "down")).toBe("m:2");
  expect(scene.next("m:2", "up")).toBe("m:1");
  const edges: BoxEdge[] = scene.edgesOf(scene.nodeOf("m:1") as number).map((edge) => graph.edges[edge] as BoxEdge);
  expect(edges.map(({ from, to }) => [graph.nodes[from]?.label, graph.nodes[to]?.id])).toContainEqual(["1", "m:2"]);
});
