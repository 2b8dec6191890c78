/**
 * Means of a model's weights over training, which often predict better than the last ones: weighted toward the newest, or
 * equal. They are tensors of their own beside the model's. Floor: optim.
 */
import { type Dtype, isFloating } from "../base/dtype.ts";
import { TwopassError, checkOptions, describe, showShape } from "../base/errors.ts";
import { sameShape } from "../base/shape.ts";
import { withMode } from "../ir/mode.ts";
import type { Value } from "../ir/value.ts";
import { kit } from "../ops/kit.ts";
import { hostEffect, hostNumber } from "../tensor/capture.ts";
import { currentEngine } from "../tensor/engines.ts";
import { valueOf } from "../tensor/handle.ts";
import { inner } from "../tensor/inner.ts";
import { StoredTensor } from "../tensor/stored.ts";
import { Tensor } from "../tensor/tensor.ts";
import { checkParameter, isIterable } from "./optimizer-input.ts";

/** What has weights: a model, or a list such as `model.parameters()`. */
export type AverageSource =
  | Iterable<StoredTensor>
  | {
      namedParameters(): Iterable<readonly [path: string, parameter: StoredTensor]>;
      namedBuffers(): Iterable<readonly [path: string, buffer: StoredTensor]>;
    };

export interface AverageOptions {
  /** Whether a model's buffers are averaged too (those that are not floating are copied); default false: they stay its own. */
  readonly useBuffers?: boolean;
}

export interface AverageState {
  /** How often `update` was called. */
  readonly updates: number;
  /** The means by the path of the parameter, or by its number in a list. They are live. */
  readonly averages: Readonly<Record<string, Tensor>>;
}

interface Entry {
  readonly name: string;
  readonly weight: StoredTensor;
  readonly average: StoredTensor;
}

abstract class AveragedWeights {
  readonly #entries: readonly Entry[];
  readonly #useBuffers: boolean;
  #updates = 0;
  #isSwapped = false;

  constructor(source: AverageSource, useBuffers: boolean) {
    const op = new.target.name;
    this.#useBuffers = useBuffers;
    this.#entries = weightsOf(op, source, useBuffers).map(([name, weight]) => {
      const average = new StoredTensor(weight, { label: `average of ${weight.label}` });
      return { name, weight, average };
    });
    if (this.#entries.length === 0) {
      throw new TwopassError({ op, problem: "got no parameters", hint: "give the model, after its layers are made" });
    }
  }

  /** The share of the new weights in update number n, from 1. */
  protected abstract shareOf(n: number): number;

  /** How often `update` was called. */
  get updates(): number {
    return this.#updates;
  }

  /** Takes the weights as they are now into the means: after `optimizer.step()`. Runs nothing; the next run does it. */
  update(): void {
    this.#refuseSwapped("update");
    hostEffect(() => {
      this.#updates++;
      return () => {
        this.#updates--;
      };
    }, true);
    const shares = new Map<Dtype, Value>();
    withMode({ phase: 2, grad: false }, () => {
      for (const { weight, average } of this.#entries) {
        const { dtype } = weight;
        let next = valueOf(weight);
        if (isFloating(dtype)) {
          const share = shares.get(dtype) ?? hostNumber(() => this.shareOf(this.#updates), dtype);
          shares.set(dtype, share);
          const mean = valueOf(average);
          next = kit.add(mean, kit.mul(kit.sub(next, mean), share));
        }
        write(average, next);
      }
    });
  }

  /** Exchanges the model's weights and the means; a second call exchanges them back. Runs all that is pending. */
  swap(): void {
    // First what is pending: were it to fail later, the exchange would be taken back with it.
    this.#run();
    withMode({ phase: 2, grad: false }, () => {
      for (const { weight, average } of this.#entries) {
        const [own, mean] = [valueOf(weight), valueOf(average)];
        write(weight, mean);
        write(average, own);
      }
    });
    this.#run();
    this.#isSwapped = !this.#isSwapped;
  }

  /** Calls `body` while the model has the means as its weights; the weights come back whatever happens. */
  async withAverage<T>(body: () => T | Promise<T>): Promise<T> {
    this.#refuseSwapped("withAverage");
    this.swap();
    try {
      return await body();
    } finally {
      this.swap();
    }
  }

  /** Copies the means into another model of the same shapes, or into the model itself. @throws where shapes differ. */
  copyTo(target: AverageSource): void {
    const op = `${this.constructor.name}.copyTo`;
    this.#refuseSwapped("copyTo");
    const weights = weightsOf(op, target, this.#useBuffers).map(([, weight]) => weight);
    const wrong = this.#entries.find(({ average }, i) => {
      const weight = weights[i];
      return weight === undefined || !sameShape(weight.shape, average.shape);
    });
    if (wrong !== undefined || weights.length !== this.#entries.length) {
      throw new TwopassError({
        op,
        problem: "the weights differ",
        facts:
          wrong === undefined
            ? `${weights.length} tensors, and ${this.#entries.length} means`
            : `the mean of ${wrong.name} is ${showShape(wrong.average.shape)}`,
      });
    }
    this.#entries.forEach(({ average }, i) => weights[i]?.assign(average));
  }

  stateDict(): AverageState {
    this.#refuseSwapped("stateDict");
    return {
      updates: this.#updates,
      averages: Object.fromEntries(this.#entries.map(({ name, average }) => [name, average])),
    };
  }

  /** Copies a state that `stateDict()` gave. @throws where it does not fit; nothing is changed then. */
  loadStateDict(state: AverageState): void {
    const op = `${this.constructor.name}.loadStateDict`;
    this.#refuseSwapped("loadStateDict");
    const averages = state?.averages;
    if (!Number.isInteger(state?.updates) || typeof averages !== "object" || averages === null) {
      throw new TwopassError({ op, problem: "a state has updates and averages", facts: `got ${describe(state)}` });
    }
    const faults = this.#entries.flatMap(({ name, average }) => {
      const value: unknown = averages[name];
      if (!(value instanceof Tensor)) return [`${name} is missing`];
      if (sameShape(value.shape, average.shape)) return [];
      return [`${name} has shape ${showShape(average.shape)}, in the state ${showShape(value.shape)}`];
    });
    const names = new Set(this.#entries.map(({ name }) => name));
    for (const name of Object.keys(averages)) if (!names.has(name)) faults.push(`unexpected ${name}`);
    if (faults.length > 0) {
      throw new TwopassError({ op, problem: "the state does not fit", facts: faults.slice(0, 8).join("; ") });
    }
    for (const { name, average } of this.#entries) average.assign(averages[name] as Tensor);
    this.#updates = state.updates;
  }

  #run(): void {
    for (const engine of new Set(this.#entries.map(({ weight }) => weight[inner].engine ?? currentEngine())))
      engine.run([]);
  }

  #refuseSwapped(method: string): void {
    if (!this.#isSwapped) return;
    throw new TwopassError({
      op: `${this.constructor.name}.${method}`,
      problem: "the model has the means as its weights",
      hint: "call it after swap() has put the weights back, or outside of withAverage()",
    });
  }
}

function write(to: StoredTensor, value: Value): void {
  (to[inner].engine ?? currentEngine()).noteWrite(to[inner], value);
}

function weightsOf(op: string, source: AverageSource, useBuffers: boolean): (readonly [string, StoredTensor])[] {
  // A module may be iterable too.
  if (typeof source === "object" && source !== null && "namedParameters" in source) {
    return useBuffers ? [...source.namedParameters(), ...source.namedBuffers()] : [...source.namedParameters()];
  }
  if (isIterable(source)) {
    return [...source].map((weight, i) => {
      checkParameter(op, weight);
      return [String(i), weight];
    });
  }
  throw new TwopassError({
    op,
    problem: "takes a model or its parameters",
    facts: `got ${describe(source)}`,
    hint: "model, or model.parameters()",
  });
}

export interface ExponentialMovingAverageOptions extends AverageOptions {
  /** Share of the old mean; default 0.999. Means over the last 1 / (1 − decay) updates weigh most. */
  readonly decay?: number;
  /** Whether the first updates count more: the share is at most (1 + n) / (10 + n) in update n; default false. */
  readonly warmup?: boolean;
}

/**
 * A mean of weights in which old ones fade: a ← decay · a + (1 − decay) · p, from the weights as they are when it is made.
 *
 * @param source the model, or `model.parameters()`.
 * @example
 * const w = new nn.Parameter(tensor([1]));
 * const ema = new ExponentialMovingAverage([w], { decay: 0.75 });
 * w.assign(5);
 * ema.update();
 * await ema.withAverage(() => w.item()); // 2
 * await w.item(); // 5
 */
export class ExponentialMovingAverage extends AveragedWeights {
  readonly decay: number;
  readonly warmup: boolean;

  constructor(source: AverageSource, options: ExponentialMovingAverageOptions = {}) {
    checkOptions("ExponentialMovingAverage", options, ["decay", "warmup", "useBuffers"]);
    const { decay = 0.999, warmup = false, useBuffers = false } = options;
    if (typeof decay !== "number" || !(decay >= 0 && decay <= 1)) {
      throw new TwopassError({
        op: "ExponentialMovingAverage",
        problem: "decay must be a number from 0 to 1",
        facts: `got ${describe(decay)}`,
      });
    }
    super(source, useBuffers);
    this.decay = decay;
    this.warmup = warmup;
  }

  protected override shareOf(n: number): number {
    return 1 - (this.warmup ? Math.min(this.decay, (1 + n) / (10 + n)) : this.decay);
  }
}

/**
 * The equal mean of the weights at all updates, for stochastic weight averaging: call `update` once an epoch in the last
 * part of a training with `SWALR`. Izmailov et al. (2018). The statistics of batch normalisation are not those of the mean:
 * pass the training data once through the model in training mode while the means are swapped in.
 *
 * @param source the model, or `model.parameters()`.
 * @example
 * const w = new nn.Parameter(tensor([1]));
 * const average = new WeightAverage([w]);
 * average.update();
 * w.assign(5);
 * average.update();
 * await average.withAverage(() => w.item()); // 3
 */
export class WeightAverage extends AveragedWeights {
  constructor(source: AverageSource, options: AverageOptions = {}) {
    checkOptions("WeightAverage", options, ["useBuffers"]);
    super(source, options.useBuffers ?? false);
  }

  protected override shareOf(n: number): number {
    return 1 / n;
  }
}
