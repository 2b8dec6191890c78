import { expect, test } from "vitest";
import { type Trace, trace } from "../../src/inspect/index.ts";
import * as nn from "../../src/nn/index.ts";
import { randn } from "../../src/tensor/random.ts";
import {
  type Group,
  type GraphModel,
  graphModel,
  linksOf,
  operationsIn,
  passOf,
  passes,
} from "../../site/src/inspector/graph-model.ts";
import { treeRows } from "../../site/src/inspector/tree-rows.ts";
import {
  type GraphView,
  type VisibleGraph,
  firstOpen,
  openAt,
  operationId,
  operationOf,
  revealing,
  visibleGraph,
} from "../../site/src/inspector/visible-graph.ts";
import { exampleTraces, nestedTrace, twoLayers } from "./inspector-traces.ts";

const closed: GraphView = { open: new Set(), hasFolded: false };
const everything = (model: GraphModel): GraphView => ({ open: openAt(model, "operations"), hasFolded: true });

const labels = (graph: VisibleGraph): string[] => graph.nodes.map(({ label }) => label).sort();

function edgesByLabel({ nodes, edges }: VisibleGraph): string[] {
  return edges.map(({ from, to }) => `${nodes[from]?.label} → ${nodes[to]?.label}`).sort();
}

function group(model: GraphModel, id: string): Group {
  const found = model.groups.get(id);
  if (found === undefined) throw new Error(`there is no group ${id}`);
  return found;
}

test("groups are the modules by path, with the loss and the update beside them", async () => {
  const model = graphModel(await nestedTrace());
  expect([...model.groups.keys()].filter((id) => !id.startsWith("update:")).sort()).toEqual(
    ["loss", "m:", "m:act", "m:blocks", "m:blocks.0", "m:blocks.1", "m:flat", "update"].sort(),
  );
  expect(group(model, "m:blocks.0").parent).toBe(group(model, "m:blocks"));
  // A list is no module.
  expect([group(model, "m:blocks").type, group(model, "m:blocks.0").type]).toEqual(["", "Linear"]);
  expect(
    group(model, "update")
      .groups.map(({ path }) => path)
      .sort(),
  ).toEqual(["blocks.0.bias", "blocks.0.weight", "blocks.1.bias", "blocks.1.weight"]);
});

test("each operation is in one group and one pass; a derivative is where its operation is", async () => {
  for (const { name, trace: step } of await exampleTraces()) {
    const model = graphModel(step);
    const all = passes.flatMap((pass) => operationsIn(model.root, pass));
    expect([name, all.toSorted((a, b) => a - b)]).toEqual([name, step.operations.map((_, i) => i)]);
    const owners = step.operations.flatMap(({ derivativeOf, phase }, i) =>
      phase === "backward" && derivativeOf !== undefined ? [[model.groupOf[i], model.groupOf[derivativeOf]]] : [],
    );
    expect(owners.length).toBeGreaterThan(0);
    for (const [own, forward] of owners) expect(own).toBe(forward);
    const updates = step.operations.flatMap(({ phase }, i) => (phase === "update" ? [model.groupOf[i]?.kind] : []));
    expect(new Set(updates)).toEqual(new Set(["update"]));
  }
});

test("a parameter stands in the module that owns it", async () => {
  const step = await nestedTrace();
  const model = graphModel(step);
  for (const { path, operation } of step.parameters) {
    expect(model.groupOf[operation as number]?.path).toBe(path.slice(0, path.lastIndexOf(".")));
  }
});

test("a module that is called loss is not the loss", async () => {
  class Named extends nn.Module {
    readonly loss = new nn.Linear(2, 2);
    forward(x: Parameters<nn.Linear["forward"]>[0]): ReturnType<nn.Linear["forward"]> {
      return this.loss.forward(x);
    }
  }
  const model = graphModel(await trace(new Named(), new nn.MSELoss(), [randn(2, 2), randn(2, 2)]));
  expect(group(model, "m:loss").type).toBe("Linear");
});

test("closed groups are one node each, with the edges between them", async () => {
  const model = graphModel(await twoLayers());
  const forward = visibleGraph(model, "forward", closed);
  expect(labels(forward)).toEqual(["0", "1", "2", "3", "input", "loss", "target"]);
  expect(edgesByLabel(forward)).toEqual(["0 → 1", "1 → 2", "2 → 3", "3 → loss", "input → 0", "target → loss"]);
  const backward = visibleGraph(model, "backward", closed);
  expect(labels(backward)).toEqual(["0", "1", "2", "3", "loss", "update"]);
  expect(edgesByLabel(backward)).toEqual(["0 → update", "1 → 0", "2 → 1", "2 → update", "3 → 2", "loss → 3"]);
  const shapes = forward.edges.map(({ from, shape }) => [forward.nodes[from]?.label, shape]);
  expect(shapes).toContainEqual(["0", [4, 3]]);
});

test("constants, numbers and views fold into edges, and are there when asked for", async () => {
  const step = await twoLayers();
  const model = graphModel(step);
  const folded = visibleGraph(model, "forward", { open: openAt(model, "operations"), hasFolded: false });
  const opsOf = ({ nodes }: VisibleGraph): string[] =>
    nodes.flatMap(({ operation }) => (operation === undefined ? [] : (step.operations[operation]?.op ?? [])));
  expect(opsOf(folded).filter((op) => ["reshape", "expand", "permute", "constant"].includes(op))).toEqual([]);
  // The bias goes through a reshape and an expand.
  const add = folded.nodes.findIndex(
    ({ operation }) => operation !== undefined && step.operations[operation]?.op === "add",
  );
  const into = folded.edges.filter(({ to }) => to === add).map(({ from, shape }) => [folded.nodes[from]?.label, shape]);
  expect(into).toContainEqual(["0.bias", [4, 3]]);
  expect(opsOf(visibleGraph(model, "forward", everything(model)))).toEqual(
    expect.arrayContaining(["reshape", "expand", "constant"]),
  );
});

test("with everything open the edges are those of the trace", async () => {
  for (const { trace: step } of await exampleTraces()) {
    const model = graphModel(step);
    for (const pass of passes) {
      const graph = visibleGraph(model, pass, everything(model));
      const expected = new Set<string>();
      step.operations.forEach((operation, to) => {
        if (passOf(operation) !== pass) return;
        for (const from of operation.inputs) {
          if (passOf(step.operations[from] as Trace["operations"][number]) === pass) expected.add(`${from} ${to}`);
        }
      });
      const numbers = graph.edges.map(
        ({ from, to }) => `${graph.nodes[from]?.operation} ${graph.nodes[to]?.operation}`,
      );
      expect(new Set(numbers)).toEqual(expected);
      expect(numbers.length).toBe(expected.size);
    }
  }
});

test("a layer that is only a view is still drawn", async () => {
  const model = graphModel(await nestedTrace());
  expect(labels(visibleGraph(model, "forward", closed))).toContain("flat");
});

test("the first gradient is drawn though it is a constant", async () => {
  const step = await twoLayers();
  const model = graphModel(step);
  const at = step.operations[step.loss]?.gradient as number;
  expect(step.operations[at]).toMatchObject({ op: "constant", label: "1" });
  const graph = visibleGraph(model, "backward", { open: openAt(model, "operations"), hasFolded: false });
  expect(graph.nodes.map(({ id }) => id)).toContain(operationId(at));
});

test("links lead from the forward pass to the backward pass and back", async () => {
  const step = await twoLayers();
  const model = graphModel(step);
  const at = step.operations.findIndex(({ op }) => op === "tanh");
  const { derivatives, gradients } = linksOf(model, at);
  expect(derivatives.length).toBeGreaterThan(0);
  for (const one of derivatives) expect(linksOf(model, one).derivatives).toEqual([at]);
  expect(gradients).toEqual([step.operations[at]?.gradient]);
  expect(linksOf(model, step.parameters[0]?.gradient as number).gradients).toEqual([step.parameters[0]?.operation]);
});

test("what is hidden is revealed by opening all groups above it", async () => {
  const step = await nestedTrace();
  const model = graphModel(step);
  const at = step.operations.findIndex(({ op, module }) => op === "dot" && module === "blocks.1");
  const open = revealing(model, new Set(), operationId(at));
  expect([...open].sort()).toEqual(["m:blocks", "m:blocks.1"]);
  expect(revealing(model, open, operationId(at))).toBe(open);
  const graph = visibleGraph(model, "forward", { open, hasFolded: false });
  expect(graph.nodes[graph.nodeOf[at] as number]?.operation).toBe(at);
  expect(operationOf(operationId(at))).toBe(at);
});

test("at first as much is open as can be looked over", async () => {
  const model = graphModel(await nestedTrace());
  for (const most of [1, 8, 12, 1000]) {
    const open = firstOpen(model, most);
    const sizes = passes.map((pass) => visibleGraph(model, pass, { open, hasFolded: false }).nodes.length);
    expect(open.size === 0 || Math.max(...sizes) <= most).toBe(true);
  }
  expect(firstOpen(model, 1)).toEqual(new Set());
  expect(firstOpen(model, 1000).has("m:blocks.0")).toBe(true);
});

test("the tree has the rows that the graphs have nodes", async () => {
  const model = graphModel(await nestedTrace());
  for (const view of [closed, { open: openAt(model, "layers"), hasFolded: false }, everything(model)]) {
    const rows = treeRows(model, view);
    const ids = new Set(rows.map(({ id }) => id));
    for (const pass of passes) for (const { id } of visibleGraph(model, pass, view).nodes) expect(ids).toContain(id);
    expect(ids.size).toBe(rows.length);
    rows.forEach(({ level, place, among }, i) => {
      expect(place).toBeLessThanOrEqual(among);
      expect(level).toBeLessThanOrEqual((rows[i - 1]?.level ?? 0) + 1);
    });
  }
});
