/**
 * The error of a run with a computed position out of range: it names the function, the module and the line that made the
 * choice. Floor: tensor.
 */
import { TwopassError, lineOf } from "../base/errors.ts";
import type { Value } from "../ir/value.ts";
import type { OutOfRange, RunFailure } from "../runtime/device.ts";
import { type ReadLeaf, findOutOfRange, isChoice } from "../runtime/find-fault.ts";
import { NonFiniteError, finiteCheck } from "./finite.ts";

/** What a message says of a choice; it holds nothing of the graph. */
export interface Choice {
  readonly name: string;
  readonly path: string;
  readonly origin: Error | undefined;
  readonly shapes: readonly (readonly number[])[];
}

/** The choices of a graph, in the order in which they run. */
export function choicesOf(order: readonly Value[]): Choice[] {
  const choices: Choice[] = [];
  for (let i = 0; i < order.length; i++) {
    const value = order[i] as Value;
    if (isChoice(value)) choices.push(describeChoice(value));
  }
  return choices;
}

function describeChoice({ call, op, path, origin, inputs }: Value): Choice {
  return { name: call === "" ? op.name : call, path, origin, shapes: inputs.map((x) => x.shape) };
}

/** The device's error, with the name and place of the operation where they can be found. */
export function explainFault(error: TwopassError, order: readonly Value[], read: ReadLeaf): TwopassError {
  const choices = order.filter(isChoice);
  const found = findOutOfRange(choices, read);
  return found === undefined ? error : outOfRange(describeChoice(choices[found.number] as Value), found, error);
}

/** The error of a run that failed in another thread. */
export function failureOf({ op, problem, hint, choice }: RunFailure, choices: readonly Choice[]): TwopassError {
  const parts = { op, problem, ...(hint === undefined ? {} : { hint }) };
  const error = op === finiteCheck ? new NonFiniteError(parts) : new TwopassError(parts);
  const guilty = choice === undefined ? undefined : choices[choice.number];
  return choice === undefined || guilty === undefined ? error : outOfRange(guilty, choice, error);
}

function outOfRange(guilty: Choice, { at, size }: OutOfRange, cause: TwopassError): TwopassError {
  const line = guilty.origin === undefined ? "" : lineOf(guilty.origin);
  const module = guilty.path === "" ? "" : `, in ${guilty.path}`;
  return new TwopassError({
    op: guilty.name,
    problem: "index out of range",
    facts: `${at} where ${size} ${size === 1 ? "place is" : "places are"} there${module}${line === "" ? "" : `, at ${line}`}`,
    hint: `use whole numbers from 0 to ${size - 1}`,
    shapes: guilty.shapes,
    cause,
  });
}
