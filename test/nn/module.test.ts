import { expect, test } from "vitest";
import * as nn from "../../src/nn/index.ts";
import { save, load } from "../../src/io/index.ts";
import { ones, tensor, zeros } from "../../src/tensor/creation.ts";
import { currentEngine } from "../../src/tensor/engines.ts";
import { mode } from "../../src/ir/mode.ts";
import { noGrad } from "../../src/tensor/scope.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

class Block extends nn.Module {
  norm = new nn.LayerNorm(2);
  gain = new nn.Parameter(ones(2));
  fc = new nn.Linear(2, 2);

  forward(x: Tensor): Tensor {
    return this.fc.forward(this.norm.forward(x)).mul(this.gain);
  }
}

class Net extends nn.Module {
  blocks = [new Block(), new Block()];
  heads = { left: new nn.Linear(2, 1), right: new nn.Linear(2, 1, { bias: false }) };
  extra = new Map([["scale", new nn.Parameter(ones(1))]]);
  table = new nn.Buffer(zeros(3));
  scratch = new nn.Buffer(zeros(3), { persistent: false });
  getterCalls = 0;

  get computed(): nn.Linear {
    this.getterCalls++;
    return new nn.Linear(1, 1);
  }

  forward(x: Tensor): Tensor {
    let y = x;
    for (const block of this.blocks) y = block.forward(y);
    return this.heads.left.forward(y);
  }
}

test("parameters are found in fields, arrays, objects and Maps, those of a module before those of its children", () => {
  const net = new Net();
  Object.defineProperty(net, "trap", { enumerable: true, get: () => expect.unreachable("a getter was called") });
  expect(net.namedParameters().map(([path]) => path)).toEqual([
    "extra.scale",
    "blocks.0.gain",
    "blocks.0.norm.weight",
    "blocks.0.norm.bias",
    "blocks.0.fc.weight",
    "blocks.0.fc.bias",
    "blocks.1.gain",
    "blocks.1.norm.weight",
    "blocks.1.norm.bias",
    "blocks.1.fc.weight",
    "blocks.1.fc.bias",
    "heads.left.weight",
    "heads.left.bias",
    "heads.right.weight",
  ]);
  expect(net.namedBuffers().map(([path]) => path)).toEqual(["table", "scratch"]);
  expect(Object.keys(net.stateDict())).not.toContain("scratch");
  expect(Object.keys(net.stateDict()).slice(0, 3)).toEqual(["extra.scale", "table", "blocks.0.gain"]);
  expect(net.getterCalls).toBe(0);
  expect(
    net
      .namedModules()
      .map(([path]) => path)
      .slice(0, 4),
  ).toEqual(["", "blocks.0", "blocks.0.norm", "blocks.0.fc"]);
  expect(net.namedChildren().map(([path]) => path)).toEqual(["blocks.0", "blocks.1", "heads.left", "heads.right"]);
});

test("labels are the paths of the largest tree", () => {
  const net = new Net();
  const weight = net.heads.left.weight;
  net.heads.left.parameters();
  expect(weight.label).toBe("weight");
  net.parameters();
  expect(weight.label).toBe("heads.left.weight");
  net.heads.left.parameters();
  expect(weight.label).toBe("heads.left.weight");
});

test("a shared parameter is one parameter and two keys", () => {
  class Tied extends nn.Module {
    embedding = new nn.Embedding(3, 2);
    head = new nn.Linear(2, 3, { bias: false });

    constructor() {
      super();
      this.head.weight = this.embedding.weight;
    }

    forward(x: number[]): Tensor {
      return this.head.forward(this.embedding.forward(x));
    }
  }
  const tied = new Tied();
  expect(tied.namedParameters().map(([path]) => path)).toEqual(["embedding.weight"]);
  expect(Object.keys(tied.stateDict())).toEqual(["embedding.weight", "head.weight"]);
  expect(tied.forward([0, 2]).shape).toEqual([2, 3]);
});

test("a module that refers to the one above it does not loop", () => {
  class Child extends nn.Module {
    parent: nn.Module | null = null;
    weight = new nn.Parameter(ones(1));

    forward(x: Tensor): Tensor {
      return x.mul(this.weight);
    }
  }
  class Parent extends nn.Module {
    child = new Child();

    forward(x: Tensor): Tensor {
      return this.child.forward(x);
    }
  }
  const parent = new Parent();
  parent.child.parent = parent;
  expect(Object.keys(parent.stateDict())).toEqual(["child.weight"]);
  expect(parent.modules()).toHaveLength(2);
  expect(String(parent)).toBe("Parent(\n  (child): Child(\n    (parent): Parent(...)\n  )\n)");
});

test("an untracked module is not among the parameters", async () => {
  class Student extends nn.Module {
    fc = new nn.Linear(2, 2);
    teacher = nn.untracked(new nn.Linear(2, 2));

    forward(x: Tensor): Tensor {
      return this.fc.forward(x).sub(this.teacher.forward(x));
    }
  }
  const student = new Student();
  expect(student.namedParameters().map(([path]) => path)).toEqual(["fc.weight", "fc.bias"]);
  expect(student.teacher.parameters()).toHaveLength(2);
  expect(await student.forward(ones(1, 2)).array()).toHaveLength(1);
});

test("a parameter in a #private field or a closure is an error at the first forward with gradients", () => {
  class Hidden extends nn.Module {
    readonly #weight = new nn.Parameter(ones(2));

    forward(x: Tensor): Tensor {
      return x.mul(this.#weight);
    }
  }
  const hidden = new Hidden();
  noGrad(() => hidden.forward(ones(2)));
  expect(() => hidden.forward(ones(2))).toThrow(
    /^Hidden: forward uses a parameter that parameters\(\) does not find: .*\[2\], used by .*public field/,
  );
});

test("a parameter given as an argument is no mistake", () => {
  const image = new nn.Parameter(ones(1, 2));
  const model = new nn.Linear(2, 1).requiresGrad_(false);
  model.forward(image).sum().backward();
  expect(image.grad?.shape).toEqual([1, 2]);
});

test("train, eval, requiresGrad_, zeroGrad and apply reach all modules", () => {
  const net = new Net();
  expect(
    net
      .eval()
      .modules()
      .every((module) => !module.training),
  ).toBe(true);
  expect(
    net
      .train()
      .modules()
      .every((module) => module.training),
  ).toBe(true);
  net.forward(ones(1, 2)).sum().backward();
  expect(net.blocks[0]?.gain.grad).not.toBeNull();
  net.zeroGrad();
  expect(net.parameters().every((parameter) => parameter.grad === null)).toBe(true);
  net.heads.left.requiresGrad_(false);
  expect(net.heads.left.weight.requiresGrad).toBe(false);
  const seen: string[] = [];
  new nn.Sequential(new nn.Linear(1, 1), new nn.ReLU()).apply((module) => seen.push(module.constructor.name));
  expect(seen).toEqual(["Linear", "ReLU", "Sequential"]);
});

test("a state can be saved, loaded and copied", async () => {
  const [a, b] = [new Net(), new Net()];
  const bytes = await save(a.stateDict());
  expect(b.loadStateDict(load(bytes))).toEqual({ missingKeys: [], unexpectedKeys: [] });
  expect(() => b.loadStateDict(Promise.resolve({}) as never)).toThrow(/await it: loadStateDict\(await loadFile/);
  expect(await b.blocks[1]?.fc.weight.array()).toEqual(await a.blocks[1]?.fc.weight.array());
  const snapshot = await a.snapshot();
  a.heads.left.weight.fill_(7);
  expect(await a.stateDict()["heads.left.weight"]?.array()).toEqual([[7, 7]]);
  expect(await snapshot["heads.left.weight"]?.array()).toEqual(await b.heads.left.weight.array());
});

test("loadStateDict reports all that is wrong at once and changes nothing", async () => {
  const model = new nn.Sequential({ fc1: new nn.Linear(2, 3), fc2: new nn.Linear(3, 1) });
  const before = await model.snapshot();
  const state = { "fc.weight": zeros(3, 2), "fc1.bias": zeros(3), "fc2.weight": zeros(3, 1), "fc2.bias": zeros(1) };
  expect(() => model.loadStateDict(state)).toThrow(
    'loadStateDict: the state does not fit Sequential: missing "fc1.weight" (near "fc.weight"); unexpected "fc.weight" ' +
      '(near "fc1.weight"); fc2.weight has shape [1, 3], the state [3, 1]',
  );
  for (const [path, old] of Object.entries(before)) {
    expect(await model.stateDict()[path]?.array()).toEqual(await old.array());
  }
  const loose = model.loadStateDict({ "fc1.bias": ones(3), other: ones(1) }, { strict: false });
  expect(loose).toEqual({ missingKeys: ["fc1.weight", "fc2.weight", "fc2.bias"], unexpectedKeys: ["other"] });
  expect(await model.stateDict()["fc1.bias"]?.array()).toEqual([1, 1, 1]);
});

test("the path of a module holds while its forward runs, also for an arrow function", () => {
  const paths: string[] = [];
  class Leaf extends nn.Module {
    forward = (x: Tensor): Tensor => {
      paths.push(mode.path);
      return x.add(1);
    };
  }
  class Root extends nn.Module {
    inner = [new Leaf()];

    forward(x: Tensor): Tensor {
      paths.push(mode.path);
      return (this.inner[0] as Leaf).forward(x);
    }
  }
  const root = new Root();
  root.parameters();
  root.forward(ones(1));
  expect(paths).toEqual(["", "inner.0"]);
  expect(mode.path).toBe("");
});

test("errors say in which module they arose, and the path is restored", () => {
  const model = new nn.Sequential({ fc1: new nn.Linear(2, 3), fc2: new nn.Linear(4, 1) });
  expect(() => model.forward(ones(1, 2))).toThrow(/^linear: the input has 3 features, the weight takes 4.*, in fc2$/);
  expect(mode.path).toBe("");
});

test("super.forward and a forward of a base class are wrapped once", () => {
  const paths: string[] = [];
  class Base extends nn.Module {
    forward(x: Tensor): Tensor {
      paths.push(mode.path);
      return x;
    }
  }
  class Derived extends Base {
    override forward(x: Tensor): Tensor {
      return super.forward(x).add(1);
    }
  }
  const outer = new nn.Sequential({ only: new Derived() });
  expect(outer.forward(ones(1)).shape).toEqual([1]);
  expect(paths).toEqual(["only"]);
});

test("a field that was reset to undefined is named", () => {
  class Base extends nn.Module {
    fc: nn.Linear | undefined = new nn.Linear(1, 1);

    forward(x: Tensor): Tensor {
      return (this.fc as nn.Linear).forward(x);
    }
  }
  class Derived extends Base {
    override fc: nn.Linear | undefined = undefined;
  }
  expect(() => new Derived().forward(ones(1, 1))).toThrow(
    /^Derived: forward failed, and a field is undefined: fc; .*declared again without `declare`/,
  );
});

test("an async forward is an error", () => {
  class Late extends nn.Module {
    async forward(x: Tensor): Promise<Tensor> {
      return x;
    }
  }
  expect(() => new Late().forward(ones(1))).toThrow("Late: forward returned a Promise");
});

test("the results of an outermost call are kept by the next run, though others were made from them", async () => {
  const model = new nn.Sequential(new nn.Linear(2, 2), new nn.ReLU());
  const x = tensor([[1, 2]]);
  const expected = await model.forward(x).array();
  const y = model.forward(x);
  y.sum().backward();
  for (const parameter of model.parameters()) parameter.fill_(100);
  currentEngine().run([]);
  expect(await y.array()).toEqual(expected);
});

test("pipe takes modules and functions", async () => {
  const double = (x: Tensor): Tensor => x.mul(2);
  expect(
    await tensor([[-1, 1]])
      .pipe(new nn.ReLU(), double, new nn.Flatten(0))
      .array(),
  ).toEqual([0, 2]);
});

test("Sequential names layers by position or by key, reads replaced ones, and refuses what is no module", async () => {
  const model = new nn.Sequential(new nn.Identity(), new nn.ReLU());
  expect([model.length, model.at(-1) instanceof nn.ReLU]).toEqual([2, true]);
  model.append(new nn.Tanh());
  expect(model.namedChildren().map(([path]) => path)).toEqual(["0", "1", "2"]);
  model[1] = new nn.Identity();
  expect(await model.forward(tensor([-0.5])).item()).toBeCloseTo(Math.tanh(-0.5), 6);
  expect(() => new nn.Sequential(((x: Tensor) => x) as unknown as nn.Layer)).toThrow("nn.Sequential: takes modules");
  expect(() => new nn.Sequential({ forward: new nn.ReLU() })).toThrow("a name that cannot be used");
});

test("a model prints as a tree", () => {
  const model = new nn.Sequential({ fc: new nn.Linear(2, 3), act: new nn.LeakyReLU(0.2) });
  expect(String(model)).toBe("Sequential(\n  (fc): Linear(2, 3)\n  (act): LeakyReLU(negativeSlope: 0.2)\n)");
});
