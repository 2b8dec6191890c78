/** Finding NaN and infinities in an example. Floor: data. */
import { TwopassError, showShape } from "../../base/errors.ts";
import { type Shape, stridesOf } from "../../base/shape.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { isShapedArray } from "../datasets/pack.ts";

/** @throws TwopassError with the example's number, the field and the element, where one is NaN or infinite. */
export function checkFinite(example: unknown, number: number): void {
  const found = findNonFinite(example, "");
  if (found === undefined) return;
  throw new TwopassError({
    op: "DataLoader",
    problem: `example ${number} is not finite`,
    facts: `${found.value} at ${found.path || "the example itself"}`,
    hint: "clean the data, or leave checkFinite out",
  });
}

interface Found {
  readonly path: string;
  readonly value: number;
}

function findNonFinite(x: unknown, path: string): Found | undefined {
  if (typeof x === "number") return Number.isFinite(x) ? undefined : { path, value: x };
  if (typeof x !== "object" || x === null) return undefined;
  if (x instanceof Tensor) return findElement(x.dataSync(), x.shape, path);
  if (isShapedArray(x)) return findElement(x.data, x.shape, path);
  if (ArrayBuffer.isView(x)) return x instanceof DataView ? undefined : findElement(x as Float32Array, undefined, path);
  const isList = Array.isArray(x);
  if (!isList && Object.getPrototypeOf(x) !== Object.prototype) return undefined;
  for (const [key, field] of Object.entries(x)) {
    const found = findNonFinite(field, isList ? `${path}[${key}]` : `${path}.${key}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

function findElement(data: ArrayLike<number | bigint>, shape: Shape | undefined, path: string): Found | undefined {
  for (let i = 0; i < data.length; i++) {
    const value = data[i];
    if (typeof value !== "number" || Number.isFinite(value)) continue;
    const at =
      shape === undefined ? [i] : stridesOf(shape).map((stride, d) => Math.floor(i / stride) % (shape[d] ?? 1));
    return { path: `${path}${showShape(at)}`, value };
  }
  return undefined;
}
