/**
 * What is captured of one step of a training: statistics of parameters, gradients, changes and results of modules. All
 * that the step itself computes comes out of its own run. Floor: inspect.
 */
import { asidePath, withMode } from "../ir/mode.ts";
import type { Value } from "../ir/value.ts";
import { watchedCalls } from "../nn/module/forward-call.ts";
import type { Module } from "../nn/module/module.ts";
import { tensorsIn } from "../nn/module/tensors-in.ts";
import type { TreeNode } from "../nn/module/tree.ts";
import { kit } from "../ops/kit.ts";
import { tracing } from "../tensor/capture.ts";
import type { Engine } from "../tensor/engine.ts";
import { currentEngine } from "../tensor/engines.ts";
import { inner } from "../tensor/inner.ts";
import type { StoredTensor } from "../tensor/stored.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Gathered, Gatherings, copyOf } from "./gathering.ts";
import { present } from "./present.ts";
import type { RunParameter, RunRecord, RunStatistics } from "./run-format.ts";
import { summaryOf } from "./statistics.ts";
import type { TraceValue } from "./trace-format.ts";

/** Elements up to which a tensor is read whole: its statistics are made here, in float64. */
const whole = 256;

interface Updated {
  readonly path: string;
  readonly parameter: StoredTensor;
  /** Absent where no gradient reached it. */
  readonly gradient?: Gathered<TraceValue>;
  /** Its content before the update. */
  readonly held?: Value;
}

export type StepStatistics = Pick<RunRecord, "gradient" | "layers" | "parameters" | "activations">;

export class StepCapture {
  readonly #model: Module;
  readonly #paths: ReadonlyMap<TreeNode, string>;
  readonly #results: { readonly path: string; readonly x: Tensor }[] = [];
  readonly #gatherings = new Gatherings(whole);
  #activations: readonly { readonly path: string; readonly statistics: Gathered<TraceValue> }[] = [];
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
    const gatherings = this.#gatherings;
    this.#activations = this.#results.map(({ path, x }) => {
      const { value, engine = currentEngine() } = x[inner];
      return { path, statistics: gatherings.on(engine).add(value) };
    });
    const held = new Map<Engine, Value[]>();
    this.#updated = this.#model.namedParameters().map(([path, parameter]) => {
      const { value, gradient, engine = currentEngine() } = parameter[inner];
      if (gradient === undefined) return { path, parameter };
      const copy = copyOf(value);
      held.set(engine, [...(held.get(engine) ?? []), copy]);
      return { path, parameter, gradient: gatherings.on(engine).add(gradient), held: copy };
    });
    gatherings.note();
    for (const [engine, values] of held) engine.noteCall(values);
  }

  /** Behind the update: what came out. */
  async read(): Promise<StepStatistics> {
    const gatherings = this.#gatherings;
    const behind = this.#updated.map(({ parameter, held }) => {
      const { value, engine = currentEngine() } = parameter[inner];
      const gathering = gatherings.on(engine);
      const change =
        held === undefined ? undefined : withMode({ grad: false, path: asidePath }, () => kit.sub(value, held));
      return {
        weight: gathering.add(value),
        change: change === undefined ? undefined : gathering.add(change),
      };
    });
    for (const engine of gatherings.note()) engine.run([]);
    await gatherings.read();

    const parameters: Record<string, RunParameter> = {};
    for (const [i, { path, gradient }] of this.#updated.entries()) {
      const { weight, change } = behind[i] as (typeof behind)[number];
      const now = statisticsOf(weight);
      const added = change === undefined ? undefined : statisticsOf(change);
      parameters[path] = {
        weight: now,
        ...present("gradient", gradient === undefined ? undefined : statisticsOf(gradient)),
        ...present("change", added),
        ...present("ratio", added === undefined ? undefined : ratioOf(added.norm, now.norm)),
      };
    }
    const activations: Record<string, RunStatistics> = {};
    for (const { path, statistics } of this.#activations) {
      activations[free(path, activations)] = statisticsOf(statistics);
    }
    return { ...normsOf(parameters), parameters, activations };
  }
}

function statisticsOf(gathered: Gathered<TraceValue>): RunStatistics {
  const summary = summaryOf(gathered());
  return { ...summary, rms: summary.norm / Math.sqrt(summary.size - summary.nonFinite) };
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
