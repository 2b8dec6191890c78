/** Products of matrices and vectors over one contraction. Floor: ops. */
import { broadcastShapes } from "../../base/shape.ts";
import type { Value } from "../../ir/value.ts";
import type { Kit } from "../kit.ts";
import { norm } from "./reduction.ts";

/**
 * a · b by the rule of NumPy: the last dim of a with the second last of b (its only one if b is a vector), batch dims
 * broadcast. Where one side has no batch it is contracted with the other's as it is: nothing is repeated, and its gradient
 * is one contraction over the batch.
 */
export function matmul(k: Kit, a: Value, b: Value): Value {
  const last = a.shape.length - 1;
  const row = Math.max(b.shape.length - 2, 0);
  const plain = { batchA: [], batchB: [], contractA: [last], contractB: [row] };
  if (b.shape.length <= 2 || a.shape.length === 1) return k.dot(a, b, plain);
  if (a.shape.length === 2) {
    // [M, ...batch, N]: the rows of a go behind the batch.
    const y = k.dot(a, b, plain);
    const order = y.shape.map((_, i) => i).slice(1);
    return k.permute(y, order.toSpliced(-1, 0, 0));
  }
  const batch = broadcastShapes("matmul", a.shape.slice(0, -2), b.shape.slice(0, -2));
  return k.matmul(k.broadcast(a, [...batch, ...a.shape.slice(-2)]), k.broadcast(b, [...batch, ...b.shape.slice(-2)]));
}

/** Sums over pairs of dims; the free dims of a come first, then those of b. */
export function tensordot(k: Kit, a: Value, b: Value, dimsA: readonly number[], dimsB: readonly number[]): Value {
  return k.dot(a, b, { batchA: [], batchB: [], contractA: dimsA, contractB: dimsB });
}

/** The Kronecker product: block [i, j] of the result is a[i, j] · b, for tensors of equally many dims. */
export function kron(k: Kit, a: Value, b: Value): Value {
  const outer = k.reshape(
    a,
    a.shape.flatMap((n) => [n, 1]),
  );
  const inner = k.reshape(
    b,
    b.shape.flatMap((n) => [1, n]),
  );
  return k.reshape(
    k.mul(outer, inner),
    a.shape.map((n, i) => n * (b.shape[i] as number)),
  );
}

/** yᵢ = aᵢ₊₁ bᵢ₊₂ − aᵢ₊₂ bᵢ₊₁ along a dim of extent 3, counted around. */
export function cross(k: Kit, a: Value, b: Value, dim: number): Value {
  const turned = (x: Value, by: number): Value => k.concat([k.range(x, dim, by, 3), k.range(x, dim, 0, by)], dim);
  return k.sub(k.mul(turned(a, 1), turned(b, 2)), k.mul(turned(a, 2), turned(b, 1)));
}

/** Distances in the p-norm between all rows of a [..., P, M] and all of b [..., R, M], batch dims equal: [..., P, R]. */
export function distances(k: Kit, a: Value, b: Value, p: number): Value {
  const batch = a.shape.slice(0, -2);
  const [rows, width] = a.shape.slice(-2) as [number, number];
  const columns = b.shape[b.shape.length - 2] as number;
  const gaps = k.sub(k.reshape(a, [...batch, rows, 1, width]), k.reshape(b, [...batch, 1, columns, width]));
  // Rows of no elements are at distance 0 in every norm.
  return norm(k, gaps, width === 0 ? 1 : p, [a.shape.length]);
}

/** x Wᵀ + b along the last dim: x [..., in], w [out, in], b [out]. */
export function linear(k: Kit, x: Value, w: Value, bias?: Value): Value {
  const y = k.dot(x, w, { batchA: [], batchB: [], contractA: [x.shape.length - 1], contractB: [1] });
  return bias === undefined ? y : k.add(y, bias);
}
