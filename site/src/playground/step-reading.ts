/**
 * A traced step as a learner sees it: layers of units with weighted inputs, sums and activations, by example of the batch.
 * What the trace kept only as statistics has no numbers here.
 */
import type { Trace, TraceOperation, TraceParameter, TraceValue } from "twopass/inspect";
import type { Activation, LossName, OptimizerName } from "../session/config.ts";
import type { SessionInfo } from "../session/protocol.ts";
import { subscript } from "../view/number.ts";

/** A layer, with the numbers of its operations in the trace. */
export interface LayerReading {
  readonly path: string;
  readonly activationPath: string | undefined;
  readonly activation: Activation;
  readonly inputs: number;
  readonly units: number;
  /** Places in `Trace.parameters`. */
  readonly weight: number;
  readonly bias: number | undefined;
  /** What comes in, z = W x + b, and a = f(z), which is z where there is no function. */
  readonly input: number;
  readonly z: number;
  readonly a: number;
}

/** How the loss of one example follows from the outputs. "binary" is of probabilities, "binaryScores" of scores. */
export type LossKind = "binary" | "binaryScores" | "classes" | "mse" | "mae" | "huber";

export interface StepReading {
  readonly trace: Trace;
  readonly layers: readonly LayerReading[];
  readonly samples: number;
  readonly loss: LossKind;
  /** The trace has the name of its class, which is another one where the page is made small. */
  readonly optimizer: OptimizerName;
  /** The number of the leaf that holds the targets. */
  readonly target: number;
  /** What is put behind y for each output: "(3)" for a class of that name, "₁" where there are no names, "" of a single one. */
  readonly marks: readonly string[];
  /** What goes in by example, where the trace has kept only statistics of it. */
  readonly inputs: readonly (readonly number[])[] | undefined;
}

/** What of the choices a step depends on beside its network. */
export interface Training {
  readonly loss: LossName;
  readonly optimizer: OptimizerName;
}

/** Reads a trace by the layers that the session told; undefined where the trace is not of that network. */
export function readStep(
  trace: Trace,
  info: Pick<SessionInfo, "layers"> & Partial<Pick<SessionInfo, "outputs">>,
  { loss, optimizer }: Training,
  inputs?: StepReading["inputs"],
): StepReading | undefined {
  const layers: LayerReading[] = [];
  for (const { path, activationPath, activation } of info.layers) {
    const layer = readLayer(trace, path, activationPath, activation);
    if (layer === undefined) return undefined;
    layers.push(layer);
  }
  const output = layers.at(-1);
  const target = trace.operations.findIndex(({ op, label }) => op === "leaf" && label === "target");
  if (output === undefined || target < 0) return undefined;
  return {
    trace,
    layers,
    samples: rows(trace, output.a, output.units),
    loss: lossKind(loss, output),
    optimizer,
    target,
    marks: marksOf(output.units, info.outputs),
    inputs,
  };
}

function readLayer(
  trace: Trace,
  path: string,
  activationPath: string | undefined,
  activation: string,
): LayerReading | undefined {
  const callOf = (of: string | undefined) => trace.modules.find((module) => module.path === of)?.calls[0];
  const call = callOf(path);
  const input = call?.inputs[0];
  const z = call?.outputs[0];
  const weight = parameterNumber(trace, `${path}.weight`);
  if (input === undefined || z === undefined || weight === undefined) return undefined;
  const [units = 0, inputs = 0] = (trace.parameters[weight] as TraceParameter).shape;
  const a = activationPath === undefined ? z : (callOf(activationPath)?.outputs[0] ?? z);
  const bias = parameterNumber(trace, `${path}.bias`);
  return { path, activationPath, activation: activation as Activation, inputs, units, weight, bias, input, z, a };
}

function parameterNumber(trace: Trace, path: string): number | undefined {
  const at = trace.parameters.findIndex((parameter) => parameter.path === path);
  return at < 0 ? undefined : at;
}

function marksOf(units: number, names: readonly string[] | undefined): string[] {
  const nameOf = (unit: number): string | undefined => names?.[unit]?.replace(/^p\((.*)\)$/, "$1");
  return Array.from({ length: units }, (_, unit) => {
    const name = nameOf(unit);
    return units === 1 ? "" : name === undefined ? subscript(unit + 1) : `(${name})`;
  });
}

function lossKind(loss: LossName, { units, activation }: LayerReading): LossKind {
  if (loss !== "crossEntropy") return loss;
  if (units > 1) return "classes";
  return activation === "sigmoid" ? "binary" : "binaryScores";
}

function rows(trace: Trace, operation: number, units: number): number {
  const { shape } = trace.operations[operation] as TraceOperation;
  return shape.reduce((size, extent) => size * extent, 1) / Math.max(1, units);
}

/** The elements, where all were kept. */
export function elements(value: TraceValue | undefined): readonly number[] | undefined {
  return value?.kind === "elements" ? value.data : undefined;
}

/** One element of an operation's result: of an example, and of a unit. */
export function at(
  { trace }: StepReading,
  operation: number | undefined,
  sample: number,
  unit: number,
  units: number,
): number | undefined {
  if (operation === undefined) return undefined;
  return elements(trace.operations[operation]?.value)?.[sample * units + unit];
}

/** What goes into the network for an example. */
export function inputsOf(step: StepReading, sample: number): readonly number[] | undefined {
  const { input, inputs } = step.layers[0] as LayerReading;
  const all = elements(step.trace.operations[input]?.value);
  return all?.slice(sample * inputs, (sample + 1) * inputs) ?? step.inputs?.[sample];
}

/** The operation that gives the gradient of another; undefined where nothing flows back to it. */
export function gradientOf({ trace }: StepReading, operation: number): number | undefined {
  return trace.operations[operation]?.gradient;
}

/** One element of a parameter: before the update, of its gradient, and behind the update. */
export interface ParameterElement {
  readonly parameter: TraceParameter;
  readonly before: number | undefined;
  readonly gradient: number | undefined;
  readonly after: number | undefined;
}

/** The element at a place in row-major order. */
export function parameterElement({ trace }: StepReading, number: number, place: number): ParameterElement {
  const parameter = trace.parameters[number] as TraceParameter;
  const { before, after, gradient } = parameter;
  const of = gradient === undefined ? undefined : trace.operations[gradient]?.value;
  return {
    parameter,
    before: elements(before)?.[place],
    gradient: elements(of)?.[place],
    after: elements(after)?.[place],
  };
}

/** What an example should have given at an output: a number, or for classes whether it is this one. */
export function targetAt(step: StepReading, sample: number, output: number): number | undefined {
  const { trace, layers, loss, target } = step;
  const data = elements(trace.operations[target]?.value);
  const { units } = layers.at(-1) as LayerReading;
  if (data === undefined) return undefined;
  const isByLabel = data.length === step.samples && units > 1;
  if (!isByLabel) return data[sample * units + output];
  return loss === "classes" ? Number(data[sample] === output) : data[sample];
}

/** All outputs of an example. */
export function outputsOf(step: StepReading, sample: number): readonly number[] | undefined {
  const { a, units } = step.layers.at(-1) as LayerReading;
  return elements(step.trace.operations[a]?.value)?.slice(sample * units, (sample + 1) * units);
}
