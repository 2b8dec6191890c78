/**
 * What is captured of one step of a training: statistics of parameters, gradients, changes and results of modules. All
 * that the step itself computes comes out of its own run. Floor: inspect.
 */
import { withMode } from "../ir/mode.ts";
import type { Value } from "../ir/value.ts";
import { watchedCalls } from "../nn/module/forward-call.ts";
import type { Module } from "../nn/module/module.ts";
import { tensorsIn } from "../nn/module/tensors-in.ts";
import type { TreeNode } from "../nn/module/tree.ts";
import { kit } from "../ops/kit.ts";
import { tracing } from "../tensor/capture.ts";
import type { Engine } from "../tensor/engine.ts";
import { currentEngine } from "../tensor/engines.ts";
import { Inner, inner } from "../tensor/inner.ts";
import type { StoredTensor } from "../tensor/stored.ts";
import { Tensor } from "../tensor/tensor.ts";
import { present } from "./present.ts";
import type { RunParameter, RunRecord, RunStatistics } from "./run-format.ts";
import { capturing, summaryOf } from "./statistics.ts";

/** Elements up to which a tensor is read whole: its statistics are made here, in float64. */
const whole = 256;

interface Updated {
  readonly path: string;
  readonly parameter: StoredTensor;
  /** Absent where no gradient reached it. */
  readonly gradient?: Statistics;
  /** Its content before the update. */
  readonly held?: Value;
}

export type StepStatistics = Pick<RunRecord, "gradient" | "layers" | "parameters" | "activations">;

export class StepCapture {
  readonly #model: Module;
  readonly #paths: ReadonlyMap<TreeNode, string>;
  readonly #results: { readonly path: string; readonly x: Tensor }[] = [];
  #activations: readonly { readonly path: string; readonly statistics: Statistics }[] = [];
  #updated: readonly Updated[] = [];

  /** @param paths the modules whose results are captured. */
  constructor(model: Module, paths: ReadonlyMap<TreeNode, string>) {
    this.#model = model;
    this.#paths = paths;
  }

  /** Watches the calls of modules while `body` writes the forward pass. */
  watchCalls<T>(body: () => T): T {
    const { ended } = watchedCalls;
    watchedCalls.ended = (module, args, result) => {
      ended?.(module, args, result);
      const path = this.#paths.get(module);
      // The graph that a compiled function is made of does not run.
      if (path === undefined || tracing() !== undefined) return;
      for (const x of tensorsIn(result)) this.#results.push({ path, x });
    };
    try {
      return body();
    } finally {
      watchedCalls.ended = ended;
    }
  }

  /** Between the backward pass and the update: what the run of the step shall compute besides. */
  note(): void {
    this.#activations = this.#results.map(({ path, x }) => {
      const { value, engine = currentEngine() } = x[inner];
      return { path, statistics: new Statistics(value.leaf?.kind === "cell" ? copyOf(value) : value, engine) };
    });
    this.#updated = this.#model.namedParameters().map(([path, parameter]) => {
      const { value, gradient, engine = currentEngine() } = parameter[inner];
      if (gradient === undefined) return { path, parameter };
      return { path, parameter, gradient: new Statistics(gradient, engine), held: copyOf(value) };
    });
    const wanted = new Map<Engine, Value[]>();
    for (const { statistics } of this.#activations) statistics.addTo(wanted);
    for (const { gradient, held, parameter } of this.#updated) {
      gradient?.addTo(wanted);
      if (held !== undefined) add(wanted, parameter[inner].engine ?? currentEngine(), [held]);
    }
    for (const [engine, values] of wanted) engine.noteCall(values);
  }

  /** Behind the update: what came out. */
  async read(): Promise<StepStatistics> {
    const behind = this.#updated.map(({ parameter, held }) => {
      const { value, engine = currentEngine() } = parameter[inner];
      const change = held === undefined ? undefined : withMode({ grad: false }, () => kit.sub(value, held));
      return {
        weight: new Statistics(copyOf(value), engine),
        change: change === undefined ? undefined : new Statistics(change, engine),
      };
    });
    const wanted = new Map<Engine, Value[]>();
    for (const { weight, change } of behind) {
      weight.addTo(wanted);
      change?.addTo(wanted);
    }
    for (const [engine, values] of wanted) engine.run(values);

    const parameters: Record<string, RunParameter> = {};
    for (const [i, { path, gradient }] of this.#updated.entries()) {
      const { weight, change } = behind[i] as (typeof behind)[number];
      const [now, added] = [await weight.read(), await change?.read()];
      parameters[path] = {
        weight: now,
        ...present("gradient", await gradient?.read()),
        ...present("change", added),
        ...present("ratio", added === undefined ? undefined : ratioOf(added.norm, now.norm)),
      };
    }
    const activations: Record<string, RunStatistics> = {};
    for (const { path, statistics } of this.#activations)
      activations[free(path, activations)] = await statistics.read();
    return { ...normsOf(parameters), parameters, activations };
  }
}

/** Statistics of a vertex that is still to run. */
class Statistics {
  readonly #engine: Engine;
  readonly #values: readonly Value[];
  readonly #tensors: readonly Tensor[];
  readonly #finish: (data: readonly ArrayLike<number>[]) => RunStatistics;

  constructor(value: Value, engine: Engine) {
    const { values, finish } = capturing(value, whole, engine);
    this.#engine = engine;
    this.#values = values;
    // At once: they say that somebody will look.
    this.#tensors = values.map((one) => new Tensor(new Inner(one, engine)));
    this.#finish = (data) => {
      const summary = summaryOf(finish(data as Parameters<typeof finish>[0]));
      return { ...summary, rms: summary.norm / Math.sqrt(summary.size - summary.nonFinite) };
    };
  }

  addTo(wanted: Map<Engine, Value[]>): void {
    add(
      wanted,
      this.#engine,
      this.#values.filter(({ leaf }) => leaf === undefined),
    );
  }

  async read(): Promise<RunStatistics> {
    return this.#finish(await Promise.all(this.#tensors.map((x) => x.data())));
  }
}

function add(wanted: Map<Engine, Value[]>, engine: Engine, values: readonly Value[]): void {
  wanted.set(engine, [...(wanted.get(engine) ?? []), ...values]);
}

/** A stored tensor is written in place: a vertex of its own holds what it is now. */
function copyOf(value: Value): Value {
  return withMode({ grad: false }, () => kit.alias(value, false));
}

function ratioOf(change: number, weight: number): number {
  return change === 0 ? 0 : change / weight;
}

/** The first of "path", "path (2)", "path (3)" that is not taken. */
function free(path: string, taken: Readonly<Record<string, unknown>>): string {
  let name = path;
  for (let i = 2; Object.hasOwn(taken, name); i++) name = `${path} (${i})`;
  return name;
}

/** The norm of all gradients, and those of layers: of what stands in front of the last name of a path. */
function normsOf(parameters: RunRecord["parameters"]): Pick<RunRecord, "gradient" | "layers"> {
  const squares: Record<string, number> = {};
  let all = 0;
  for (const [path, { gradient }] of Object.entries(parameters)) {
    if (gradient === undefined) continue;
    const layer = path.slice(0, Math.max(0, path.lastIndexOf(".")));
    squares[layer] = (squares[layer] ?? 0) + gradient.norm ** 2;
    all += gradient.norm ** 2;
  }
  const layers = Object.fromEntries(Object.entries(squares).map(([layer, sum]) => [layer, Math.sqrt(sum)]));
  return { gradient: Math.sqrt(all), layers };
}
