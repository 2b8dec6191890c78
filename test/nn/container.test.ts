import { expect, test } from "vitest";
import * as nn from "../../src/nn/index.ts";
import { zeros } from "../../src/tensor/creation.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

class Tower extends nn.Module {
  layers = new nn.ModuleList([new nn.Linear(2, 3), new nn.Linear(3, 4)]);
  heads = new nn.ModuleDict({ low: new nn.Linear(4, 1), high: new nn.Linear(4, 2) });
  forward(x: Tensor): Tensor[] {
    for (const layer of this.layers) x = layer.forward(x);
    return this.heads.values().map((head) => head.forward(x));
  }
}

test("lists and dictionaries name their modules as PyTorch does", () => {
  const tower = new Tower();
  const names = ["layers.0", "layers.1", "heads.low", "heads.high"];
  expect(Object.keys(tower.stateDict())).toEqual(names.flatMap((name) => [`${name}.weight`, `${name}.bias`]));
  expect(tower.forward(zeros(5, 2)).map((y) => y.shape)).toEqual([
    [5, 1],
    [5, 2],
  ]);
  tower.eval();
  expect(tower.layers.at(0).training).toBe(false);
});

test("a list grows at its end and in between", () => {
  const [a, b, c, d] = [1, 2, 3, 4].map((n) => new nn.Linear(n, n)) as [nn.Linear, nn.Linear, nn.Linear, nn.Linear];
  const list = new nn.ModuleList([b]);
  expect(list.push(d)).toBe(2);
  list.insert(0, a).insert(-1, c);
  expect([...list]).toEqual([a, b, c, d]);
  expect(list.length).toBe(4);
  expect(list[2]).toBe(c);
  expect(list.at(-1)).toBe(d);
  expect(list.namedParameters().map(([path]) => path)).toEqual(
    ["0", "1", "2", "3"].flatMap((i) => [`${i}.weight`, `${i}.bias`]),
  );
  list[1] = new nn.Linear(9, 9, { bias: false });
  expect(list.at(1).inFeatures).toBe(9);
  expect(new nn.ModuleList().append(a).extend(new Set([b, c])).length).toBe(3);
  expect(String(new nn.ModuleList([new nn.Tanh()]))).toBe("ModuleList(\n  (0): Tanh()\n)");
});

test("a dictionary is asked, changed and emptied by name", () => {
  const dict = new nn.ModuleDict([["one", new nn.Tanh()]]);
  const other = new nn.Tanh();
  expect(dict.set("two", other).get("two")).toBe(other);
  expect([dict.has("two"), dict.has("three"), dict.has("training")]).toEqual([true, false, false]);
  expect([...dict].map(([name]) => name)).toEqual(dict.keys());
  expect(dict.set("one", other).length).toBe(2);
  expect(dict.delete("one")).toBe(true);
  expect(dict.delete("one")).toBe(false);
  expect(dict.keys()).toEqual(["two"]);
});

test("what cannot be held or found is named", () => {
  expect(() => new nn.ModuleList([3 as never])).toThrow("nn.ModuleList: takes modules: module 0 is 3");
  expect(() => new nn.ModuleList(new nn.Tanh() as never)).toThrow("takes modules in an array: got a Tanh");
  const list = new nn.ModuleList([new nn.Tanh()]);
  expect(() => list.push(new nn.Tanh(), {} as never)).toThrow("module 2 is an object");
  expect(list.length).toBe(1);
  expect(() => list.at(1)).toThrow("nn.ModuleList: no module 1: there are 1");
  expect(() => list.insert(2, new nn.Tanh())).toThrow("cannot insert at 2: there are 1");
  expect(() => list.forward()).toThrow("nn.ModuleList: has no forward");
  const dict = new nn.ModuleDict({ encoder: new nn.Tanh() });
  expect(() => dict.get("encodr")).toThrow('nn.ModuleDict: no module "encodr" (did you mean "encoder"?)');
  for (const name of ["", "a.b", "forward", "training"]) {
    expect(() => dict.set(name, new nn.Tanh())).toThrow("a name that cannot be used");
  }
});

test("a dictionary of nothing that has modules is refused", () => {
  for (const given of [null, 3]) {
    expect(() => new nn.ModuleDict(given as never)).toThrow("nn.ModuleDict: takes an object of modules");
  }
});
