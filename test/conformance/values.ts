/** Values of the manifest as JavaScript values and tensors, and the comparison of results with the expected ones. */
import type { Dtype } from "../../src/base/dtype.ts";
import type { SafetensorsDtype, SafetensorsEntry } from "../../src/io/safetensors.ts";
import { StoredTensor, Tensor, tensor } from "../../src/index.ts";
import type { Encoded } from "./reader.ts";

/** The case touches something the library leaves out by design, so it is not run. */
export class Unsupported extends Error {}

/** PyTorch's types that the library has. int64 is its type of indices and counts, for which the library has int32. */
const dtypeOf: Readonly<Record<string, Dtype>> = {
  float32: "float32",
  float64: "float64",
  int64: "int32",
  int32: "int32",
  uint8: "uint8",
  bool: "bool",
};

const storedDtype: Readonly<Partial<Record<SafetensorsDtype, Dtype>>> = {
  F32: "float32",
  F64: "float64",
  I64: "int32",
  I32: "int32",
  U8: "uint8",
  BOOL: "bool",
};

export function ourDtype(name: string): Dtype {
  const dtype = dtypeOf[name];
  if (dtype === undefined) throw new Unsupported(`there is no dtype ${name}`);
  return dtype;
}

/** A part of an index: `start:stop:step`. */
export class Slice {
  readonly parts: readonly (number | null)[];

  constructor(parts: readonly (number | null)[]) {
    this.parts = parts;
  }
}

/** `...` in an index. */
export const ellipsis: unique symbol = Symbol("...");

/** A dtype in the arguments or the result. */
export class DtypeValue {
  readonly dtype: Dtype;

  constructor(name: string) {
    this.dtype = ourDtype(name);
  }
}

/** Turns an encoded value into numbers, texts, lists and tensors; `lookUp` makes the tensor of a local name. */
export function decode(value: Encoded, lookUp: (name: string) => unknown): unknown {
  if (isList(value)) return value.map((item) => decode(item, lookUp));
  if (value === null || typeof value !== "object") return value;
  const { $tensor: name, $float: float, $int: int, $tuple: tuple, $dtype: dtype, $slice: slice } = value;
  if (typeof name === "string") return lookUp(name);
  if (float !== undefined) return readFloat(float);
  if (typeof int === "string") throw new Unsupported(`the integer ${int} does not fit int32`);
  if (tuple !== undefined) return decode(tuple, lookUp);
  if (typeof dtype === "string") return new DtypeValue(dtype);
  if (slice !== undefined) return new Slice(decode(slice, lookUp) as (number | null)[]);
  if ("$ellipsis" in value) return ellipsis;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, decode(item, lookUp)]));
}

export function isList(value: Encoded): value is readonly Encoded[] {
  return Array.isArray(value);
}

function readFloat(text: Encoded): number {
  if (text === "inf") return Number.POSITIVE_INFINITY;
  if (text === "-inf") return Number.NEGATIVE_INFINITY;
  return text === "nan" ? Number.NaN : Number(text);
}

/** A tensor with the elements of a reference tensor; a stored one where the call changes it in place. */
export function toTensor(from: SafetensorsEntry, options: { requiresGrad?: boolean; stored?: boolean } = {}): Tensor {
  const dtype = storedDtype[from.dtype];
  if (dtype === undefined) throw new Unsupported(`there is no dtype ${from.dtype}`);
  const data = from.data;
  if (data instanceof BigInt64Array) checkRange(data);
  if (data instanceof Uint32Array || data instanceof BigUint64Array)
    throw new Unsupported(`there is no dtype ${from.dtype}`);
  const made = tensor(data, { dtype, shape: [...from.shape], requiresGrad: options.requiresGrad ?? false });
  return options.stored === true ? new StoredTensor(made, { requiresGrad: options.requiresGrad ?? false }) : made;
}

function checkRange(data: BigInt64Array): void {
  for (const x of data) {
    if (x < -2147483648n || x > 2147483647n) throw new Unsupported(`the integer ${x} does not fit int32`);
  }
}

export interface Tolerance {
  readonly rtol: number;
  readonly atol: number;
}

/**
 * Undefined where `actual` is the expected tensor, else what is different. Shape and dtype must be equal (int32 stands
 * for int64), then `|actual − expected| ≤ atol + rtol·|expected|`; NaN matches NaN, infinities and integers exactly.
 */
export async function compareTensor(
  name: string,
  actual: unknown,
  expected: SafetensorsEntry,
  { rtol, atol }: Tolerance,
  shapeOnly = false,
): Promise<string | undefined> {
  if (!(actual instanceof Tensor)) return `${name} is ${show(actual)}, expected a tensor ${showShape(expected.shape)}`;
  const dtype = storedDtype[expected.dtype];
  if (dtype === undefined) throw new Unsupported(`there is no dtype ${expected.dtype}`);
  if (expected.data instanceof BigInt64Array) checkRange(expected.data);
  if (actual.shape.length !== expected.shape.length || actual.shape.some((n, i) => n !== expected.shape[i])) {
    return `${name} has shape ${showShape(actual.shape)}, expected ${showShape(expected.shape)}`;
  }
  if (actual.dtype !== dtype) return `${name} has dtype ${actual.dtype}, expected ${dtype}`;
  if (shapeOnly) return undefined;
  const data = await actual.data();
  if (data.length !== expected.data.length)
    return `${name} has ${data.length} elements, expected ${expected.data.length}`;
  const exact = dtype !== "float32" && dtype !== "float64";
  let wrong = 0;
  let first = "";
  for (let i = 0; i < data.length; i++) {
    const a = data[i] as number;
    const e = Number(expected.data[i]);
    if (isClose(a, e, exact ? { rtol: 0, atol: 0 } : { rtol, atol })) continue;
    wrong++;
    if (first === "") first = `${name}[${i}] is ${a}, expected ${e}`;
  }
  if (wrong === 0) return undefined;
  return `${first} (${wrong} of ${data.length} wrong, shape ${showShape(expected.shape)})`;
}

export function isClose(actual: number, expected: number, { rtol, atol }: Tolerance): boolean {
  if (Number.isNaN(expected)) return Number.isNaN(actual);
  if (!Number.isFinite(expected)) return actual === expected;
  return Math.abs(actual - expected) <= atol + rtol * Math.abs(expected);
}

/** Compares a result with an encoded expected one: tensors, numbers, booleans, dtypes and lists of them. */
export async function compareValue(
  name: string,
  actual: unknown,
  expected: Encoded,
  lookUp: (name: string) => SafetensorsEntry,
  tolerance: Tolerance,
  shapeOnly = false,
): Promise<string | undefined> {
  if (isList(expected)) {
    if (!Array.isArray(actual)) return `${name} is ${show(actual)}, expected a list of ${expected.length}`;
    if (actual.length !== expected.length) return `${name} has ${actual.length} entries, expected ${expected.length}`;
    for (const [i, item] of expected.entries()) {
      const reason = await compareValue(`${name}[${i}]`, actual[i], item, lookUp, tolerance, shapeOnly);
      if (reason !== undefined) return reason;
    }
    return undefined;
  }
  const tensorName = tensorNameOf(expected);
  if (tensorName !== undefined) return compareTensor(tensorName, actual, lookUp(tensorName), tolerance, shapeOnly);
  const plain = decode(expected, lookUp);
  if (plain instanceof DtypeValue)
    return actual === plain.dtype ? undefined : `${name} is ${show(actual)}, expected ${plain.dtype}`;
  const same =
    typeof plain === "number" && typeof actual === "number" ? isClose(actual, plain, tolerance) : actual === plain;
  return same ? undefined : `${name} is ${show(actual)}, expected ${show(plain)}`;
}

export function tensorNameOf(value: Encoded): string | undefined {
  if (value === null || typeof value !== "object" || isList(value)) return undefined;
  const name = value["$tensor"];
  return typeof name === "string" ? name : undefined;
}

/** Pairs each tensor of an encoded result with the tensor at its place in the actual one. */
export function pairTensors(actual: unknown, expected: Encoded, into = new Map<string, Tensor>()): Map<string, Tensor> {
  const name = tensorNameOf(expected);
  if (name !== undefined && actual instanceof Tensor) into.set(name, actual);
  if (isList(expected) && Array.isArray(actual)) expected.forEach((item, i) => pairTensors(actual[i], item, into));
  return into;
}

export function show(value: unknown): string {
  if (value instanceof Tensor) return `a tensor ${showShape(value.shape)}`;
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object" && value !== null)
    return `an object with ${Object.keys(value).join(", ") || "no keys"}`;
  return String(value);
}

function showShape(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}
