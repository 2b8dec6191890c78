/** Indices that are out of range: found on the device, before anything is written, and forgotten afterwards. */
import { describe, expect, test } from "vitest";
import type { TypedArray } from "../../src/base/dtype.ts";
import { withMode } from "../../src/ir/mode.ts";
import type { Wanted } from "../../src/ir/program.ts";
import type { Value } from "../../src/ir/value.ts";
import { kit } from "../../src/ops/kit.ts";
import type { Device } from "../../src/runtime/device.ts";
import { JsDevice } from "../../src/runtime/js/device.ts";
import { makeDevice } from "../cpu-machine.ts";
import { cellOf, inputOf } from "../schedule/models.ts";
import { CompiledGraph, dataLeaf } from "./compiled-graph.ts";

const devices: readonly (readonly [string, () => Device])[] = [
  ["js", () => new JsDevice()],
  ["fused", () => makeDevice()],
  ["unfused", () => makeDevice({ fuse: false })],
];

const range = (n: number): Int32Array => Int32Array.from({ length: n }, (_, i) => i % 3);

describe.each(devices)("%s", (_, make) => {
  // Sizes around the lanes of a vector: each place must be looked at, and none behind the last.
  test.each([1, 3, 4, 5, 8, 11])("finds one wrong index among %i", (n) => {
    const device = make();
    const index = dataLeaf([n], "int32", range(n));
    const graphs = [
      new CompiledGraph(device, [kit.gather(inputOf([3]), index, 0)]),
      new CompiledGraph(device, [kit.scatter(index, inputOf([n]), 0, 3)]),
      new CompiledGraph(device, [kit.exp(kit.neg(kit.gather(inputOf([3]), index, 0)))]),
    ];
    for (const graph of graphs) {
      expect(() => graph.run()).not.toThrow();
      for (let at = 0; at < n; at++) {
        for (const wrong of [-1, 3, 2147483647, -2147483648]) {
          const data = range(n);
          data[at] = wrong;
          expect(() => graph.run(new Map([[index, data]]))).toThrow(`index out of range: ${wrong} where 3 places`);
        }
      }
      expect(() => graph.run()).not.toThrow();
    }
  });

  test("an empty choice from nothing is no fault, one element is", () => {
    const device = make();
    const nothing = dataLeaf([0], "float32", []);
    const none = dataLeaf([0], "int32", []);
    expect(new CompiledGraph(device, [kit.gather(nothing, none, 0)]).run()).toEqual([new Float32Array(0)]);
    const one = dataLeaf([1], "int32", [0]);
    expect(() => new CompiledGraph(device, [kit.gather(nothing, one, 0)]).run()).toThrow(
      /index out of range: 0 where 0/,
    );
  });

  test.each(["forward", "update"] as const)("writes nothing when a choice of the %s is out of range", (where) => {
    const device = make();
    const [p, q] = [cellOf("p", [4]), cellOf("q", [3])];
    const index = dataLeaf([4], "int32", [0, 1, 2, 0]);
    const choose = (): Value => kit.gather(inputOf([3]), index, 0);
    const early = where === "forward" ? choose() : undefined;
    const wanted = withMode({ phase: 2 }, (): Wanted[] => {
      const chosen = early ?? choose();
      const into = (value: Value, cell: Value): Wanted => ({
        value,
        cell: cell.leaf?.kind === "cell" ? cell.leaf.cell : undefined,
      });
      return [into(kit.add(q, 1), q), into(kit.sub(p, chosen), p)];
    });
    const contents = (): TypedArray[] => wanted.flatMap(({ cell }) => (cell === undefined ? [] : [device.read(cell)]));
    const graph = new CompiledGraph(device, wanted);
    const start = contents();
    const wrong = new Map([[index, Int32Array.of(0, 1, 3, 0)]]);
    expect(() => graph.run(wrong)).toThrow(/index out of range: 3 where 3 places/);
    expect(contents()).toEqual(start);
    graph.run();
    const after = contents();
    expect(after).not.toEqual(start);
    expect(() => graph.run(wrong)).toThrow(/index out of range/);
    expect(contents()).toEqual(after);
  });
});
