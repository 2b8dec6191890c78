/** Sequences of different lengths in one batch: padded tensors that know the lengths. Floor: nn. */
import { TwopassError, describe, showShape } from "../../base/errors.ts";
import type { Value } from "../../ir/value.ts";
import { kit } from "../../ops/kit.ts";
import { checkTensor, checkTensors, promoteTensors } from "../../tensor/arguments.ts";
import { tensor } from "../../tensor/creation.ts";
import { valueOf } from "../../tensor/handle.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { checkWhole, resultOf, withDefaults } from "../functional/common.ts";
import { type Labels, readLabels } from "../functional/labels.ts";

/**
 * A batch of sequences of different lengths, as `packPaddedSequence` and `packSequence` make it for `RNN`, `LSTM` and `GRU`.
 * Its steps are a tensor with zeros behind the end of each sequence.
 *
 * Differs from PyTorch: nothing is moved. The sequences stay where they were in the batch, in any order, and recurrent
 * layers leave out the steps that a sequence has not; so batches with equal sizes share a plan, whatever the lengths.
 *
 * @example
 * const packed = nn.packSequence([tensor([1, 2, 3]), tensor([4])]);
 * packed.lengths; // [3, 1]
 */
export class PackedSequence {
  /** [T, N, ...], or [N, T, ...] with `batchFirst`; T is the largest length. */
  readonly padded: Tensor;
  /** Steps of each sequence. */
  readonly lengths: readonly number[];
  readonly batchFirst: boolean;
  /** bool [T, N] (or [N, T]): whether a sequence has a step. */
  readonly valid: Tensor;

  constructor(padded: Tensor, lengths: readonly number[], batchFirst: boolean, valid: Tensor) {
    this.padded = padded;
    this.lengths = lengths;
    this.batchFirst = batchFirst;
    this.valid = valid;
  }

  /** Another tensor [T, N, ...] (or [N, T, ...]) with the same lengths. */
  with(padded: Tensor): PackedSequence {
    return new PackedSequence(padded, this.lengths, this.batchFirst, this.valid);
  }

  /** How many sequences have step 0, 1, 2, ... */
  get batchSizes(): number[] {
    const longest = Math.max(...this.lengths);
    return Array.from({ length: longest }, (_, t) => this.lengths.filter((n) => n > t).length);
  }

  /**
   * The steps alone, [sum of lengths, ...]: step by step, and in each step the sequences from the longest to the
   * shortest. It is PyTorch's `data`, good for a loss over all steps: `lossOf.forward(logits.data, targets.data)`.
   */
  get data(): Tensor {
    const { lengths, padded } = this;
    const order = lengths.map((_, n) => n).sort((a, b) => (lengths[b] as number) - (lengths[a] as number));
    const [steps, batch] = timeAndBatch(padded.shape, this.batchFirst);
    const places: number[] = [];
    this.batchSizes.forEach((count, t) => {
      for (const n of order.slice(0, count)) places.push(this.batchFirst ? n * steps + t : t * batch + n);
    });
    return padded.flatten(0, 1).indexSelect(0, tensor(Int32Array.from(places)));
  }

  toString(): string {
    return `PackedSequence(${showShape(this.padded.shape)}, lengths ${showShape(this.lengths)})`;
  }
}

function timeAndBatch(shape: readonly number[], batchFirst: boolean): readonly [steps: number, batch: number] {
  const [first, second] = shape as readonly [number, number];
  return batchFirst ? [second, first] : [first, second];
}

/** Which sequence has which step. It is data, not computed from the lengths: a step number in it would be part of the code. */
function validSteps(lengths: readonly number[], steps: number, batchFirst: boolean): Tensor {
  const batch = lengths.length;
  const valid = new Uint8Array(steps * batch);
  lengths.forEach((length, n) => {
    for (let t = 0; t < length; t++) valid[batchFirst ? n * steps + t : t * batch + n] = 1;
  });
  return tensor(valid, { dtype: "bool", shape: batchFirst ? [batch, steps] : [steps, batch] });
}

/** x with `other` where a sequence has no step. */
function onlyValid(x: Value, valid: Value, other: number): Value {
  const rest = x.shape.map((_, d) => d).slice(2);
  return kit.where(kit.spread(valid, x.shape, rest), x, other);
}

function checkLengths(op: string, given: Labels, steps: number, batch: number, sorted: boolean): readonly number[] {
  const { data, value } = readLabels(op, "lengths", given);
  if (data === undefined) {
    throw new TwopassError({
      op,
      problem: "the lengths must be known when the graph is built",
      hint: "give plain numbers: await lengths.array()",
    });
  }
  if (value.shape.length !== 1 || data.length !== batch) {
    throw new TwopassError({
      op,
      problem: "needs one length for each sequence",
      facts: `lengths ${showShape(value.shape)} for ${batch} sequences`,
      hint: "batchFirst says which dim of the input is the batch",
    });
  }
  data.forEach((n, i) => {
    if (n >= 1 && n <= steps) return;
    throw new TwopassError({
      op,
      problem: "a length out of range",
      facts: `length ${i} is ${n}, and there are ${steps} steps`,
      hint: n < 1 ? "leave empty sequences out of the batch" : "batchFirst says which dim of the input is time",
    });
  });
  if (sorted) checkSorted(op, Array.from(data));
  return Array.from(data);
}

function checkSorted(op: string, lengths: readonly number[]): void {
  const at = lengths.findIndex((n, i) => i > 0 && n > (lengths[i - 1] as number));
  if (at < 0) return;
  throw new TwopassError({
    op,
    problem: "the lengths must not grow",
    facts: `length ${at - 1} is ${lengths[at - 1]}, length ${at} is ${lengths[at]}`,
    hint: "{ enforceSorted: false } takes any order, at no cost",
  });
}

/**
 * A padded batch with its lengths, for recurrent layers.
 *
 * @param input [T, N, ...], or [N, T, ...] with `batchFirst`; what lies behind the ends does not matter.
 * @param lengths one whole number from 1 to T for each sequence.
 * @param options.batchFirst default false.
 * @param options.enforceSorted whether lengths that grow are an error; default true.
 * @throws where lengths do not fit the input.
 * @example
 * const lstm = new nn.LSTM(4, 6, { batchFirst: true });
 * const packed = nn.packPaddedSequence(zeros(3, 5, 4), [5, 3, 2], { batchFirst: true });
 * const [output] = lstm.forward(packed);
 * const [y, lengths] = nn.padPackedSequence(output, { batchFirst: true });
 * y.shape; // [3, 5, 6]
 * lengths; // [5, 3, 2]
 */
export function packPaddedSequence(
  input: Tensor,
  lengths: Labels,
  given?: { readonly batchFirst?: boolean; readonly enforceSorted?: boolean },
): PackedSequence {
  const op = "packPaddedSequence";
  const { batchFirst, enforceSorted } = withDefaults(op, given, { batchFirst: false, enforceSorted: true });
  checkTensor(op, "the input", input);
  if (input.ndim < 2) {
    throw new TwopassError({
      op,
      problem: `the input must have 2 dims or more [${batchFirst ? "N, T" : "T, N"}, ...]`,
      facts: `it has shape ${showShape(input.shape)}`,
      shapes: [input.shape],
    });
  }
  const [steps, batch] = timeAndBatch(input.shape, batchFirst);
  const known = checkLengths(op, lengths, steps, batch, enforceSorted);
  return packed(valueOf(input), [input], known, batchFirst);
}

function packed(x: Value, from: readonly Tensor[], lengths: readonly number[], batchFirst: boolean): PackedSequence {
  const longest = lengths.reduce((a, b) => Math.max(a, b), 0);
  const valid = validSteps(lengths, longest, batchFirst);
  const cut = kit.range(x, batchFirst ? 1 : 0, 0, longest);
  const padded = resultOf(onlyValid(cut, valueOf(valid), 0), [...from, valid]);
  return new PackedSequence(padded, lengths, batchFirst, valid);
}

/**
 * The padded tensor of a packed batch, and the lengths.
 *
 * @param options.batchFirst whether the result is [N, T, ...] and not [T, N, ...]; default false.
 * @param options.paddingValue stands behind the ends; default 0.
 * @param options.totalLength T; default the largest length.
 * @throws where `totalLength` is below the largest length.
 * @example
 * const packed = nn.packSequence([tensor([1, 2, 3]), tensor([4])]);
 * const [padded] = nn.padPackedSequence(packed, { batchFirst: true, paddingValue: -1 });
 * await padded.array(); // [[1, 2, 3], [4, -1, -1]]
 */
export function padPackedSequence(
  sequence: PackedSequence,
  given?: { readonly batchFirst?: boolean; readonly paddingValue?: number; readonly totalLength?: number },
): [padded: Tensor, lengths: readonly number[]] {
  const op = "padPackedSequence";
  if (!(sequence instanceof PackedSequence)) {
    throw new TwopassError({
      op,
      problem: "takes a packed sequence",
      facts: `got ${describe(sequence)}`,
      hint: "packPaddedSequence and packSequence make one; recurrent layers give one for one",
    });
  }
  const { padded, lengths, valid } = sequence;
  const longest = timeAndBatch(padded.shape, sequence.batchFirst)[0];
  const options = withDefaults(op, given, { batchFirst: false, paddingValue: 0, totalLength: longest });
  const { batchFirst, paddingValue } = options;
  const total = checkWhole(op, "totalLength", options.totalLength, longest);
  const filled = onlyValid(valueOf(padded), valueOf(valid), paddingValue);
  const x = batchFirst === sequence.batchFirst ? filled : kit.transpose(filled, 0, 1);
  const high = x.shape.map((_, d) => (d === (batchFirst ? 1 : 0) ? total - longest : 0));
  const none = high.map(() => 0);
  return [resultOf(kit.pad(x, none, high, paddingValue), [padded, valid]), lengths];
}

/** Sequences [Tᵢ, ...] as one padded vertex. */
function joinPadded(op: string, sequences: readonly Tensor[], batchFirst: boolean, paddingValue: number): Value {
  checkTensors(op, sequences);
  const values = promoteTensors(op, sequences);
  const first = (values[0] as Value).shape;
  values.forEach((x, i) => {
    if (x.shape.length === 0) {
      throw new TwopassError({ op, problem: "a sequence has a dim of time", facts: `sequence ${i} has shape []` });
    }
    if (x.shape.length === first.length && x.shape.every((n, d) => d === 0 || n === first[d])) return;
    throw new TwopassError({
      op,
      problem: "sequences differ in the dim of time alone",
      facts: `sequence 0 is ${showShape(first)}, sequence ${i} is ${showShape(x.shape)}`,
      shapes: [first, x.shape],
    });
  });
  const longest = values.reduce((most, x) => Math.max(most, x.shape[0] as number), 0);
  const batch = batchFirst ? 0 : 1;
  const rows = values.map((x) => {
    const high = x.shape.map((n, d) => (d === 0 ? longest - n : 0));
    const padded = kit.pad(
      x,
      high.map(() => 0),
      high,
      paddingValue,
    );
    return kit.reshape(padded, padded.shape.toSpliced(batch, 0, 1));
  });
  return kit.concat(rows, batch);
}

/**
 * Sequences of different lengths as one tensor.
 *
 * @param sequences [Tᵢ, ...] each.
 * @param options.batchFirst whether the result is [N, T, ...] and not [T, N, ...]; default false.
 * @param options.paddingValue stands behind the ends; default 0.
 * @example
 * await nn.padSequence([tensor([1, 2, 3]), tensor([4])], { batchFirst: true }).array(); // [[1, 2, 3], [4, 0, 0]]
 */
export function padSequence(
  sequences: readonly Tensor[],
  given?: { readonly batchFirst?: boolean; readonly paddingValue?: number },
): Tensor {
  const op = "padSequence";
  const { batchFirst, paddingValue } = withDefaults(op, given, { batchFirst: false, paddingValue: 0 });
  return resultOf(joinPadded(op, sequences, batchFirst, paddingValue), sequences);
}

/**
 * Sequences of different lengths as a packed batch.
 *
 * @param sequences [Tᵢ, ...] each, with at least one step.
 * @param options.enforceSorted whether lengths that grow are an error; default true.
 * @example
 * const packed = nn.packSequence([zeros(5, 4), zeros(2, 4)]);
 * new nn.GRU(4, 6).forward(packed)[1].shape; // [1, 2, 6]
 */
export function packSequence(
  sequences: readonly Tensor[],
  given?: { readonly enforceSorted?: boolean },
): PackedSequence {
  const op = "packSequence";
  const { enforceSorted } = withDefaults(op, given, { enforceSorted: true });
  const x = joinPadded(op, sequences, false, 0);
  const lengths = sequences.map((sequence) => sequence.shape[0] as number);
  lengths.forEach((n, i) => {
    if (n === 0) throw new TwopassError({ op, problem: "a sequence without steps", facts: `sequence ${i}` });
  });
  if (enforceSorted) checkSorted(op, lengths);
  return packed(x, sequences, lengths, false);
}
