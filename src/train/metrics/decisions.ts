/** What a model decided for each label of a batch: shared by the metrics of classification. Floor: train. */
import { isFloating } from "../../base/dtype.ts";
import { TwopassError, showShape } from "../../base/errors.ts";
import { sameShape } from "../../base/shape.ts";
import type { Shape } from "../../base/shape.ts";
import { checkGiven, type Labels, readLabels } from "../../nn/functional/labels.ts";
import { kit } from "../../ops/kit.ts";
import { tensor } from "../../tensor/creation.ts";
import { valueOf } from "../../tensor/handle.ts";
import { resultOf } from "../../tensor/joining.ts";
import { Tensor } from "../../tensor/tensor.ts";

export interface LabelOptions {
  /** A label whose elements count nothing, such as that of padding; default: none. */
  readonly ignoreIndex?: number;
}

export interface DecisionOptions extends LabelOptions {
  /** Binary outputs above it say yes; default 0, for scores (logits). Give 0.5 for probabilities. */
  readonly threshold?: number;
}

/** Labels of one batch, checked as far as they can be before they are read. */
export interface KnownLabels {
  /** int32. */
  readonly labels: Tensor;
  /** Labels with 0 where they do not count, so that they may be used as an index. */
  readonly safe: Tensor;
  /** bool: neither ignored nor out of range. */
  readonly counts: Tensor;
  /** How many are out of range, 0-d. */
  readonly invalid: Tensor;
  readonly classes: number;
}

export interface Decisions extends KnownLabels {
  /** The class of the highest score, int32, of the labels' shape. */
  readonly predicted: Tensor;
  readonly isBinary: boolean;
}

/**
 * Outputs [N, C, ...] with labels [N, ...]: the decision is the first class of the highest score. Outputs of the target's
 * shape ([N], or [N, 1] with [N]) are binary: yes above the threshold, with targets 0 and 1 of any dtype.
 */
export function readDecisions(op: string, output: Tensor, target: Labels, options: DecisionOptions): Decisions {
  checkScores(op, output);
  checkGiven(op, "the target", target);
  if (isBinary(op, output.shape, target, options)) return binaryDecisions(op, output, target, options);
  const known = readClasses(op, output, target, options);
  return { ...known, predicted: output.argmax(1), isBinary: false };
}

/** Labels of outputs [N, C, ...]. */
export function readClasses(op: string, output: Tensor, target: Labels, options: LabelOptions): KnownLabels {
  checkScores(op, output);
  const { tensor: given } = readLabels(op, "the labels", target);
  const classes = output.shape[1];
  if (classes === undefined || !sameShape(output.shape.toSpliced(1, 1), given.shape)) {
    throw labelsWanted(op, output.shape, given.shape);
  }
  const labels = given.int();
  const inRange = labels.ge(0).logicalAnd(labels.lt(classes));
  return knownLabels(labels, inRange, options, classes);
}

function binaryDecisions(op: string, output: Tensor, target: Labels, options: DecisionOptions): Decisions {
  const given = target instanceof Tensor ? target : tensor(target, { dtype: "int32" });
  const shape = given.ndim < output.ndim ? given.shape : output.shape;
  if (output.size !== given.size) throw labelsWanted(op, output.shape, given.shape);
  const y = given.reshape(shape);
  const known = knownLabels(y, y.eq(0).logicalOr(y.eq(1)), options, 2);
  const predicted = output
    .reshape(shape)
    .gt(options.threshold ?? 0)
    .int();
  return { ...known, labels: y.int(), predicted, isBinary: true };
}

function knownLabels(labels: Tensor, inRange: Tensor, { ignoreIndex }: LabelOptions, classes: number): KnownLabels {
  const kept = ignoreIndex === undefined ? undefined : labels.ne(ignoreIndex);
  const counts = kept === undefined ? inRange : inRange.logicalAnd(kept);
  const wrong = inRange.logicalNot();
  const invalid = (kept === undefined ? wrong : wrong.logicalAnd(kept)).sum();
  return { labels, safe: labels.int().where(counts, 0), counts, invalid, classes };
}

function isBinary(op: string, output: Shape, target: Labels, { threshold }: DecisionOptions): boolean {
  const shape = target instanceof Tensor ? target.shape : tensor(target, { dtype: "float64" }).shape;
  const isSingle = output.length <= 1 || output.at(-1) === 1;
  if (isSingle && (sameShape(output, shape) || sameShape(output.slice(0, -1), shape))) return true;
  if (!sameShape(output, shape)) return false;
  if (threshold !== undefined) return true;
  throw new TwopassError({
    op,
    problem: "output and target have one shape: is this one label of many classes, or many yes-or-no labels?",
    facts: `both ${showShape(output)}`,
    hint: "many classes: y.argmax(1); yes-or-no labels: give { threshold: 0 } for scores, 0.5 for probabilities",
    shapes: [output, shape],
  });
}

function checkScores(op: string, output: Tensor): void {
  if (isFloating(output.dtype)) return;
  throw new TwopassError({
    op,
    problem: "the output must be scores or probabilities",
    facts: `got ${output.dtype} ${showShape(output.shape)}`,
    hint: "give what the model computes, before argmax or a comparison",
    dtypes: [output.dtype],
  });
}

function labelsWanted(op: string, output: Shape, target: Shape): TwopassError {
  const wanted = output.toSpliced(1, 1);
  const classesLast = output.length > 2 && sameShape(output.slice(0, -1), target);
  return new TwopassError({
    op,
    problem:
      output.length < 2 ? "output and labels do not fit" : `the target must be labels of shape ${showShape(wanted)}`,
    facts: `output ${showShape(output)}, target ${showShape(target)}`,
    hint: classesLast
      ? "the classes are the second dim, as for crossEntropy: output.movedim(-1, 1)"
      : sameShape([...wanted, 1], target)
        ? "drop the last dim: y.squeeze(-1)"
        : "one label for each element of the output without its dim of classes",
    shapes: [output, target],
  });
}

/** Throws where labels were out of range; it is known at `compute` only. */
export function checkLabels(op: string, invalid: number, counted: number, classes: number): void {
  if (invalid > 0) {
    throw new TwopassError({
      op: `${op}.compute`,
      problem: "labels out of range",
      facts: `${invalid} of ${invalid + counted} labels are ${classes > 0 ? `not from 0 to ${classes - 1}` : "no classes"}`,
      hint: "{ ignoreIndex } leaves out a label such as -100",
    });
  }
  if (counted > 0) return;
  throw new TwopassError({
    op: `${op}.compute`,
    problem: "nothing was counted",
    facts: "all batches were empty or all labels ignored",
  });
}

/** How often each of 0 to size − 1 comes in an int32 tensor, [size]; all elements must be in range. */
export function histogramOf(index: Tensor, size: number): Tensor {
  const line = kit.reshape(valueOf(index), [index.size]);
  return resultOf(kit.scatter(line, kit.full([index.size], 1, "int32"), 0, size), [index]);
}
