/** Gradients as results, beside `backward()`, which leaves them in `.grad`. Floor: tensor. */
import { TwopassError, checkOptions, describe, showShape } from "../base/errors.ts";
import { sameShape, sizeOf } from "../base/shape.ts";
import { withMode } from "../ir/mode.ts";
import type { Value } from "../ir/value.ts";
import { kit } from "../ops/kit.ts";
import { type Seed, pullback } from "../transform/grad.ts";
import { TensorHandle, useAll, valueOf } from "./handle.ts";
import { Inner } from "./inner.ts";
import { noGradientHint } from "./no-gradient.ts";
import { Tensor } from "./tensor.ts";

export interface GradOptions {
  /** ∂L/∂output for each output, of its shape and dtype; default 1 for outputs with one element. */
  readonly gradOutputs?: Tensor | readonly (Tensor | null)[];
  /** Whether the graph can be used again; default `createGraph`. */
  readonly retainGraph?: boolean;
  /** Whether the results can be differentiated again; default false. */
  readonly createGraph?: boolean;
  /** Whether an input that the outputs do not depend on gives null instead of an error; default false. */
  readonly allowUnused?: boolean;
}

type List = Tensor | readonly Tensor[];

/**
 * The gradients of Σ gradOutputᵢ · outputᵢ with respect to each input, as tensors; `.grad` stays as it is.
 *
 * @param outputs tensors that require grad.
 * @param inputs tensors that require grad: variables or intermediate results.
 * @returns one tensor for each input, of its shape and dtype.
 * @throws if an output or input does not require grad, or an input is not used and `allowUnused` is not set.
 * @example
 * const x = tensor([1, 2, 3], { requiresGrad: true });
 * const [slope] = grad(x.mul(x).mul(x).sum(), x, { createGraph: true });
 * const [curve] = grad(slope.sum(), x);
 * await curve.array(); // [6, 12, 18]
 */
export function grad(
  outputs: List,
  inputs: List,
  options: GradOptions & { readonly allowUnused: true },
): (Tensor | null)[];
export function grad<const I extends List>(
  outputs: List,
  inputs: I,
  options?: GradOptions,
): I extends readonly Tensor[] ? { -readonly [K in keyof I]: Tensor } : [Tensor];
export function grad(outputs: List, inputs: List, options: GradOptions = {}): unknown {
  checkOptions("grad", options, ["gradOutputs", "retainGraph", "createGraph", "allowUnused"]);
  const createGraph = options.createGraph ?? false;
  const from = listOf("outputs", outputs);
  const to = listOf("inputs", inputs);
  const seeds = seedsOf(from, options.gradOutputs);
  const engine = useAll(from);
  const wanted = to.map((x) => valueOf(x));
  const { reached, visited } = withMode({ phase: 1, grad: createGraph }, () =>
    pullback("grad", seeds, new Set(wanted)),
  );
  const gradients = new Map<Value, Value>(reached.map((r) => [r.value, r.gradient]));
  const results = wanted.map((value, i) => {
    const gradient = gradients.get(value);
    if (gradient === undefined && options.allowUnused !== true) throw unused(value, i);
    return gradient;
  });
  engine.noteDifferentiated(visited, options.retainGraph ?? createGraph);
  return results.map((gradient) => {
    if (gradient === undefined) return null;
    engine.noteFresh(gradient);
    return new Tensor(new Inner(gradient, engine));
  });
}

function listOf(name: string, given: List): readonly Tensor[] {
  const list = given instanceof TensorHandle ? [given] : given;
  if (!Array.isArray(list) || list.length === 0) {
    throw new TwopassError({ op: "grad", problem: `${name} must be tensors`, facts: `got ${describe(given)}` });
  }
  list.forEach((x, i) => {
    if (!(x instanceof TensorHandle)) {
      throw new TwopassError({
        op: "grad",
        problem: `${name} must be tensors`,
        facts: `number ${i} is ${describe(x)}`,
      });
    }
    if (!x.requiresGrad) {
      throw new TwopassError({
        op: "grad",
        problem: `${name} must require grad`,
        facts: `number ${i} is ${x.dtype} ${showShape(x.shape)} and does not`,
        hint: noGradientHint(valueOf(x)),
        shapes: [x.shape],
      });
    }
  });
  return list;
}

function seedsOf(outputs: readonly Tensor[], given: GradOptions["gradOutputs"]): Seed[] {
  const gradients = given === undefined ? [] : given instanceof TensorHandle ? [given] : given;
  if (gradients.length > 0 && gradients.length !== outputs.length) {
    throw new TwopassError({
      op: "grad",
      problem: "gradOutputs must be one for each output",
      facts: `${gradients.length} for ${outputs.length}`,
    });
  }
  return outputs.map((output, i) => {
    const value = valueOf(output);
    const gradient = gradients[i];
    if (gradient instanceof TensorHandle) {
      if (sameShape(gradient.shape, value.shape) && gradient.dtype === value.dtype)
        return { value, gradient: valueOf(gradient) };
      throw new TwopassError({
        op: "grad",
        problem: "a gradOutput must have the shape and dtype of its output",
        facts: `${gradient.dtype} ${showShape(gradient.shape)} for ${value.dtype} ${showShape(value.shape)}`,
        shapes: [gradient.shape, value.shape],
      });
    }
    if (sizeOf(value.shape) === 1) return { value, gradient: kit.full(value.shape, 1, value.dtype) };
    throw new TwopassError({
      op: "grad",
      problem: "only an output with one element has a gradient of its own",
      facts: `output ${i} has shape ${showShape(value.shape)}`,
      hint: "reduce it with mean() or sum(), or give { gradOutputs }",
      shapes: [value.shape],
    });
  });
}

function unused(value: Value, i: number): TwopassError {
  return new TwopassError({
    op: "grad",
    problem: "the outputs do not depend on an input",
    facts: `number ${i}, ${value.dtype} ${showShape(value.shape)}`,
    hint: "{ allowUnused: true } gives null for it",
    shapes: [value.shape],
  });
}
