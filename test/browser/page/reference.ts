/** What the page must show, computed apart from it: the session in Node, its traces, and gradients by finite differences. */
import type { LayerConfig, NetworkConfig } from "../../../site/src/session/config.ts";
import { firstConfig } from "../../../site/src/session/config.ts";
import type { Metrics, SessionInfo, TracedStep } from "../../../site/src/session/protocol.ts";
import { Session } from "../../../site/src/session/session.ts";
import type { Trace, TraceParameter, TraceValue } from "../../../src/inspect/index.ts";

/** A network that is small enough to compare each of its numbers, and its place in the page's address. */
export const small = {
  config: {
    ...firstConfig,
    data: { ...firstConfig.data, size: 40 },
    layers: [unitsOf(3), unitsOf(2)],
    batchSize: 8,
    seed: 5,
  } satisfies NetworkConfig,
  place: "#/playground?size=40&layers=3tanh_2tanh&batch=8&seed=5",
};

function unitsOf(units: number): LayerConfig {
  return { units, activation: "tanh", init: "default" };
}

export interface Batch {
  readonly inputs: readonly (readonly number[])[];
  readonly targets: readonly number[];
}

/** One step of the network as it was computed in Node. */
export interface ReferenceStep {
  readonly info: SessionInfo;
  readonly batch: Batch;
  readonly before: Metrics;
  readonly traced: TracedStep;
}

/** The first steps of a network. */
export async function referenceSteps(config: NetworkConfig, count: number): Promise<ReferenceStep[]> {
  const session = new Session({ device: "wasm" });
  const info = await session.build(config);
  const steps: ReferenceStep[] = [];
  for (let i = 0; i < count; i++) {
    const before = await session.metrics();
    const batch = await session.batch();
    steps.push({ info, batch, before, traced: await session.traceStep() });
  }
  return steps;
}

export function dataOf(value: TraceValue | undefined): readonly number[] {
  if (value?.kind !== "elements") throw new Error("the trace has not kept these numbers");
  return value.data;
}

export function parameterOf({ parameters }: Trace, path: string): TraceParameter {
  const found = parameters.find((parameter) => parameter.path === path);
  if (found === undefined) throw new Error(`there is no ${path}`);
  return found;
}

/** The elements of a parameter before the update, behind it, and of its gradient. */
export function elementsOf(trace: Trace, path: string) {
  const { before, after, gradient } = parameterOf(trace, path);
  return {
    before: dataOf(before),
    after: dataOf(after),
    gradient: dataOf(trace.operations[gradient as number]?.value),
  };
}

/** What a layer's units have for one example of the batch. */
export interface UnitNumbers {
  readonly inputs: readonly number[];
  readonly z: readonly number[];
  readonly a: readonly number[];
  readonly slopeA: readonly number[];
  readonly slopeZ: readonly number[];
}

export function unitNumbers({ info, traced: { trace } }: ReferenceStep, layer: number, example: number): UnitNumbers {
  const { path, activationPath, units } = info.layers[layer] as SessionInfo["layers"][number];
  const callOf = (of: string) => {
    const call = trace.modules.find((module) => module.path === of)?.calls[0];
    if (call === undefined) throw new Error(`there is no call of ${of}`);
    return { input: call.inputs[0] as number, output: call.outputs[0] as number };
  };
  const row = (operation: number | undefined, width: number): readonly number[] =>
    dataOf(trace.operations[operation as number]?.value).slice(example * width, (example + 1) * width);
  const { input, output: z } = callOf(path);
  const a = activationPath === undefined ? z : callOf(activationPath).output;
  const width = dataOf(parameterOf(trace, `${path}.weight`).before).length / units;
  return {
    inputs: row(input, width),
    z: row(z, units),
    a: row(a, units),
    slopeA: row(trace.operations[a]?.gradient, units),
    slopeZ: row(trace.operations[z]?.gradient, units),
  };
}

/** The gradient of a network of tanh layers and one score with binary cross-entropy, by differences in float64. */
export function differences({ info, batch, traced: { trace } }: ReferenceStep): Map<string, number[]> {
  const contents = new Map(trace.parameters.map(({ path, before }) => [path, [...dataOf(before)]]));
  const loss = (): number => {
    let sum = 0;
    batch.inputs.forEach((input, n) => {
      let x: readonly number[] = input;
      for (const { path, units, activation } of info.layers) {
        const before = x;
        const [w = [], b = []] = [contents.get(`${path}.weight`), contents.get(`${path}.bias`)];
        x = Array.from({ length: units }, (_, u) => {
          const z = before.reduce((s, v, k) => s + v * (w[u * before.length + k] as number), b[u] as number);
          return activation === "tanh" ? Math.tanh(z) : z;
        });
      }
      const [z = NaN] = x;
      sum += Math.log1p(Math.exp(z)) - (batch.targets[n] as number) * z;
    });
    return sum / batch.inputs.length;
  };
  const slopes = new Map<string, number[]>();
  for (const [path, data] of contents) {
    const slopeOf = (value: number, i: number): number => {
      const at = (moved: number): number => {
        data[i] = moved;
        return loss();
      };
      const slope = (at(value + 1e-5) - at(value - 1e-5)) / 2e-5;
      data[i] = value;
      return slope;
    };
    slopes.set(path, data.slice().map(slopeOf));
  }
  return slopes;
}
