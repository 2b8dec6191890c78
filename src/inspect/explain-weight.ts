/** Why one element of a parameter has the gradient that it has. Floor: inspect. */
import type { Dtype, TypedArray } from "../base/dtype.ts";
import { TwopassError, checkOptions, describe, nearest, showShape } from "../base/errors.ts";
import { restoreStreams, streamStates } from "../base/random-stream.ts";
import { stridesOf } from "../base/shape.ts";
import type { Value } from "../ir/value.ts";
import type { Module } from "../nn/module/module.ts";
import type { Parameter } from "../nn/module/parameter.ts";
import { makeLeaf } from "../ops/leaf.ts";
import { elementsApart } from "../tensor/apart.ts";
import type { Engine } from "../tensor/engine.ts";
import { currentEngine } from "../tensor/engines.ts";
import { type Inner, inner } from "../tensor/inner.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { slopesOf, flowTo } from "./local-slopes.ts";
import { type Passes, type TraceLoss, checkStep, recordPasses } from "./passes.ts";
import { present } from "./present.ts";
import { Recorder } from "./recorder.ts";

/** One way by which an element moves the loss: it moves an element of the next result, and that moves the loss. */
export interface Contribution {
  /** The operation that takes the element, and the element of its result. */
  readonly op: string;
  readonly index: readonly number[];
  /** ∂result/∂element. */
  readonly local: number;
  /** ∂L/∂result. */
  readonly gradient: number;
  /** Their product. */
  readonly product: number;
}

/** One element on the way from the loss to the weight. */
export interface ChainLink {
  /** The operation that gives it; of the last link the parameter's path. */
  readonly op: string;
  /** The function that made it, "" where that is not known. */
  readonly call: string;
  /** Path of the module, or "loss". */
  readonly module: string;
  /** The line of the program, "" where that is not known. */
  readonly line: string;
  readonly shape: readonly number[];
  readonly index: readonly number[];
  readonly value: number;
  /** ∂L/∂element = Σ products of `contributions` + `rest`. */
  readonly gradient: number;
  /** The largest, at most eight; the first one leads to the link before. Of the loss there is none. */
  readonly contributions: readonly Contribution[];
  /** The sum of the others, and how many they are. */
  readonly rest: number;
  readonly others: number;
}

export interface WeightExplanation {
  readonly path: string;
  readonly index: readonly number[];
  readonly value: number;
  /** ∂L/∂w. */
  readonly gradient: number;
  /** From the loss to the weight, along the largest contribution of each link. */
  readonly chain: readonly ChainLink[];
  /** What flows back through each sample's output; with `direct` they add up to the gradient. */
  readonly samples: readonly number[];
  /** What does not go through the output, such as a penalty on the weights. */
  readonly direct: number;
  /** (L(w + h) − L(w − h)) / 2h, to compare; float32 rounds the losses. */
  readonly difference: number;
}

export interface ExplainOptions<B> {
  /** The output for a batch; default: `model.forward` of all tensors of the batch but the last. */
  readonly forward?: (batch: B) => Tensor;
}

const op = "explainWeight";
const mostContributions = 8;

/**
 * Explains the gradient of one weight: the chain of operations from the loss to it with each local derivative in numbers,
 * and what each sample of the batch contributes. Nothing is changed, and random numbers are drawn as if it had not been.
 *
 * @param path of the parameter, as `model.namedParameters()` has it.
 * @param index one number for each dim of the parameter.
 * @param batch as for `trace`; its first dim counts samples.
 * @throws for a path or an index that the model has not, for a parameter that the loss does not depend on, and on a device
 * in a worker.
 * @example
 * const model = new nn.Linear(1, 1);
 * model.loadStateDict({ weight: tensor([[2]]), bias: tensor([1]) });
 * const batch = [tensor([[1], [3]]), tensor([[0], [0]])] as const;
 * const { gradient, samples } = await explainWeight(model, new nn.MSELoss(), batch, "weight", [0, 0]);
 * [gradient, ...samples]; // [24, 3, 21]
 */
export async function explainWeight<B extends readonly unknown[] = readonly [Tensor, Tensor]>(
  model: Module,
  loss: TraceLoss,
  batch: B,
  path: string,
  index: readonly number[],
  options: ExplainOptions<B> = {},
): Promise<WeightExplanation> {
  checkOptions(op, options, ["forward"]);
  checkStep(op, model, loss);
  const parameter = parameterAt(model, path);
  const at = placeOf(path, index, parameter.shape);
  const part = parameter[inner];
  // What is pending is not ours to give up.
  (part.engine ?? currentEngine()).run([]);
  const streams = streamStates();
  const write = (withLines: boolean): { readonly recorder: Recorder; readonly passes: Passes } => {
    restoreStreams(streams);
    const recorder = new Recorder(withLines);
    return {
      recorder,
      passes: recordPasses(op, { model, loss, batch, ...present("forward", options.forward) }, recorder),
    };
  };
  const touched = new Set<Engine>();
  try {
    const { recorder, passes } = write(true);
    const { engine } = passes;
    touched.add(engine);
    const weight = part.value;
    if (recorder.gradientOf(weight) === undefined) {
      throw new TwopassError({
        op,
        problem: "the loss does not depend on this parameter",
        facts: path,
        hint: "it has no gradient, which is not a gradient of 0",
      });
    }
    const chain = new Chain(passes, recorder).links(weight, at, path);
    const { value, gradient } = chain.at(-1) as ChainLink;
    const samples = samplesOf(passes, recorder, weight, at);
    const moved = (by: number): number => {
      const data = (elementsApart(engine, [weight])[0] as TypedArray).slice();
      data[at] = value + by;
      const { passes: other } = withContent(part, data, () => write(false));
      return elementsApart(engine, [other.loss])[0]?.[0] as number;
    };
    const step = stepFor(value, parameter.dtype);
    return {
      path,
      index: [...index],
      value,
      gradient,
      chain,
      samples,
      direct: gradient - samples.reduce((sum, share) => sum + share, 0),
      difference: (moved(step) - moved(-step)) / (2 * step),
    };
  } finally {
    restoreStreams(streams);
    for (const engine of touched) engine.abandon();
  }
}

/** The links from a weight up to the loss. */
class Chain {
  readonly #engine: Engine;
  readonly #recorder: Recorder;
  readonly #loss: Value;
  /** By vertex: the operations that take it, on ways to the loss. */
  readonly #users = new Map<Value, Value[]>();
  readonly #data = new Map<Value, TypedArray>();

  constructor({ engine, loss }: Passes, recorder: Recorder) {
    this.#engine = engine;
    this.#recorder = recorder;
    this.#loss = loss;
    for (const value of recorder.graph([loss]).order) {
      if (recorder.gradientOf(value) === undefined) continue;
      for (const input of new Set(value.inputs)) {
        const users = this.#users.get(input);
        if (users === undefined) this.#users.set(input, [value]);
        else users.push(value);
      }
    }
  }

  links(weight: Value, at: number, path: string): ChainLink[] {
    this.#compute(weight);
    const links: ChainLink[] = [];
    let [value, place] = [weight, at];
    for (;;) {
      const terms = this.#contributions(value, place);
      const shown = terms.slice(0, mostContributions);
      const { op: name, call, module, line } = this.#recorder.placeOf(value);
      links.unshift({
        op: value === weight ? path : name,
        call,
        module,
        line,
        shape: [...value.shape],
        index: indexAt(place, value.shape),
        value: this.#element(value, place),
        gradient: this.#element(this.#recorder.gradientOf(value) as Value, place),
        contributions: shown.map(({ user, place: to, ...rest }) => ({
          op: this.#recorder.placeOf(user).op,
          index: indexAt(to, user.shape),
          ...rest,
        })),
        rest: terms.slice(mostContributions).reduce((sum, { product }) => sum + product, 0),
        others: Math.max(0, terms.length - mostContributions),
      });
      const first = terms[0];
      if (value === this.#loss || first === undefined) return links;
      [value, place] = [first.user, first.place];
    }
  }

  /** All that the links may look at, in one run. */
  #compute(weight: Value): void {
    const wanted = new Set<Value>();
    const seen = new Set<Value>();
    const visit = (value: Value): void => {
      if (seen.has(value)) return;
      seen.add(value);
      wanted.add(value);
      wanted.add(this.#recorder.gradientOf(value) as Value);
      for (const user of this.#users.get(value) ?? []) {
        for (const input of user.inputs) wanted.add(input);
        visit(user);
      }
    };
    visit(weight);
    const values = [...wanted];
    elementsApart(this.#engine, values).forEach((data, i) => this.#data.set(values[i] as Value, data));
  }

  #element(value: Value, place: number): number {
    return this.#data.get(value)?.[place] as number;
  }

  /** By magnitude, the largest first; those that are 0 are left out. */
  #contributions(value: Value, place: number): (Omit<Contribution, "op" | "index"> & { user: Value; place: number })[] {
    const dataOf = (x: Value): TypedArray => this.#data.get(x) as TypedArray;
    return (this.#users.get(value) ?? [])
      .flatMap((user) => {
        const gradients = dataOf(this.#recorder.gradientOf(user) as Value);
        return slopesOf(user, value, place, dataOf).map(([to, local]) => {
          const gradient = gradients[to] as number;
          return { user, place: to, local, gradient, product: local * gradient };
        });
      })
      .sort((a, b) => Math.abs(b.product) - Math.abs(a.product));
  }
}

/** The parts of the gradient that flow back through the output, by its first dim. */
function samplesOf({ engine, output }: Passes, recorder: Recorder, weight: Value, at: number): number[] {
  const gradient = recorder.gradientOf(output);
  const count = output.shape[0] ?? 1;
  const shares = new Array<number>(count).fill(0);
  if (gradient === undefined) return shares;
  const column = flowTo(output, weight, at);
  const [slopes, incoming] = elementsApart(engine, [column, gradient]) as [TypedArray, TypedArray];
  const each = slopes.length / count;
  slopes.forEach((slope, i) => {
    const sample = Math.floor(i / each);
    shares[sample] = (shares[sample] as number) + slope * (incoming[i] as number);
  });
  return shares;
}

/** Runs a body in which a parameter has other elements. */
function withContent<T>(part: Inner, data: TypedArray, body: () => T): T {
  const { value } = part;
  part.value = makeLeaf(value.shape, value.dtype, { kind: "data", data }, true);
  try {
    return body();
  } finally {
    part.value = value;
  }
}

/** Where the errors of rounding and of the step's width are about equal: ³√ε, relative. */
function stepFor(value: number, dtype: Dtype): number {
  return (dtype === "float64" ? 2 ** -17 : 2 ** -7) * Math.max(1, Math.abs(value));
}

function parameterAt(model: Module, path: string): Parameter {
  const named = new Map(model.namedParameters());
  const parameter = named.get(path);
  if (parameter !== undefined) return parameter;
  const near = nearest(String(path), named.keys());
  throw new TwopassError({
    op,
    problem: `the model has no parameter ${JSON.stringify(path)}`,
    hint: near === undefined ? `it has ${[...named.keys()].slice(0, 8).join(", ")}` : `did you mean "${near}"?`,
  });
}

/** The place of an index in row-major order. */
function placeOf(path: string, index: readonly number[], shape: readonly number[]): number {
  const isIn = (i: number, dim: number): boolean => Number.isInteger(i) && i >= 0 && i < (shape[dim] as number);
  if (!Array.isArray(index) || index.length !== shape.length || !index.every(isIn)) {
    throw new TwopassError({
      op,
      problem: "the index must have one whole number for each dim, counted from 0",
      facts: `${Array.isArray(index) ? showShape(index) : describe(index)} for ${path} ${showShape(shape)}`,
    });
  }
  const strides = stridesOf(shape);
  return index.reduce((sum, i, dim) => sum + i * (strides[dim] as number), 0);
}

function indexAt(place: number, shape: readonly number[]): number[] {
  return stridesOf(shape).map((stride, dim) => Math.floor(place / stride) % (shape[dim] as number));
}
