/** Connectionist temporal classification: the likelihood of a sequence of labels under all its alignments. Floor: ops. */
import { withMode } from "../../ir/mode.ts";
import type { Value } from "../../ir/value.ts";
import type { Kit } from "../kit.ts";
import { pick } from "./reduction.ts";

export interface Alignment {
  /** Labels int32 [N, S], those behind the length of a row being any in range. */
  readonly labels: Value;
  /** Steps and labels of each row that count, int32 [N]. */
  readonly inputLengths: Value;
  readonly targetLengths: Value;
  readonly blank: number;
}

/** The logarithm of something impossible. It is finite, so that derivatives are; sums of many are still in float32. */
const never = -1e30;

/**
 * −log Σ over all alignments of the labels to the steps of logp [T, N, C]: [N], Infinity where there is none.
 *
 * Forward recursion of Graves et al. (2006) over the 2S + 1 states blank, label, blank, ..., blank: a state follows itself,
 * the one in front, and a label that differs from the label two states in front also that one.
 */
export function ctc(k: Kit, logp: Value, a: Alignment): Value {
  const [steps, rows] = logp.shape as [number, number];
  const count = a.labels.shape[1] as number;
  const states = 2 * count + 1;
  const blanks = k.full([rows, count, 1], a.blank, "int32");
  const pairs = k.reshape(k.concat([blanks, k.reshape(a.labels, [rows, count, 1])], 2), [rows, 2 * count]);
  const symbols = k.concat([pairs, k.full([rows, 1], a.blank, "int32")], 1);
  const shifted = (x: Value, by: number, fill: number): Value =>
    k.pad(k.range(x, 1, 0, Math.max(states - by, 0)), [0, Math.min(by, states)], [0, 0], fill);
  // A blank has a blank two states in front; the first label has nothing there.
  const jumps = k.ne(symbols, shifted(symbols, 2, a.blank));
  const index = k.expand(k.reshape(symbols, [1, rows, states]), [steps, rows, states]);
  const read = k.maximum(k.gather(logp, index, 2), never);
  const at = (t: number): Value => k.reshape(k.range(read, 0, t, t + 1), [rows, states]);
  const isFirst = k.lt(k.iota([rows, states], 1), 2);
  const lengths = k.reshape(a.inputLengths, [rows, 1]);
  let alpha = k.where(isFirst, at(0), never);
  for (let t = 1; t < steps; t++) {
    const others = [shifted(alpha, 1, never), k.where(jumps, shifted(alpha, 2, never), never)];
    const next = k.add(at(t), logSum(k, [alpha, ...others]));
    alpha = k.where(k.gt(lengths, t), next, alpha);
  }
  const last = k.mul(a.targetLengths, 2);
  const blankEnd = pick(k, alpha, last, 1);
  const labelEnd = pick(k, alpha, k.maximum(k.sub(last, 1), 0), 1);
  const likelihood = logSum(k, [blankEnd, k.where(k.gt(last, 0), labelEnd, never)]);
  const loss = k.add(k.neg(likelihood), slopeOnly(k, logp, a.inputLengths));
  return k.where(k.gt(likelihood, never / 2), loss, Number.POSITIVE_INFINITY);
}

/**
 * Zero with the gradient p = exp(logp) at the steps that count: [N]. PyTorch adds it, assuming that logp is a log-softmax,
 * through whose derivative it drops out: the gradient p − occupancy sums to 0 in each step.
 */
function slopeOnly(k: Kit, logp: Value, lengths: Value): Value {
  const [steps, rows] = logp.shape as [number, number];
  const counts = k.lt(k.iota([steps, rows, 1], 0), k.reshape(lengths, [1, rows, 1]));
  const total = k.sum(k.where(counts, k.exp(k.minimum(logp, 80)), 0), [0, 2]);
  return k.sub(
    total,
    withMode({ grad: false }, () => k.alias(total)),
  );
}

/** log Σ eˣ over several tensors. The shift drops out, so it needs no gradient. */
function logSum(k: Kit, parts: readonly Value[]): Value {
  const peak = withMode({ grad: false }, () => parts.reduce((most, x) => k.maximum(most, x)));
  const sum = parts.map((x) => k.exp(k.sub(x, peak))).reduce((total, x) => k.add(total, x));
  return k.add(k.log(sum), peak);
}
