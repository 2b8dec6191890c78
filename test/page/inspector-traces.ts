/** Traces that tests of the inspector's page look at. */
import { type Trace, type TraceOperation, trace } from "../../src/inspect/index.ts";
import * as nn from "../../src/nn/index.ts";
import { SGD } from "../../src/optim/index.ts";
import { manualSeed, randn } from "../../src/tensor/random.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { examples, xorBatch } from "../inspect/models.ts";

/** A model that has all there is to group: layers in a list, one used twice, a residual sum and one without operations of its own. */
class Nested extends nn.Module {
  readonly blocks = [new nn.Linear(3, 3), new nn.Linear(3, 3)];
  readonly act = new nn.Tanh();
  readonly flat = new nn.Flatten();

  forward(x: Tensor): Tensor {
    const [first, second] = this.blocks as [nn.Linear, nn.Linear];
    const h = this.act.forward(first.forward(x)).add(x);
    return this.flat.forward(this.act.forward(second.forward(h)));
  }
}

export async function nestedTrace(): Promise<Trace> {
  manualSeed(1);
  const model = new Nested();
  const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
  return trace(model, new nn.MSELoss(), [randn(4, 3), randn(4, 3)], { optimizer });
}

export async function twoLayers(lr = 0.1): Promise<Trace> {
  manualSeed(2);
  const model = new nn.Sequential(new nn.Linear(2, 3), new nn.Tanh(), new nn.Linear(3, 1), new nn.Sigmoid());
  const optimizer = new SGD(model.parameters(), { lr });
  return trace(model, new nn.BCELoss(), xorBatch(), { optimizer });
}

/** A trace of each model of the tests of the library. */
export async function exampleTraces(): Promise<{ readonly name: string; readonly trace: Trace }[]> {
  const traces = [];
  for (const example of examples) {
    manualSeed(3);
    const { model, loss, batch } = example.make();
    const optimizer = new SGD(model.parameters(), { lr: 0.01 });
    traces.push({ name: example.name, trace: await trace(model, loss, batch, { optimizer }) });
  }
  return traces;
}

/** A trace of so many operations in one module, as an unrolled loop gives them. Its numbers are of no use. */
export function longTrace(length: number): Trace {
  const operation = (phase: TraceOperation["phase"], inputs: readonly number[], links: object): TraceOperation => ({
    phase,
    op: inputs.length === 0 ? "leaf" : "mul",
    call: "",
    module: "",
    line: "",
    label: inputs.length === 0 ? "input" : "",
    inputs,
    shape: [2, 2],
    dtype: "float32",
    settings: {},
    keptBytes: 16,
    ...links,
  });
  const half = length / 2;
  // Each takes the one before, and one further back.
  const forward = Array.from({ length: half }, (_, i) =>
    operation("forward", i === 0 ? [] : i < 12 ? [i - 1] : [i - 1, i - 1 - (i % 11)], { gradient: length - 1 - i }),
  );
  const backward = Array.from({ length: half }, (_, i) =>
    operation("backward", i === 0 ? [half - 1] : [half + i - 1, half - 1 - i], {
      derivativeOf: half - 1 - i,
      gradientOf: half - 1 - i,
    }),
  );
  return {
    format: "twopass-trace",
    version: 1,
    date: "",
    device: "",
    model: "Loop",
    optimizer: "",
    loss: half - 1,
    lossValue: 0,
    modules: [{ path: "", type: "Loop", settings: "", parameters: [], calls: [] }],
    operations: [...forward, ...backward],
    parameters: [],
    kernels: [],
  };
}
