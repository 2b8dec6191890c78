/**
 * L-BFGS. A step needs the loss at several points, so it takes a closure, reads, and is async; the history of directions
 * and its arithmetic are in JavaScript, in float64 but for what is kept of float32 parameters. Floor: optim.
 */
import { type Dtype, allocate } from "../base/dtype.ts";
import { TwopassError, checkOptions, describe } from "../base/errors.ts";
import { fromElements } from "../tensor/creation.ts";
import { inner } from "../tensor/inner.ts";
import type { StoredTensor } from "../tensor/stored.ts";
import { Tensor } from "../tensor/tensor.ts";
import { noteOptimized } from "./forgotten.ts";
import { overlay } from "./group-settings.ts";
import { type Trial, strongWolfe } from "./line-search.ts";
import { checkParameter, isIterable, isState } from "./optimizer-input.ts";
import type { OptimizerState } from "./optimizer-state.ts";
import type { ParamGroup } from "./optimizer.ts";
import { checkSettings, ownSettings } from "./settings.ts";
import { type Vector, addTo, dot, largest, moved, sumOfSizes } from "./vectors.ts";

export interface LBFGSOptions {
  /** Length of a step where there is no line search, and the first length that one tries; default 1. */
  lr: number;
  /** Most directions in one step; default 20. */
  maxIter: number;
  /** Most evaluations of the closure in one step; default maxIter · 1.25, rounded down. */
  maxEval: number;
  /** A step ends where no element of the gradient is larger; default 1e-7. */
  toleranceGrad: number;
  /** A step ends where the loss or all parameters change less; default 1e-9. */
  toleranceChange: number;
  /** Pairs of changes that are kept, each as large as all parameters twice; default 100. */
  historySize: number;
  /** "strong_wolfe", or null (default) for steps of length lr. */
  lineSearchFn: "strong_wolfe" | null;
}

/** A change of the parameters and the change of the gradient that came of it. */
interface Pair {
  readonly step: Vector;
  readonly change: Vector;
  /** 1 / (step · change). */
  readonly ro: number;
}

/** What is kept from one direction to the next. */
interface History {
  readonly iterations: number;
  readonly evaluations: number;
  readonly pairs: readonly Pair[];
  /** The last direction, its length, the gradient and the loss before it. */
  readonly direction: Float64Array;
  readonly t: number;
  readonly gradient: Float64Array;
  readonly loss: number;
  /** Guess of the inverse second derivative. */
  readonly scale: number;
}

const stateNames = [
  "func_evals",
  "n_iter",
  "t",
  "prev_loss",
  "H_diag",
  "d",
  "prev_flat_grad",
  "old_stps",
  "old_dirs",
  "ro",
];

/**
 * L-BFGS: Newton's method with second derivatives guessed from the last steps, for small models and full batches.
 * Liu and Nocedal (1989); the algorithm is PyTorch's, evaluation by evaluation.
 *
 * `step` takes a closure that unsets the gradients, computes the loss, runs `backward` and returns the loss. One group of
 * parameters only. Differs from PyTorch: `step` is async.
 *
 * @param parameters `model.parameters()`.
 * @example
 * const w = new nn.Parameter(tensor([3, 4]));
 * const optimizer = new LBFGS([w], { lineSearchFn: "strong_wolfe" });
 * await optimizer.step(() => {
 *   optimizer.zeroGrad();
 *   const loss = w.sub(1).square().sum();
 *   loss.backward();
 *   return loss;
 * });
 * await w.array(); // [1.0000, 1.0000]
 */
export class LBFGS {
  readonly defaults: Readonly<LBFGSOptions>;
  /** The one group, with its settings, which may be changed between steps. */
  readonly paramGroups: readonly [ParamGroup<LBFGSOptions>];
  readonly #standard: LBFGSOptions;
  readonly #params: readonly StoredTensor[];
  readonly #size: number;
  #history: History | undefined;

  constructor(parameters: Iterable<StoredTensor>, options: Partial<LBFGSOptions> = {}) {
    const maxIter = options.maxIter ?? 20;
    const standard = ownSettings<LBFGSOptions>({
      lr: 1,
      maxIter,
      maxEval: Math.floor(maxIter * 1.25),
      toleranceGrad: 1e-7,
      toleranceChange: 1e-9,
      historySize: 100,
      lineSearchFn: null,
    });
    checkOptions("LBFGS", options, Object.keys(standard));
    this.defaults = checkSettings("LBFGS", overlay(standard, options), standard);
    this.#standard = standard;
    this.#params = readParameters(parameters);
    for (const parameter of this.#params) noteOptimized(parameter[inner]);
    this.#size = this.#params.reduce((sum, p) => sum + p.size, 0);
    this.paramGroups = [{ ...this.defaults, params: this.#params }];
  }

  /** Unsets the gradients of all parameters. */
  zeroGrad(): void {
    for (const parameter of this.#params) parameter.grad = null;
  }

  /**
   * Moves the parameters until the loss stops falling or the limits are reached.
   *
   * @returns the loss before the step, as the closure gave it.
   * @throws what the closure throws; the parameters are then what they were.
   */
  async step(closure: () => Tensor | Promise<Tensor>): Promise<Tensor> {
    if (typeof closure !== "function") {
      throw new TwopassError({
        op: "LBFGS.step",
        problem: "takes a function that computes the loss and its gradients",
        facts: `got ${describe(closure)}`,
        hint: "await optimizer.step(() => { optimizer.zeroGrad(); ...; loss.backward(); return loss; })",
      });
    }
    const [first, loss, gradient] = await this.#evaluate(closure);
    const start = await this.#content();
    const round = first.dtype === "float64" ? (x: number): number => x : Math.fround;
    try {
      this.#history = await this.#descend(closure, { x: start, loss, gradient, round });
    } catch (error) {
      this.#write(start);
      throw error;
    }
    return first;
  }

  async #descend(
    closure: () => Tensor | Promise<Tensor>,
    start: { x: Float64Array; loss: number; gradient: Float64Array; round: (loss: number) => number },
  ): Promise<History | undefined> {
    const o = this.paramGroups[0];
    let history = this.#history;
    let { x, loss, gradient } = start;
    const { round } = start;
    let evaluations = 1;
    const counted = (): number => (this.#history?.evaluations ?? 0) + evaluations;
    if (largest(gradient) <= o.toleranceGrad) return history && { ...history, evaluations: counted() };
    for (let i = 1; i <= o.maxIter; i++) {
      history = this.#nextDirection(history, gradient, loss);
      const { direction } = history;
      const t = history.iterations === 1 ? Math.min(1, 1 / sumOfSizes(gradient)) * o.lr : o.lr;
      history = { ...history, t };
      const slope = dot(gradient, direction);
      if (slope > -o.toleranceChange) break;
      const before = loss;
      if (o.lineSearchFn === "strong_wolfe") {
        const from = { t: 0, loss, gradient, slope };
        const options = { t, reach: largest(direction), least: o.toleranceChange, round };
        const { best, trials } = await strongWolfe(from, options, (length) =>
          this.#tryAt(closure, moved(x, length, direction), length, direction),
        );
        evaluations += trials;
        ({ loss, gradient } = best);
        history = { ...history, t: best.t };
        x = this.#write(moved(x, best.t, direction));
      } else {
        x = this.#write(moved(x, t, direction));
        if (i < o.maxIter) {
          [, loss, gradient] = await this.#evaluate(closure);
          evaluations++;
        }
      }
      if (i === o.maxIter || evaluations >= o.maxEval || largest(gradient) <= o.toleranceGrad) break;
      if (largest(direction) * history.t <= o.toleranceChange || Math.abs(loss - before) < o.toleranceChange) break;
    }
    return history && { ...history, evaluations: counted() };
  }

  async #tryAt(
    closure: () => Tensor | Promise<Tensor>,
    x: Float64Array,
    t: number,
    direction: Float64Array,
  ): Promise<Trial> {
    this.#write(x);
    const [, loss, gradient] = await this.#evaluate(closure);
    return { t, loss, gradient, slope: dot(gradient, direction) };
  }

  /** The direction from a point with this gradient and loss. */
  #nextDirection(last: History | undefined, gradient: Float64Array, loss: number): History {
    const downhill = gradient.map((g) => -g);
    if (last === undefined)
      return { iterations: 1, evaluations: 0, pairs: [], direction: downhill, t: 0, gradient, loss, scale: 1 };
    let { pairs, scale } = last;
    const change = this.#vector(gradient.map((g, i) => g - (last.gradient[i] as number)));
    const step = this.#vector(last.direction.map((d) => d * last.t));
    const curvature = dot(change, step);
    if (curvature > 1e-10) {
      const { historySize } = this.paramGroups[0];
      pairs = [...pairs.slice(Math.max(0, pairs.length + 1 - historySize)), { step, change, ro: 1 / curvature }];
      scale = curvature / dot(change, change);
    }
    const direction = newtonLike(pairs, scale, downhill);
    return { ...last, iterations: last.iterations + 1, pairs, direction, gradient, loss, scale };
  }

  /** The closure's loss, as a tensor and read, and the gradients as one vector. */
  async #evaluate(closure: () => Tensor | Promise<Tensor>): Promise<[Tensor, number, Float64Array]> {
    const loss = await closure();
    if (!(loss instanceof Tensor) || loss.size !== 1) {
      throw new TwopassError({
        op: "LBFGS.step",
        problem: "the closure must return the loss, a tensor of one element",
        facts: `got ${describe(loss)}`,
      });
    }
    const value = await loss.item();
    const gradient = new Float64Array(this.#size);
    let at = 0;
    for (const parameter of this.#params) {
      if (parameter.grad !== null) gradient.set(await parameter.grad.data(), at);
      at += parameter.size;
    }
    return [loss, value, gradient];
  }

  async #content(): Promise<Float64Array> {
    const x = new Float64Array(this.#size);
    let at = 0;
    for (const parameter of this.#params) {
      x.set(await parameter.data(), at);
      at += parameter.size;
    }
    return x;
  }

  /** Writes all parameters; gives what they hold then, which float32 rounds. */
  #write(x: Float64Array): Float64Array {
    let at = 0;
    for (const parameter of this.#params) {
      const part = allocate(parameter.dtype, parameter.size);
      part.set(x.subarray(at, at + parameter.size));
      parameter.load(part);
      x.set(part, at);
      at += parameter.size;
    }
    return x;
  }

  get #dtype(): "float32" | "float64" {
    return this.#params.every((p) => p.dtype === "float32") ? "float32" : "float64";
  }

  /** A vector of the history: as wide as the parameters are. */
  #vector(x: Float64Array): Vector {
    return this.#dtype === "float32" ? Float32Array.from(x) : x;
  }

  /** State and settings; the state is of all parameters together, under number 0. */
  stateDict(): OptimizerState {
    const { params, ...settings } = this.paramGroups[0];
    const paramGroups = [{ ...settings, params: params.map((_, i) => i) }];
    const h = this.#history;
    if (h === undefined) return { state: {}, paramGroups };
    const rows = (vectors: readonly Vector[]): Tensor => {
      const all = allocate(this.#dtype, vectors.length * this.#size);
      vectors.forEach((vector, i) => all.set(vector, i * this.#size));
      return fromElements(all, [vectors.length, this.#size], this.#dtype);
    };
    const wide = (x: Float64Array): Tensor => fromElements(x.slice(), [x.length], "float64");
    const numbers = { func_evals: h.evaluations, n_iter: h.iterations, t: h.t, prev_loss: h.loss, H_diag: h.scale };
    const pairs =
      h.pairs.length === 0
        ? {}
        : {
            old_stps: rows(h.pairs.map((pair) => pair.step)),
            old_dirs: rows(h.pairs.map((pair) => pair.change)),
            ro: wide(Float64Array.from(h.pairs, (pair) => pair.ro)),
          };
    const state = { 0: { ...numbers, d: wide(h.direction), prev_flat_grad: wide(h.gradient), ...pairs } };
    return { state, paramGroups };
  }

  /** Copies a state that `stateDict()` gave. @throws where it does not fit; nothing is changed then. */
  loadStateDict(from: OptimizerState): void {
    const op = "LBFGS.loadStateDict";
    const [group] = isState(from) ? from.paramGroups : [];
    if (group === undefined || (group["params"] as readonly number[]).length !== this.#params.length) {
      throw new TwopassError({
        op,
        problem: "takes the state of an LBFGS over as many parameters",
        facts: `got ${describe(from)}`,
      });
    }
    const own = Object.fromEntries(Object.entries(group).filter(([key]) => key !== "params"));
    checkOptions(op, own, Object.keys(this.defaults));
    const settings = checkSettings(op, own, this.#standard);
    const history = from.state[0] === undefined ? undefined : this.#readHistory(op, from.state[0]);
    Object.assign(this.paramGroups[0], settings);
    this.#history = history;
  }

  #readHistory(op: string, entries: Readonly<Record<string, Tensor | number>>): History {
    const unknown = Object.keys(entries).find((name) => !stateNames.includes(name));
    if (unknown !== undefined) {
      throw new TwopassError({
        op,
        problem: `unknown state "${unknown}"`,
        facts: `LBFGS keeps ${stateNames.join(", ")}`,
        hint: "is it the state of another optimiser?",
      });
    }
    const number = (name: string): number => {
      const value = entries[name];
      if (typeof value === "number") return value;
      throw new TwopassError({ op, problem: `${name} must be a number`, facts: `got ${describe(value)}` });
    };
    const elements = (name: string, size: number, dtype: Dtype): Float64Array => {
      const value = entries[name];
      if (value instanceof Tensor && value.size === size) return Float64Array.from(value.to(dtype).dataSync());
      const found = value instanceof Tensor ? `${value.size} elements` : describe(value);
      throw new TwopassError({ op, problem: `${name} must be a tensor of ${size} elements`, facts: `got ${found}` });
    };
    const ro = entries["ro"] instanceof Tensor ? elements("ro", entries["ro"].size, "float64") : new Float64Array(0);
    const parts = (name: string): Float64Array =>
      ro.length === 0 ? ro : elements(name, ro.length * this.#size, this.#dtype);
    const [steps, changes] = [parts("old_stps"), parts("old_dirs")];
    const row = (all: Float64Array, i: number): Vector => this.#vector(all.slice(i * this.#size, (i + 1) * this.#size));
    return {
      iterations: number("n_iter"),
      evaluations: number("func_evals"),
      pairs: Array.from(ro, (r, i) => ({ step: row(steps, i), change: row(changes, i), ro: r })),
      direction: elements("d", this.#size, "float64"),
      t: number("t"),
      gradient: elements("prev_flat_grad", this.#size, "float64"),
      loss: number("prev_loss"),
      scale: number("H_diag"),
    };
  }
}

function readParameters(parameters: unknown): readonly StoredTensor[] {
  if (!isIterable(parameters)) {
    throw new TwopassError({
      op: "LBFGS",
      problem: "takes a list of parameters",
      facts: `got ${describe(parameters)}`,
      hint: "model.parameters()",
    });
  }
  const list = [...parameters].map((parameter) => {
    checkParameter("LBFGS", parameter);
    return parameter;
  });
  if (list.length > 0 && new Set(list).size === list.length) return list;
  throw new TwopassError({
    op: "LBFGS",
    problem: list.length === 0 ? "got no parameters" : "a parameter comes twice",
    hint: "give model.parameters(), after the layers are made",
  });
}

/** Minus the inverse second derivative times the gradient, by the two loops of Nocedal (1980). */
function newtonLike(pairs: readonly Pair[], scale: number, downhill: Float64Array): Float64Array {
  const q = downhill.slice();
  const shares = new Float64Array(pairs.length);
  for (let i = pairs.length - 1; i >= 0; i--) {
    const { step, change, ro } = pairs[i] as Pair;
    shares[i] = dot(step, q) * ro;
    addTo(q, -(shares[i] as number), change);
  }
  for (let i = 0; i < q.length; i++) q[i] = (q[i] as number) * scale;
  pairs.forEach(({ step, change, ro }, i) => addTo(q, (shares[i] as number) - dot(change, q) * ro, step));
  return q;
}
