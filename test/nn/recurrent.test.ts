import { expect, test } from "vitest";
import * as nn from "../../src/nn/index.ts";
import { Adam } from "../../src/optim/index.ts";
import { compile } from "../../src/tensor/compile.ts";
import { grad } from "../../src/tensor/grad.ts";
import { setEager } from "../../src/tensor/switches.ts";
import { tensor, zeros } from "../../src/tensor/creation.ts";
import { currentEngine, setDefaultDevice } from "../../src/tensor/engines.ts";
import { cat } from "../../src/tensor/joining.ts";
import { manualSeed, randn } from "../../src/tensor/random.ts";
import { Tensor } from "../../src/tensor/tensor.ts";
import { onEachDevice } from "../devices.ts";
import { expectGradients } from "../tensor/gradient.ts";

function numbers(x: Tensor): number[] {
  return Array.from(x.dataSync());
}

function expectClose(a: Tensor, b: Tensor, most = 1e-6): void {
  expect(a.shape).toEqual(b.shape);
  const [x, y] = [numbers(a), numbers(b)];
  x.forEach((value, i) => expect(Math.abs(value - (y[i] as number)), `place ${i}`).toBeLessThan(most));
}

/** Smooth numbers of no pattern. */
function wave(n: number, phase: number): Float64Array {
  return Float64Array.from({ length: n }, (_, i) => Math.sin(1.7 * i + phase) * 0.8);
}

type Anything = (...args: unknown[]) => unknown;

function call(module: nn.Module, ...args: unknown[]): Tensor[] {
  const result = Reflect.apply(Reflect.get(module, "forward") as Anything, module, args);
  const flat = (x: unknown): Tensor[] => {
    if (x instanceof nn.PackedSequence) return [x.padded];
    return x instanceof Tensor ? [x] : (x as unknown[]).flatMap(flat);
  };
  return flat(result);
}

/** Checks the derivatives with respect to x, the states and all parameters, which take the place of the module's own. */
function expectAllGradients(
  module: nn.Module,
  shape: readonly number[],
  states: readonly (readonly number[])[],
  wrap: (x: Tensor, states: readonly Tensor[]) => readonly unknown[],
): void {
  const parameters = module.namedParameters();
  const make = (size: readonly number[], i: number): Tensor =>
    tensor(
      wave(
        size.reduce((a, b) => a * b, 1),
        i,
      ),
      { shape: [...size] },
    );
  const data = [shape, ...states, ...parameters.map(([, p]) => p.shape)].map((size, i) => make(size, i).arraySync());
  expectGradients(
    (x, ...rest) => {
      parameters.forEach(([name], i) => Reflect.set(module, name, rest[states.length + i]));
      return cat(call(module, ...wrap(x as Tensor, rest.slice(0, states.length))).map((y) => y.flatten()));
    },
    ...(data as number[][]),
  );
}

onEachDevice(() => {
  test.each([
    [nn.RNNCell, 1],
    [nn.LSTMCell, 2],
    [nn.GRUCell, 1],
  ] as const)("derivatives of cell %#", (make, count) => {
    const states = Array.from({ length: count }, () => [2, 2]);
    const wrap = (x: Tensor, s: readonly Tensor[]): unknown[] => [x, count === 2 ? s : s[0]];
    expectAllGradients(new make(3, 2), [2, 3], states, wrap);
  });

  test("derivatives of the layers, with states, two directions, two layers, a projection and packed lengths", () => {
    const two = { numLayers: 2, bidirectional: true };
    expectAllGradients(new nn.RNN(2, 2, two), [2, 2, 2], [[4, 2, 2]], (x, [h]) => [x, h]);
    expectAllGradients(
      new nn.LSTM(2, 3, { projSize: 2 }),
      [2, 2, 2],
      [
        [1, 2, 2],
        [1, 2, 3],
      ],
      (x, s) => [x, s],
    );
    const pack = (x: Tensor): nn.PackedSequence =>
      nn.packPaddedSequence(x, [1, 3], { batchFirst: true, enforceSorted: false });
    expectAllGradients(new nn.GRU(2, 2, { bidirectional: true }), [2, 3, 2], [[2, 2, 2]], (x, [h]) => [pack(x), h]);
  });

  test("a layer repeats its cell", () => {
    manualSeed(4);
    const layer = new nn.LSTM(3, 4, { batchFirst: true });
    const cell = new nn.LSTMCell(3, 4);
    cell.loadStateDict({
      weight_ih: layer["weight_ih_l0"] as Tensor,
      weight_hh: layer["weight_hh_l0"] as Tensor,
      bias_ih: layer["bias_ih_l0"] as Tensor,
      bias_hh: layer["bias_hh_l0"] as Tensor,
    });
    const x = randn(2, 5, 3);
    const [output, [h, c]] = layer.forward(x);
    let state: nn.LSTMState | undefined;
    for (let t = 0; t < 5; t++) {
      state = cell.forward(x.at(":", t), state);
      expectClose(output.at(":", t), state[0]);
    }
    expectClose(h.squeeze(0), (state as nn.LSTMState)[0]);
    expectClose(c.squeeze(0), (state as nn.LSTMState)[1]);
    // One sequence without a batch.
    const [alone, [h1]] = layer.forward(x.at(1));
    expectClose(alone, output.at(1));
    expectClose(h1, h.at(":", 1));
    expectClose(cell.forward(x.at(0, 0))[0], output.at(0, 0));
  });

  test("a packed batch gives what each sequence gives alone", () => {
    manualSeed(5);
    const lengths = [2, 5, 1];
    const x = randn(3, 6, 3);
    for (const make of [nn.RNN, nn.LSTM, nn.GRU]) {
      const layer = new make(3, 4, { batchFirst: true, bidirectional: true, numLayers: 2 });
      // What lies behind the ends does not matter, be it NaN.
      const spoilt = x.mul(1);
      const filler = tensor(
        lengths.flatMap((n) => Array.from({ length: 6 }, (_, t) => (t < n ? 0 : Number.NaN))),
        {
          shape: [3, 6, 1],
        },
      );
      const packed = nn.packPaddedSequence(spoilt.add(filler), lengths, { batchFirst: true, enforceSorted: false });
      const results = (layer as nn.LSTM).forward(packed) as unknown as [nn.PackedSequence, Tensor | Tensor[]];
      const [y, counts] = nn.padPackedSequence(results[0], { batchFirst: true, totalLength: 7, paddingValue: -1 });
      expect(counts).toEqual(lengths);
      expect(y.shape).toEqual([3, 7, 8]);
      const h = [results[1]].flat()[0] as Tensor;
      lengths.forEach((n, i) => {
        const [alone, state] = (layer as nn.GRU).forward(x.at(i, `0:${n}`)) as unknown as [Tensor, Tensor | Tensor[]];
        expectClose(y.at(i, `0:${n}`), alone);
        expectClose(h.at(":", i), [state].flat()[0] as Tensor);
        expect(new Set(numbers(y.at(i, `${n}:`)))).toEqual(new Set([-1]));
      });
    }
  });
});

test("parameters have PyTorch's names, order, shapes and bounds", () => {
  const layer = new nn.LSTM(3, 16, { numLayers: 2, bidirectional: true, projSize: 5 });
  const shapes = Object.entries(layer.stateDict()).map(([name, { shape }]) => `${name} ${shape.join("x")}`);
  const ends = ["l0", "l0_reverse", "l1", "l1_reverse"];
  expect(shapes).toEqual(
    ends.flatMap((end) => [
      `weight_ih_${end} 64x${end.startsWith("l0") ? 3 : 10}`,
      `weight_hh_${end} 64x5`,
      `bias_ih_${end} 64`,
      `bias_hh_${end} 64`,
      `weight_hr_${end} 5x16`,
    ]),
  );
  for (const p of layer.parameters()) {
    const most = numbers(p).reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    expect(most).toBeLessThanOrEqual(0.25);
    expect(most).toBeGreaterThan(0.2);
  }
  expect(Object.keys(new nn.GRU(2, 2, { bias: false }).stateDict())).toEqual(["weight_ih_l0", "weight_hh_l0"]);
  expect(String(layer)).toBe("LSTM(3, 16, numLayers: 2, bidirectional: true)");
});

test("dropout lies between layers, in training alone", () => {
  manualSeed(6);
  const layer = new nn.GRU(3, 4, { numLayers: 2, dropout: 1 });
  const x = randn(5, 2, 3);
  // All of the first layer is dropped, so the second one sees zeros.
  const [y] = layer.forward(x);
  expectClose(layer.forward(randn(5, 2, 3))[0], y);
  layer.eval();
  const [z] = layer.forward(x);
  expect(numbers(z)).not.toEqual(numbers(y));
  expectClose(layer.forward(x)[0], z);
});

test("a state is carried over batches: one plan, and memory that stays", async () => {
  manualSeed(7);
  class Counter extends nn.Module {
    rnn = new nn.LSTM(2, 8, { batchFirst: true });
    out = new nn.Linear(8, 1);
    forward(x: Tensor, state?: nn.LSTMState): [Tensor, [Tensor, Tensor]] {
      const [y, next] = this.rnn.forward(x, state);
      return [this.out.forward(y), next];
    }
  }
  const model = new Counter();
  const optimizer = new Adam(model.parameters(), { lr: 0.02 });
  let state: nn.LSTMState = [zeros(1, 4, 8), zeros(1, 4, 8)];
  const sizes: string[] = [];
  const losses: number[] = [];
  for (let i = 0; i < 60; i++) {
    const x = randn(4, 6, 2);
    const [y, [h, c]] = model.forward(x, state);
    state = [h.detach(), c.detach()];
    const loss = y
      .sub(x.sum(-1, { keepdim: true }))
      .square()
      .mean();
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    losses.push(await loss.item());
    const { plans, kernels } = currentEngine().stats;
    const { cells, arena, cache } = currentEngine().device.memory();
    if (i >= 20) sizes.push([plans, kernels, cells, arena, cache].join());
  }
  expect(new Set(sizes).size).toBe(1);
  expect(losses.at(-1)).toBeLessThan((losses[0] as number) / 2);
});

test("another length compiles no kernel; other lengths in a batch make no plan", () => {
  manualSeed(8);
  const engine = currentEngine();
  for (const make of [nn.RNN, nn.LSTM, nn.GRU]) {
    const layer = new make(3, 4, { batchFirst: true, bidirectional: true });
    const step = (steps: number, lengths?: number[]): { kernels: number; plans: number } => {
      const x = randn(4, steps, 3);
      x.dataSync();
      const input = lengths === undefined ? x : nn.packPaddedSequence(x, lengths, { batchFirst: true });
      const [y, h] = call(layer, input) as [Tensor, Tensor];
      layer.zeroGrad();
      y.square().mean().add(h.sum()).backward();
      expect(Number.isFinite(layer["weight_hh_l0"]?.grad?.dataSync()[0])).toBe(true);
      const { kernels, plans } = engine.stats;
      return { kernels, plans };
    };
    const { kernels } = step(4);
    for (const steps of [5, 9, 23, 4]) expect(step(steps).kernels).toBe(kernels);
    const masked = step(9, [9, 7, 7, 1]);
    expect(step(9, [9, 9, 2, 2])).toEqual(masked);
    expect(step(5, [5, 5, 2, 1]).kernels).toBe(masked.kernels);
  }
});

test("a long sequence overflows no stack", () => {
  const layer = new nn.GRU(1, 2);
  const [y] = layer.forward(randn(2000, 1, 1));
  y.sum().backward();
  expect(numbers(layer["weight_hh_l0"]?.grad as Tensor).every(Number.isFinite)).toBe(true);
});

onEachDevice(() => {
  /** A layer in float64, whose output is summed to a loss. */
  const lossOf = (x: Tensor, make: typeof nn.LSTM | typeof nn.GRU = nn.LSTM): [nn.Module, Tensor] => {
    manualSeed(9);
    const layer = new make(2, 3, { bidirectional: true }).to("float64");
    const [y, state] = call(layer, x) as [Tensor, Tensor];
    return [layer, y.sin().sum().add(state.square().sum())];
  };

  test("the gradient of a gradient", () => {
    for (const make of [nn.LSTM, nn.GRU] as const) {
      expectGradients(
        (x) => {
          const [layer, loss] = lossOf(x as Tensor, make);
          const gradients = grad(loss, layer.parameters(), { createGraph: true });
          return cat(gradients.map((g) => (g as Tensor).square().sum().reshape(1)));
        },
        Array.from({ length: 3 }, (_, t) => [0, 1].map((n) => [...wave(2, 5 * t + n)])),
      );
    }
  });

  test("a graph that is retained goes back twice; one that is not says so", () => {
    const x = tensor(wave(12, 1), { shape: [3, 2, 2] });
    const [layer, loss] = lossOf(x);
    const gradients = (): number[] => layer.parameters().flatMap((p) => numbers(p.grad as Tensor));
    loss.backward({ retainGraph: true });
    const once = gradients();
    loss.backward();
    gradients().forEach((g, i) => expect(g).toBeCloseTo(2 * (once[i] as number), 12));
    expect(() => loss.backward()).toThrow("the graph was used by an earlier backward()");
  });

  test("reading the loss first changes nothing; nor does running each operation alone", () => {
    const gradients = (isRead: boolean): number[] => {
      const [layer, loss] = lossOf(tensor(wave(12, 2), { shape: [3, 2, 2] }));
      if (isRead) loss.dataSync();
      loss.backward();
      return layer.parameters().flatMap((p) => numbers(p.grad as Tensor));
    };
    const plain = gradients(false);
    expect(gradients(true)).toEqual(plain);
    setEager(true);
    try {
      gradients(false).forEach((g, i) => expect(g).toBeCloseTo(plain[i] as number, 12));
    } finally {
      setEager(false);
    }
  });

  test("a compiled training step does what the step does", () => {
    const train = (compiled: boolean): number[] => {
      manualSeed(10);
      const layer = new nn.LSTM(3, 4, { numLayers: 2, batchFirst: true });
      const optimizer = new Adam(layer.parameters(), { lr: 0.05 });
      const step = (x: Tensor): Tensor => {
        const [, [h]] = layer.forward(x);
        const loss = h.square().mean();
        optimizer.zeroGrad();
        loss.backward();
        optimizer.step();
        return loss;
      };
      const run = compiled ? compile(step) : step;
      const x = tensor(Float32Array.from(wave(2 * 5 * 3, 3)), { shape: [2, 5, 3] });
      return Array.from({ length: 6 }, () => run(x).dataSync()[0] as number);
    };
    const losses = train(false);
    expect(losses.at(-1)).toBeLessThan(losses[0] as number);
    expect(train(true)).toEqual(losses);
  });

  test("no rows in a batch give no rows", () => {
    const layer = new nn.GRU(3, 4);
    const [y, h] = layer.forward(zeros(5, 0, 3));
    y.sum().add(h.sum()).backward();
    expect([y.shape, h.shape]).toEqual([
      [5, 0, 4],
      [1, 0, 4],
    ]);
    expect(new Set(numbers(layer["weight_hh_l0"]?.grad as Tensor))).toEqual(new Set([0]));
  });
});

test("a training step has two kernels for each time step there and two back", () => {
  setDefaultDevice("wasm");
  const layer = new nn.LSTM(3, 4);
  const kernels = (steps: number): Record<number, number> => {
    const x = randn(steps, 2, 3);
    x.dataSync();
    const [y] = layer.forward(x);
    layer.zeroGrad();
    y.square().mean().backward();
    y.dataSync();
    return { ...currentEngine().plans.latest?.kernels };
  };
  const [short, long] = [kernels(10), kernels(30)];
  expect([0, 1].map((phase) => (long[phase] as number) - (short[phase] as number))).toEqual([40, 40]);
});

test("in a compiled function a packed batch is an argument from outside", () => {
  const layer = new nn.RNN(2, 3);
  const x = randn(4, 2, 2);
  const packed = nn.packPaddedSequence(x, [4, 2]);
  packed.padded.dataSync();
  const run = compile((padded: Tensor) => layer.forward(packed.with(padded))[1]);
  expectClose(run(packed.padded), layer.forward(packed)[1]);
});

test("what does not fit is named", () => {
  const layer = new nn.LSTM(3, 4, { numLayers: 2 });
  const x = zeros(5, 2, 3);
  expect(() => layer.forward(zeros(5, 2, 4))).toThrow(
    "nn.LSTM: the input must be [T, N, 3], or [T, 3] without a batch: it has shape [5, 2, 4] (the last dim is inputSize)",
  );
  expect(() => layer.forward(zeros(3))).toThrow("it has shape [3]");
  expect(() => layer.forward(zeros(0, 2, 3))).toThrow("at least one step");
  expect(() => layer.forward(x, zeros(2, 2, 4) as never)).toThrow("nn.LSTM: the state must be [h, c]: got a Tensor");
  expect(() => layer.forward(x, [zeros(2, 2, 4), zeros(1, 2, 4)])).toThrow(
    "nn.LSTM: the state c must be [2, 2, 4]: it is [1, 2, 4] ([numLayers, batch, size], whatever batchFirst)",
  );
  expect(() => new nn.GRU(3, 4).forward(x, zeros(2, 4))).toThrow("the state h must be [1, 2, 4]: it is [2, 4]");
  expect(() => layer.forward(x.int())).toThrow("nn.LSTM: the input must be floating");
  expect(() => new nn.GRUCell(3, 4).forward(zeros(2, 5))).toThrow("the input must be [N, 3], or [3] without a batch");
  expect(() => new nn.GRUCell(3, 4).forward(zeros(2, 3), zeros(4))).toThrow("the state h must be [2, 4]: it is [4]");
  expect(() => new nn.LSTM(3, 4, { projSize: 4 })).toThrow("projSize must be a whole number from 0 to 3");
  expect(() => new nn.RNN(3, 4, { nonlinearity: "gelu" as "relu" })).toThrow('must be "tanh" or "relu": got "gelu"');
  expect(() => new nn.RNN(3, 0)).toThrow("nn.RNN: hiddenSize must be a whole number from 1");
  expect(() => new nn.GRU(3, 4, { dropout: 2 })).toThrow("nn.GRU: dropout must be a number from 0 to 1: got 2");
  expect(() => new nn.GRU(3, 4, { batchfirst: true } as nn.RecurrentOptions)).toThrow('did you mean "batchFirst"?');
});
