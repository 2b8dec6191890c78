/** Training steps of small networks as graphs of vertices: loss, gradients, new parameters. For tests of the compiler. */
import { type TypedArray, allocate } from "../../src/base/dtype.ts";
import { sizeOf } from "../../src/base/shape.ts";
import { Cell } from "../../src/ir/cell.ts";
import { withMode } from "../../src/ir/mode.ts";
import { type Program, type Wanted, keyOf, programOf } from "../../src/ir/program.ts";
import { Rewriter } from "../../src/ir/rewrite.ts";
import type { Value } from "../../src/ir/value.ts";
import { gelu, logSoftmax, softmax } from "../../src/ops/composite/activation.ts";
import { convolve } from "../../src/ops/composite/convolution.ts";
import { embeddingRows } from "../../src/ops/composite/embedding.ts";
import { labelLoss } from "../../src/ops/composite/loss.ts";
import { layerNorm } from "../../src/ops/composite/normalization.ts";
import { maxPool } from "../../src/ops/composite/pooling.ts";
import { kit } from "../../src/ops/kit.ts";
import { makeLeaf } from "../../src/ops/leaf.ts";
import { type KernelPlan, planKernels } from "../../src/schedule/plan.ts";
import { decompose } from "../../src/transform/decompose.ts";
import { pullback } from "../../src/transform/grad.ts";
import { simplify } from "../../src/transform/simplify.ts";
import { unrollWindows } from "../../src/transform/windows.ts";
import { randomStream } from "../ops/sweep/case.ts";

/** A parameter or a state of an optimiser, filled with small numbers that are the same each time. */
export function cellOf(label: string, shape: readonly number[], scale = 0.2): Value {
  const random = randomStream(label.length + 7 * sizeOf(shape));
  const data = allocate("float32", sizeOf(shape)).map(() => (random() - 0.5) * scale) as TypedArray;
  return makeLeaf(shape, "float32", { kind: "cell", cell: new Cell(shape, "float32", data, label), version: 0 }, true);
}

export function inputOf(shape: readonly number[], element: (i: number) => number = (i) => Math.sin(i)): Value {
  const data = allocate("float32", sizeOf(shape)).map((_, i) => element(i)) as TypedArray;
  return makeLeaf(shape, "float32", { kind: "data", data });
}

export function labelsOf(shape: readonly number[], classes: number): Value {
  const data = allocate("int32", sizeOf(shape)).map((_, i) => (i * 7) % classes) as TypedArray;
  return makeLeaf(shape, "int32", { kind: "data", data });
}

/** A number that is given at each run. */
export function slotOf(number: number): Value {
  return makeLeaf([], "float32", { kind: "slot", read: () => number });
}

/** x wᵀ + b. */
export function linear(x: Value, w: Value, b: Value): Value {
  const dims = { batchA: [], batchB: [], contractA: [x.shape.length - 1], contractB: [1] };
  return kit.add(kit.dot(x, w, dims), b);
}

export function crossEntropy(logits: Value, labels: Value): Value {
  const settings = {
    dim: 1,
    weight: undefined,
    reduction: "mean",
    ignore: undefined,
    checked: true,
    smoothing: 0,
  } as const;
  return labelLoss(kit, logSoftmax(kit, logits, 1), labels, settings);
}

/** The gradients of a loss with respect to parameters, in their order. */
export function gradientsOf(loss: Value, parameters: readonly Value[]): Value[] {
  return withMode({ phase: 1 }, () => {
    const seed = kit.full(loss.shape, 1, loss.dtype);
    const { reached } = pullback("test", [{ value: loss, gradient: seed }], new Set(parameters));
    return parameters.map((p) => reached.find(({ value }) => value === p)?.gradient as Value);
  });
}

function wanted(value: Value, into?: Value): Wanted {
  return { value, cell: into?.leaf?.kind === "cell" ? into.leaf.cell : undefined };
}

/** p ← p − rate · g for each. */
export function sgd(parameters: readonly Value[], gradients: readonly Value[]): Wanted[] {
  return withMode({ phase: 2 }, () => {
    const rate = slotOf(0.1);
    return parameters.map((p, i) => wanted(kit.sub(p, kit.mul(gradients[i] as Value, rate)), p));
  });
}

/** Adam with its two means as cells. */
export function adam(parameters: readonly Value[], gradients: readonly Value[]): Wanted[] {
  return withMode({ phase: 2 }, () => {
    const [share1, share2, rate, scale] = [slotOf(0.1), slotOf(0.001), slotOf(0.01), slotOf(0.9)] as const;
    return parameters.flatMap((p, i) => {
      const g = gradients[i] as Value;
      const [m, v] = [cellOf(`mean ${i}`, p.shape, 0), cellOf(`square ${i}`, p.shape, 0)];
      const mean = kit.add(m, kit.mul(kit.sub(g, m), share1));
      const square = kit.add(v, kit.mul(kit.sub(kit.square(g), v), share2));
      const step = kit.div(mean, kit.add(kit.mul(kit.sqrt(square), scale), 1e-8));
      return [wanted(mean, m), wanted(square, v), wanted(kit.sub(p, kit.mul(step, rate)), p)];
    });
  });
}

/** Two layers, relu, cross-entropy, SGD. */
export function mlpStep(batch = 32): Wanted[] {
  const parameters = [
    cellOf("fc1.weight", [128, 784]),
    cellOf("fc1.bias", [128]),
    cellOf("fc2.weight", [10, 128]),
    cellOf("fc2.bias", [10]),
  ] as const;
  const [w1, b1, w2, b2] = parameters;
  const hidden = kit.relu(linear(inputOf([batch, 784]), w1, b1));
  const loss = crossEntropy(linear(hidden, w2, b2), labelsOf([batch], 10));
  return [wanted(loss), ...sgd(parameters, gradientsOf(loss, parameters))];
}

/** Two convolutions with max pooling, then three layers: LeCun et al. (1998) with relu. Adam. */
export function lenetStep(batch = 8): Wanted[] {
  const shapes = [[6, 1, 5, 5], [6], [16, 6, 5, 5], [16], [120, 256], [120], [84, 120], [84], [10, 84], [10]];
  const parameters = shapes.map((shape, i) => cellOf(`lenet ${i}`, shape));
  const [c1, d1, c2, d2, w1, b1, w2, b2, w3, b3] = parameters as [
    Value,
    Value,
    Value,
    Value,
    Value,
    Value,
    Value,
    Value,
    Value,
    Value,
  ];
  const flat = { stride: [1, 1], low: [0, 0], high: [0, 0], dilation: [1, 1], groups: 1 };
  const pool = (x: Value): Value => {
    const extents = x.shape.slice(2).map((n) => n / 2);
    return maxPool(kit, x, { kernel: [2, 2], stride: [2, 2], padding: [0, 0], dilation: [1, 1], extents }).values;
  };
  let x = pool(kit.relu(convolve(kit, inputOf([batch, 1, 28, 28]), c1, d1, flat)));
  x = pool(kit.relu(convolve(kit, x, c2, d2, flat)));
  x = kit.relu(linear(kit.reshape(x, [batch, 256]), w1, b1));
  x = kit.relu(linear(x, w2, b2));
  const loss = crossEntropy(linear(x, w3, b3), labelsOf([batch], 10));
  return [wanted(loss), ...adam(parameters, gradientsOf(loss, parameters))];
}

/** Token and position embedding, one pre-norm block with causal attention, tied nothing; Adam. */
export function transformerStep(batch = 2, time = 8, width = 16, heads = 2, vocabulary = 20): Wanted[] {
  const shapes: readonly (readonly number[])[] = [
    [vocabulary, width],
    [time, width],
    [width],
    [width],
    [3 * width, width],
    [3 * width],
    [width, width],
    [width],
    [width],
    [width],
    [4 * width, width],
    [4 * width],
    [width, 4 * width],
    [width],
    [vocabulary, width],
    [vocabulary],
  ];
  const parameters = shapes.map((shape, i) => cellOf(`block ${i}`, shape));
  const at = (i: number): Value => parameters[i] as Value;
  const tokens = labelsOf([batch, time], vocabulary);
  let x = kit.add(embeddingRows(kit, at(0), tokens, undefined), at(1));
  const norm = (y: Value, i: number): Value => layerNorm(kit, y, 1, at(i), at(i + 1), 1e-5);
  x = kit.add(x, linear(attend(linear(norm(x, 2), at(4), at(5)), heads), at(6), at(7)));
  x = kit.add(x, linear(gelu(kit, linear(norm(x, 8), at(10), at(11))), at(12), at(13)));
  const logits = kit.reshape(linear(x, at(14), at(15)), [batch * time, vocabulary]);
  const loss = crossEntropy(logits, labelsOf([batch * time], vocabulary));
  return [wanted(loss), ...adam(parameters, gradientsOf(loss, parameters))];
}

/** Causal attention over the heads of q, k, v [B, T, 3C]. */
function attend(qkv: Value, heads: number): Value {
  const [batch, time, wide] = qkv.shape as [number, number, number];
  const size = wide / 3 / heads;
  const split = kit.reshape(qkv, [batch, time, 3, heads, size]);
  const part = (i: number): Value =>
    kit.permute(kit.reshape(kit.range(split, 2, i, i + 1), [batch, time, heads, size]), [0, 2, 1, 3]);
  const scaled = kit.mul(part(0), 1 / Math.sqrt(size));
  const scores = kit.matmul(scaled, kit.transpose(part(1), 2, 3));
  const allowed = kit.ge(kit.iota([time, time], 0), kit.iota([time, time], 1));
  const weights = softmax(kit, kit.where(allowed, scores, Number.NEGATIVE_INFINITY), 3);
  return kit.reshape(kit.permute(kit.matmul(weights, part(2)), [0, 2, 1, 3]), [batch, time, wide / 3]);
}

/** The passes that the wasm device runs in front of the kernels, without a device. */
export function planOf(outputs: readonly (Value | Wanted)[], fuse = true): { plan: KernelPlan; program: Program } {
  const all = outputs.map((w): Wanted => ("value" in w ? w : { value: w, cell: undefined }));
  const key = keyOf(all);
  const program = programOf(key, all, (like, leaf) => makeLeaf(like.shape, like.dtype, leaf));
  const roots = unrollWindows(
    simplify(
      new Rewriter().run(
        program.outputs.map((o) => o.value),
        decompose,
      ),
    ),
  );
  const lowered = {
    ...program,
    outputs: program.outputs.map((o, i) => ({ ...o, value: roots[i] as Value })),
  };
  return { plan: planKernels(lowered, { fuse }), program: lowered };
}
