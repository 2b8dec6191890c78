/**
 * What users give to optimisers: lists of parameters or groups, numbers, and saved states. Read and checked here.
 * Floor: optim.
 */
import { TwopassError, describe, showShape } from "../base/errors.ts";
import { sameShape } from "../base/shape.ts";
import type { Value } from "../ir/value.ts";
import { useAll, valueOf } from "../tensor/handle.ts";
import { StoredTensor } from "../tensor/stored.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { OptimizerState } from "./optimizer-state.ts";
import type { GroupOptions } from "./optimizer.ts";

export function isIterable(x: unknown): x is Iterable<unknown> {
  return typeof x === "object" && x !== null && Symbol.iterator in x;
}

/** Parameters or groups as groups. */
export function readGroups<S>(op: string, parameters: unknown): GroupOptions<S>[] {
  if (!isIterable(parameters)) {
    throw new TwopassError({
      op,
      problem: "takes a list of parameters",
      facts: `got ${describe(parameters)}`,
      hint: "model.parameters()",
    });
  }
  const list = [...parameters];
  if (list.length === 0) return [];
  const isGroup = (x: unknown): x is GroupOptions<S> => typeof x === "object" && x !== null && "params" in x;
  if (list.every(isGroup)) return list;
  return [{ params: list as StoredTensor[] } as unknown as GroupOptions<S>];
}

export function checkParameter(op: string, x: unknown): asserts x is StoredTensor {
  if (x instanceof StoredTensor) return;
  throw new TwopassError({
    op,
    problem: "takes parameters",
    facts: `got ${describe(x)}`,
    hint: x instanceof Tensor ? "wrap it: new nn.Parameter(tensor)" : "model.parameters()",
  });
}

export function isState(x: unknown): x is OptimizerState {
  if (typeof x !== "object" || x === null || !("state" in x) || !("paramGroups" in x)) return false;
  const { state, paramGroups } = x;
  const hasParams = (group: unknown): boolean =>
    typeof group === "object" && group !== null && "params" in group && Array.isArray(group.params);
  return typeof state === "object" && state !== null && Array.isArray(paramGroups) && paramGroups.every(hasParams);
}

/** Throws for what an optimiser that keeps `names` would not know, or could not use, of a state of these parameters. */
export function checkStates(
  op: string,
  parameters: readonly StoredTensor[],
  state: OptimizerState["state"],
  names: readonly string[],
): void {
  for (const [number, entries] of Object.entries(state)) {
    const parameter = parameters[Number(number)];
    if (parameter === undefined || typeof entries !== "object" || entries === null) {
      throw new TwopassError({
        op,
        problem: "the state is of other parameters",
        facts: `it has number ${number}, and there are ${parameters.length}`,
      });
    }
    for (const [name, value] of Object.entries(entries)) {
      if (name === "step") checkStep(op, number, value);
      else if (names.includes(name)) checkEntry(op, number, name, value, parameter);
      else {
        throw new TwopassError({
          op,
          problem: `unknown state "${name}" of parameter ${number}`,
          facts: `kept are ${["step", ...names].join(", ")}`,
          hint: "is it the state of another optimiser?",
        });
      }
    }
  }
}

function checkStep(op: string, number: string, value: unknown): void {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0) return;
  throw new TwopassError({
    op,
    problem: `step of parameter ${number} must be a whole number from 0`,
    facts: `got ${describe(value)}`,
  });
}

function checkEntry(op: string, number: string, name: string, value: unknown, parameter: StoredTensor): void {
  if (!(value instanceof Tensor)) {
    throw new TwopassError({
      op,
      problem: `${name} of parameter ${number} must be a tensor`,
      facts: `got ${describe(value)}`,
    });
  }
  if (sameShape(value.shape, parameter.shape)) return;
  throw new TwopassError({
    op,
    problem: "a shape differs",
    facts: `${name} of parameter ${number} is ${showShape(value.shape)}, the parameter ${showShape(parameter.shape)}`,
    shapes: [value.shape],
  });
}

/** The numbers of a step; `first` are those of the step that was compiled, which has given them their names. */
export function checkNumbers(
  op: string,
  numbers: unknown,
  first: Readonly<Record<string, number>> | undefined,
): Readonly<Record<string, number>> {
  if (typeof numbers !== "object" || numbers === null) {
    throw new TwopassError({ op, problem: "must give numbers by name", facts: `got ${describe(numbers)}` });
  }
  const names = Object.keys(numbers);
  if (first !== undefined) {
    const known = Object.keys(first);
    if (names.length !== known.length || !known.every((name) => Object.hasOwn(numbers, name))) {
      throw new TwopassError({
        op,
        problem: "the names differ from those of the step that was compiled",
        facts: `${names.join(", ") || "none"}, and there ${known.join(", ") || "none"}`,
        hint: "give all of them at each step",
      });
    }
  }
  const given = numbers as Readonly<Record<string, number>>;
  for (const name of names) {
    if (typeof given[name] === "number" && !Number.isNaN(given[name])) continue;
    throw new TwopassError({ op, problem: `${name} must be a number`, facts: `got ${describe(given[name])}` });
  }
  return given;
}

/** What `update` made for a tensor of the parameter's shape and dtype. */
export function contentOf(op: string, what: string, x: unknown, parameter: StoredTensor): Value {
  const { shape, dtype } = parameter;
  if (x instanceof Tensor && sameShape(x.shape, shape) && x.dtype === dtype) {
    useAll([parameter, x]);
    return valueOf(x);
  }
  throw new TwopassError({
    op: `${op}.update`,
    problem: `${what} of ${parameter.label} must be a tensor of its shape and dtype`,
    facts: `${x instanceof Tensor ? `${x.dtype} ${showShape(x.shape)}` : describe(x)} for ${dtype} ${showShape(shape)}`,
    ...(x instanceof Tensor ? { shapes: [x.shape, shape] } : {}),
  });
}
