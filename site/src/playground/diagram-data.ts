/** What the diagram of the network shows at a place of the timeline. */
import type { Finding } from "twopass/inspect";
import type { Maps, SessionInfo } from "../session/protocol.ts";
import type { DiagramLayer, DiagramPhase, DiagramUnit, UnitMark } from "../view/diagram-types.ts";
import { type LayerReading, type StepReading, at, elements, gradientOf, inputsOf } from "./step-reading.ts";
import { type Timeline, isKnown, isUpdated, placeAt } from "./timeline.ts";
import { hiddenName, outputName } from "./unit-names.ts";

/** A step, where it is read, and the place in it. */
export interface ShownMoment {
  readonly step: StepReading;
  readonly timeline: Timeline;
  readonly at: number;
  /** Which example of the batch. */
  readonly sample: number;
  readonly findings: readonly Finding[];
}

/** Slopes up to this count as flat, as the findings have it. */
const flatUpTo = 0.01;

export interface LayerNames {
  readonly input: string;
  readonly output: string;
  readonly hidden: (number: number) => string;
  readonly activation: (name: string) => string;
}

export function diagramLayers(
  info: SessionInfo,
  shown: ShownMoment | undefined,
  maps: Maps | undefined,
  names: LayerNames,
): DiagramLayer[] {
  const given = shown === undefined ? undefined : inputsOf(shown.step, shown.sample);
  const inputs = info.inputs.map((label, i): DiagramUnit => ({ label, value: given?.[i] }));
  const layers: DiagramLayer[] = [{ label: names.input, units: inputs }];
  info.layers.forEach(({ units, activation }, l) => {
    const isOutput = l === info.layers.length - 1;
    const reading = shown?.step.layers[l];
    const about = shown === undefined || reading === undefined ? undefined : layerNumbers(shown, reading);
    const marks = shown === undefined || reading === undefined ? [] : marksOf(shown, reading);
    layers.push({
      label: isOutput ? names.output : names.hidden(l + 1),
      note: activation === "none" ? undefined : names.activation(activation),
      units: Array.from(
        { length: units },
        (_, u): DiagramUnit => ({
          label: isOutput ? outputName(info, u) : hiddenName(u),
          value: about?.values?.[u],
          gradient: about?.slopes?.[u],
          bias: about?.bias?.[u],
          map: maps?.units[l]?.[u],
          marks: marks[u],
        }),
      ),
      weights: about?.weights,
      gradients: about?.gradients,
    });
  });
  return layers;
}

interface LayerNumbers {
  readonly values: readonly (number | undefined)[] | undefined;
  readonly slopes: readonly (number | undefined)[] | undefined;
  readonly bias: readonly number[] | undefined;
  readonly weights: readonly number[] | undefined;
  readonly gradients: readonly number[] | undefined;
}

/** What is known of a layer at that place: values of one example, parameters as they are there. */
function layerNumbers({ step, timeline, at: place, sample }: ShownMoment, layer: LayerReading): LayerNumbers {
  const { trace } = step;
  const row = (operation: number | undefined): (number | undefined)[] | undefined =>
    isKnown(timeline, place, operation)
      ? Array.from({ length: layer.units }, (_, u) => at(step, operation, sample, u, layer.units))
      : undefined;
  const content = (number: number | undefined): readonly number[] | undefined => {
    if (number === undefined) return undefined;
    const { before, after } = trace.parameters[number] as (typeof trace.parameters)[number];
    return elements(isUpdated(timeline, place, number) ? after : before);
  };
  const gradient = trace.parameters[layer.weight]?.gradient;
  return {
    values: row(layer.a) ?? row(layer.z),
    slopes: row(gradientOf(step, layer.z)) ?? row(gradientOf(step, layer.a)),
    bias: content(layer.bias),
    weights: content(layer.weight),
    gradients:
      gradient !== undefined && isKnown(timeline, place, gradient)
        ? elements(trace.operations[gradient]?.value)
        : undefined,
  };
}

/** What is not well, by unit: findings say the layer, the numbers which of its units. */
function marksOf({ step, findings }: ShownMoment, layer: LayerReading): UnitMark[][] {
  const isOf = (path: string): boolean =>
    path === layer.path || path === layer.activationPath || path.startsWith(`${layer.path}.`);
  const marks = Array.from({ length: layer.units }, (): UnitMark[] => []);
  for (const { kind, path } of findings) {
    if (!isOf(path) || kind === "noGradient") continue;
    marks.forEach((list, unit) => {
      if (concerns(step, layer, kind, unit)) list.push(kind === "nonFinite" ? "notFinite" : kind);
    });
  }
  return marks.map((list) => [...new Set(list)]);
}

function concerns(step: StepReading, layer: LayerReading, kind: Finding["kind"], unit: number): boolean {
  if (kind === "vanishing" || kind === "exploding") return true;
  for (let n = 0; n < step.samples; n++) {
    const a = at(step, layer.a, n, unit, layer.units);
    if (a === undefined) return false;
    if (kind === "nonFinite") {
      if (!Number.isFinite(a)) return true;
      continue;
    }
    const slope = layer.activation === "tanh" ? 1 - a * a : layer.activation === "sigmoid" ? a * (1 - a) : a;
    if (slope > (kind === "dead" ? 0 : flatUpTo)) return false;
  }
  return kind !== "nonFinite";
}

/** Which layers are lit. The diagram counts its layers from the input, and the loss is at the output. */
export function diagramPhase(timeline: Timeline, at: number, layers: number): DiagramPhase {
  const { phase, moment, layers: done } = placeAt(timeline, at);
  const inDiagram = (layer: number): number => Math.min(layer + 1, layers);
  return {
    phase,
    layer: moment === undefined ? -1 : inDiagram(moment.layer),
    done: [...new Set(done.map(inDiagram))],
  };
}
