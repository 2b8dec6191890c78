/** What tests of the playground's session share. */
import { type DataConfig, type LayerConfig, type NetworkConfig, firstConfig } from "../../site/src/session/config.ts";
import type { SessionEvent, TracedStep } from "../../site/src/session/protocol.ts";
import { Session, type SessionOptions } from "../../site/src/session/session.ts";
import type { TraceParameter, TraceValue } from "../../src/inspect/index.ts";

export type Choice = Partial<Omit<NetworkConfig, "data">> & { readonly data?: Partial<DataConfig> };

export function configOf({ data, ...rest }: Choice): NetworkConfig {
  return { ...firstConfig, ...rest, data: { ...firstConfig.data, ...data } };
}

export function layers(units: number, count: number, activation: LayerConfig["activation"]): LayerConfig[] {
  return Array.from({ length: count }, () => ({ units, activation, init: "default" }));
}

/** A session with a network, and what it has told. */
export async function built(choice: Choice, options: SessionOptions = {}) {
  const events: SessionEvent[] = [];
  const session = new Session({ ...options, onEvent: (event) => events.push(event) });
  const info = await session.build(configOf(choice));
  return { session, info, events };
}

export function dataOf(value: TraceValue | undefined): readonly number[] {
  if (value?.kind !== "elements") throw new Error("there are no elements");
  return value.data;
}

export function parameterOf(step: TracedStep, path: string): TraceParameter {
  const parameter = step.trace.parameters.find((one) => one.path === path);
  if (parameter === undefined) throw new Error(`there is no ${path}`);
  return parameter;
}

/** What a step has computed: its graph with all numbers, and what became of parameters and the optimiser's state. */
export function numbersOf({ trace: { loss, lossValue, step, operations, parameters } }: TracedStep) {
  const graph = operations.map(({ phase, op, inputs, shape, gradient, gradientOf, derivativeOf, value }) => {
    return { phase, op, inputs, shape, gradient, gradientOf, derivativeOf, value };
  });
  return { loss, lossValue, step, graph, parameters };
}
