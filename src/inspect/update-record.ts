/** The third phase of a traced step: parameters and the optimiser's state before and behind the update. Floor: inspect. */
import { TwopassError, describe } from "../base/errors.ts";
import { asidePath, withMode } from "../ir/mode.ts";
import { type Value, watching } from "../ir/value.ts";
import type { Module } from "../nn/module/module.ts";
import { kit } from "../ops/kit.ts";
import type { OptimizerState } from "../optim/optimizer-state.ts";
import { type Engine, giveUp } from "../tensor/engine.ts";
import { currentEngine } from "../tensor/engines.ts";
import { inner } from "../tensor/inner.ts";
import type { StoredTensor } from "../tensor/stored.ts";
import { Tensor } from "../tensor/tensor.ts";
import { type Gathered, type Gatherings, copyOf } from "./gathering.ts";
import { present } from "./present.ts";
import type { TraceOperation, TraceParameter, TraceValue } from "./trace-format.ts";

/** What a trace needs of an optimiser. */
export interface TraceOptimizer {
  readonly paramGroups: readonly { readonly params: readonly StoredTensor[] }[];
  zeroGrad(): void;
  step(): void;
  stateDict(): OptimizerState;
}

export function checkOptimizer(optimizer: TraceOptimizer): void {
  const isOne = Array.isArray(optimizer?.paramGroups) && typeof optimizer.stateDict === "function";
  if (!isOne || typeof optimizer.step !== "function") {
    throw new TwopassError({
      op: "trace",
      problem: "optimizer must be an optimiser",
      facts: `got ${describe(optimizer)}`,
    });
  }
  if (optimizer.step.length === 0) return;
  throw new TwopassError({
    op: "trace",
    problem: "this optimiser takes a closure at each step, which is more than one pass",
    facts: describe(optimizer),
    hint: "trace without it, or with another one",
  });
}

/** Where the recorder knows the graph: numbers and gradients of vertices. */
export interface Numbering {
  number(value: Value): number | undefined;
  gradientOf(value: Value): Value | undefined;
}

type States = ReadonlyMap<string, Gathered<TraceValue>>;
const none: States = new Map();

interface Recorded {
  readonly path: string;
  readonly parameter: StoredTensor;
  readonly engine: Engine;
  /** What stood for it before the update. */
  readonly value: Value;
  readonly before: Gathered<TraceValue>;
  readonly states: States;
}

interface Behind {
  /** The vertices that stood for the parameter and its state. */
  readonly of: readonly Value[];
  readonly after?: Gathered<TraceValue>;
  readonly change?: Gathered<TraceValue>;
  readonly states: States;
}

export class UpdateRecord {
  readonly #optimizer: TraceOptimizer | undefined;
  readonly #gatherings: Gatherings;
  readonly #all: readonly Recorded[];
  readonly #behind = new Map<Recorded, Behind>();
  /** What parameters held before the update, for those that it writes in more than one run. */
  readonly #held = new Map<Recorded, Value>();
  /** Those of the update: a schedule changes them right behind it. */
  readonly #settings: ReadonlyMap<StoredTensor, TraceOperation["settings"]>;

  constructor(model: Module, optimizer: TraceOptimizer | undefined, gatherings: Gatherings) {
    this.#optimizer = optimizer;
    this.#gatherings = gatherings;
    this.#settings = settingsByParameter(optimizer);
    const states = statesOf(optimizer);
    this.#all = model.namedParameters().map(([path, parameter]) => {
      const { value, engine = currentEngine() } = parameter[inner];
      const before = gatherings.on(engine).add(value);
      return { path, parameter, engine, value, before, states: this.#gatherStates(states.get(parameter)) };
    });
  }

  /** Makes the update. What it changes is gathered in the run that writes it. */
  make(body: () => void): void {
    const engines = [...new Set(this.#all.map(({ engine }) => engine))];
    const make = engines.reduce(
      (inside, engine) => () => engine.runningWith(() => unwatched(() => this.#gather(engine)), inside),
      body,
    );
    make();
    for (const engine of engines) {
      const rest = this.#gather(engine);
      if (rest.length > 0) engine.run(rest);
    }
    for (const value of this.#held.values()) giveUp(value);
  }

  /** What a run shall compute: parameters and states where they are new since the run before, and what they were. */
  #gather(engine: Engine): readonly Value[] {
    const states = statesOf(this.#optimizer);
    const gathering = this.#gatherings.on(engine);
    const held: Value[] = [];
    for (const recorded of this.#all) {
      const { parameter, value } = recorded;
      if (recorded.engine !== engine) continue;
      const now = parameter[inner].value;
      const state = states.get(parameter);
      const of = [now, ...Object.values(state?.tensors ?? {}).map((x) => x[inner].value)];
      const known = this.#behind.get(recorded);
      if (known?.of.length === of.length && of.every((one, i) => one === known.of[i])) continue;
      const isUpdated = this.#settings.has(parameter);
      const before = this.#held.get(recorded) ?? value;
      this.#behind.set(recorded, {
        of,
        ...present("after", isUpdated ? gathering.add(copyOf(now)) : undefined),
        ...present("change", isUpdated ? gathering.add(differenceOf(now, before)) : undefined),
        states: this.#gatherStates(state),
      });
      if (this.#held.has(recorded) || !isUpdated) continue;
      const copy = copyOf(value);
      this.#held.set(recorded, copy);
      held.push(copy);
    }
    return [...gathering.wanted(), ...held];
  }

  #gatherStates(state: StateOf | undefined): States {
    const gathered = new Map<string, Gathered<TraceValue>>();
    for (const [name, x] of Object.entries(state?.tensors ?? {})) {
      const { value, engine = currentEngine() } = x[inner];
      gathered.set(name, this.#gatherings.on(engine).add(copyOf(value)));
    }
    return gathered;
  }

  /** The number of the update, where the optimiser counts. */
  step(): number | undefined {
    const counts = [...statesOf(this.#optimizer).values()].map(({ step }) => step);
    return counts.length === 0 ? undefined : Math.max(...counts);
  }

  /** Behind the run. */
  parameters(numbering: Numbering): TraceParameter[] {
    return this.#all.map((recorded) => {
      const { path, parameter, value, before, states: earlier } = recorded;
      const { after, change, states = none } = this.#behind.get(recorded) ?? {};
      const state: Record<string, { before?: TraceValue; after: TraceValue }> = {};
      for (const [name, now] of states) {
        state[name] = { ...present("before", earlier.get(name)?.()), after: now() };
      }
      const gradient = numbering.gradientOf(value);
      return {
        path,
        shape: [...parameter.shape],
        dtype: parameter.dtype,
        ...present("operation", numbering.number(value)),
        ...present("gradient", gradient === undefined ? undefined : numbering.number(gradient)),
        before: before(),
        ...present("after", after?.()),
        ...present("change", change?.()),
        state,
        settings: this.#settings.get(parameter) ?? {},
      };
    });
  }
}

/** What looks at the update is no part of it. */
function unwatched<T>(body: () => T): T {
  const { made } = watching;
  watching.made = undefined;
  try {
    return body();
  } finally {
    watching.made = made;
  }
}

function differenceOf(a: Value, b: Value): Value {
  return withMode({ grad: false, path: asidePath }, () => kit.sub(a, b));
}

interface StateOf {
  readonly step: number;
  readonly tensors: Readonly<Record<string, Tensor>>;
}

/** The state of each parameter that was updated before. Parameters are numbered through all groups. */
function statesOf(optimizer: TraceOptimizer | undefined): Map<StoredTensor, StateOf> {
  const found = new Map<StoredTensor, StateOf>();
  if (optimizer === undefined) return found;
  const { state } = optimizer.stateDict();
  optimizer.paramGroups
    .flatMap(({ params }) => params)
    .forEach((parameter, number) => {
      const entries = state[number];
      if (entries === undefined) return;
      const tensors: Record<string, Tensor> = {};
      for (const [name, x] of Object.entries(entries)) if (x instanceof Tensor) tensors[name] = x;
      found.set(parameter, { step: Number(entries["step"] ?? 0), tensors });
    });
  return found;
}

/** Settings of the group of each parameter that an optimiser updates. */
function settingsByParameter(optimizer: TraceOptimizer | undefined): Map<StoredTensor, TraceOperation["settings"]> {
  const found = new Map<StoredTensor, TraceOperation["settings"]>();
  for (const { params, ...rest } of optimizer?.paramGroups ?? []) {
    const settings = plainSettings(rest);
    for (const parameter of params) found.set(parameter, settings);
  }
  return found;
}

/** Those settings of a group that are plain data, which its parameters are not. */
export function plainSettings(group: object): TraceOperation["settings"] {
  const settings: Record<string, number | boolean | string | readonly number[]> = {};
  for (const [name, setting] of Object.entries(group) as [string, unknown][]) {
    if (typeof setting === "number" || typeof setting === "boolean" || typeof setting === "string") {
      settings[name] = setting;
    } else if (Array.isArray(setting) && setting.every((x) => typeof x === "number")) settings[name] = [...setting];
  }
  return settings;
}
