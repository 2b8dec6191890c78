/** Checks of optimisers' settings: those of the library's classes by name, those of others by type. Floor: optim. */
import { TwopassError, describe } from "../base/errors.ts";

const notNegative = [
  "lr",
  "eps",
  "weightDecay",
  "momentum",
  "alpha",
  "lrDecay",
  "initialAccumulatorValue",
  "momentumDecay",
  "lambd",
  "toleranceGrad",
  "toleranceChange",
];
const counts = ["maxIter", "maxEval", "historySize"];
const flags = ["nesterov", "maximize", "amsgrad", "centered"];

function isPair(x: unknown): x is readonly [number, number] {
  return Array.isArray(x) && x.length === 2 && x.every((y) => typeof y === "number");
}

/** Standard settings of the library's classes. A class of somebody else may mean another thing by the same name. */
const ruled = new WeakSet<object>();

/** Marks the standard settings of a class of the library: the rules here hold for them. */
export function ownSettings<S extends object>(standard: S): S {
  ruled.add(standard);
  return standard;
}

/** What a setting must be, in words, where it is not of the type of `standard`; with null anything goes. */
function typeFaultOf(value: unknown, standard: unknown): string | undefined {
  const isFree = value === null || value === undefined || standard === null || standard === undefined;
  if (isFree || typeof value === typeof standard) return undefined;
  return typeof standard === "number" ? "a number" : `like ${describe(standard)}`;
}

/** What a setting of the library must be, in words, where it is not that. */
function faultOf(key: string, value: unknown): string | undefined {
  if (flags.includes(key)) return typeof value === "boolean" ? undefined : "true or false";
  if (key === "betas") {
    return isPair(value) && value.every((beta) => beta >= 0 && beta < 1) ? undefined : "two numbers from 0 to below 1";
  }
  if (key === "rho") return typeof value === "number" && value >= 0 && value <= 1 ? undefined : "a number from 0 to 1";
  if (key === "etas") {
    return isPair(value) && value[0] > 0 && value[0] < 1 && value[1] > 1
      ? undefined
      : "a number from 0 to 1 and one above 1";
  }
  if (counts.includes(key))
    return typeof value === "number" && Number.isInteger(value) && value > 0 ? undefined : "a whole number from 1";
  if (key === "lineSearchFn") return value === "strong_wolfe" || value === null ? undefined : '"strong_wolfe" or null';
  if (key === "stepSizes") return isPair(value) ? undefined : "two numbers";
  if (typeof value !== "number" || Number.isNaN(value)) return "a number";
  return notNegative.includes(key) && value < 0 ? "a number from 0" : undefined;
}

/** Gives the settings back if each is what it must be; `standard` are those of the optimiser's class. */
export function checkSettings<S extends object>(op: string, settings: S, standard: object): S {
  const isRuled = ruled.has(standard);
  const usual: Readonly<Record<string, unknown>> = { ...standard };
  for (const [key, value] of Object.entries(settings)) {
    const fault = isRuled ? faultOf(key, value) : typeFaultOf(value, usual[key]);
    if (fault !== undefined)
      throw new TwopassError({ op, problem: `${key} must be ${fault}`, facts: `got ${describe(value)}` });
  }
  if (!isRuled) return settings;
  const { nesterov, momentum, dampening } = settings as {
    nesterov?: boolean;
    momentum?: number;
    dampening?: number;
  };
  if (nesterov === true && dampening !== undefined && (momentum === 0 || dampening !== 0)) {
    throw new TwopassError({
      op,
      problem: "nesterov needs a momentum and no dampening",
      facts: `momentum ${momentum}, dampening ${dampening}`,
    });
  }
  return settings;
}
