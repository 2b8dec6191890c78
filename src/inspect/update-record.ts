/** The third phase of a traced step: parameters and the optimiser's state before and behind the update. Floor: inspect. */
import { TwopassError, describe } from "../base/errors.ts";
import { withMode } from "../ir/mode.ts";
import type { Value } from "../ir/value.ts";
import type { Module } from "../nn/module/module.ts";
import { kit } from "../ops/kit.ts";
import type { OptimizerState } from "../optim/optimizer-state.ts";
import type { Engine } from "../tensor/engine.ts";
import { currentEngine } from "../tensor/engines.ts";
import { inner } from "../tensor/inner.ts";
import type { StoredTensor } from "../tensor/stored.ts";
import { Tensor } from "../tensor/tensor.ts";
import { type Captured, capturing } from "./statistics.ts";
import type { TraceOperation, TraceParameter, TraceValue } from "./trace-format.ts";
import { present } from "./present.ts";
import { computeAll, readAll } from "./read.ts";

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

interface Recorded {
  readonly path: string;
  readonly parameter: StoredTensor;
  readonly value: Value;
  /** Its content before the update, computed with the step. */
  readonly held: Value;
  readonly before: Captured;
  readonly states: ReadonlyMap<string, Captured>;
}

export class UpdateRecord {
  readonly #optimizer: TraceOptimizer | undefined;
  readonly #whole: number;
  readonly #all: readonly Recorded[];

  constructor(model: Module, optimizer: TraceOptimizer | undefined, whole: number) {
    this.#optimizer = optimizer;
    this.#whole = whole;
    const states = statesOf(optimizer);
    this.#all = model.namedParameters().map(([path, parameter]) => {
      const { value } = parameter[inner];
      const engine = engineOf(parameter);
      const held = copyOf(value);
      const tensors = Object.entries(states.get(parameter)?.tensors ?? {});
      return {
        path,
        parameter,
        value,
        held,
        before: capturing(held, whole, engine),
        states: new Map(tensors.map(([name, x]) => [name, capturing(copyOf(x[inner].value), whole, engine)])),
      };
    });
  }

  /** What must be computed with the step, before anything is written. */
  wantedBefore(): Value[] {
    return this.#all.flatMap(({ held, before, states }) => [
      ...before.values,
      ...(this.#optimizer === undefined ? [] : [held]),
      ...[...states.values()].flatMap(({ values }) => values),
    ]);
  }

  /** The number of the update, where the optimiser counts. */
  step(): number | undefined {
    const counts = [...statesOf(this.#optimizer).values()].map(({ step }) => step);
    return counts.length === 0 ? undefined : Math.max(...counts);
  }

  /** Behind the step. */
  async parameters(numbering: Numbering): Promise<TraceParameter[]> {
    const states = statesOf(this.#optimizer);
    const settings = settingsByParameter(this.#optimizer);
    const whole = this.#whole;
    const behind = this.#all.map(({ parameter, held }) => {
      const now = copyOf(parameter[inner].value);
      const engine = engineOf(parameter);
      const isUpdated = settings.has(parameter);
      return {
        after: isUpdated ? capturing(now, whole, engine) : undefined,
        change: isUpdated ? capturing(differenceOf(now, held), whole, engine) : undefined,
        states: Object.entries(states.get(parameter)?.tensors ?? {}).map(
          ([name, x]) => [name, capturing(copyOf(x[inner].value), whole, engine)] as const,
        ),
      };
    });
    for (const [engine, values] of this.#byEngine((i) => {
      const { after, change, states: later } = behind[i] as (typeof behind)[number];
      return [after, change, ...later.map(([, captured]) => captured)];
    })) {
      computeAll(values, engine);
    }
    return Promise.all(
      this.#all.map(async ({ path, parameter, value, before, states: earlier }, i) => {
        const engine = engineOf(parameter);
        const take = async (captured: Captured | undefined): Promise<TraceValue | undefined> =>
          captured?.finish(await readAll(captured.values, engine));
        const { after, change, states: later } = behind[i] as (typeof behind)[number];
        const state: Record<string, { before?: TraceValue; after: TraceValue }> = {};
        for (const [name, captured] of later) {
          state[name] = {
            ...present("before", await take(earlier.get(name))),
            after: (await take(captured)) as TraceValue,
          };
        }
        const gradient = numbering.gradientOf(value);
        return {
          path,
          shape: [...parameter.shape],
          dtype: parameter.dtype,
          ...present("operation", numbering.number(value)),
          ...present("gradient", gradient === undefined ? undefined : numbering.number(gradient)),
          before: (await take(before)) as TraceValue,
          ...present("after", await take(after)),
          ...present("change", await take(change)),
          state,
          settings: settings.get(parameter) ?? {},
        };
      }),
    );
  }

  #byEngine(capturedOf: (i: number) => readonly (Captured | undefined)[]): Map<Engine, Value[]> {
    const found = new Map<Engine, Value[]>();
    this.#all.forEach(({ parameter }, i) => {
      const engine = engineOf(parameter);
      const values = capturedOf(i).flatMap((captured) => captured?.values ?? []);
      found.set(engine, [...(found.get(engine) ?? []), ...values]);
    });
    return found;
  }
}

function engineOf(parameter: StoredTensor): Engine {
  return parameter[inner].engine ?? currentEngine();
}

/** A stored tensor is written in place: a vertex of its own holds what it is now. */
function copyOf(value: Value): Value {
  return withMode({ grad: false }, () => kit.alias(value, false));
}

function differenceOf(a: Value, b: Value): Value {
  return withMode({ grad: false }, () => kit.sub(a, b));
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
