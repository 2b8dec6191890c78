/**
 * The base of optimisers: groups of parameters, their settings, their state, and the step. A step is a graph like any
 * other; what changes from step to step (rates, corrections by the number of steps) is computed on the host in float64
 * and read when it runs, so that it compiles nothing. Floor: optim.
 */
import type { Dtype } from "../base/dtype.ts";
import { TwopassError, checkOptions, describe } from "../base/errors.ts";
import { withMode } from "../ir/mode.ts";
import { type Value, watching } from "../ir/value.ts";
import { resultOf } from "../ops/call.ts";
import { kit } from "../ops/kit.ts";
import { makeLeaf } from "../ops/leaf.ts";
import { hostEffect, structureChanged, tracing } from "../tensor/capture.ts";
import type { Engine } from "../tensor/engine.ts";
import { currentEngine } from "../tensor/engines.ts";
import { Inner, inner } from "../tensor/inner.ts";
import type { StoredTensor } from "../tensor/stored.ts";
import { hint, switches } from "../tensor/switches.ts";
import { Tensor } from "../tensor/tensor.ts";
import { hintForgotten, mostSearches, noteOptimized } from "./forgotten.ts";
import { noteReads, overlay, watched } from "./group-settings.ts";
import { type KnownUpdate, KnownUpdates, type StateAccess, callUpdate, learnUpdate } from "./known-update.ts";
import {
  checkNumbers,
  checkParameter,
  checkStates,
  contentOf,
  isIterable,
  isState,
  readGroups,
} from "./optimizer-input.ts";
import { type Counter, type OptimizerState, StateStore, checkStateName } from "./optimizer-state.ts";
import { checkSettings } from "./settings.ts";

/** A group of parameters with its settings, which may be changed between steps. */
export type ParamGroup<S> = S & { readonly params: readonly StoredTensor[] };

/** Parameters of one group, and settings that differ from the optimiser's. */
export type GroupOptions<S> = Partial<S> & { readonly params: Iterable<StoredTensor> };

/** What an optimiser updates: `model.parameters()`, or groups with settings of their own. */
export type ParamList<S> = Iterable<StoredTensor> | Iterable<GroupOptions<S>>;

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

/** What a step writes, once all its updates were asked. */
interface Content {
  readonly owner: Inner;
  readonly value: Value;
  readonly isNew: boolean;
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
  /** What the class gives as its settings: those of groups must be like them. */
  readonly #standard: S;
  readonly #states = new StateStore();
  readonly #known = new Map<ParamGroup<S>, KnownUpdates>();
  /** Those whose settings are watched: a group that a program puts in the place of one is not. */
  readonly #groups = new WeakSet<ParamGroup<S>>();
  /** Whether the class itself says so: one that extends it may do otherwise. */
  readonly #hasFixedUpdate =
    Object.hasOwn(this.constructor, "hasFixedUpdate") &&
    (this.constructor as { readonly hasFixedUpdate?: unknown }).hasFixedUpdate === true;
  /** How often it has looked for parameters that nobody updates. */
  #searches = 0;

  constructor(parameters: ParamList<S>, options: Partial<S> | undefined, standard: S) {
    const op = this.constructor.name;
    checkOptions(op, options, Object.keys(standard));
    this.#standard = standard;
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
   * where the step is compiled; their names must stay the same there. `step` counts from 1. Default: the settings of the
   * group that are numbers.
   */
  protected numbers(group: S, _step: number): N {
    return Object.fromEntries(Object.entries(group).filter(([, value]) => typeof value === "number")) as N;
  }

  /**
   * The new content of a parameter `p` with gradient `g`, both of its shape and dtype. `n` are the numbers as 0-d tensors.
   *
   * It only says what to compute, in operations on tensors, and must follow from its arguments alone: inside of `compile()`
   * it is not asked at each step. It may use settings from `group`; where one of them changes it is asked again, and every
   * compiled function of the program is traced again, so numbers that change often are better taken from `n`.
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
      this.#states.add(parameter, counter);
      noteOptimized(parameter[inner]);
    }
    const settings = checkSettings(op, overlay(this.defaults, own as Partial<S>), this.#standard);
    const watching = Object.assign(watched(settings), { params: list as readonly StoredTensor[] });
    this.#groups.add(watching);
    this.paramGroups.push(watching);
    structureChanged("a parameter group was added");
  }

  /** Unsets the gradients of all parameters. */
  zeroGrad(): void {
    for (const { params } of this.paramGroups) for (const parameter of params) parameter.grad = null;
  }

  /**
   * Updates all parameters that have a gradient, and runs all that is pending. All updates are asked before anything is
   * written: where `numbers` or `update` throws, no parameter, state or count changes, and what else is pending stays so.
   */
  step(): void {
    const contents: Content[] = [];
    const engines = new Set<Engine>();
    withMode({ phase: 2, grad: false }, () => {
      const counted = this.paramGroups.flatMap((group) => {
        const all = this.#states.byCounter(group.params);
        for (const { counter, active } of all) this.#askAll(group, counter, active, contents, engines);
        return all;
      });
      for (const each of counted) this.#states.count(each);
      for (const { owner, value, isNew } of contents) {
        (owner.engine ?? currentEngine()).noteWrite(owner, value, isNew);
      }
    });
    if (this.#searches < mostSearches) {
      this.#searches++;
      for (const engine of engines.size === 0 ? [currentEngine()] : engines) hintForgotten(engine);
      if (contents.length === 0) {
        hint("step() finds no gradient and changes nothing: call backward() before it, and zeroGrad() before that");
      }
    }
    for (const engine of engines) engine.run([]);
  }

  #askAll(
    group: ParamGroup<S>,
    counter: Counter,
    parameters: readonly StoredTensor[],
    contents: Content[],
    engines: Set<Engine>,
  ): void {
    const shared = new Map<Dtype, Shared<N>>();
    for (const parameter of parameters) {
      const part = parameter[inner];
      tracing()?.noteGradient(part, true);
      engines.add(part.engine ?? currentEngine());
      let numbers = shared.get(parameter.dtype);
      if (numbers === undefined) {
        numbers = this.#numbers(group, counter, parameter.dtype);
        shared.set(parameter.dtype, numbers);
      }
      const maximize = "maximize" in group && group.maximize === true;
      const gradient = part.gradient as Value;
      const g = maximize ? kit.neg(gradient) : gradient;
      const isSeen = switches.eager || watching.made !== undefined;
      const known = isSeen ? undefined : this.#knownUpdate(group, numbers, parameter, g);
      if (known !== undefined) this.#again(known, numbers, parameter, g, contents);
      else this.#askOne(group, numbers, parameter, g, contents);
    }
  }

  #numbers(group: S, counter: Counter, dtype: Dtype): Shared<N> {
    const op = `${this.constructor.name}.numbers`;
    let numbers: Readonly<Record<string, number>> | undefined;
    hostEffect(() => {
      // In front of the count, which is that of the steps before.
      numbers = checkNumbers(op, this.numbers(group, counter.steps + 1), numbers);
    });
    const names = Object.keys(numbers ?? {});
    const values = names.map((name) => makeLeaf([], dtype, { kind: "slot", read: () => numbers?.[name] as number }));
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
      get: (name, initial) => {
        checkStateName(op, name, this.stateNames);
        return wrap(access.get(name, initial));
      },
      set: (name, content) => {
        checkStateName(op, name, this.stateNames);
        access.set(name, contentOf(op, name, content, parameter));
      },
    };
    const next = noteReads(() => this.update(group, tensors, wrap(parameter[inner].value), wrap(g), state));
    return contentOf(op, "the new content", next, parameter);
  }

  /** What `update` does with parameters of this type; undefined where it must be asked each time. */
  #knownUpdate(group: ParamGroup<S>, shared: Shared<N>, parameter: StoredTensor, g: Value): KnownUpdate | undefined {
    if (!this.#hasFixedUpdate || !this.#groups.has(group)) return undefined;
    let known = this.#known.get(group);
    if (known === undefined || !known.hold) {
      known = new KnownUpdates();
      this.#known.set(group, known);
    }
    const found = known.find(parameter, shared.names);
    if (found !== undefined) return found.update;
    const given = [parameter[inner].value, g, ...shared.values];
    const update = learnUpdate(
      given,
      (name, initial) => this.#states.stateOf(parameter, name, initial).value,
      (state) => this.#ask(group, shared, parameter, g, state),
    );
    return known.add(parameter, shared.names, update);
  }

  /** What a graph that is known makes of a parameter. */
  #again(known: KnownUpdate, { values }: Shared<N>, parameter: StoredTensor, g: Value, contents: Content[]): void {
    const owner = parameter[inner];
    const given = [owner.value, g, ...values];
    const call = callUpdate(known, given, (name, initial) => this.#states.stateOf(parameter, name, initial).value);
    const { writes } = known;
    for (let i = 0; i < writes.length; i++) {
      const state = this.#states.stateOf(parameter, writes[i] as string);
      contents.push({ owner: state, value: resultOf(call, i), isNew: true });
    }
    contents.push({ owner, value: resultOf(call, writes.length), isNew: false });
  }

  /** What `update` makes of a parameter. */
  #askOne(group: ParamGroup<S>, shared: Shared<N>, parameter: StoredTensor, g: Value, contents: Content[]): void {
    const written = new Map<string, Value>();
    const content = this.#ask(group, shared, parameter, g, {
      get: (name, initial) => written.get(name) ?? this.#states.stateOf(parameter, name, initial).value,
      set: (name, value) => void written.set(name, value),
    });
    for (const [name, value] of written) {
      contents.push({ owner: this.#states.stateOf(parameter, name), value, isNew: false });
    }
    contents.push({ owner: parameter[inner], value: content, isNew: false });
  }

  /** State and settings, as PyTorch arranges them: parameters are numbered through all groups. */
  stateDict(): OptimizerState {
    const state: Record<number, Record<string, Tensor | number>> = {};
    let number = 0;
    const paramGroups = this.paramGroups.map(({ params, ...settings }) => {
      const numbers = params.map((parameter) => {
        const saved = this.#states.saved(parameter);
        if (saved !== undefined) state[number] = saved;
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
      return checkSettings(op, own, this.#standard);
    });
    this.paramGroups.forEach((group, i) => Object.assign(group, settings[i]));
    this.#states.load(
      this.paramGroups.map((group) => group.params),
      from.state,
    );
    structureChanged("loadStateDict() of an optimiser");
  }
}
