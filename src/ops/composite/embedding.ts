/** Rows of a table chosen by numbers. Floor: ops. */
import { sizeOf } from "../../base/shape.ts";
import { withMode } from "../../ir/mode.ts";
import type { Value } from "../../ir/value.ts";
import type { Kit } from "../kit.ts";

/** y[..., :] = w[index[...], :]: w [V, D], index int32, y [...index, D]. Rows of number `padding` get no gradient. */
export function embeddingRows(k: Kit, w: Value, index: Value, padding: number | undefined): Value {
  const size = sizeOf(index.shape);
  const [, width] = w.shape as [number, number];
  const line = k.reshape(index, [size, 1]);
  let rows = k.gather(w, k.expand(line, [size, width]), 0);
  if (padding !== undefined && w.requiresGrad) {
    const still = withMode({ grad: false }, () => k.alias(rows));
    rows = k.where(k.eq(line, padding), still, rows);
  }
  return k.reshape(rows, [...index.shape, width]);
}

/** w with the rows that `index` names scaled down to at most `maxNorm` in the p-norm; the others as they are. */
export function limitRows(k: Kit, w: Value, index: Value, maxNorm: number, p: number): Value {
  const size = sizeOf(index.shape);
  const [count] = w.shape as [number, number];
  const uses = k.scatter(k.reshape(index, [size]), k.full([size], 1, w.dtype), 0, count);
  const powers = k.sum(p === 2 ? k.square(w) : k.pow(k.abs(w), p), [1]);
  const norm = p === 2 ? k.sqrt(powers) : k.pow(powers, 1 / p);
  const tooLong = k.and(k.gt(uses, 0), k.gt(norm, maxNorm));
  const scale = k.where(tooLong, k.div(maxNorm, k.add(norm, 1e-7)), 1);
  return k.mul(w, k.spread(scale, w.shape, [1]));
}
