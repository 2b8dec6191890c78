/** A change of a run, checked: what of it is changed, to what, and at which step. */
import type { StoredTensor } from "twopass";
import type { Sequential } from "twopass/nn";
import type { DataSet } from "./data-set.ts";
import type { ExampleEdit } from "./examples.ts";
import { checkRange, fault } from "./faults.ts";
import type { Change } from "./protocol.ts";

export interface Edit {
  /** Updates that were made before it. */
  readonly step: number;
  readonly parameter: { readonly target: StoredTensor; readonly at: number; readonly value: number } | undefined;
  readonly lr: number | undefined;
  readonly example: ExampleEdit | undefined;
}

/** Where the run stands. */
export interface Place {
  readonly step: number;
  readonly model: Sequential;
  readonly set: DataSet;
  /** The examples of the next step. */
  readonly batch: Int32Array;
}

/** Throws for a change of something that is not there, or to something that is no number. */
export function checkEdit({ parameter, lr, example }: Change, place: Place): Edit {
  if (lr !== undefined) checkRange("lr", lr, 0, 1e6);
  return {
    step: place.step,
    parameter: parameter && checkParameter(parameter, place),
    lr,
    example: example && checkExample(example, place),
  };
}

/** Throws for a parameter or element that the network has not. */
export function placeOf(
  path: string,
  index: readonly number[],
  model: Sequential,
): { readonly target: StoredTensor; readonly at: number } {
  const target = new Map(model.namedParameters()).get(path);
  if (target === undefined) throw fault("unknownParameter", { name: path });
  const { shape } = target;
  const isIn = (i: number, dim: number): boolean => Number.isInteger(i) && i >= 0 && i < (shape[dim] as number);
  if (index.length !== shape.length || !index.every(isIn)) {
    throw fault("noSuchElement", { name: path, index: `[${index.join(", ")}]` });
  }
  return { target, at: index.reduce((at, i, dim) => at * (shape[dim] as number) + i, 0) };
}

function checkParameter(
  { path, index, value }: NonNullable<Change["parameter"]>,
  { model }: Place,
): NonNullable<Edit["parameter"]> {
  checkNumber(path, value);
  return { ...placeOf(path, index, model), value };
}

function checkExample(
  { at, input, target }: NonNullable<Change["example"]>,
  { batch, set: { width, classes } }: Place,
): ExampleEdit {
  const example = batch[at];
  if (example === undefined) throw fault("noSuchExample", { index: at });
  if (input !== undefined) {
    if (!(Number.isInteger(input[0]) && input[0] >= 0 && input[0] < width)) {
      throw fault("noSuchInput", { index: input[0] });
    }
    checkNumber("x", input[1]);
  }
  if (target !== undefined) {
    checkNumber("y", target);
    if (classes !== undefined && classes[target] === undefined) {
      throw fault("unknownChoice", { name: "y", value: target, names: classes.map((_, i) => i).join(", ") });
    }
  }
  return { example, input, target };
}

function checkNumber(name: string, value: number): void {
  if (!Number.isFinite(value)) throw fault("notANumber", { name });
}
