/** Reading and checking what users give to methods: dtypes, sizes, dims, options. Floor: tensor. */
import { type Dtype, dtypes, isDtype } from "../base/dtype.ts";
import { TwopassError, checkOptions, describe, nearest } from "../base/errors.ts";
import { type Shape, checkShape } from "../base/shape.ts";

/** Which dims: one, several, or all (undefined, null or an empty list). */
export type Dims = number | readonly number[] | null;

export interface KeepdimOptions {
  /** Whether reduced dims stay, with extent 1; default false. */
  readonly keepdim?: boolean;
}

export interface DtypeOptions {
  /** Type to cast to before computing; default: that of the tensor, int32 for sums of smaller integers. */
  readonly dtype?: Dtype;
}

/** Checks a dtype given by a user. */
export function checkDtype(op: string, dtype: unknown): Dtype {
  if (isDtype(dtype)) return dtype;
  const near = nearest(String(dtype), dtypes);
  throw new TwopassError({
    op,
    problem: `unknown dtype ${describe(dtype)}`,
    hint: near === undefined ? `known: ${dtypes.join(", ")}` : `did you mean "${near}"?`,
  });
}

/** A number given by a user; NaN and infinities count as numbers. */
export function checkNumber(op: string, name: string, x: unknown): number {
  if (typeof x === "number") return x;
  throw new TwopassError({ op, problem: `${name} must be a number`, facts: `got ${describe(x)}` });
}

/** A whole number within [low, high]. */
export function checkWhole(op: string, name: string, x: unknown, low: number, high = Number.MAX_SAFE_INTEGER): number {
  if (typeof x === "number" && Number.isInteger(x) && x >= low && x <= high) return x;
  const range = high === Number.MAX_SAFE_INTEGER ? `from ${low}` : `from ${low} to ${high}`;
  throw new TwopassError({ op, problem: `${name} must be a whole number ${range}`, facts: `got ${describe(x)}` });
}

/** The error of a dtype that an operation does not take. */
export function dtypeError(op: string, dtype: Dtype, hint: string): TwopassError {
  return new TwopassError({ op, problem: "does not take this dtype", facts: `dtype ${dtype}`, hint, dtypes: [dtype] });
}

/** Whether an argument is an object of options, and not a number, a list or nothing. */
export function isOptions(x: unknown): x is object {
  return typeof x === "object" && x !== null && !Array.isArray(x);
}

/** A leading argument that may be left out, and options behind it: `(0, { keepdim })`, `(0)`, `({ keepdim })`, `()`. */
export function splitOptions<A, O extends object>(
  op: string,
  first: A | O | undefined,
  options: O | undefined,
  known: readonly string[],
): { first: A | undefined; options: Partial<O> } {
  const found = isOptions(first) ? (first as O) : options;
  checkOptions(op, found, known);
  return { first: isOptions(first) ? undefined : (first as A | undefined), options: found ?? {} };
}

/** Sizes one by one or as one list, and options behind them. */
export type Sizes<O> = readonly number[] | readonly [...number[], O] | readonly [Shape] | readonly [Shape, O];

/** Reads `Sizes`: `(2, 3)`, `([2, 3])`, `(2, 3, options)`, `([2, 3], options)`. */
export function readSizes<O extends object>(
  op: string,
  given: Sizes<O>,
  known: readonly string[],
): { shape: number[]; options: Partial<O> } {
  const all: readonly unknown[] = given;
  const last = all[all.length - 1];
  const options = isOptions(last) ? (last as O) : undefined;
  checkOptions(op, options, known);
  const rest = options === undefined ? all : all.slice(0, -1);
  const sizes = rest.length === 1 && Array.isArray(rest[0]) ? (rest[0] as unknown[]) : rest;
  for (const size of sizes) checkWhole(op, "a size", size, 0);
  return { shape: [...checkShape(op, sizes as number[])], options: options ?? {} };
}
