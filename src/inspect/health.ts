/** What is not well in a step: gradients that vanish or explode, units that are dead or saturated. Floor: inspect. */
import { summaryOf } from "./statistics.ts";
import type { Trace, TraceOperation, TraceValue } from "./trace-format.ts";

export type FindingKind = "nonFinite" | "noGradient" | "vanishing" | "exploding" | "dead" | "saturated";

/** One thing that is not well. */
export interface Finding {
  readonly kind: FindingKind;
  /** The operation that shows it, where there is one. */
  readonly operation?: number;
  /** Path of the module, or of the parameter. */
  readonly path: string;
  /** The number that says so: a norm, a ratio of norms, or a share of units from 0 to 1. */
  readonly amount: number;
}

/** Norm of a layer's gradient for one parameter element, relative to the largest layer, below which it counts as vanishing. */
const vanishingBelow = 1e-4;
/** Norm of all gradients above which they count as exploding. */
const explodingAbove = 1e3;
/** Share of units from which a layer is marked. */
const manyUnits = 0.25;

/**
 * What is not well in a traced step, worst first: a value that is not finite and what made the first one, parameters that
 * no gradient reaches, gradients that vanish (under 10⁻⁴ of the largest layer's, by root mean square) or explode (norm over
 * 1000), layers of which a quarter of the units is dead (relu: 0 for the whole batch) or saturated (tanh and sigmoid: slope
 * under 0.01 for the whole batch). What was not captured is not judged.
 *
 * @example
 * const model = new nn.Sequential(new nn.Linear(1, 2), new nn.ReLU());
 * model.loadStateDict({ "0.weight": tensor([[-1], [-1]]), "0.bias": tensor([0, 0]) });
 * const step = await trace(model, new nn.MSELoss(), [tensor([[1]]), tensor([[1, 1]])]);
 * health(step).map((finding) => [finding.kind, finding.amount]); // [["dead", 1]]
 */
export function health(trace: Trace): Finding[] {
  return [...nonFinite(trace), ...gradients(trace), ...units(trace)];
}

/**
 * The first operation whose result is not finite though all that it takes is. Infinities that a program wrote, as masks are
 * made of, and what is chosen and added of them, are meant.
 */
function nonFinite({ operations }: Trace): Finding[] {
  const isMeant: boolean[] = [];
  const isBad: boolean[] = [];
  for (const [i, { op, label, value, inputs }] of operations.entries()) {
    const isWritten = inputs.length === 0 && (op === "constant" || op === "leaf") && /^-?Infinity$/.test(label);
    const { nonFinite: count = 0, nan = 0 } = value === undefined ? {} : summaryOf(value);
    const fromMeant = nan === 0 && inputs.some((input) => isMeant[input]) && !inputs.some((input) => isBad[input]);
    // What was not captured is what it is made of.
    const isUnseen = value === undefined && !isWritten;
    isMeant[i] = isWritten || ((count > 0 || isUnseen) && fromMeant);
    isBad[i] = isUnseen ? inputs.some((input) => isBad[input]) : count > 0 && !isMeant[i];
  }
  const at = operations.findIndex(
    ({ value, inputs }, i) => value !== undefined && isBad[i] && !inputs.some((input) => isBad[input]),
  );
  if (at < 0) return [];
  const { module, value } = operations[at] as TraceOperation;
  return [{ kind: "nonFinite", operation: at, path: module, amount: summaryOf(value as TraceValue).nonFinite }];
}

/** The root mean square of each parameter's gradient, beside the largest. */
function gradients({ parameters, operations }: Trace): Finding[] {
  const found: Finding[] = [];
  const known: { readonly path: string; readonly operation: number; readonly norm: number; readonly rms: number }[] =
    [];
  for (const { path, gradient } of parameters) {
    if (gradient === undefined) {
      found.push({ kind: "noGradient", path, amount: 0 });
      continue;
    }
    const { value } = operations[gradient] as TraceOperation;
    if (value === undefined) continue;
    const { norm, size } = summaryOf(value);
    known.push({ path, operation: gradient, norm, rms: norm / Math.sqrt(size) });
  }
  const total = Math.sqrt(known.reduce((sum, { norm }) => sum + norm * norm, 0));
  const most = known.reduce((largest, { rms }) => Math.max(largest, rms), 0);
  for (const { path, operation, norm, rms } of known) {
    // All together, and this one a large part of it.
    if (total > explodingAbove && norm > total / 10) found.push({ kind: "exploding", operation, path, amount: norm });
    if (most > 0 && rms < vanishingBelow * most) found.push({ kind: "vanishing", operation, path, amount: rms / most });
  }
  return found;
}

/** Layers with many units that do not react to any sample. */
function units({ operations }: Trace): Finding[] {
  return operations.flatMap(({ op, flat, module }, operation): Finding[] =>
    flat === undefined || flat < manyUnits
      ? []
      : [{ kind: op === "relu" ? "dead" : "saturated", operation, path: module, amount: flat }],
  );
}
