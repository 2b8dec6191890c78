/** A plan that needs more memory than there is: told before anything runs. */
import { expect, test } from "vitest";
import { kit } from "../../src/ops/kit.ts";
import { makeDevice } from "../cpu-machine.ts";
import { cellOf, inputOf } from "../schedule/models.ts";
import { CompiledGraph, runOnce } from "./compiled-graph.ts";

test("an arena that there is no room for is an error that says how much, and nothing was written", () => {
  const device = makeDevice();
  const p = cellOf("p", [4]);
  if (p.leaf?.kind !== "cell") throw new Error("no cell");
  const { cell } = p.leaf;
  runOnce(device, [kit.neg(p)]);
  const before = device.read(cell);
  const n = 2 ** 19;
  const product = kit.matmul(
    inputOf([n, 1], () => 1),
    inputOf([1, n], () => 1),
  );
  // In both orders: the update alone could run.
  const update = { value: kit.sub(p, 1), cell };
  const loss = { value: kit.max(product, [0, 1]), cell: undefined };
  for (const wanted of [
    [update, loss],
    [loss, update],
  ]) {
    const graph = new CompiledGraph(device, wanted);
    expect(graph.plan.arenaBytes).toBeGreaterThanOrEqual(2 ** 40);
    const run = (): unknown => graph.plan.run([]);
    expect(run).toThrow(/^\w+: out of memory: the arena of a plan needs 10\d{5}\.\d MiB, \d+\.\d MiB are in use, /);
    expect(run).toThrow(/smaller batches/);
    graph.plan.dispose();
  }
  expect(device.read(cell)).toEqual(before);
  expect(device.memory().reserved).toBeLessThan(2 ** 26);
  expect(runOnce(device, [kit.neg(p)])[0]).toEqual(before.map((x) => -x));
});
