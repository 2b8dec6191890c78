/** The lesson on the chain rule: its numbers against closed formulas, differences and a trace; each task can be done. */
import { expect, test } from "vitest";
import { type GraphId, graphIds, graphs } from "../../site/src/lessons/chain-rule/graphs.ts";
import { chainRuleLab } from "../../site/src/lessons/chain-rule/lab.ts";
import { layoutOf, nodeHeight } from "../../site/src/lessons/chain-rule/layout.ts";
import { gradientLines, localLines, nudgeLines, valueLine } from "../../site/src/lessons/chain-rule/node-formulas.ts";
import { arrivals, endOf, gradientState, hasValue, momentAt } from "../../site/src/lessons/chain-rule/progress.ts";
import type { FormulaPart } from "../../site/src/view/formula-parts.ts";
import { formatNumber } from "../../site/src/view/number.ts";
import { tensor } from "../../src/index.ts";
import { trace } from "../../src/inspect/index.ts";
import { MSELoss, Sequential, Linear, Tanh } from "../../src/nn/index.ts";
import { dataOf } from "./session-support.ts";

type Values = Readonly<Record<string, number>>;

const lab = chainRuleLab();
const startOf = (id: GraphId): Values => Object.fromEntries(graphs[id].leaves.map(({ name, start }) => [name, start]));

/** All operations in plain JavaScript. */
const closed: Readonly<Record<GraphId, (v: Values) => Values>> = {
  neuron: ({ w = NaN, x = NaN, b = NaN, y = NaN }) => {
    const e = w * x + b - y;
    return { p: w * x, s: w * x + b, e, L: e ** 2 };
  },
  shared: ({ w = NaN, "x₁": x1 = NaN, "x₂": x2 = NaN, y = NaN }) => {
    const e = w * x1 + w * x2 - y;
    return { "p₁": w * x1, "p₂": w * x2, s: w * x1 + w * x2, e, L: e ** 2 };
  },
  tanh: ({ w = NaN, x = NaN, b = NaN, y = NaN }) => {
    const h = Math.tanh(w * x + b);
    return { p: w * x, z: w * x + b, h, e: h - y, L: (h - y) ** 2 };
  },
};

const lossOf = (id: GraphId, values: Values): number => closed[id](values)["L"] as number;

/** Some places: where each lesson begins, and others of any kind. */
const places: readonly (readonly [GraphId, Values])[] = graphIds.flatMap((id) =>
  [0, 0.7, -1.9, 3.3].map((by) => {
    const start = Object.entries(startOf(id));
    return [
      id,
      Object.fromEntries(start.map(([name, value], i) => [name, value + by * (i % 2 === 0 ? 1 : -0.6)])),
    ] as const;
  }),
);

test.each(places)("values of %s at %o", (id, values) => {
  const { nodes } = lab.read(id, values);
  for (const [name, value] of Object.entries({ ...values, ...closed[id](values) })) {
    expect(nodes[name]?.value).toBeCloseTo(value, 10);
  }
});

test.each(places)("gradients of %s at %o are those of differences", (id, values) => {
  const { nodes, nudges } = lab.read(id, values);
  const at = (name: string, by: number): number => lossOf(id, { ...values, [name]: (values[name] as number) + by });
  for (const name of Object.keys(values)) {
    const slope = (at(name, 1e-5) - at(name, -1e-5)) / 2e-5;
    const gradient = nodes[name]?.gradient as number;
    expect(Math.abs(gradient - slope)).toBeLessThan(1e-6 * (1 + Math.abs(slope)));
    expect(nudges[name]?.loss).toBeCloseTo(at(name, 0.001), 10);
    expect(nudges[name]?.slope).toBeCloseTo((at(name, 0.001) - at(name, 0)) / 0.001, 6);
  }
});

test.each(places)("in %s at %o each gradient is the sum of its shares, each share a product", (id, values) => {
  const graph = graphs[id];
  const { nodes } = lab.read(id, values);
  for (const { name, inputs } of graph.operations) {
    inputs.forEach((_, i) => {
      const node = nodes[name];
      expect(node?.shares[i]).toBeCloseTo((node?.gradient as number) * (node?.locals[i] as number), 10);
    });
  }
  for (const name of Object.keys(nodes)) {
    const found = arrivals(graph, endOf(graph), name);
    const shares = found.map(({ operation, input }) => nodes[operation.name]?.shares[input] as number);
    expect(nodes[name]?.gradient).toBeCloseTo(name === "L" ? 1 : shares.reduce((sum, share) => sum + share, 0), 10);
  }
});

test("a trace of the same neuron as layers has the same numbers", async () => {
  const values = { w: 0.75, x: 1.5, b: -0.25, y: 0.5 };
  const linear = new Linear(1, 1);
  linear.weight.load(Float32Array.of(values.w));
  linear.bias?.load(Float32Array.of(values.b));
  for (const [id, model] of [
    ["neuron", new Sequential(linear)],
    ["tanh", new Sequential(linear, new Tanh())],
  ] as const) {
    const { nodes } = lab.read(id, values);
    const step = await trace(model, new MSELoss(), [tensor([[values.x]]), tensor([[values.y]])]);
    expect(step.lossValue).toBeCloseTo(nodes["L"]?.value as number, 5);
    for (const [path, name] of [
      ["0.weight", "w"],
      ["0.bias", "b"],
    ] as const) {
      const gradient = step.parameters.find((parameter) => parameter.path === path)?.gradient as number;
      expect(dataOf(step.operations[gradient]?.value)[0]).toBeCloseTo(nodes[name]?.gradient as number, 5);
    }
  }
});

test("the tasks can be done", () => {
  const start = startOf("neuron");
  expect(lab.read("neuron", start).nodes["w"]?.gradient).toBe(12);
  expect(lab.read("neuron", { ...start, x: 0 }).nodes).toMatchObject({ w: { gradient: 0 }, L: { value: 16 } });
  expect(lab.read("neuron", { ...start, x: 2 }).nodes).toMatchObject({ w: { gradient: 0 }, L: { value: 0 } });
  // The way there by a slider of steps of 0.1 leaves no rounding either.
  expect(lab.read("neuron", { w: 0.3, x: 0.1, b: 0.2, y: 0.23 }).nodes["w"]?.gradient).toBe(0);

  const { nodes } = lab.read("shared", { ...startOf("shared"), "x₂": -2 });
  expect(nodes).toMatchObject({ w: { gradient: 0 }, "p₁": { shares: [-8, -6] }, "p₂": { shares: [8, -6] } });

  const saturated = lab.read("tanh", { ...startOf("tanh"), x: 4 }).nodes;
  expect(saturated["h"]?.locals[0]).toBeLessThan(0.01);
  expect(saturated["e"]?.value).toBeGreaterThan(1);
  expect(lab.read("tanh", startOf("tanh")).nodes["h"]?.locals[0]).toBeGreaterThan(0.5);
});

test("numbers that are too large become infinite or NaN, not 0", () => {
  const { nodes } = lab.read("neuron", { w: 1e200, x: 1e200, b: 0, y: 0 });
  expect([nodes["p"]?.value, nodes["L"]?.value, nodes["w"]?.gradient]).toEqual([Infinity, Infinity, Infinity]);
  expect(lab.read("neuron", { w: 1e200, x: 1e200, b: -Infinity, y: 0 }).nodes["L"]?.value).toBeNaN();
});

test("from place to place one thing more is there, and at the end all is", () => {
  for (const id of graphIds) {
    const graph = graphs[id];
    const names = [...graph.leaves, ...graph.operations].map(({ name }) => name);
    const known = (place: number): number =>
      names.filter((name) => hasValue(graph, place, name)).length +
      names.reduce((sum, name) => sum + arrivals(graph, place, name).filter(({ isThere }) => isThere).length, 0) +
      (gradientState(graph, place, "L") === "whole" ? 1 : 0);
    expect(known(0)).toBe(graph.leaves.length);
    for (let place = 1; place <= endOf(graph); place++) {
      const { direction, operation } = momentAt(graph, place) ?? {};
      const more = direction === "forward" ? 1 : (operation?.inputs.length ?? 1);
      expect(known(place) - known(place - 1), `${id} ${place}`).toBe(more);
    }
    expect(names.map((name) => gradientState(graph, endOf(graph), name))).toEqual(names.map(() => "whole"));
  }
  expect(momentAt(graphs.neuron, 0)).toBeUndefined();
  // The shared weight has one share first, then both.
  const states = [9, 10, 11].map((place) => gradientState(graphs.shared, place, "w"));
  expect(states).toEqual(["none", "part", "whole"]);
});

test("nodes do not lie on each other, and find room", () => {
  for (const id of graphIds) {
    for (const room of [288, 320, 565, 900]) {
      const { boxes, nodeWidth, width, edge } = layoutOf(graphs[id], room);
      expect(width).toBeLessThanOrEqual(room);
      const all = [...boxes.values()];
      all.forEach((a, i) => {
        for (const b of all.slice(i + 1)) {
          expect(Math.abs(a.x - b.x) >= nodeWidth + 8 || Math.abs(a.y - b.y) >= nodeHeight + 8).toBe(true);
        }
      });
      for (const { name, inputs } of graphs[id].operations) {
        for (const input of inputs) {
          const { from, to } = edge(input, name);
          // Every edge goes on: to the right or down.
          expect(to.x > from.x || to.y > from.y).toBe(true);
        }
      }
    }
  }
});

function written(parts: readonly FormulaPart[]): string {
  return parts
    .map((part): string => {
      if (typeof part === "string") return part;
      if ("name" in part) return part.name + (part.sup === "2" ? "²" : "");
      if ("number" in part) return part.number === undefined ? "?" : formatNumber(part.number);
      if ("group" in part) return written(part.group);
      return `${written(part.above)}/${written(part.below)}`;
    })
    .join("");
}

test("formulas have the numbers put in", () => {
  const graph = graphs.shared;
  const reading = lab.read("shared", { ...startOf("shared"), "x₂": -1 });
  const node = (name: string) => graph.operations.find((operation) => operation.name === name) as never;
  expect(written(valueLine(node("p₂"), reading, true))).toBe("p₂ = w · x₂ = 1.5 · (−1) = −1.5");
  expect(written(valueLine(node("p₂"), reading, false))).toBe("p₂ = w · x₂ = ?");
  expect(localLines(node("p₂"), reading).map(written)).toEqual(["∂p₂/∂w = x₂ = −1", "∂p₂/∂x₂ = w = 1.5"]);
  expect(localLines(node("e"), reading).map(written)).toEqual(["∂e/∂s = 1", "∂e/∂y = −1"]);
  expect(localLines(node("L"), reading).map(written)).toEqual(["∂L/∂e = 2 · e = 2 · (−0.5) = −1"]);
  const symbols = "∂L/∂w = ∂L/∂p₁ · ∂p₁/∂w + ∂L/∂p₂ · ∂p₂/∂w";
  const lines = (place: number) => gradientLines(graph, "w", reading, place).map(written);
  expect(lines(9)).toEqual([`${symbols} = ?`]);
  expect(lines(10)).toEqual([symbols, " = ? + (−1) · (−1)", " = ? + 1 = ?"]);
  expect(lines(11)).toEqual([symbols, " = −1 · 2 + (−1) · (−1)", " = −2 + 1 = −1"]);
  expect(gradientLines(graph, "L", reading, 6).map(written)).toEqual(["∂L/∂L = 1"]);
  expect(nudgeLines("w", reading).map(written)[1]).toBe(" = (0.249001 − 0.25) / 0.001 = −0.999");
  const bent = lab.read("tanh", startOf("tanh"));
  expect(localLines(graphs.tanh.operations[2] as never, bent).map(written)).toEqual([
    "∂h/∂z = 1 − h² = 1 − 0.4621² = 0.7864",
  ]);
});
