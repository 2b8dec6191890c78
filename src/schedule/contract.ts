/**
 * Contractions and convolutions as calls of one template: each operand is a buffer with places that add up from an
 * offset for each row, column, contracted element and batch index. Convolutions read their image in place, by tables.
 * Floor: schedule.
 */
import { sizeOf, stridesOf } from "../base/shape.ts";
import type { Value } from "../ir/value.ts";
import { convSettings } from "../ops/conv.ts";
import { dotDims } from "../ops/contract.ts";
import { listOf } from "../ops/record.ts";
import {
  type Affine,
  NotAffine,
  SplitLoop,
  affine,
  belowReshapes,
  counter,
  place,
  plus,
  throughView,
} from "./affine.ts";
import type { ContractKernel, Offsets } from "./kernel.ts";

/** Where the elements of an operand lie in the buffer below its views. */
export interface Operand {
  readonly base: Value;
  readonly extents: readonly number[];
  /** For each dim of the operand its loops, outermost first. */
  readonly loopsOf: readonly (readonly number[])[];
  readonly at: Affine;
}

/** The buffer below a chain of views. */
export function baseOf(value: Value, isBuffer: (value: Value) => boolean): Value {
  let base = value;
  while (base.op.kind === "view" && !isBuffer(base)) base = base.inputs[0] as Value;
  return base;
}

/** The places of an operand, or undefined where its views are not affine. */
export function operandOf(value: Value, isBuffer: (value: Value) => boolean): Operand | undefined {
  const extents = [...value.shape];
  const loopsOf = value.shape.map((_, d) => [d]);
  for (let round = 0; round < 16; round++) {
    const loops = extents.length;
    let index: readonly Affine[] = loopsOf.map((list) => {
      let sum = affine(loops);
      let stride = 1;
      for (let i = list.length - 1; i >= 0; i--) {
        sum = plus(sum, counter(loops, list[i] as number), stride);
        stride *= extents[list[i] as number] as number;
      }
      return sum;
    });
    try {
      let at = value;
      for (; at.op.kind === "view" && !isBuffer(at); at = at.inputs[0] as Value) {
        // Row-major order survives a reshape: memory needs no division of places.
        const memory = belowReshapes(at, isBuffer);
        if (memory.op.kind !== "view" || isBuffer(memory)) {
          return { base: memory, extents, loopsOf, at: place(index, stridesOf(at.shape), loops) };
        }
        index = throughView(at, index, extents);
      }
      return { base: at, extents, loopsOf, at: place(index, stridesOf(at.shape), loops) };
    } catch (error) {
      if (error instanceof NotAffine) return undefined;
      if (!(error instanceof SplitLoop)) throw error;
      const { loop, inner } = error;
      extents.splice(loop, 1, (extents[loop] as number) / inner, inner);
      for (const list of loopsOf) {
        for (let i = 0; i < list.length; i++) {
          if ((list[i] as number) > loop) list[i] = (list[i] as number) + 1;
          else if (list[i] === loop) list.splice(++i, 0, loop + 1);
        }
      }
    }
  }
  return undefined;
}

/** Whether the template can read this operand where it is. */
export function isReadable(value: Value, isBuffer: (value: Value) => boolean): boolean {
  return operandOf(value, isBuffer) !== undefined;
}

/** Where the rows of a value lie, in elements: one behind the other, each by itself row-major. */
export interface Rows {
  readonly base: Value;
  readonly offset: number;
  /** From a row to the next; 0 where the value is one row. */
  readonly stride: number;
}

/** The places of a value's rows (or of the whole of it, as one row); undefined where it must get memory of its own. */
export function rowsOf(value: Value, isSliced: boolean, isBuffer: (value: Value) => boolean): Rows | undefined {
  const operand = operandOf(value, isBuffer);
  if (operand === undefined) return undefined;
  const dims = value.shape.map((_, d) => d);
  const [within, rows] = isSliced ? [dims.slice(1), [0]] : [dims, []];
  const [inner, ...more] = walk(operand, within);
  const [outer, ...split] = walk(operand, rows);
  if (more.length + split.length > 0 || (inner?.stride ?? 1) !== 1) return undefined;
  return { base: operand.base, offset: operand.at.offset, stride: outer?.stride ?? 0 };
}

/** The loops of some dims in order, with extents and strides; loops of extent 1 are left out, equal walks joined. */
function walk(operand: Operand, dims: readonly number[]): { extent: number; stride: number }[] {
  const out: { extent: number; stride: number }[] = [];
  for (const dim of dims) {
    for (const loop of operand.loopsOf[dim] as readonly number[]) {
      const extent = operand.extents[loop] as number;
      const stride = operand.at.coefficients[loop] as number;
      if (extent === 1) continue;
      const last = out.at(-1);
      if (last !== undefined && last.stride === stride * extent) {
        last.extent *= extent;
        last.stride = stride;
      } else out.push({ extent, stride });
    }
  }
  return out;
}

/** One stride, or a table of the places of each index. */
function offsets(operand: Operand, dims: readonly number[]): Offsets {
  return fromWalk(walk(operand, dims));
}

function fromWalk(loops: readonly { extent: number; stride: number }[]): Offsets {
  if (loops.length === 0) return { stride: 0 };
  if (loops.length === 1) return { stride: (loops[0] as { stride: number }).stride };
  let table = Int32Array.of(0);
  for (const { extent, stride } of loops) {
    const next = new Int32Array(table.length * extent);
    table.forEach((start, i) => {
      for (let j = 0; j < extent; j++) next[i * extent + j] = start + j * stride;
    });
    table = next;
  }
  return { table };
}

export interface Contraction {
  readonly kernel: ContractKernel;
  readonly a: Value;
  readonly b: Value;
}

const noFold = { extent: 1, a: 0, b: 0 };

/** Most batch loops that the template has. */
const mostBatch = 3;

/** A dot as a call of the template; undefined where its batch dims need operands of their own. */
export function lowerDot(dot: Value, isBuffer: (value: Value) => boolean): Contraction | undefined {
  const dims = dotDims(dot.attrs);
  const a = operandOf(dot.inputs[0] as Value, isBuffer);
  const b = operandOf(dot.inputs[1] as Value, isBuffer);
  if (a === undefined || b === undefined) return undefined;
  const freeA = dims.freeA(a.loopsOf.length);
  const freeB = dims.freeB(b.loopsOf.length);
  const shapeOf = (o: Operand, list: readonly number[]): number[] =>
    list.map((d) => (o.loopsOf[d] as readonly number[]).reduce((n, loop) => n * (o.extents[loop] as number), 1));
  const m = sizeOf(shapeOf(a, freeA));
  const n = sizeOf(shapeOf(b, freeB));
  const k = sizeOf(shapeOf(a, dims.contractA));
  const batchShape = shapeOf(a, dims.batchA);
  if ([...dims.batchA.map((d) => a.loopsOf[d]), ...dims.batchB.map((d) => b.loopsOf[d])].some((l) => l?.length !== 1)) {
    return undefined;
  }
  const cStrides = stridesOf([...batchShape, m * n]);
  const batch: { extent: number; a: number; b: number; c: number }[] = [];
  batchShape.forEach((extent, i) => {
    if (extent === 1) return;
    const next = {
      extent,
      a: a.at.coefficients[(a.loopsOf[dims.batchA[i] as number] as readonly number[])[0] as number] as number,
      b: b.at.coefficients[(b.loopsOf[dims.batchB[i] as number] as readonly number[])[0] as number] as number,
      c: cStrides[i] as number,
    };
    const last = batch.at(-1);
    if (
      last !== undefined &&
      [last.a === next.a * extent, last.b === next.b * extent, last.c === next.c * extent].every(Boolean)
    ) {
      batch[batch.length - 1] = { ...next, extent: extent * last.extent };
    } else batch.push(next);
  });
  if (batch.length > mostBatch) return undefined;
  return {
    a: a.base,
    b: b.base,
    kernel: {
      kind: "contract",
      dtype: dot.dtype as ContractKernel["dtype"],
      m,
      n,
      k,
      aOffset: a.at.offset,
      bOffset: b.at.offset,
      aM: offsets(a, freeA),
      aK: offsets(a, dims.contractA),
      bK: offsets(b, dims.contractB),
      bN: offsets(b, freeB),
      cM: n,
      batch,
      fold: noFold,
    },
  };
}

/**
 * A convolution without padding (see transform/decompose.ts), or its kernels' gradient. Rows are output channels of a
 * group; images and groups are batch loops; for the kernels' gradient images are folded.
 */
export function lowerConv(conv: Value, isBuffer: (value: Value) => boolean): Contraction | undefined {
  const s = convSettings(conv.attrs);
  const isWeight = conv.op.gradientOf === "kernels";
  const x = operandOf(conv.inputs[0] as Value, (value) => isBuffer(value));
  const other = operandOf(conv.inputs[1] as Value, isBuffer);
  if (x === undefined || other === undefined || x.loopsOf.some((l) => l.length !== 1)) return undefined;
  const imageShape = (conv.inputs[0] as Value).shape;
  const stride = (dim: number): number =>
    x.at.coefficients[(x.loopsOf[dim] as readonly number[])[0] as number] as number;
  const spatial = imageShape.slice(2).map((_, d) => stride(d + 2));
  const images = imageShape[0] as number;
  const kernel = isWeight ? listOf(conv.attrs, "extents") : (conv.inputs[1] as Value).shape.slice(2);
  const out = isWeight ? (conv.inputs[1] as Value).shape : conv.shape;
  const pixels = out.slice(2);
  const outGroup = (out[1] as number) / s.groups;
  const inGroup = (imageShape[1] as number) / s.groups;
  const taps = [
    { extent: inGroup, stride: stride(1) },
    ...kernel.map((extent, d) => ({ extent, stride: (s.dilation[d] as number) * (spatial[d] as number) })),
  ];
  const places = pixels.map((extent, d) => ({ extent, stride: (s.stride[d] as number) * (spatial[d] as number) }));
  const tapCount = inGroup * sizeOf(kernel);
  const pixelCount = sizeOf(pixels);
  const tapOffsets = fromWalk(joined(taps));
  const pixelOffsets = fromWalk(joined(places));
  const groupX = inGroup * stride(1);
  if (isWeight) {
    if (other.loopsOf.some((l) => l.length !== 1)) return undefined;
    const y = (dim: number): number =>
      other.at.coefficients[(other.loopsOf[dim] as readonly number[])[0] as number] as number;
    return {
      a: other.base,
      b: x.base,
      kernel: {
        kind: "contract",
        dtype: conv.dtype as ContractKernel["dtype"],
        m: outGroup,
        n: tapCount,
        k: pixelCount,
        aOffset: other.at.offset,
        bOffset: x.at.offset,
        aM: { stride: y(1) },
        aK: offsets(
          other,
          pixels.map((_, d) => d + 2),
        ),
        bK: pixelOffsets,
        bN: tapOffsets,
        cM: tapCount,
        batch: [{ extent: s.groups, a: outGroup * y(1), b: groupX, c: outGroup * tapCount }],
        fold: { extent: images, a: y(0), b: stride(0) },
      },
    };
  }
  const w = other;
  const wDims = (conv.inputs[1] as Value).shape.map((_, d) => d);
  const rows = walk(w, [0]);
  // Groups are blocks of rows, which must lie at equal distances.
  if (s.groups > 1 && rows.length > 1) return undefined;
  const rowStride = rows[0]?.stride ?? 0;
  return {
    a: w.base,
    b: x.base,
    kernel: {
      kind: "contract",
      dtype: conv.dtype as ContractKernel["dtype"],
      m: outGroup,
      n: pixelCount,
      k: tapCount,
      aOffset: w.at.offset,
      bOffset: x.at.offset,
      aM: offsets(w, [0]),
      aK: offsets(w, wDims.slice(1)),
      bK: tapOffsets,
      bN: pixelOffsets,
      cM: pixelCount,
      batch: [
        { extent: images, a: 0, b: stride(0), c: (out[1] as number) * pixelCount },
        { extent: s.groups, a: outGroup * rowStride, b: groupX, c: outGroup * pixelCount },
      ],
      fold: noFold,
    },
  };
}

/** Loops without those of extent 1, neighbours joined where they walk as one. */
function joined(loops: readonly { extent: number; stride: number }[]): { extent: number; stride: number }[] {
  const out: { extent: number; stride: number }[] = [];
  for (const { extent, stride } of loops) {
    const last = out.at(-1);
    if (extent === 1) continue;
    if (last !== undefined && last.stride === stride * extent)
      out[out.length - 1] = { extent: last.extent * extent, stride };
    else out.push({ extent, stride });
  }
  return out;
}
