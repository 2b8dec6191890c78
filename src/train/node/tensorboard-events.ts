/**
 * TensorBoard's events as bytes: the messages Event and Summary of TensorFlow, in the frames of a TFRecord file. Only what
 * the logger writes. Floor: train; Node only.
 */
import { PbfWriter } from "pbf";
import { maskedCrc32c } from "./crc32c.ts";

/** Fields of the messages, by their numbers in TensorFlow's event.proto, summary.proto and tensor.proto. */
const eventField = { wallTime: 1, step: 2, fileVersion: 3, summary: 5, sessionLog: 7 } as const;
const valueField = { tag: 1, simpleValue: 2, histogram: 5, tensor: 8, metadata: 9 } as const;
const histogramField = { min: 1, max: 2, num: 3, sum: 4, sumSquares: 5, limits: 6, counts: 7 } as const;
const tensorField = { dtype: 1, shape: 2, strings: 8 } as const;
const stringDtype = 7;

/** What TensorBoard draws of many numbers. */
export interface Histogram {
  readonly min: number;
  readonly max: number;
  readonly num: number;
  readonly sum: number;
  readonly sumSquares: number;
  /** Right ends of the bins; the first begins at `min`. */
  readonly limits: readonly number[];
  readonly counts: readonly number[];
}

/** One of the values of an event. */
export type SummaryValue =
  | { readonly tag: string; readonly scalar: number }
  | { readonly tag: string; readonly histogram: Histogram }
  | { readonly tag: string; readonly text: string };

/** The first event of a file. @param time seconds since 1970. */
export function versionEvent(time: number): Uint8Array {
  const pbf = new PbfWriter();
  pbf.writeDoubleField(eventField.wallTime, time);
  pbf.writeStringField(eventField.fileVersion, "brain.Event:2");
  return pbf.finish();
}

/** An event that makes a reader drop what earlier files have of its step and later ones. @param time seconds since 1970. */
export function restartEvent(time: number, step: number): Uint8Array {
  const pbf = new PbfWriter();
  pbf.writeDoubleField(eventField.wallTime, time);
  pbf.writeVarintField(eventField.step, step);
  // The status "start".
  pbf.writeMessage(eventField.sessionLog, (status: number, log: PbfWriter) => log.writeVarintField(1, status), 1);
  return pbf.finish();
}

/** An event with values. @param time seconds since 1970. */
export function summaryEvent(time: number, step: number, values: readonly SummaryValue[]): Uint8Array {
  const pbf = new PbfWriter();
  pbf.writeDoubleField(eventField.wallTime, time);
  pbf.writeVarintField(eventField.step, step);
  pbf.writeMessage(eventField.summary, writeSummary, values);
  return pbf.finish();
}

function writeSummary(values: readonly SummaryValue[], pbf: PbfWriter): void {
  for (const value of values) pbf.writeMessage(1, writeValue, value);
}

function writeValue(value: SummaryValue, pbf: PbfWriter): void {
  pbf.writeStringField(valueField.tag, value.tag);
  if ("scalar" in value) pbf.writeFloatField(valueField.simpleValue, value.scalar);
  else if ("histogram" in value) pbf.writeMessage(valueField.histogram, writeHistogram, value.histogram);
  else {
    pbf.writeMessage(valueField.tensor, writeText, value.text);
    pbf.writeMessage(valueField.metadata, writeTextMetadata, undefined);
  }
}

function writeHistogram(histogram: Histogram, pbf: PbfWriter): void {
  for (const key of ["min", "max", "num", "sum", "sumSquares"] as const) {
    pbf.writeDoubleField(histogramField[key], histogram[key]);
  }
  pbf.writePackedDouble(histogramField.limits, [...histogram.limits]);
  pbf.writePackedDouble(histogramField.counts, [...histogram.counts]);
}

/** A tensor of one string, shape [1]. */
function writeText(text: string, pbf: PbfWriter): void {
  pbf.writeVarintField(tensorField.dtype, stringDtype);
  const writeDim = (size: number, dim: PbfWriter): void => dim.writeVarintField(1, size);
  pbf.writeMessage(tensorField.shape, (size: number, shape: PbfWriter) => shape.writeMessage(2, writeDim, size), 1);
  pbf.writeStringField(tensorField.strings, text);
}

/** Says which of TensorBoard's pages shows the value. */
function writeTextMetadata(_nothing: undefined, pbf: PbfWriter): void {
  pbf.writeMessage(1, (name: string, plugin: PbfWriter) => plugin.writeStringField(1, name), "text");
}

/** A record of a TFRecord file: length, its checksum, data, their checksum. */
export function frame(data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(data.length + 16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc32c(bytes.subarray(0, 8)), true);
  bytes.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc32c(data), true);
  return bytes;
}

/** Equal bins from the smallest to the largest of the finite numbers; undefined where there is none. */
export function histogramOf(values: ArrayLike<number>, bins: number): Histogram | undefined {
  let [min, max, num, sum, sumSquares] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0, 0];
  for (let i = 0; i < values.length; i++) {
    const x = values[i] as number;
    if (!Number.isFinite(x)) continue;
    min = Math.min(min, x);
    max = Math.max(max, x);
    num++;
    sum += x;
    sumSquares += x * x;
  }
  if (num === 0) return undefined;
  const count = min === max ? 1 : bins;
  const width = (max - min) / count;
  const counts = new Array<number>(count).fill(0);
  for (let i = 0; i < values.length; i++) {
    const x = values[i] as number;
    if (!Number.isFinite(x)) continue;
    const bin = count === 1 ? 0 : Math.min(count - 1, Math.floor((x - min) / width));
    counts[bin] = (counts[bin] as number) + 1;
  }
  const limits = counts.map((_, i) => (i === count - 1 ? max : min + width * (i + 1)));
  return { min, max, num, sum, sumSquares, limits, counts };
}
