/**
 * The base of optimisers: groups of parameters, their settings, their state, and the step. A step is a graph like any
 * other; what changes from step to step (rates, corrections by the number of steps) is computed on the host in float64
 * and read when it runs, so that it compiles nothing. Floor: optim.
 */
import { type Dtype, allocate } from "../base/dtype.ts";
import { TwopassError, checkOptions, describe } from "../base/errors.ts";
import { type Shape, sameShape, sizeOf } from "../base/shape.ts";
import { withMode } from "../ir/mode.ts";
import type { Value } from "../ir/value.ts";
import { resultOf } from "../ops/call.ts";
import { kit } from "../ops/kit.ts";
import { makeLeaf } from "../ops/leaf.ts";
import { hostEffect, structureChanged, structureChanges, tracing } from "../tensor/capture.ts";
import type { Engine } from "../tensor/engine.ts";
import { type DeviceName, currentEngine, withDevice } from "../tensor/engines.ts";
import { Inner, inner } from "../tensor/inner.ts";
import { StoredTensor } from "../tensor/stored.ts";
import { switches } from "../tensor/switches.ts";
import { Tensor } from "../tensor/tensor.ts";
import { hintForgotten, noteOptimized, watchedSteps } from "./forgotten.ts";
import { noteReads, overlay, watched } from "./group-settings.ts";
import { type KnownUpdate, type StateAccess, callUpdate, learnUpdate } from "./known-update.ts";
import { checkParameter, checkStates, contentOf, isIterable, isState, readGroups } from "./optimizer-input.ts";
import { checkSettings } from "./settings.ts";

/** A group of parameters with its settings, which may be changed between steps. */
export type ParamGroup<S> = S & { readonly params: readonly StoredTensor[] };

/** Parameters of one group, and settings that differ from the optimiser's. */
export type GroupOptions<S> = Partial<S> & { readonly params: Iterable<StoredTensor> };

/** What an optimiser updates: `model.parameters()`, or groups with settings of their own. */
export type ParamList<S> = Iterable<StoredTensor> | Iterable<GroupOptions<S>>;

/** State of all parameters by their number, and the settings of the groups. The tensors are live. */
export interface OptimizerState {
  readonly state: Readonly<Record<number, Readonly<Record<string, Tensor | number>>>>;
  readonly paramGroups: readonly Readonly<Record<string, unknown>>[];
}

/** How often the parameters that share it were updated. */
interface Counter {
  steps: number;
}

/** What an optimiser keeps for one parameter. */
interface ParamState {
  counter: Counter;
  readonly tensors: Map<string, StoredTensor>;
}

/** The state of the parameter that is being updated, by the names in `stateNames`. */
export interface ParameterState {
  /** The content of a state tensor, of the parameter's shape and dtype; `initial` everywhere (default 0) at first. */
  get(name: string, initial?: number): Tensor;
  /** Replaces that content. @throws for another shape or dtype. */
  set(name: string, content: Tensor): void;
}

/** Those of the settings that are numbers. */
export type NumberSettings<S> = { readonly [K in keyof S as S[K] extends number ? K : never]: number };

/** Numbers as 0-d tensors. */
export type Tensors<N> = { readonly [K in keyof N]: Tensor };

/** The numbers that the parameters of one history and dtype share: their names, and vertices in the same order. */
interface Shared<N> {
  readonly names: readonly string[];
  readonly values: readonly Value[];
  /** The same as tensors of a device, made where `update` is asked. */
  tensors: Tensors<N> | undefined;
  engine: Engine | undefined;
}

/** The known updates of a group, while no setting changes what they do. */
interface KnownUpdates {
  readonly changes: number;
  /** By the type of the parameters; without an update where it must be asked for each time. */
  readonly list: { readonly shape: Shape; readonly dtype: Dtype; readonly update: KnownUpdate | undefined }[];
}

/**
 * The base of optimisers. `step()` reads the gradients that `backward()` left, and updates the parameters in place.
 *
 * For an optimiser of one's own, extend it and write `update`; `numbers` and `stateNames` where it needs them. Parameter
 * groups, changed rates, `compile()`, and saved states then work as for any other.
 *
 * `S` are the settings of a group, `N` the numbers that a step uses; default: the settings that are numbers.
 *
 * Differs from PyTorch: `update` says what happens to one parameter, and `step` calls it for each.
 *
 * @example
 * class SignDescent extends Optimizer<{ lr: number }> {
 *   constructor(parameters: Iterable<nn.Parameter>, options: { lr?: number } = {}) {
 *     super(parameters, options, { lr: 0.01 });
 *   }
 *   protected override update(_group: object, n: { lr: Tensor }, p: Tensor, g: Tensor): Tensor {
 *     return p.sub(g.sign().mul(n.lr));
 *   }
 * }
 * const w = new nn.Parameter(tensor([1, 2]));
 * const signs = new SignDescent([w], { lr: 0.5 });
 * w.mul(tensor([3, -4])).sum().backward();
 * signs.step();
 * await w.array(); // [0.5, 2.5]
 */
export abstract class Optimizer<S extends object, N = NumberSettings<S>> {
  /** Settings of groups that do not give their own. */
  readonly defaults: Readonly<S>;
  /** Groups of parameters with their settings: `optimizer.paramGroups[0].lr = 0.01`. */
  readonly paramGroups: ParamGroup<S>[] = [];
  readonly #states = new Map<StoredTensor, ParamState>();
  readonly #known = new Map<ParamGroup<S>, KnownUpdates>();
  /** Those whose settings are watched: a group that a program puts in the place of one is not. */
  readonly #groups = new WeakSet<ParamGroup<S>>();
  /** Whether the class itself says so: one that extends it may do otherwise. */
  readonly #hasFixedUpdate = Object.hasOwn(this.constructor, "hasFixedUpdate");
  #watched = 0;

  constructor(parameters: ParamList<S>, options: Partial<S> | undefined, standard: S) {
    const op = this.constructor.name;
    checkOptions(op, options, Object.keys(standard));
    this.defaults = checkSettings(op, overlay(standard, options), standard);
    for (const group of readGroups<S>(op, parameters)) this.addParamGroup(group);
    if (this.paramGroups.length === 0) {
      throw new TwopassError({
        op,
        problem: "got no parameters",
        hint: "give model.parameters(), after the layers are made",
      });
    }
  }

  /** Names of the tensors that `update` keeps for a parameter; default none. A saved state with others is refused. */
  protected readonly stateNames: readonly string[] = [];

  /**
   * The numbers of a step, such as a rate that is corrected by the count of steps: computed at each step, in float64, also
   * where the step is compiled. `step` counts from 1. Default: the settings of the group that are numbers.
   */
  protected numbers(group: S, _step: number): N {
    return Object.fromEntries(Object.entries(group).filter(([, value]) => typeof value === "number")) as N;
  }

  /**
   * The new content of a parameter `p` with gradient `g`, both of its shape and dtype. `n` are the numbers as 0-d tensors.
   *
   * It only says what to compute, in operations on tensors, and must follow from its arguments alone: inside of `compile()`
   * it is not asked at each step. It may use settings from `group`; where one of them changes it is asked again and a compiled
   * step is traced again, so numbers that change often are better taken from `n`.
   *
   * Where the class itself has `static readonly hasFixedUpdate = true` it is asked once for each shape, dtype and group,
   * and a step costs as little as one of the library's.
   */
  protected abstract update(group: Readonly<S>, n: Tensors<N>, p: Tensor, g: Tensor, state: ParameterState): Tensor;

  /** Adds parameters with settings of their own, such as those of a layer that is unfrozen. */
  addParamGroup(group: GroupOptions<S>): void {
    const op = this.constructor.name;
    const { params, ...own } = group;
    checkOptions(op, own, Object.keys(this.defaults));
    const list = isIterable(params) ? [...params] : [params];
    if (list.length === 0) throw new TwopassError({ op, problem: "a group without parameters" });
    const counter: Counter = { steps: 0 };
    for (const parameter of list) {
      checkParameter(op, parameter);
      if (this.#states.has(parameter)) {
        throw new TwopassError({ op, problem: "a parameter comes twice", facts: parameter.label });
      }
      this.#states.set(parameter, { counter, tensors: new Map() });
      noteOptimized(parameter[inner]);
    }
    const settings = checkSettings(op, overlay(this.defaults, own as Partial<S>), this.defaults);
    const watching = Object.assign(watched(settings), { params: list as readonly StoredTensor[] });
    this.#groups.add(watching);
    this.paramGroups.push(watching);
    structureChanged("a parameter group was added");
  }

  /** Unsets the gradients of all parameters. */
  zeroGrad(): void {
    for (const { params } of this.paramGroups) for (const parameter of params) parameter.grad = null;
  }

  /** Updates all parameters that have a gradient, and runs all that is pending. Where `update` throws, nothing is updated. */
  step(): void {
    const engines = new Set<Engine>();
    try {
      withMode({ phase: 2, grad: false }, () => {
        for (const group of this.paramGroups) {
          for (const [counter, parameters] of this.#countSteps(group.params))
            this.#updateAll(group, counter, parameters, engines);
        }
      });
    } catch (error) {
      // No part of a step is made. A trace takes itself back.
      if (tracing() === undefined) for (const engine of engines) engine.abandon();
      throw error;
    }
    if (this.#watched < watchedSteps) {
      this.#watched++;
      for (const engine of engines.size === 0 ? [currentEngine()] : engines) hintForgotten(engine);
    }
    for (const engine of engines) engine.run([]);
  }

  /** The parameters that have a gradient by their counter, which is advanced. Those without one keep their count. */
  #countSteps(parameters: readonly StoredTensor[]): Map<Counter, StoredTensor[]> {
    const active = new Map<Counter, StoredTensor[]>();
    const idle = new Map<Counter, ParamState[]>();
    for (const parameter of parameters) {
      const state = this.#states.get(parameter) as ParamState;
      if (parameter[inner].gradient === undefined) push(idle, state.counter, state);
      else push(active, state.counter, parameter);
    }
    for (const counter of active.keys()) {
      const left = idle.get(counter);
      const held = { steps: counter.steps };
      for (const state of left ?? []) state.counter = held;
      hostEffect(() => {
        counter.steps++;
        return () => {
          counter.steps--;
        };
      }, true);
    }
    return active;
  }

  #updateAll(group: ParamGroup<S>, counter: Counter, parameters: readonly StoredTensor[], engines: Set<Engine>): void {
    const shared = new Map<Dtype, Shared<N>>();
    for (const parameter of parameters) {
      const part = parameter[inner];
      tracing()?.noteGradient(part, true);
      const engine = part.engine ?? currentEngine();
      engines.add(engine);
      let numbers = shared.get(parameter.dtype);
      if (numbers === undefined) {
        numbers = this.#numbers(group, counter, parameter.dtype);
        shared.set(parameter.dtype, numbers);
      }
      const maximize = "maximize" in group && group.maximize === true;
      const gradient = part.gradient as Value;
      const g = maximize ? kit.neg(gradient) : gradient;
      const known = switches.eager ? undefined : this.#knownUpdate(group, numbers, parameter, g);
      if (known !== undefined) this.#again(known, numbers, parameter, g, engine);
      else engine.noteWrite(part, this.#ask(group, numbers, parameter, g, this.#access(parameter, engine)));
    }
  }

  #numbers(group: S, counter: Counter, dtype: Dtype): Shared<N> {
    let numbers = {} as Readonly<Record<string, number>>;
    hostEffect(() => {
      numbers = this.numbers(group, counter.steps) as typeof numbers;
    });
    const names = Object.keys(numbers);
    const values = names.map((name) => {
      if (typeof numbers[name] !== "number") {
        throw new TwopassError({
          op: `${this.constructor.name}.numbers`,
          problem: `${name} must be a number`,
          facts: `got ${describe(numbers[name])}`,
        });
      }
      return makeLeaf([], dtype, { kind: "slot", read: () => numbers[name] as number });
    });
    return { names, values, tensors: undefined, engine: undefined };
  }

  /** What `update` makes of vertices. */
  #ask(group: ParamGroup<S>, shared: Shared<N>, parameter: StoredTensor, g: Value, access: StateAccess): Value {
    const engine = parameter[inner].engine ?? currentEngine();
    const wrap = (value: Value): Tensor => new Tensor(new Inner(value, engine));
    if (shared.tensors === undefined || shared.engine !== engine) {
      shared.tensors = Object.fromEntries(
        shared.names.map((name, i) => [name, wrap(shared.values[i] as Value)]),
      ) as Tensors<N>;
      shared.engine = engine;
    }
    const op = this.constructor.name;
    const { tensors } = shared;
    const state: ParameterState = {
      get: (name, initial) => wrap(access.get(name, initial)),
      set: (name, content) => access.set(name, contentOf(op, name, content, parameter)),
    };
    const next = noteReads(() => this.update(group, tensors, wrap(parameter[inner].value), wrap(g), state));
    return contentOf(op, "the new content", next, parameter);
  }

  /** What `update` does with parameters of this type; undefined where it must be asked each time. */
  #knownUpdate(group: ParamGroup<S>, shared: Shared<N>, parameter: StoredTensor, g: Value): KnownUpdate | undefined {
    if (!this.#hasFixedUpdate || !this.#groups.has(group)) return undefined;
    let known = this.#known.get(group);
    if (known === undefined || known.changes !== structureChanges()) {
      known = { changes: structureChanges(), list: [] };
      this.#known.set(group, known);
    }
    const { shape, dtype } = parameter;
    const found = known.list.find((entry) => dtype === entry.dtype && sameShape(shape, entry.shape));
    if (found !== undefined) return found.update;
    const given = [parameter[inner].value, g, ...shared.values];
    const update = learnUpdate(
      given,
      (name, initial) => this.#stateOf(parameter, name, initial).value,
      (state) => this.#ask(group, shared, parameter, g, state),
    );
    known.list.push({ shape, dtype, update });
    return update;
  }

  /** Updates a parameter by a graph that is known. */
  #again(known: KnownUpdate, { values }: Shared<N>, parameter: StoredTensor, g: Value, engine: Engine): void {
    const part = parameter[inner];
    const given = [part.value, g, ...values];
    const call = callUpdate(known, given, (name, initial) => this.#stateOf(parameter, name, initial).value);
    const { writes } = known;
    for (let i = 0; i < writes.length; i++) {
      engine.noteWrite(this.#stateOf(parameter, writes[i] as string), resultOf(call, i), true);
    }
    engine.noteWrite(part, resultOf(call, writes.length));
  }

  #access(parameter: StoredTensor, engine: Engine): StateAccess {
    return {
      get: (name, initial) => this.#stateOf(parameter, name, initial).value,
      set: (name, value) => engine.noteWrite(this.#stateOf(parameter, name), value),
    };
  }

  #stateOf(parameter: StoredTensor, name: string, initial = 0): Inner {
    const { tensors } = this.#states.get(parameter) as ParamState;
    let tensor = tensors.get(name);
    if (tensor === undefined) {
      if (!this.stateNames.includes(name)) {
        throw new TwopassError({
          op: this.constructor.name,
          problem: `the state "${name}" is not in stateNames`,
          facts: this.stateNames.length === 0 ? "which is empty" : `which has ${this.stateNames.join(", ")}`,
          hint: `protected override readonly stateNames = ["${name}"]`,
        });
      }
      const data = allocate(parameter.dtype, sizeOf(parameter.shape)).fill(initial);
      tensor = store({ data, shape: parameter.shape, dtype: parameter.dtype }, parameter, name);
      tensors.set(name, tensor);
    }
    // A parameter that was moved takes its state along.
    if (tensor.dtype !== parameter.dtype || tensor[inner].engine !== parameter[inner].engine) {
      tensor.to_({ device: parameter.device as DeviceName, dtype: parameter.dtype });
    }
    return tensor[inner];
  }

  /** State and settings, as PyTorch arranges them: parameters are numbered through all groups. */
  stateDict(): OptimizerState {
    const state: Record<number, Record<string, Tensor | number>> = {};
    let number = 0;
    const paramGroups = this.paramGroups.map(({ params, ...settings }) => {
      const numbers = params.map((parameter) => {
        const { counter, tensors } = this.#states.get(parameter) as ParamState;
        if (counter.steps > 0) state[number] = { step: counter.steps, ...Object.fromEntries(tensors) };
        return number++;
      });
      return { ...settings, params: numbers };
    });
    return { state, paramGroups };
  }

  /**
   * Copies a state that `stateDict()` of an optimiser over parameters of the same shapes gave.
   *
   * @throws where groups, parameters, names or shapes differ. Nothing is changed then.
   */
  loadStateDict(from: OptimizerState): void {
    const op = `${this.constructor.name}.loadStateDict`;
    if (!isState(from)) {
      throw new TwopassError({
        op,
        problem: "a state has the fields state and paramGroups",
        facts: `got ${describe(from)}`,
        hint: "give what stateDict() of an optimiser gave",
      });
    }
    const all = this.paramGroups.flatMap((group) => group.params);
    const sizes = this.paramGroups.map((group) => group.params.length).join(", ");
    const given = from.paramGroups.map((group) => (group["params"] as readonly number[]).length).join(", ");
    if (sizes !== given) {
      throw new TwopassError({
        op,
        problem: "the groups differ",
        facts: `groups of ${sizes} parameters, the state of ${given}`,
      });
    }
    checkStates(op, all, from.state, this.stateNames);
    const settings = from.paramGroups.map((group) => {
      const own = Object.fromEntries(Object.entries(group).filter(([key]) => key !== "params"));
      checkOptions(op, own, Object.keys(this.defaults));
      return checkSettings(op, own, this.defaults);
    });
    this.paramGroups.forEach((group, i) => Object.assign(group, settings[i]));
    all.forEach((parameter, i) => {
      const { step = 0, ...entries } = from.state[i] ?? {};
      const tensors = new Map<string, StoredTensor>();
      for (const [name, value] of Object.entries(entries)) {
        if (!(value instanceof Tensor)) continue;
        const content = value.dtype === parameter.dtype ? value : value.to(parameter.dtype);
        tensors.set(name, store(content, parameter, name));
      }
      this.#states.set(parameter, { counter: { steps: Number(step) }, tensors });
    });
    this.#joinCounters();
    structureChanged("loadStateDict() of an optimiser");
  }

  /** Parameters of one group with equal counts share a counter again, and so their numbers. */
  #joinCounters(): void {
    for (const { params } of this.paramGroups) {
      const counters = new Map<number, Counter>();
      for (const parameter of params) {
        const state = this.#states.get(parameter) as ParamState;
        const known = counters.get(state.counter.steps);
        if (known === undefined) counters.set(state.counter.steps, state.counter);
        else state.counter = known;
      }
    }
  }
}

/** A state tensor on the device of its parameter. */
export function store(
  content: ConstructorParameters<typeof StoredTensor>[0],
  parameter: StoredTensor,
  name: string,
): StoredTensor {
  return withDevice(
    parameter.device as DeviceName,
    () => new StoredTensor(content, { label: `${name} of ${parameter.label}` }),
  );
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
