/**
 * The arguments of a compiled function as a tree: what is fixed by the trace (shapes, dtypes, texts) and where the
 * content of a call goes (elements, numbers). Floor: tensor.
 */
import type { Dtype } from "../base/dtype.ts";
import { TwopassError, describe, showShape } from "../base/errors.ts";
import { type Shape, sameShape } from "../base/shape.ts";
import type { DataLeaf, RemoteLeaf } from "../ir/value.ts";
import { makeLeaf } from "../ops/leaf.ts";
import { elementLeaf } from "./elements.ts";
import { currentEngine } from "./engines.ts";
import { TensorHandle, valueOf } from "./handle.ts";
import { Inner, inner } from "./inner.ts";
import { Tensor } from "./tensor.ts";

/** Where the elements of the current call are. */
export interface Place {
  leaf: DataLeaf | RemoteLeaf;
}

export type ArgumentNode =
  | {
      readonly kind: "tensor";
      readonly shape: Shape;
      readonly dtype: Dtype;
      readonly requiresGrad: boolean;
      readonly place: Place;
    }
  | { readonly kind: "stored"; readonly part: Inner }
  | { readonly kind: "number"; number: number }
  | { readonly kind: "fixed"; readonly value: unknown }
  | { readonly kind: "list"; readonly items: readonly ArgumentNode[] }
  | { readonly kind: "record"; readonly keys: readonly string[]; readonly items: readonly ArgumentNode[] };

function isPlain(x: unknown): x is Readonly<Record<string, unknown>> {
  return typeof x === "object" && x !== null && Object.getPrototypeOf(x) === Object.prototype;
}

/** Stands arguments in for a trace. `places` gets, by the index of its input leaf, where the elements of each tensor go. */
export function placeArgument(x: unknown, places: Place[]): { readonly node: ArgumentNode; readonly inside: unknown } {
  if (x instanceof TensorHandle) return placeTensor(x, places);
  if (typeof x === "number") {
    const node: ArgumentNode = { kind: "number", number: x };
    const part = new Inner(makeLeaf([], "float32", { kind: "slot", read: () => node.number }), undefined);
    part.isNumber = true;
    return { node, inside: new Tensor(part) };
  }
  if (Array.isArray(x)) {
    const placed = x.map((item) => placeArgument(item, places));
    return { node: { kind: "list", items: placed.map((p) => p.node) }, inside: placed.map((p) => p.inside) };
  }
  if (isPlain(x)) {
    const keys = Object.keys(x);
    const placed = keys.map((key) => placeArgument(x[key], places));
    const node: ArgumentNode = { kind: "record", keys, items: placed.map((p) => p.node) };
    return { node, inside: Object.fromEntries(keys.map((key, i) => [key, placed[i]?.inside])) };
  }
  if (x === null || (typeof x !== "object" && typeof x !== "function"))
    return { node: { kind: "fixed", value: x }, inside: x };
  throw new TwopassError({
    op: "compile",
    problem: "an argument is neither tensor nor number",
    facts: `got ${describe(x)}`,
    hint: ArrayBuffer.isView(x)
      ? "wrap it: tensor(data)"
      : "use tensors, numbers, texts, and arrays and plain objects of them",
  });
}

function placeTensor(x: TensorHandle, places: Place[]): { readonly node: ArgumentNode; readonly inside: unknown } {
  const part = x[inner];
  const { shape, dtype, requiresGrad } = valueOf(x);
  if (part.cell !== undefined) return { node: { kind: "stored", part }, inside: x };
  const place: Place = { leaf: elementsOf(part) };
  const value = makeLeaf(shape, dtype, { kind: "input", index: places.length }, requiresGrad);
  places.push(place);
  const node: ArgumentNode = { kind: "tensor", shape, dtype, requiresGrad, place };
  return { node, inside: new Tensor(new Inner(value, part.engine, undefined, requiresGrad)) };
}

/** Brings the content of a call in; false where an argument is not like that of the trace. */
export function bindArgument(node: ArgumentNode, x: unknown): boolean {
  switch (node.kind) {
    case "tensor": {
      if (!(x instanceof TensorHandle)) return false;
      const value = valueOf(x);
      const part = x[inner];
      if (value.dtype !== node.dtype || value.requiresGrad !== node.requiresGrad || part.cell !== undefined)
        return false;
      if (!sameShape(value.shape, node.shape)) return false;
      node.place.leaf = elementsOf(part);
      return true;
    }
    case "stored":
      return x instanceof TensorHandle && x[inner] === node.part;
    case "number":
      if (typeof x !== "number") return false;
      node.number = x;
      return true;
    case "fixed":
      return Object.is(x, node.value);
    case "list":
      return (
        Array.isArray(x) && x.length === node.items.length && node.items.every((item, i) => bindArgument(item, x[i]))
      );
    case "record":
      return (
        isPlain(x) &&
        Object.keys(x).length === node.keys.length &&
        node.keys.every((key, i) => Object.hasOwn(x, key) && bindArgument(node.items[i] as ArgumentNode, x[key]))
      );
  }
}

/** The elements of an argument; runs what is pending for them. */
function elementsOf(part: Inner): DataLeaf | RemoteLeaf {
  return elementLeaf(part.value, part.engine ?? currentEngine());
}

/** In words: how an argument differs from the one of a trace; undefined where it does not. */
export function argumentChange(node: ArgumentNode, x: unknown, name: string): string | undefined {
  switch (node.kind) {
    case "tensor": {
      if (!(x instanceof TensorHandle)) return `${name} was a tensor and is ${describe(x)}`;
      const { shape, dtype, requiresGrad } = node;
      if (!sameShape(shape, x.shape))
        return `${name} changed its shape from ${showShape(shape)} to ${showShape(x.shape)}`;
      if (dtype !== x.dtype) return `${name} changed its dtype from ${dtype} to ${x.dtype}`;
      if (requiresGrad !== x.requiresGrad)
        return `${name} ${x.requiresGrad ? "requires" : "does not require"} grad now`;
      return x[inner].cell === undefined ? undefined : `${name} was a result or data and is a stored tensor`;
    }
    case "stored":
      return x instanceof TensorHandle && x[inner] === node.part ? undefined : `${name} was another stored tensor`;
    case "number":
      return typeof x === "number" ? undefined : `${name} was a number and is ${describe(x)}`;
    case "fixed":
      return Object.is(x, node.value) ? undefined : `${name} changed from ${describe(node.value)} to ${describe(x)}`;
    case "list":
      if (!Array.isArray(x)) return `${name} was an array and is ${describe(x)}`;
      if (x.length !== node.items.length) return `${name} changed its length from ${node.items.length} to ${x.length}`;
      return firstChange(node.items, x, (i) => `${name}[${i}]`);
    case "record": {
      if (!isPlain(x)) return `${name} was an object and is ${describe(x)}`;
      const keys = Object.keys(x);
      if (keys.length !== node.keys.length || !node.keys.every((key) => Object.hasOwn(x, key))) {
        return `${name} changed its keys from ${node.keys.join(", ")} to ${keys.join(", ")}`;
      }
      return firstChange(
        node.items,
        node.keys.map((key) => x[key]),
        (i) => `${name}.${node.keys[i]}`,
      );
    }
  }
}

/** The first difference among several arguments. */
export function firstChange(
  nodes: readonly ArgumentNode[],
  args: readonly unknown[],
  nameOf: (i: number) => string,
): string | undefined {
  for (let i = 0; i < nodes.length; i++) {
    const change = argumentChange(nodes[i] as ArgumentNode, args[i], nameOf(i));
    if (change !== undefined) return change;
  }
  return undefined;
}
