/** Steps of random graphs that compute element by element. */
import { type Dtype, isFloating } from "../../../src/base/dtype.ts";
import { broadcastShapes, sizeOf } from "../../../src/base/shape.ts";
import type { Value } from "../../../src/ir/value.ts";
import { kit } from "../../../src/ops/kit.ts";
import { makeLeaf } from "../../../src/ops/leaf.ts";
import { table } from "../../../src/ops/table.ts";
import { type Pool, mostElements } from "./pool.ts";

/** Numbers without a gradient: constants, counting, slots. */
export function plainLeaf(p: Pool): void {
  const shape = p.shapeNear();
  const kind = p.below(3);
  if (kind === 0) p.add(kit.full(shape, p.below(7) - 3, p.float), true, 3);
  else if (kind === 1 && shape.length > 0) {
    const dim = p.below(shape.length);
    p.add(kit.cast(kit.iota(shape, dim), p.float), true, shape[dim] as number);
  } else {
    const number = p.below(5) - 2;
    const slot = makeLeaf([], p.float, { kind: "slot", read: () => number });
    p.add(kit.broadcast(slot, shape), true, 2);
  }
}

export function exactUnary(p: Pool): void {
  const x = p.exactNumber();
  if (x === undefined) return;
  const { value, bound } = x;
  const choices: readonly (() => Value)[] = [
    () => kit.neg(value),
    () => kit.abs(value),
    () => kit.relu(value),
    () => kit.sign(value),
    () => kit.copy(value),
    () => kit.maximum(value, -2),
    () => kit.minimum(value, 3),
    () => kit.add(value, 1),
    () => kit.mul(value, 2),
  ];
  p.add(p.pick(choices)(), true, 2 * bound + 1);
}

export function smoothUnary(p: Pool): void {
  const x = p.number();
  if (x === undefined) return;
  const small = x.bound > 4 ? kit.mul(x.value, 3 / x.bound) : x.value;
  const choices: readonly (readonly [number, () => Value])[] = [
    [60, () => kit.exp(small)],
    [1, () => kit.tanh(x.value)],
    [1, () => kit.sigmoid(x.value)],
    [1, () => kit.erf(small)],
    [1, () => kit.sin(x.value)],
    [8, () => kit.sqrt(kit.add(kit.square(small), 0.5))],
    [8, () => kit.log(kit.add(kit.square(small), 1))],
    [2, () => kit.div(1, kit.add(kit.square(small), 0.5))],
    [x.bound * 0.3, () => kit.mul(x.value, 0.3)],
    [x.bound + 1, () => kit.sub(x.value, 0.7)],
  ];
  const [bound, make] = p.pick(choices);
  p.add(make(), false, bound);
}

export function binary(p: Pool): void {
  const x = p.number();
  const y = x === undefined ? undefined : p.partner(x);
  if (x === undefined || y === undefined) return;
  const [a, b] = [x.value, y.value];
  const exact = x.exact && y.exact;
  const choice = p.below(exact ? 6 : 4);
  if (choice === 0) p.add(kit.add(a, b), exact, x.bound + y.bound);
  else if (choice === 1) p.add(kit.sub(a, b), exact, x.bound + y.bound);
  else if (choice === 2) p.add(kit.mul(a, b), exact, x.bound * y.bound);
  else if (choice === 3) p.add(kit.div(a, kit.add(kit.square(b), 1)), false, x.bound);
  else if (choice === 4) p.add(kit.maximum(a, b), true, Math.max(x.bound, y.bound));
  else p.add(kit.minimum(a, b), true, Math.max(x.bound, y.bound));
}

function comparison(p: Pool): Value | undefined {
  const x = p.exactNumber();
  const y = x === undefined ? undefined : p.partner(x, (node) => node.exact);
  if (x === undefined || y === undefined) return undefined;
  const relation = p.pick([table.eq, table.ne, table.lt, table.le, table.gt, table.ge]);
  return kit.map(relation, x.value, p.chance(0.3) ? 1 : y.value);
}

export function compare(p: Pool): void {
  const bool = comparison(p);
  if (bool !== undefined) p.add(bool, true, 1);
  const one = p.any(({ value }) => value.dtype === "bool");
  const other = one === undefined ? undefined : p.partner(one);
  if (one === undefined || other === undefined || p.chance(0.5)) return;
  const join = p.pick([table.and, table.or, table.xor, table.eq, table.ne]);
  p.add(p.chance(0.3) ? kit.negate(one.value) : kit.map(join, one.value, other.value), true, 1);
}

export function where(p: Pool): void {
  const condition = p.any(({ value }) => value.dtype === "bool")?.value ?? comparison(p);
  const x = p.number();
  const y = x === undefined ? undefined : p.partner(x);
  if (condition === undefined || x === undefined || y === undefined) return;
  let shape: readonly number[];
  try {
    shape = broadcastShapes("fuzz", broadcastShapes("fuzz", x.value.shape, y.value.shape), condition.shape);
  } catch {
    return;
  }
  if (sizeOf(shape) > mostElements) return;
  const other = p.chance(0.4) ? 0 : y.value;
  const chosen = p.chance(0.5) ? kit.where(condition, x.value, other) : kit.where(condition, other, x.value);
  p.add(chosen, x.exact && (other === 0 || y.exact), Math.max(x.bound, other === 0 ? 0 : y.bound));
}

export function castStep(p: Pool): void {
  const x = p.any();
  if (x === undefined) return;
  const { value, exact, bound } = x;
  const wide: Dtype = p.float === "float32" ? "float64" : "float32";
  if (!isFloating(value.dtype)) p.add(kit.cast(value, p.float), exact, bound);
  else if (!exact) p.add(kit.mul(kit.cast(kit.mul(kit.cast(value, wide), 0.5), value.dtype), 2), false, bound);
  else {
    const to = p.pick(["int32", "bool", wide, "int32"] as const);
    const there = kit.cast(value, to);
    p.add(there, true, to === "bool" ? 1 : bound);
    if (p.chance(0.5)) p.add(kit.cast(kit.cast(there, "int32"), p.float), true, to === "bool" ? 1 : bound);
  }
}

/** Whole numbers that wrap, and truth values folded. */
export function integerStep(p: Pool): void {
  const x = p.any(({ value }) => !isFloating(value.dtype));
  if (x === undefined) return;
  const { value } = x;
  const rank = value.shape.length;
  const bound = 2 ** 31;
  if (rank > 0 && !value.shape.includes(0) && p.chance(0.4)) {
    const dims = p.dims(value.shape);
    const order = [table.max, table.min];
    const fold = p.pick(value.dtype === "int32" ? [...order, table.sum, table.prod] : order);
    p.add(kit.apply(fold, [value], { dims }), true, value.dtype === "bool" ? 1 : bound);
    return;
  }
  if (value.dtype === "bool") {
    p.add(kit.cast(value, p.pick(["int32", "uint8"] as const)), true, 1);
    return;
  }
  const y = p.partner(x);
  if (y === undefined) return;
  const { add, sub, mul, idiv, irem, remainder, and, or, xor, shl, shr, ushr, maximum, minimum } = table;
  const both = [add, sub, mul, idiv, irem, remainder, and, or, xor, maximum, minimum];
  const op = p.pick(value.dtype === "int32" ? [...both, shl, shr, ushr] : both);
  const other = p.chance(0.3) ? p.below(7) : y.value;
  p.add(kit.map(op, value, other), true, bound);
  if (p.chance(0.3)) {
    const to = value.dtype === "int32" ? "uint8" : "int32";
    p.add(kit.cast(value, to), true, bound);
  }
  if (p.chance(0.5)) {
    const small = kit.map(irem, kit.map(op, value, other), 11);
    p.add(kit.cast(small, p.float), true, 11);
  }
}
