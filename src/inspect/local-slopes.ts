/**
 * How the result of one operation depends on one element that it takes, on the reference device, which compiles nothing.
 * Floor: inspect.
 */
import { type TypedArray, allocate } from "../base/dtype.ts";
import { sizeOf, stridesOf } from "../base/shape.ts";
import { withMode } from "../ir/mode.ts";
import { Value } from "../ir/value.ts";
import { dotDims } from "../ops/contract.ts";
import { kit } from "../ops/kit.ts";
import { makeLeaf } from "../ops/leaf.ts";
import { elementsApart } from "../tensor/apart.ts";
import { engineOf } from "../tensor/engines.ts";
import { pullback } from "../transform/grad.ts";

/** Elements of vertices that have been computed. */
export type DataOf = (value: Value) => TypedArray;

/** ∂user/∂element where it is not 0: places in the result of `user`, and slopes. */
export function slopesOf(user: Value, value: Value, place: number, dataOf: DataOf): [to: number, slope: number][] {
  if (user.op.kind === "contract") return productSlopes(user, value, place, dataOf);
  if (user.op.kind !== "elementwise") return nonZero(column(user, value, place, (x) => [x.shape, dataOf(x)]));
  // Each element of the result has its own elements of the operands.
  const [slope] = column(user, value, 0, (x) => [[], dataOf(x).slice(place, place + 1)]);
  return slope === 0 || slope === undefined ? [] : [[place, slope]];
}

function nonZero(slopes: TypedArray): [number, number][] {
  const found: [number, number][] = [];
  slopes.forEach((slope, to) => {
    if (slope !== 0) found.push([to, slope]);
  });
  return found;
}

/** By the operation's derivative, which is linear in what comes in: how it depends on each element of that. */
function column(
  user: Value,
  value: Value,
  place: number,
  take: (x: Value) => [shape: readonly number[], data: TypedArray],
): TypedArray {
  const leaves = new Map<Value, Value>();
  for (const input of user.inputs) {
    const [shape, data] = take(input);
    leaves.set(input, makeLeaf(shape, input.dtype, { kind: "data", data }, input === value));
  }
  const inputs = user.inputs.map((input) => leaves.get(input) as Value);
  const from = withMode({ phase: 0, grad: true }, () => new Value(user.op, inputs, user.attrs));
  const slopes = flowTo(from, leaves.get(value) as Value, place);
  return elementsApart(engineOf("js"), [slopes])[0] as TypedArray;
}

/** ∂(Σ incoming · from)/∂into at a place, as a derivative by each element of `incoming`: what comes into `from`. */
export function flowTo(from: Value, into: Value, place: number): Value {
  const { shape, dtype } = from;
  const incoming = makeLeaf(shape, dtype, { kind: "data", data: allocate(dtype, sizeOf(shape)) }, true);
  const none = kit.full(shape, 0, dtype);
  const first = withMode({ phase: 1, grad: true }, () =>
    pullback("explainWeight", [{ value: from, gradient: incoming }], new Set([into])),
  ).reached[0];
  if (first === undefined || !first.gradient.requiresGrad) return none;
  const data = allocate(into.dtype, sizeOf(into.shape));
  data[place] = 1;
  const chosen = makeLeaf(into.shape, into.dtype, { kind: "data", data });
  const second = withMode({ phase: 1, grad: false }, () =>
    pullback("explainWeight", [{ value: first.gradient, gradient: chosen }], new Set([incoming])),
  ).reached[0];
  return second?.gradient ?? none;
}

/** Of a product: an element meets the elements of the other operand that have its batch and contracted index. */
function productSlopes(user: Value, value: Value, place: number, dataOf: DataOf): [number, number][] {
  const [a, b] = user.inputs as readonly [Value, Value];
  const dims = dotDims(user.attrs);
  const [freeA, freeB] = [dims.freeA(a.shape.length), dims.freeB(b.shape.length)];
  const batch = dims.batchA.length;
  const found = new Map<number, number>();
  const meet = (own: Side, other: Side): void => {
    const index = stridesOf(own.x.shape).map(
      (stride, dim) => Math.floor(place / stride) % (own.x.shape[dim] as number),
    );
    const strides = stridesOf(user.shape);
    const otherStrides = stridesOf(other.x.shape);
    let [to, from] = [0, 0];
    own.batch.forEach((dim, i) => {
      to += (index[dim] as number) * (strides[i] as number);
      from += (index[dim] as number) * (otherStrides[other.batch[i] as number] as number);
    });
    own.free.forEach((dim, i) => (to += (index[dim] as number) * (strides[own.first + i] as number)));
    own.contract.forEach((dim, i) => {
      from += (index[dim] as number) * (otherStrides[other.contract[i] as number] as number);
    });
    const data = dataOf(other.x);
    const walk = (i: number, at: number, source: number): void => {
      const dim = other.free[i];
      if (dim === undefined) {
        found.set(at, (found.get(at) ?? 0) + (data[source] as number));
        return;
      }
      for (let j = 0; j < (other.x.shape[dim] as number); j++) {
        walk(i + 1, at + j * (strides[other.first + i] as number), source + j * (otherStrides[dim] as number));
      }
    };
    walk(0, to, from);
  };
  const left: Side = { x: a, batch: dims.batchA, free: freeA, contract: dims.contractA, first: batch };
  const right: Side = { x: b, batch: dims.batchB, free: freeB, contract: dims.contractB, first: batch + freeA.length };
  if (a === value) meet(left, right);
  if (b === value) meet(right, left);
  return [...found].filter(([, slope]) => slope !== 0);
}

/** An operand of a product; `first` is the dim of the result where its free dims begin. */
interface Side {
  readonly x: Value;
  readonly batch: readonly number[];
  readonly free: readonly number[];
  readonly contract: readonly number[];
  readonly first: number;
}
