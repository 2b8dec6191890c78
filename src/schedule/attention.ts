/**
 * Attention of float32 as kernels of its own (ops/attention.ts): which are taken, and where their operands lie. What is
 * decided here follows from shapes alone. Floor: schedule.
 */
import { internal } from "../base/errors.ts";
import { sizeOf } from "../base/shape.ts";
import type { Value } from "../ir/value.ts";
import { attentionSizes } from "../ops/attention.ts";
import { numberOf } from "../ops/record.ts";
import { operandOf } from "./contract.ts";

type Triple = readonly [number, number, number];

/** Where an element [batch, row, column] lies in its buffer, in elements. */
export interface AttentionPlaces {
  readonly offset: number;
  readonly batch: Triple;
  readonly row: number;
  /** 1; of a mask also 0, where all columns are one. */
  readonly column: number;
}

/**
 * Buffers in order: q, key, v; of the gradients the forward vector and g; the mask, where there is one; the result.
 */
export interface AttentionKernel {
  readonly kind: "attention";
  readonly role: "forward" | "gradient";
  /** Dims in front, up to three. */
  readonly batch: Triple;
  readonly rows: number;
  readonly keys: number;
  readonly width: number;
  readonly valueWidth: number;
  readonly scale: number;
  readonly causal: boolean;
  readonly mask: "none" | "bool" | "added";
  /** Of the gradients: runs of rows whose sums for keys are kept apart. */
  readonly parts: number;
  /** Of all buffers but the result. */
  readonly places: readonly AttentionPlaces[];
}

/** Most features of a row: what a thread keeps of a block of rows must find room. */
export const mostWidth = 256;

const mostBatch = 3;

/** Whether kernels of this file compute it: attention, or the second of two ways where that is made of attention. */
export function isAttentionTaken(value: Value): boolean {
  if (value.op.kind === "either") {
    let way = value.inputs[1] as Value;
    // The parts of the result are views of it; the gradients of keys may be sums.
    while (way.op.kind === "view" || way.op.kind === "reduce") way = way.inputs[0] as Value;
    return isAttentionTaken(way);
  }
  if (value.op.kind !== "attention" || value.dtype !== "float32") return false;
  const { batch, count, rows, keys, width, valueWidth } = attentionSizes(value.inputs);
  const isEmpty = [count, rows, keys, width, valueWidth].includes(0);
  return !isEmpty && Math.max(width, valueWidth) <= mostWidth && batch.filter((n) => n !== 1).length <= mostBatch;
}

/** What attention needs in memory: the buffers below its operands' views, or the operands. */
export function attentionDemands(value: Value, isBuffer: (value: Value) => boolean): Value[] {
  return value.inputs.map((x) => placesOf(x, value, isBuffer)?.base ?? x);
}

/** The kernel and the buffers that it reads. */
export function planAttention(
  value: Value,
  isBuffer: (value: Value) => boolean,
): { readonly kernel: AttentionKernel; readonly reads: readonly Value[] } {
  const { attrs, inputs } = value;
  const isGradient = isGradientOf(value);
  const mask = inputs[maskInput(value)];
  const { batch, rows, keys, width, valueWidth } = attentionSizes(inputs);
  const found = inputs.map((x) => placesOf(x, value, isBuffer));
  const readable = found.filter((x) => x !== undefined);
  if (readable.length < found.length) throw internal("an operand of attention is not in memory");
  return {
    reads: readable.map(({ base }) => base),
    kernel: {
      kind: "attention",
      role: isGradient ? "gradient" : "forward",
      batch: triple(batch.filter((n) => n !== 1)),
      rows,
      keys,
      width,
      valueWidth,
      scale: numberOf(attrs, "scale"),
      causal: attrs["causal"] === true,
      mask: mask === undefined ? "none" : mask.dtype === "bool" ? "bool" : "added",
      parts: isGradient ? numberOf(attrs, "parts") : 1,
      places: readable.map(({ places }) => places),
    },
  };
}

/** Multiplications and additions of the products that are needed. */
export function attentionOperations(kernel: AttentionKernel): number {
  const { role, batch, rows, keys, width, valueWidth, causal } = kernel;
  const features = role === "forward" ? width + valueWidth : 3 * width + 2 * valueWidth;
  const square = Math.min(rows, keys);
  const pairs = causal ? (square * (square + 1)) / 2 + (rows - square) * keys : rows * keys;
  return 2 * sizeOf(batch) * pairs * features;
}

function isGradientOf(value: Value): boolean {
  return value.attrs["parts"] !== undefined;
}

function maskInput(value: Value): number {
  return isGradientOf(value) ? 5 : 3;
}

/** Where an operand lies; undefined where it must get memory of its own. Rows are read in runs of columns. */
function placesOf(
  x: Value,
  attention: Value,
  isBuffer: (value: Value) => boolean,
): { readonly base: Value; readonly places: AttentionPlaces } | undefined {
  const operand = operandOf(x, isBuffer);
  if (operand === undefined || operand.loopsOf.some((loops) => loops.length !== 1)) return undefined;
  const { base, at } = operand;
  const steps = x.shape.map((n, d) => (n === 1 ? 0 : (at.coefficients[operand.loopsOf[d]?.[0] as number] as number)));
  const column = x.shape.at(-1) === 1 ? 1 : (steps.at(-1) as number);
  const isMask = x === attention.inputs[maskInput(attention)];
  if (column !== 1 && !(isMask && column === 0)) return undefined;
  const row = x.shape.length < 2 ? 0 : (steps.at(-2) as number);
  const batch = triple(
    steps.slice(0, -2).filter((_, d) => x.shape[d] !== 1),
    0,
  );
  return { base, places: { offset: at.offset, batch, row, column } };
}

/** Numbers of the dims in front, the first of three for what is not there. */
function triple(list: readonly number[], missing = 1): Triple {
  return [...new Array<number>(mostBatch - list.length).fill(missing), ...list] as unknown as Triple;
}
