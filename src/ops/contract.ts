/** Sums of products of two tensors. Floor: ops. */
import { internal, showShape } from "../base/errors.ts";
import { sizeOf, stridesOf } from "../base/shape.ts";
import type { Attrs, HostTensor } from "../ir/op.ts";
import type { Value } from "../ir/value.ts";
import { forEachIndex, listOf, record } from "./record.ts";

/** The roles of the dims of a dot's operands. */
export interface DotDims {
  readonly batchA: readonly number[];
  readonly batchB: readonly number[];
  readonly contractA: readonly number[];
  readonly contractB: readonly number[];
}

export function dotDims(attrs: Attrs): DotDims & { freeA(rank: number): number[]; freeB(rank: number): number[] } {
  const batchA = listOf(attrs, "batchA");
  const batchB = listOf(attrs, "batchB");
  const contractA = listOf(attrs, "contractA");
  const contractB = listOf(attrs, "contractB");
  return {
    batchA,
    batchB,
    contractA,
    contractB,
    freeA: (rank) => rest(rank, batchA, contractA),
    freeB: (rank) => rest(rank, batchB, contractB),
  };
}

/** The dims below `rank` that are in neither list. */
function rest(rank: number, batch: readonly number[], contract: readonly number[]): number[] {
  const free: number[] = [];
  for (let dim = 0; dim < rank; dim++) if (!batch.includes(dim) && !contract.includes(dim)) free.push(dim);
  return free;
}

/**
 * y[batch, freeA, freeB] = Σ_contracted a · b. The contracted and batch dims are paired in the order of their lists;
 * free dims keep their order.
 */
export const dot = record({
  name: "dot",
  kind: "contract",
  doc: "sums of products over contracted dims, for each batch index",
  infer([a, b], attrs) {
    const x = a as Value;
    const y = b as Value;
    const dims = dotDims(attrs);
    const pairs = (left: readonly number[], right: readonly number[]): boolean =>
      left.length === right.length && left.every((d, i) => x.shape[d] === y.shape[right[i] as number]);
    if (x.dtype !== y.dtype || !pairs(dims.batchA, dims.batchB) || !pairs(dims.contractA, dims.contractB)) {
      throw internal(`dot of ${x.dtype} ${showShape(x.shape)} and ${y.dtype} ${showShape(y.shape)}`);
    }
    const shape: number[] = [];
    for (const d of dims.batchA) shape.push(x.shape[d] as number);
    for (const d of dims.freeA(x.shape.length)) shape.push(x.shape[d] as number);
    for (const d of dims.freeB(y.shape.length)) shape.push(y.shape[d] as number);
    return { shape, dtype: x.dtype };
  },
  evaluate(out, [a, b], attrs) {
    const x = a as HostTensor;
    const y = b as HostTensor;
    const dims = dotDims(attrs);
    const freeA = dims.freeA(x.shape.length);
    const freeB = dims.freeB(y.shape.length);
    const xStrides = stridesOf(x.shape);
    const yStrides = stridesOf(y.shape);
    const pick = (list: readonly number[], strides: readonly number[]): number[] =>
      list.map((d) => strides[d] as number);
    const none = (list: readonly number[]): number[] => list.map(() => 0);
    const aPlaces = places(out.shape, [...pick(dims.batchA, xStrides), ...pick(freeA, xStrides), ...none(freeB)]);
    const bPlaces = places(out.shape, [...pick(dims.batchB, yStrides), ...none(freeA), ...pick(freeB, yStrides)]);
    const inner = dims.contractA.map((d) => x.shape[d] as number);
    const aInner = places(inner, pick(dims.contractA, xStrides));
    const bInner = places(inner, pick(dims.contractB, yStrides));
    const wrap = out.dtype === "int32";
    for (let i = 0; i < out.data.length; i++) {
      let total = 0;
      const p = aPlaces[i] as number;
      const q = bPlaces[i] as number;
      for (let j = 0; j < aInner.length; j++) {
        const u = x.data[p + (aInner[j] as number)] as number;
        const v = y.data[q + (bInner[j] as number)] as number;
        total = wrap ? (total + Math.imul(u, v)) | 0 : total + u * v;
      }
      out.data[i] = total;
    }
  },
  vjp: (k, g, [a, b], _out, attrs) => {
    const x = a as Value;
    const y = b as Value;
    const dims = dotDims(attrs);
    const freeA = dims.freeA(x.shape.length);
    const freeB = dims.freeB(y.shape.length);
    const nb = dims.batchA.length;
    const batchG = dims.batchA.map((_, i) => i);
    const freeAG = freeA.map((_, i) => nb + i);
    const freeBG = freeB.map((_, i) => nb + freeA.length + i);
    // The result has [batch, free of g, free of the partner = its contracted dims in the partner's order].
    const back = (
      partner: Value,
      batch: readonly number[],
      free: readonly number[],
      freeInG: readonly number[],
      contract: readonly number[],
      own: { batch: readonly number[]; free: readonly number[]; contract: readonly number[] },
    ): Value => {
      const raw = k.dot(g, partner, { batchA: batchG, batchB: batch, contractA: freeInG, contractB: free });
      const order = [...contract.keys()].sort((i, j) => (contract[i] as number) - (contract[j] as number));
      const from = [...own.batch, ...own.free, ...order.map((i) => own.contract[i] as number)];
      return k.permute(
        raw,
        from.map((_, dim) => from.indexOf(dim)),
      );
    };
    return [
      x.requiresGrad
        ? back(y, dims.batchB, freeB, freeBG, dims.contractB, {
            batch: dims.batchA,
            free: freeA,
            contract: dims.contractA,
          })
        : undefined,
      y.requiresGrad
        ? back(x, dims.batchA, freeA, freeAG, dims.contractA, {
            batch: dims.batchB,
            free: freeB,
            contract: dims.contractB,
          })
        : undefined,
    ];
  },
});

/** The place of each index of `shape` under strides. */
function places(shape: readonly number[], strides: readonly number[]): Int32Array {
  const out = new Int32Array(sizeOf(shape));
  forEachIndex(shape, strides, 0, (linear, place) => {
    out[linear] = place;
  });
  return out;
}
