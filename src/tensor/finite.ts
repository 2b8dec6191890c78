/**
 * The check that losses, gradients and what is written are finite, before anything is written. It is a part of the
 * program: each write chooses between the new content and the old one. What made the first NaN or infinity is found by
 * non-finite.ts. Floor: tensor.
 */
import { isFloating } from "../base/dtype.ts";
import type { TypedArray } from "../base/dtype.ts";
import { type ErrorParts, TwopassError, showShape } from "../base/errors.ts";
import { withMode } from "../ir/mode.ts";
import { type Program, type Wanted, keyOf } from "../ir/program.ts";
import type { Value } from "../ir/value.ts";
import { kit } from "../ops/kit.ts";
import type { Engine } from "./engine.ts";
import type { Inner } from "./inner.ts";
import type { NonFiniteOrigin } from "./non-finite.ts";

/** Where in a training it was, as far as it is known. */
export interface NonFinitePlace {
  /** What made the first number that is not finite. */
  readonly origin?: NonFiniteOrigin | undefined;
  /** Epoch and batch, from 1. */
  readonly epoch?: number;
  readonly batch?: number;
  /** Updates that were made before. */
  readonly step?: number;
}

/**
 * A loss, a gradient, or what shall be written to a parameter or state holds NaN or an infinity. Nothing was written.
 *
 * @example
 * const trainer = new Trainer({ model, optimizer, loss: new nn.CrossEntropyLoss() });
 * const batch = [full([2, 4], NaN), int32([0, 1])] as const;
 * await trainer.fit([batch]).catch((error) => error instanceof NonFiniteError); // true
 */
export class NonFiniteError extends TwopassError {
  static override readonly label: string = "NonFiniteError";
  override readonly name: string = "NonFiniteError";
  readonly place: NonFinitePlace;

  constructor(parts: ErrorParts, place: NonFinitePlace = {}) {
    super(parts);
    this.place = place;
  }
}

/** What such errors name as their operation. */
export const finiteCheck = "checkFinite";

/** A loss, or the gradient of a variable. */
interface Product {
  readonly value: Value;
  readonly owner: Inner | undefined;
}

/**
 * The program with its writes done only where the results of the numbers `checked`, and all that is written, are finite.
 * Its last result says whether they are: 0 or 1.
 */
export function guardWrites(program: Program, checked: readonly number[]): Program {
  return withMode({ phase: 2, grad: false, path: "" }, () => {
    const { inputs, outputs } = program;
    const sums = outputs
      .filter(({ value, target }, i) => (target >= 0 || checked.includes(i)) && isFloating(value.dtype))
      .map(({ value }) => zeroWhereFinite(value));
    const sum = sums.length === 0 ? kit.full([1], 0, "float32") : kit.concat(sums, 0);
    const isFinite = kit.eq(kit.reshape(kit.sum(sum, [0]), []), 0);
    const guarded = outputs.map(({ value, target }) => ({
      value: target < 0 ? value : kit.where(kit.broadcast(isFinite, value.shape), value, inputs[target] as Value),
      target,
    }));
    return { ...program, isGuarded: true, outputs: [...guarded, { value: isFinite, target: -1 }] };
  });
}

/** Σ 0 · x, float32 [1]: 0 where all elements are finite, else NaN. */
function zeroWhereFinite(x: Value): Value {
  const dims = x.shape.map((_, i) => i);
  return kit.cast(kit.reshape(kit.sum(kit.mul(x, 0), dims), [1]), "float32");
}

/**
 * The numbers of the results to check: losses, and gradients where nothing is written that they would make NaN;
 * undefined where there is nothing to check.
 */
export function checkedResults(
  wanted: readonly Wanted[],
  products: Iterable<Product>,
  hasWrites: boolean,
): readonly number[] | undefined {
  const values = new Set<Value>();
  for (const { value, owner } of products) if (owner === undefined || !hasWrites) values.add(value);
  const checked: number[] = [];
  for (let i = 0; i < wanted.length; i++) if (values.has((wanted[i] as Wanted).value)) checked.push(i);
  return hasWrites || checked.length > 0 ? checked : undefined;
}

/** The error of a run that wrote nothing: what it was that is not finite. */
export function nonFiniteRun(
  engine: Engine,
  wanted: readonly Wanted[],
  results: readonly (TypedArray | undefined)[],
  products: Iterable<Product>,
): NonFiniteError {
  for (const { value, owner } of products) {
    const data = results[wanted.findIndex((w) => w.value === value)];
    const error = data === undefined ? undefined : notFinite(value, data, productName(value, owner));
    if (error !== undefined) return error;
  }
  const written = wanted.filter(({ cell }) => cell !== undefined);
  const contents = written.map(({ value }) => ({ value, cell: undefined }));
  const key = keyOf(contents);
  const data = engine.runPlan(engine.plans.find(key, contents).plan, key.leaves, key);
  for (let i = 0; i < written.length; i++) {
    const { value, cell } = written[i] as Wanted;
    const error = notFinite(value, data[i] as TypedArray, `the new content of ${cell?.label ?? "a tensor"}`);
    if (error !== undefined) return error;
  }
  return new NonFiniteError({ op: finiteCheck, problem: "a result is not finite" });
}

/** Throws where a result that has run holds NaN or an infinity. `owner` is the variable whose gradient it is. */
export function checkFinite(value: Value, owner?: Inner): void {
  const leaf = value.leaf;
  if (leaf?.kind !== "data") return;
  const found = notFinite(value, leaf.data, productName(value, owner));
  if (found !== undefined) throw found;
}

function productName(value: Value, owner: Inner | undefined): string {
  return owner === undefined ? `a ${value.op.name}` : `the gradient of ${owner.cell?.label ?? "a tensor"}`;
}

function notFinite(value: Value, data: TypedArray, what: string): NonFiniteError | undefined {
  if (!isFloating(value.dtype)) return undefined;
  const at = firstNonFinite(data);
  if (at < 0) return undefined;
  return new NonFiniteError({
    op: finiteCheck,
    problem: `${what}${value.path === "" ? "" : ` in ${value.path}`} is not finite`,
    facts: `${data[at]} at element ${at} of ${showShape(value.shape)}`,
    hint: "setEager(true) names the operation where it arises",
    shapes: [value.shape],
  });
}

/** The place of the first NaN or infinity, or -1. */
export function firstNonFinite(data: TypedArray): number {
  for (let i = 0; i < data.length; i++) if (!Number.isFinite(data[i])) return i;
  return -1;
}
