/** Weights as a length times a direction, each of which trains. Floor: nn. */
import { TwopassError, describe } from "../../base/errors.ts";
import { normalizeDim } from "../../base/shape.ts";
import type { Value } from "../../ir/value.ts";
import { norm } from "../../ops/composite/reduction.ts";
import { kit } from "../../ops/kit.ts";
import { structureChanged } from "../../tensor/capture.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { floatingVertex, resultOf, vertexOf, withDefaults } from "../functional/common.ts";
import type { Module } from "./module.ts";
import { Parameter } from "./parameter.ts";

export interface WeightNormOptions {
  /** The parameter's property; default "weight". */
  readonly name?: string;
  /** The dim whose slices each have a length; null gives the whole weight one. Default 0: one for each output. */
  readonly dim?: number | null;
}

/** ‖v‖ along all dims but one, in a shape that broadcasts to v. */
function lengthOf(v: Value, dim: number | null): Value {
  const dims = v.shape.map((_, i) => i).filter((i) => i !== dim);
  return kit.reshape(norm(kit, v, 2, dims), dim === null ? [] : v.shape.map((n, i) => (i === dim ? n : 1)));
}

function parameterOf(op: string, module: Module, name: string): Parameter {
  const found: unknown = Object.getOwnPropertyDescriptor(module, name)?.value;
  if (found instanceof Parameter) return found;
  throw new TwopassError({
    op,
    problem: `${module.constructor.name} has no parameter "${name}"`,
    facts: `it is ${describe(found)}`,
    hint: "{ name } says which one",
  });
}

function define(module: Module, name: string, value: unknown): void {
  Object.defineProperty(module, name, { value, writable: true, enumerable: true, configurable: true });
}

/**
 * Makes a weight of a module the product of a length and a direction: w = g · v / ‖v‖, computed at each use. The module
 * then has the parameters `weight_g` and `weight_v` in place of `weight`. Salimans and Kingma (2016).
 *
 * Call it before the optimiser is made.
 *
 * @param options.name the parameter's property; default "weight".
 * @param options.dim the dim whose slices each have a length (default 0), or null for one length of the whole.
 * @returns the module.
 * @example
 * const layer = nn.weightNorm(new nn.Linear(2, 3));
 * Object.keys(layer.stateDict()); // ["bias", "weight_g", "weight_v"]
 */
export function weightNorm<M extends Module>(module: M, options?: WeightNormOptions): M {
  const op = "nn.weightNorm";
  const { name, dim } = withDefaults<Required<WeightNormOptions>>(op, options, { name: "weight", dim: 0 });
  const direction = parameterOf(op, module, name);
  const v = floatingVertex(op, direction);
  const along = dim === null ? null : normalizeDim(op, dim, v.shape.length);
  const start = resultOf(lengthOf(v, along), [direction]);
  const length = new Parameter(start, { requiresGrad: direction.requiresGrad });
  const current = (): Tensor => {
    const [g, w] = [vertexOf(op, "the length", length), vertexOf(op, "the direction", direction)];
    return resultOf(kit.mul(w, kit.div(g, lengthOf(w, along))), [length, direction]);
  };
  Object.defineProperty(module, name, { get: current, enumerable: false, configurable: true });
  define(module, `${name}_g`, length);
  define(module, `${name}_v`, direction);
  structureChanged("weightNorm() was called");
  return module;
}

/** Undoes `weightNorm`: the product becomes a parameter again. @throws where the module has no such product. */
export function removeWeightNorm<M extends Module>(module: M, name = "weight"): M {
  const op = "nn.removeWeightNorm";
  parameterOf(op, module, `${name}_g`);
  const direction = parameterOf(op, module, `${name}_v`);
  const product: unknown = Reflect.get(module, name);
  direction.assign(product as Tensor);
  Reflect.deleteProperty(module, `${name}_g`);
  Reflect.deleteProperty(module, `${name}_v`);
  define(module, name, direction);
  structureChanged("removeWeightNorm() was called");
  return module;
}
