/** One training step, written down. Floor: inspect. */
import { checkOptions, TwopassError, describe } from "../base/errors.ts";
import { phases } from "../ir/mode.ts";
import type { Value } from "../ir/value.ts";
import type { Module } from "../nn/module/module.ts";
import { modulesBelow, nameMembers, parametersOf, pathOf } from "../nn/module/tree.ts";
import { type KernelRun, profiling } from "../runtime/profiling.ts";
import type { Engine } from "../tensor/engine.ts";
import type { Inner } from "../tensor/inner.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Reached } from "../transform/grad.ts";
import { checkPatterns, matches, patternsOf, selected } from "./capture.ts";
import { type TraceLoss, checkStep, recordPasses } from "./passes.ts";
import { type Gathered, Gatherings } from "./gathering.ts";
import { present } from "./present.ts";
import { Recorder } from "./recorder.ts";
import { flatShare } from "./statistics.ts";
import {
  type Trace,
  type TraceElements,
  type TraceKernel,
  type TraceModule,
  type TraceValue,
  traceFormat,
  traceVersion,
} from "./trace-format.ts";
import { type TraceOptimizer, UpdateRecord, checkOptimizer } from "./update-record.ts";

export interface TraceOptions<B = readonly [Tensor, Tensor]> {
  /** Makes the update of the step. Without one nothing is updated, and `.grad` stays as it is. */
  readonly optimizer?: TraceOptimizer;
  /** The output for a batch; default: `model.forward` of all tensors of the batch but the last. */
  readonly forward?: (batch: B) => Tensor;
  /**
   * Paths of modules, or patterns such as `encoder.*.attn`, whose values and gradients are captured operation by operation.
   * Default: all where a step has at most 2²⁰ elements. Results of modules, parameters and their gradients always are.
   */
  readonly capture?: string | readonly string[];
  /** Elements up to which a tensor is kept whole, default 256. Of larger ones there are statistics and a histogram. */
  readonly whole?: number;
  /** Whether operations have the lines that made them; default true. */
  readonly lines?: boolean;
  /** Whether kernels are timed, where the device has a clock; default true. They run one by one for it. */
  readonly time?: boolean;
}

const op = "trace";

/**
 * Runs one training step and writes down what it did: the operations of the forward pass, of the backward pass and of the
 * update, which belong to each other; their values and gradients; the parameters before and behind the update.
 *
 * The result is plain data: `JSON.stringify` loses only NaN and infinities, `traceText` nothing. Nothing costs time where
 * no trace is made.
 *
 * @param model the model, in the mode in which it is.
 * @param loss a loss such as `new nn.MSELoss()`, or a function (output, target) => loss with one element.
 * @param batch tensors, the last one the target; other batches with `options.forward`.
 * @throws for options that are unknown, for a loss that no gradient reaches, and for paths that no module has.
 * @example
 * const model = new nn.Sequential(new nn.Linear(2, 1), new nn.Sigmoid());
 * const optimizer = new SGD(model.parameters(), { lr: 0.1 });
 * const step = await trace(model, new nn.MSELoss(), [tensor([[1, 0]]), tensor([[1]])], { optimizer });
 * step.modules.map((module) => module.type); // ["Sequential", "Linear", "Sigmoid"]
 * step.parameters.map((parameter) => parameter.path); // ["0.weight", "0.bias"]
 */
export async function trace<B extends readonly unknown[] = readonly [Tensor, Tensor]>(
  model: Module,
  loss: TraceLoss,
  batch: B,
  options: TraceOptions<B> = {},
): Promise<Trace> {
  return runTraced(model, loss, batch, options)();
}

/** The part of `trace` that writes the step and runs it, at once; what it gives reads the record. */
export function runTraced<B extends readonly unknown[]>(
  model: Module,
  loss: TraceLoss,
  batch: B,
  options: TraceOptions<B>,
): () => Promise<Trace> {
  checkOptions(op, options, ["optimizer", "forward", "capture", "whole", "lines", "time"]);
  const { optimizer, forward, whole = 256 } = options;
  checkStep(op, model, loss);
  if (!Number.isInteger(whole) || whole < 0) {
    throw new TwopassError({ op, problem: "whole must be a whole number from 0", facts: `got ${describe(whole)}` });
  }
  if (optimizer !== undefined) checkOptimizer(optimizer);
  const modules = namedModules(model);
  const patterns = options.capture === undefined ? undefined : patternsOf(op, "capture", options.capture);
  if (patterns !== undefined) checkPatterns(op, patterns, [...modules.keys()], matches);

  const date = new Date().toISOString();
  optimizer?.zeroGrad();
  const recorder = new Recorder(options.lines ?? true);
  const passes = recordPasses(op, { model, loss, batch, ...present("forward", forward) }, recorder);
  const { engine, reached } = passes;
  engine.noteDifferentiated(passes.visited, false);
  if (optimizer !== undefined) leaveGradients(reached, engine);

  const results = recorder.results();
  const gradients = reached.map(({ gradient }) => gradient);
  const ends = [passes.loss, ...results, ...gradients];
  const always = new Set<Value>(ends);
  for (const value of results) {
    const gradient = recorder.gradientOf(value);
    if (gradient !== undefined) always.add(gradient);
  }
  const graph = recorder.graph(ends);
  const gatherings = new Gatherings(whole);
  const own = gatherings.on(engine);
  const takeLoss = own.elements(passes.loss);
  const captured = new Map<Value, Gathered<TraceValue>>();
  const flat = new Map<Value, Gathered<TraceElements>>();
  for (const value of selected(graph, always, patterns, whole)) {
    captured.set(value, own.add(value));
    const share = value.phase === 0 ? flatShare(value) : undefined;
    if (share !== undefined) flat.set(value, own.elements(share));
  }
  const update = new UpdateRecord(model, optimizer, gatherings);
  gatherings.note();
  // All that is captured comes out of the step's own run.
  const kernels = timed(options.time ?? true, engine, () => {
    if (optimizer !== undefined) update.make(() => recorder.watch(() => optimizer.step()));
    for (const each of gatherings.note()) each.run([]);
  });
  return async () => {
    await gatherings.read();

    recorder.addUpdate(graph);
    return {
      format: traceFormat,
      version: traceVersion,
      date,
      device: engine.device.name,
      model: model.constructor.name,
      optimizer: optimizer?.constructor.name ?? "",
      ...present("step", update.step()),
      loss: graph.number(passes.loss),
      lossValue: takeLoss().data[0] as number,
      modules: [...modules].map(([path, module]) => ({
        ...describeModule(path, module),
        calls: recorder.callNumbers(module, graph),
      })),
      operations: graph.order.map((value) => {
        const operation = recorder.describe(value, graph);
        const share = flat.get(value);
        if (share !== undefined) operation.flat = share().data[0] as number;
        const one = captured.get(value);
        if (one !== undefined) operation.value = one();
        return operation;
      }),
      parameters: update.parameters({
        number: (value) => graph.numberOf(value),
        gradientOf: (value) => recorder.gradientOf(value),
      }),
      kernels,
    };
  };
}

/** All modules by the paths that vertices know. */
function namedModules(model: Module): Map<string, Module> {
  nameMembers(model);
  return new Map(modulesBelow(model).map(({ path, value }) => [pathOf(value) ?? path, value as Module]));
}

/** As `backward()` does. */
function leaveGradients(reached: readonly Reached[], engine: Engine): void {
  for (const { value, gradient } of reached) {
    const owner = value.owner as Inner;
    if (owner.collects) (owner.engine ?? engine).setGradient(owner, gradient);
  }
}

/** Runs a body with a clock beside each kernel, where there can be one. */
function timed(isWanted: boolean, engine: Engine, body: () => void): TraceKernel[] {
  const runs: KernelRun[] = [];
  const isFree = profiling.listener === undefined;
  if (isWanted && isFree && engine.device.remote === undefined) {
    profiling.listener = (run) => void runs.push(run);
    profiling.ofStep = true;
  }
  try {
    body();
  } finally {
    if (isFree) [profiling.listener, profiling.ofStep] = [undefined, false];
  }
  return runs.map(({ label, kind, phase, milliseconds, operations, bytes }) => ({
    label,
    kind,
    phase: phases[phase],
    milliseconds,
    operations,
    bytes,
  }));
}

/** What holds for all calls of a module. */
export function describeModule(path: string, module: Module): Omit<TraceModule, "calls"> {
  return {
    path,
    type: module.constructor.name,
    // The one line of `toString()` that is its own: the others would be written for each module above.
    settings: module["describeSettings"]().split("\n", 1)[0] ?? "",
    parameters: parametersOf(module).map(({ path: name }) => (path === "" ? name : `${path}.${name}`)),
  };
}
