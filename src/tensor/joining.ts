/** Free functions that join tensors. Floor: tensor. */
import { TwopassError, checkOptions, describe, showShape } from "../base/errors.ts";
import { type Shape, broadcastShapes as common, checkShape, normalizeDim, sameShape } from "../base/shape.ts";
import type { Value } from "../ir/value.ts";
import { takeAt } from "../ops/composite/indexing.ts";
import { kit } from "../ops/kit.ts";
import { makeLeaf } from "../ops/leaf.ts";
import { checkRank, checkTensor, checkTensors, promoteTensors } from "./arguments.ts";
import { free } from "./free.ts";
import { type TensorHandle, useAll, valueOf } from "./handle.ts";
import { Inner } from "./inner.ts";
import { checkWhole } from "./options.ts";
import { Tensor } from "./tensor.ts";

/** The tensor of a vertex that a free function made from tensors, which count as used. */
export function resultOf(value: Value, from: readonly TensorHandle[]): Tensor {
  const engine = useAll(from);
  const own = value.consumed ? kit.alias(value) : value;
  engine.noteFresh(own);
  return new Tensor(new Inner(own, engine));
}

/**
 * Tensors one behind the other along `dim`, default 0. Their other extents are equal; dtypes are promoted. An empty
 * tensor of one dim is left out, as in PyTorch.
 *
 * @throws if extents differ, naming the entry.
 * @example
 * await cat([tensor([1, 2]), tensor([3])]).array(); // [1, 2, 3]
 */
export function cat(tensors: readonly Tensor[], dim = 0): Tensor {
  checkTensors("cat", tensors);
  return resultOf(joined("cat", promoteTensors("cat", tensors), dim), tensors);
}

function joined(op: string, values: readonly Value[], dim: number): Value {
  const parts = values.filter((x) => x.shape.length !== 1 || x.shape[0] !== 0);
  const first = parts[0];
  if (first === undefined) return kit.concat(values, 0);
  const firstAt = values.indexOf(first);
  if (first.shape.length === 0) {
    throw new TwopassError({
      op,
      problem: "a tensor without dims cannot be joined",
      facts: `entry ${firstAt}`,
      hint: "use stack",
    });
  }
  const at = normalizeDim(op, dim, first.shape.length);
  for (const x of parts) {
    if (sameShape(x.shape.with(at, 0), first.shape.with(at, 0))) continue;
    throw new TwopassError({
      op,
      problem: "shapes differ in more than the dim they are joined along",
      facts: `entry ${firstAt} is ${showShape(first.shape)}, entry ${values.indexOf(x)} is ${showShape(x.shape)}, dim ${dim}`,
      shapes: [first.shape, x.shape],
    });
  }
  return kit.concat(parts, at);
}

/**
 * Tensors of one shape along a new dim, default 0.
 *
 * @throws if shapes differ, naming the entry.
 * @example
 * await stack([tensor([1, 2]), tensor([3, 4])], 1).array(); // [[1, 3], [2, 4]]
 */
export function stack(tensors: readonly Tensor[], dim = 0): Tensor {
  checkTensors("stack", tensors);
  const values = promoteTensors("stack", tensors);
  const shape = (values[0] as Value).shape;
  const bad = values.findIndex((x) => !sameShape(x.shape, shape));
  if (bad >= 0) {
    throw new TwopassError({
      op: "stack",
      problem: "shapes differ",
      facts: `entry 0 is ${showShape(shape)}, entry ${bad} is ${showShape((values[bad] as Value).shape)}`,
      hint: "cat joins along a dim that is there",
      shapes: [shape, (values[bad] as Value).shape],
    });
  }
  const at = normalizeDim("stack", dim, shape.length + 1);
  return resultOf(
    kit.concat(
      values.map((x) => kit.reshape(x, shape.toSpliced(at, 0, 1))),
      at,
    ),
    tensors,
  );
}

/** `cat` of tensors made to have enough dims. */
function joinedAs(op: string, tensors: readonly Tensor[], dim: number, raise: (shape: Shape) => Shape): Tensor {
  checkTensors(op, tensors);
  const values = promoteTensors(op, tensors).map((x) => kit.reshape(x, raise(x.shape)));
  return resultOf(joined(op, values, dim), tensors);
}

const atLeast1 = (shape: Shape): Shape => (shape.length === 0 ? [1] : shape);

/**
 * Side by side: along dim 1, or dim 0 for tensors of one dim.
 *
 * @example
 * await hstack([tensor([[1], [2]]), tensor([[3], [4]])]).array(); // [[1, 3], [2, 4]]
 */
export function hstack(tensors: readonly Tensor[]): Tensor {
  const flat = Array.isArray(tensors) && tensors[0] instanceof Tensor && tensors[0].ndim <= 1;
  return joinedAs("hstack", tensors, flat ? 0 : 1, atLeast1);
}

/**
 * One below the other: along dim 0; tensors of one dim are rows.
 *
 * @example
 * await vstack([tensor([1, 2]), tensor([3, 4])]).array(); // [[1, 2], [3, 4]]
 */
export function vstack(tensors: readonly Tensor[]): Tensor {
  return joinedAs("vstack", tensors, 0, (shape) => (shape.length < 2 ? [1, ...atLeast1(shape)] : shape));
}

/**
 * One behind the other in depth: along dim 2; [n] counts as [1, n, 1] and [m, n] as [m, n, 1].
 *
 * @example
 * await dstack([tensor([1, 2]), tensor([3, 4])]).array(); // [[[1, 3], [2, 4]]]
 */
export function dstack(tensors: readonly Tensor[]): Tensor {
  return joinedAs("dstack", tensors, 2, (shape) => {
    if (shape.length > 2) return shape;
    return shape.length === 2 ? [...shape, 1] : [1, ...atLeast1(shape), 1];
  });
}

/**
 * Side by side along dim 1; tensors of one dim are columns.
 *
 * @example
 * await columnStack([tensor([1, 2]), tensor([3, 4])]).array(); // [[1, 3], [2, 4]]
 */
export function columnStack(tensors: readonly Tensor[]): Tensor {
  return joinedAs("columnStack", tensors, 1, (shape) => (shape.length < 2 ? [...atLeast1(shape), 1] : shape));
}

/**
 * Coordinates of a grid: for vectors of lengths n₀, n₁, ... tensors [n₀, n₁, ...], each counting along one dim.
 *
 * @param options.indexing "ij" (default) or "xy", where the first two dims are exchanged.
 * @example
 * const [y, x] = meshgrid([tensor([1, 2]), tensor([3, 4, 5])]);
 * await y.array(); // [[1, 1, 1], [2, 2, 2]]
 * await x.array(); // [[3, 4, 5], [3, 4, 5]]
 */
export function meshgrid(tensors: readonly Tensor[], options: { readonly indexing?: "ij" | "xy" } = {}): Tensor[] {
  checkTensors("meshgrid", tensors);
  checkOptions("meshgrid", options, ["indexing"]);
  const { indexing = "ij" } = options;
  if (indexing !== "ij" && indexing !== "xy") {
    throw new TwopassError({
      op: "meshgrid",
      problem: "unknown indexing",
      facts: describe(indexing),
      hint: '"ij" or "xy"',
    });
  }
  const values = vectors("meshgrid", tensors);
  const exchanged = indexing === "xy" && values.length > 1;
  const place = (i: number): number => (exchanged && i < 2 ? 1 - i : i);
  const shape = values.map((_, i) => (values[place(i)] as Value).shape[0] as number);
  return values.map((x, i) => {
    const line = kit.reshape(
      x,
      shape.map((_, d) => (d === place(i) ? (x.shape[0] as number) : 1)),
    );
    return resultOf(kit.expand(line, shape), tensors);
  });
}

/** Tensors of at most one dim as vectors. */
function vectors(op: string, tensors: readonly Tensor[]): Value[] {
  return tensors.map((x, i) => {
    if (x.ndim <= 1) return kit.reshape(valueOf(x), [x.size]);
    throw new TwopassError({
      op,
      problem: "takes vectors",
      facts: `entry ${i} is ${showShape(x.shape)}`,
      shapes: [x.shape],
    });
  });
}

/**
 * All combinations of one element of each vector: one row each, the last vector changing fastest.
 *
 * @example
 * await cartesianProd(tensor([1, 2]), tensor([3, 4])).array(); // [[1, 3], [1, 4], [2, 3], [2, 4]]
 */
export function cartesianProd(...tensors: readonly Tensor[]): Tensor {
  checkTensors("cartesianProd", tensors);
  vectors("cartesianProd", tensors);
  const values = promoteTensors("cartesianProd", tensors).map((x, i) => kit.reshape(x, [(tensors[i] as Tensor).size]));
  if (values.length === 1) return resultOf(values[0] as Value, tensors);
  const shape = values.map((x) => x.shape[0] as number);
  const columns = values.map((x, i) => {
    const line = kit.reshape(
      x,
      shape.map((n, d) => (d === i ? n : 1)),
    );
    return kit.reshape(kit.expand(line, shape), [shape.reduce((size, n) => size * n, 1), 1]);
  });
  return resultOf(kit.concat(columns, 1), tensors);
}

/**
 * Matrices along the diagonal of one, 0 elsewhere. Tensors of fewer dims are rows.
 *
 * @example
 * await blockDiag(tensor([[1, 2]]), tensor([3])).array(); // [[1, 2, 0], [0, 0, 3]]
 */
export function blockDiag(...tensors: readonly Tensor[]): Tensor {
  checkTensors("blockDiag", tensors);
  const values = promoteTensors("blockDiag", tensors).map((x, i) => {
    if (x.shape.length > 2) {
      throw new TwopassError({
        op: "blockDiag",
        problem: "takes matrices",
        facts: `entry ${i} is ${showShape(x.shape)}`,
      });
    }
    return kit.reshape(x, x.shape.length === 2 ? x.shape : [1, x.shape[0] ?? 1]);
  });
  const width = values.reduce((sum, x) => sum + (x.shape[1] as number), 0);
  let at = 0;
  const rows = values.map((x) => {
    const n = x.shape[1] as number;
    const row = kit.pad(x, [0, at], [0, width - at - n]);
    at += n;
    return row;
  });
  return resultOf(kit.concat(rows, 0), tensors);
}

/**
 * The tensors expanded to the shape that all of them broadcast to.
 *
 * @example
 * broadcastTensors(zeros(3, 1), zeros(4)).map((x) => x.shape); // [[3, 4], [3, 4]]
 */
export function broadcastTensors(...tensors: readonly Tensor[]): Tensor[] {
  checkTensors("broadcastTensors", tensors);
  const shape = tensors.map((x) => x.shape).reduce((a, b) => common("broadcastTensors", a, b));
  return tensors.map((x) => resultOf(kit.broadcast(valueOf(x), shape), [x]));
}

/** More elements at the ends of dims: see `Tensor.pad`. */
export const pad = free("pad");

/**
 * The shape that tensors of these shapes broadcast to.
 *
 * @example
 * broadcastShapes([3, 1], [4]); // [3, 4]
 */
export function broadcastShapes(...shapes: readonly Shape[]): Shape {
  return shapes
    .map((shape) => checkShape("broadcastShapes", shape))
    .reduce((a, b) => common("broadcastShapes", a, b), []);
}

export interface CombinationsOptions {
  /** How many elements each combination has, default 2. */
  readonly r?: number;
  /** Whether an element may come several times, default false. */
  readonly withReplacement?: boolean;
}

/**
 * All choices of r elements of a vector, in the order of their positions: one row each.
 *
 * @example
 * await combinations(tensor([1, 2, 3])).array(); // [[1, 2], [1, 3], [2, 3]]
 */
export function combinations(x: Tensor, options: CombinationsOptions = {}): Tensor {
  checkTensor("combinations", "the first argument", x);
  checkRank("combinations", "the first argument", x, 1);
  checkOptions("combinations", options, ["r", "withReplacement"]);
  const { r = 2, withReplacement = false } = options;
  checkWhole("combinations", "r", r, 0);
  let rows: number[][] = [[]];
  for (let i = 0; i < r; i++) {
    rows = rows.flatMap((row) => {
      const from = (row[i - 1] ?? -1) + (withReplacement && i > 0 ? 0 : 1);
      return Array.from({ length: Math.max(x.size - from, 0) }, (_, j) => [...row, from + j]);
    });
  }
  const places = Int32Array.from(rows.flat());
  const taken = takeAt(kit, valueOf(x), makeLeaf([places.length], "int32", { kind: "data", data: places }), 0);
  return resultOf(r === 0 ? taken : kit.reshape(taken, [rows.length, r]), [x]);
}
