/**
 * What is known of a unit, a weight, a bias or an example of a traced step, as formulas with the numbers put in. Numbers are
 * those of the trace; what it does not hold is computed from them by the line that is shown.
 */
import { subscript } from "../view/number.ts";
import { activated, slope } from "./activation-formulas.ts";
import { type Expression, type Formula, formula, known, product, sum, superscript } from "./expression.ts";
import { batchLoss, exampleLoss, outputSlope } from "./loss-formulas.ts";
import {
  type LayerReading,
  type StepReading,
  at,
  elements,
  gradientOf,
  inputsOf,
  outputsOf,
  parameterElement,
  targetAt,
} from "./step-reading.ts";
import { updateFormulas } from "./update-formulas.ts";

/** Lines that can be shown once these operations are done, and this parameter is updated. */
export interface FormulaGroup {
  readonly kind: "forward" | "loss" | "backward" | "gradient" | "update";
  readonly formulas: readonly Formula[];
  readonly operations: readonly number[];
  readonly parameter?: number;
}

/** The symbol of an input of a layer: x of the network, h of the layer before. */
export function inputSymbol(layer: number, input: number): string {
  return `${layer === 0 ? "x" : "h"}${subscript(input + 1)}`;
}

/** z = w₁x₁ + … + b and a = f(z) of a unit for one example, and the gradients that come back to it. */
export function unitFormulas(step: StepReading, layerAt: number, unit: number, sample: number): FormulaGroup[] {
  const layer = step.layers[layerAt] as LayerReading;
  const forward = forwardOf(step, layerAt, layer, unit, sample);
  const backward = backwardOf(step, layerAt, layer, unit, sample);
  const operations = present([gradientOf(step, layer.a), gradientOf(step, layer.z)]);
  return [
    ...(forward === undefined ? [] : [{ kind: "forward" as const, formulas: forward, operations: [layer.z, layer.a] }]),
    ...(backward === undefined ? [] : [{ kind: "backward" as const, formulas: backward, operations }]),
  ];
}

function forwardOf(
  step: StepReading,
  layerAt: number,
  layer: LayerReading,
  unit: number,
  sample: number,
): Formula[] | undefined {
  const z = at(step, layer.z, sample, unit, layer.units);
  const a = at(step, layer.a, sample, unit, layer.units);
  const weights = elements(step.trace.parameters[layer.weight]?.before);
  const inputs = elements(step.trace.operations[layer.input]?.value);
  if (z === undefined || a === undefined || weights === undefined || inputs === undefined) return undefined;
  const terms: Expression[] = [];
  for (let j = 0; j < layer.inputs; j++) {
    const w = known(weights[unit * layer.inputs + j] as number, `w${subscript(j + 1)}`);
    terms.push(product(w, known(inputs[sample * layer.inputs + j] as number, inputSymbol(layerAt, j))));
  }
  if (layer.bias !== undefined) {
    const bias = elements(step.trace.parameters[layer.bias]?.before)?.[unit];
    if (bias === undefined) return undefined;
    terms.push(known(bias, "b"));
  }
  const lines = [formula("z", sum(...terms), z)];
  if (layer.a !== layer.z) lines.push(formula("a", activated(layer.activation, known(z, "z")), a));
  return lines;
}

/** ∂L/∂a, from the units that take it or from the loss; ∂a/∂z; ∂L/∂z. */
function backwardOf(
  step: StepReading,
  layerAt: number,
  layer: LayerReading,
  unit: number,
  sample: number,
): Formula[] | undefined {
  const { units } = layer;
  const slopeA = at(step, gradientOf(step, layer.a), sample, unit, units);
  const slopeZ = at(step, gradientOf(step, layer.z), sample, unit, units);
  if (slopeA === undefined || slopeZ === undefined) return undefined;
  const isOutput = layerAt === step.layers.length - 1;
  const lines = isOutput
    ? outputSlope(step, sample, unit, slopeA)
    : incoming(step, layerAt, unit, sample, slopeA, layer.a === layer.z ? "∂L/∂z" : "∂L/∂a");
  if (lines === undefined) return undefined;
  if (layer.a === layer.z) return lines;
  const local = localSlope(step, layer, unit, sample);
  if (local === undefined) return undefined;
  const whole = product(known(slopeA, lines.at(-1)?.name ?? "∂L/∂a"), known(local.result, "∂a/∂z"));
  return [...lines, local, formula("∂L/∂z", whole, slopeZ)];
}

/** ∂L/∂a = Σ ∂L/∂zₖ · wₖ over the units k of the next layer. */
function incoming(
  step: StepReading,
  layerAt: number,
  unit: number,
  sample: number,
  result: number,
  name: string,
): Formula[] | undefined {
  const next = step.layers[layerAt + 1] as LayerReading;
  const weights = elements(step.trace.parameters[next.weight]?.before);
  if (weights === undefined) return undefined;
  const terms: Expression[] = [];
  for (let k = 0; k < next.units; k++) {
    const delta = at(step, gradientOf(step, next.z), sample, k, next.units);
    if (delta === undefined) return undefined;
    const w = known(weights[k * next.inputs + unit] as number, `w${subscript(k + 1)}`);
    terms.push(product(known(delta, `∂L/∂z${subscript(k + 1)}`), w));
  }
  return [formula(name, sum(...terms), result)];
}

/** ∂a/∂z. */
function localSlope(step: StepReading, layer: LayerReading, unit: number, sample: number): Formula | undefined {
  const z = at(step, layer.z, sample, unit, layer.units);
  const a = at(step, layer.a, sample, unit, layer.units);
  if (z === undefined || a === undefined) return undefined;
  return formula("∂a/∂z", slope(layer.activation, known(z, "z"), known(a, "a")));
}

/** Which element of a layer's weight or, without an input, of its bias. */
export interface ElementPlace {
  readonly layer: number;
  readonly unit: number;
  readonly input?: number;
}

/** The parameter of an element, and its place in it in row-major order. */
export function elementOf(step: StepReading, place: ElementPlace): { parameter: number; place: number } | undefined {
  const layer = step.layers[place.layer];
  if (layer === undefined || place.unit >= layer.units) return undefined;
  if (place.input === undefined) {
    return layer.bias === undefined ? undefined : { parameter: layer.bias, place: place.unit };
  }
  return place.input < layer.inputs
    ? { parameter: layer.weight, place: place.unit * layer.inputs + place.input }
    : undefined;
}

/** What each example adds to ∂L/∂w: ∂L/∂z · x, or of a bias ∂L/∂z. */
export function exampleShares(step: StepReading, place: ElementPlace): readonly number[] | undefined {
  const parts = factorsOf(step, place);
  return parts?.map(({ delta, x }) => delta * (x ?? 1));
}

interface Factors {
  readonly delta: number;
  /** Of a weight: what came in. */
  readonly x: number | undefined;
}

function factorsOf(step: StepReading, { layer: layerAt, unit, input }: ElementPlace): Factors[] | undefined {
  const layer = step.layers[layerAt] as LayerReading;
  const deltas = gradientOf(step, layer.z);
  const found: Factors[] = [];
  for (let n = 0; n < step.samples; n++) {
    const delta = at(step, deltas, n, unit, layer.units);
    const x = input === undefined ? undefined : at(step, layer.input, n, input, layer.inputs);
    if (delta === undefined || (input !== undefined && x === undefined)) return undefined;
    found.push({ delta, x });
  }
  return found;
}

/**
 * Of a weight or a bias: the chain rule for one example, the sum over the batch, and the update to the new value. Empty
 * where the trace has kept no single numbers of it.
 */
export function parameterFormulas(step: StepReading, place: ElementPlace, sample: number): FormulaGroup[] {
  const element = elementOf(step, place);
  if (element === undefined) return [];
  const layer = step.layers[place.layer] as LayerReading;
  const symbol = place.input === undefined ? "b" : `w${subscript(place.input + 1)}`;
  const { gradient, parameter } = parameterElement(step, element.parameter, element.place);
  const groups: FormulaGroup[] = [];
  const factors = factorsOf(step, place);
  if (gradient !== undefined && factors !== undefined) {
    const chain = chainOf(step, place, layer, sample, symbol, factors[sample]);
    const operations = present([gradientOf(step, layer.z)]);
    if (chain !== undefined) groups.push({ kind: "backward", formulas: chain, operations });
    const terms = factors.map(({ delta, x }, n) => {
      const mark = `⁽${superscript(String(n + 1))}⁾`;
      const share = known(delta, `∂L/∂z${mark}`);
      if (x === undefined || place.input === undefined) return share;
      return product(share, known(x, `${inputSymbol(place.layer, place.input)}${mark}`));
    });
    groups.push({
      kind: "gradient",
      formulas: [formula(`∂L/∂${symbol}`, sum(...terms), gradient)],
      operations: present([parameter.gradient]),
    });
  }
  const update = updateFormulas(step, element.parameter, element.place, symbol);
  if (update !== undefined) {
    groups.push({ kind: "update", formulas: update, operations: [], parameter: element.parameter });
  }
  return groups;
}

/** ∂Lₙ/∂w = ∂L/∂a · ∂a/∂z · ∂z/∂w for one example. */
function chainOf(
  step: StepReading,
  { input, unit, layer: layerAt }: ElementPlace,
  layer: LayerReading,
  sample: number,
  symbol: string,
  own: Factors | undefined,
): Formula[] | undefined {
  const slopeA = at(step, gradientOf(step, layer.a), sample, unit, layer.units);
  if (own === undefined || slopeA === undefined) return undefined;
  const name = `∂L${subscript(sample + 1)}/∂${symbol}`;
  const last: Expression[] = own.x === undefined ? [known(1, "∂z/∂b")] : [known(own.x, `∂z/∂${symbol}`)];
  const inner =
    input === undefined ? [] : [formula(`∂z/∂${symbol}`, known(own.x as number, inputSymbol(layerAt, input)))];
  if (layer.a === layer.z) {
    return [...inner, formula(name, product(known(own.delta, "∂L/∂z"), ...last), own.delta * (own.x ?? 1))];
  }
  const local = localSlope(step, layer, unit, sample);
  if (local === undefined) return undefined;
  const chain = product(known(slopeA, "∂L/∂a"), known(local.result, "∂a/∂z"), ...last);
  return [local, ...inner, formula(name, chain, own.delta * (own.x ?? 1))];
}

/** Of an example: its loss, and the loss of the batch, whose mean it is a part of. */
export function exampleFormulas(step: StepReading, sample: number): FormulaGroup[] {
  const operations = [step.trace.loss];
  const own = exampleLoss(step, sample);
  const all = batchLoss(step);
  const formulas = [...(own ?? []), ...(all === undefined ? [] : [all])];
  return formulas.length === 0 ? [] : [{ kind: "loss", formulas, operations }];
}

/** An example's inputs, outputs and targets, as far as they were kept. */
export function exampleNumbers(
  step: StepReading,
  sample: number,
): { inputs: readonly number[] | undefined; outputs: readonly number[] | undefined; targets: (number | undefined)[] } {
  const inputs = inputsOf(step, sample);
  const outputs = outputsOf(step, sample);
  return { inputs, outputs, targets: (outputs ?? []).map((_, c) => targetAt(step, sample, c)) };
}

function present<T>(list: readonly (T | undefined)[]): T[] {
  return list.filter((one) => one !== undefined);
}
