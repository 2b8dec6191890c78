/** Losses as functions. Each gives a 0-d tensor unless `reduction` is "none". Floor: nn. */
import { withMode } from "../../ir/mode.ts";
import { isFloating } from "../../base/dtype.ts";
import { TwopassError, showShape } from "../../base/errors.ts";
import { sameShape, sizeOf } from "../../base/shape.ts";
import type { Value } from "../../ir/value.ts";
import { logSoftmax } from "../../ops/composite/activation.ts";
import * as composite from "../../ops/composite/loss.ts";
import { kit } from "../../ops/kit.ts";
import { tensor } from "../../tensor/creation.ts";
import { TensorHandle, valueOf } from "../../tensor/handle.ts";
import { inner } from "../../tensor/inner.ts";
import { promoteOperands, toFloating } from "../../tensor/operand.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import {
  type Optional,
  type Reduction,
  checkReduction,
  floatingVertex,
  likeVertex,
  numberIn,
  optionalVertex,
  present,
  resultOf,
  vertexOf,
  withDefaults,
} from "./common.ts";
import { type Labels, checkGiven, checkRange, readLabels } from "./labels.ts";

export interface ReductionOptions {
  /** "mean" (default), "sum", or "none" for the elements as they are. */
  readonly reduction?: Reduction;
}

export interface NLLLossOptions extends ReductionOptions {
  /** One factor for each class, [C]; the mean divides by the factors of the labels. Default: all 1. */
  readonly weight?: Optional<Tensor>;
  /** A label whose elements count nothing; default −100. */
  readonly ignoreIndex?: number;
}

export interface CrossEntropyOptions extends NLLLossOptions {
  /** Part of the target that is spread evenly over the classes, 0 to 1; default 0. Szegedy et al. (2016). */
  readonly labelSmoothing?: number;
}

/** The label losses of log-probabilities. `logp` is called once the arguments are checked. */
function classLoss(
  op: string,
  input: Tensor,
  target: Labels,
  options: Required<CrossEntropyOptions>,
  logp: (x: Value, dim: number) => Value,
): Tensor {
  const reduction = checkReduction(op, options.reduction);
  const x = floatingVertex(op, input);
  if (x.shape.length === 0)
    throw new TwopassError({ op, problem: "the input must have a dim of classes", facts: "it has shape []" });
  const dim = x.shape.length === 1 ? 0 : 1;
  const classes = x.shape[dim] as number;
  const weight = optionalVertex(op, "the weight", options.weight, x, [classes]);
  const labelShape = x.shape.toSpliced(dim, 1);
  const aim = probabilities(op, target, x, labelShape);
  if (aim !== undefined) {
    if (op !== "crossEntropy") throw labelsWanted(op, valueOf(aim), x, labelShape);
    const t = likeVertex(op, "the target", aim, x);
    const settings = { dim, weight, reduction, smoothing: options.labelSmoothing };
    return resultOf(composite.probabilityLoss(kit, logp(x, dim), t, settings), present(input, aim, options.weight));
  }
  if (target instanceof TensorHandle && isFloating(target.dtype))
    throw labelsWanted(op, valueOf(target), x, labelShape);
  const labels = readLabels(op, "the target", target);
  if (!sameShape(labels.value.shape, labelShape)) throw labelsWanted(op, labels.value, x, labelShape);
  const { checked, ignores } = checkRange(op, "label", labels, classes, options.ignoreIndex);
  const loss = withMode({ call: op }, () =>
    composite.labelLoss(kit, logp(x, dim), labels.value, {
      dim,
      weight,
      reduction,
      // Labels that are not known yet may hold it; one that the user chose is always looked for, so that plans stay the same.
      ignore: ignores || options.ignoreIndex !== -100 ? options.ignoreIndex : undefined,
      checked,
      smoothing: options.labelSmoothing,
    }),
  );
  return resultOf(loss, present(input, labels.tensor, options.weight));
}

/** The target as a tensor where it has probabilities for all classes. */
function probabilities(op: string, target: Labels, x: Value, labelShape: readonly number[]): Tensor | undefined {
  if (target instanceof TensorHandle) {
    return isFloating(target.dtype) && sameShape(target.shape, x.shape) ? target : undefined;
  }
  checkGiven(op, "the target", target);
  const given = tensor(target, { dtype: x.dtype });
  return sameShape(given.shape, x.shape) && !sameShape(given.shape, labelShape) ? given : undefined;
}

function labelsWanted(op: string, target: Value, x: Value, labelShape: readonly number[]): TwopassError {
  const isFloat = isFloating(target.dtype) && sameShape(target.shape, labelShape);
  const column = target.shape.length === labelShape.length + 1 && target.shape[target.shape.length - 1] === 1;
  const oneHot = sameShape(target.shape, x.shape);
  return new TwopassError({
    op,
    problem: isFloat ? "labels must be whole numbers" : `the target must be labels of shape ${showShape(labelShape)}`,
    facts: `target ${target.dtype} ${showShape(target.shape)}, input ${showShape(x.shape)}`,
    hint: isFloat
      ? "convert with .int()"
      : column && !oneHot
        ? "drop the last dim: y.squeeze(-1)"
        : oneHot
          ? 'probabilities of the classes are float: y.to("float32"), and crossEntropy takes them'
          : "one label for each element of the input without its dim of classes",
    shapes: [target.shape, x.shape],
    dtypes: [target.dtype],
  });
}

/**
 * Cross-entropy of class scores: −log softmax(x)[target], computed stably.
 *
 * @param input [N, C], [N, C, ...] or [C]: scores, not probabilities.
 * @param target labels [N], [N, ...] or []: int32 or uint8 tensor, or number[]; or probabilities of the input's shape.
 * @throws for float labels, and for labels out of range: at the call where they are known, else when it runs.
 * @example
 * await crossEntropy(tensor([[0, 0]]), [1]).item(); // 0.6931
 */
export function crossEntropy(input: Tensor, target: Labels, given?: CrossEntropyOptions): Tensor {
  const options = withDefaults<Required<CrossEntropyOptions>>("crossEntropy", given, {
    weight: null,
    ignoreIndex: -100,
    reduction: "mean",
    labelSmoothing: 0,
  });
  numberIn("crossEntropy", "labelSmoothing", options.labelSmoothing, 0, 1);
  return classLoss("crossEntropy", input, target, options, (x, dim) => logSoftmax(kit, x, dim));
}

/**
 * Negative log-likelihood: −input[target]. With `logSoftmax` in front it is `crossEntropy`.
 *
 * @param input [N, C], [N, C, ...] or [C]: log-probabilities.
 * @param target labels [N], [N, ...] or [], as of `crossEntropy`.
 * @example
 * await nllLoss(tensor([[-1, -2]]), [1]).item(); // 2
 */
export function nllLoss(input: Tensor, target: Labels, given?: NLLLossOptions): Tensor {
  const options = withDefaults<Required<NLLLossOptions>>("nllLoss", given, {
    weight: null,
    ignoreIndex: -100,
    reduction: "mean",
  });
  return classLoss("nllLoss", input, target, { ...options, labelSmoothing: 0 }, (x) => x);
}

/** Two tensors of equal shape as floating vertices of one dtype. Broadcasting a loss hides mistakes, so it is an error. */
function pair(op: string, input: Tensor, target: Tensor): [Value, Value] {
  vertexOf(op, "the input", input);
  vertexOf(op, "the target", target);
  if (!sameShape(input.shape, target.shape)) {
    const sameSize = sizeOf(input.shape) === sizeOf(target.shape);
    throw new TwopassError({
      op,
      problem: "input and target must have the same shape",
      facts: `input ${showShape(input.shape)}, target ${showShape(target.shape)}`,
      hint: sameSize
        ? `target.reshape(${input.shape.join(", ")})`
        : "broadcasting would count pairs that do not belong together",
      shapes: [input.shape, target.shape],
    });
  }
  return promoteOperands(op, [input, target]).map(toFloating) as [Value, Value];
}

/** A loss of pairs of elements. */
function elementLoss(
  op: string,
  input: Tensor,
  target: Tensor,
  reduction: Reduction,
  error: (x: Value, y: Value) => Value,
  weight?: Optional<Tensor>,
): Tensor {
  const how = checkReduction(op, reduction);
  const [x, y] = pair(op, input, target);
  let losses = error(x, y);
  if (weight instanceof TensorHandle) {
    const w = likeVertex(op, "the weight", weight, x);
    const rank = x.shape.length - w.shape.length;
    if (rank < 0 || w.shape.some((n, i) => n !== 1 && n !== x.shape[rank + i])) {
      throw new TwopassError({
        op,
        problem: "the weight must broadcast to the input",
        facts: `weight ${showShape(w.shape)}, input ${showShape(x.shape)}`,
        shapes: [w.shape, x.shape],
      });
    }
    losses = kit.mul(losses, w);
  }
  return resultOf(composite.reduce(kit, losses, how), present(input, target, weight));
}

const byMean: Required<ReductionOptions> = { reduction: "mean" };

/**
 * Mean squared error: (x − y)².
 *
 * @param input, target of equal shape. Differs from PyTorch: other shapes are an error, not broadcast.
 * @example
 * await mseLoss(tensor([1, 2]), tensor([1, 4])).item(); // 2
 */
export function mseLoss(input: Tensor, target: Tensor, options?: ReductionOptions): Tensor {
  const { reduction } = withDefaults("mseLoss", options, byMean);
  return elementLoss("mseLoss", input, target, reduction, (x, y) => composite.squaredError(kit, x, y));
}

/** Mean absolute error: |x − y|. Input and target have equal shapes. */
export function l1Loss(input: Tensor, target: Tensor, options?: ReductionOptions): Tensor {
  const { reduction } = withDefaults("l1Loss", options, byMean);
  return elementLoss("l1Loss", input, target, reduction, (x, y) => composite.absoluteError(kit, x, y));
}

/** d² / (2 beta) where |d| < beta, else |d| − beta / 2, with d = x − y; beta default 1. Girshick, "Fast R-CNN" (2015). */
export function smoothL1Loss(
  input: Tensor,
  target: Tensor,
  options?: ReductionOptions & { readonly beta?: number },
): Tensor {
  const { reduction, beta } = withDefaults("smoothL1Loss", options, { ...byMean, beta: 1 });
  numberIn("smoothL1Loss", "beta", beta, 0, Number.POSITIVE_INFINITY);
  return elementLoss("smoothL1Loss", input, target, reduction, (x, y) => composite.smoothError(kit, x, y, beta));
}

/** d² / 2 where |d| ≤ delta, else delta · (|d| − delta / 2), with d = x − y; delta default 1. Huber (1964). */
export function huberLoss(
  input: Tensor,
  target: Tensor,
  options?: ReductionOptions & { readonly delta?: number },
): Tensor {
  const { reduction, delta } = withDefaults("huberLoss", options, { ...byMean, delta: 1 });
  if (!(delta > 0))
    throw new TwopassError({ op: "huberLoss", problem: "delta must be above 0", facts: `got ${delta}` });
  return elementLoss("huberLoss", input, target, reduction, (x, y) => composite.huberError(kit, x, y, delta));
}

export interface BinaryOptions extends ReductionOptions {
  /** One factor for each element, broadcast to the input; default none. */
  readonly weight?: Optional<Tensor>;
}

/**
 * Binary cross-entropy of probabilities: −(t log p + (1 − t) log(1 − p)), each log at least −100.
 *
 * @param input probabilities, 0 to 1.
 * @param target of the same shape, 0 to 1.
 * @throws where an input that is already known lies outside of 0 to 1.
 * @example
 * await binaryCrossEntropy(tensor([0.5, 0.5]), tensor([0, 1])).item(); // 0.6931
 */
export function binaryCrossEntropy(input: Tensor, target: Tensor, options?: BinaryOptions): Tensor {
  const op = "binaryCrossEntropy";
  const { reduction, weight } = withDefaults<Required<BinaryOptions>>(op, options, { ...byMean, weight: null });
  const leaf = input[inner].value.leaf;
  const wrong = leaf?.kind === "data" ? leaf.data.find((p) => !(p >= 0 && p <= 1)) : undefined;
  if (wrong !== undefined) {
    throw new TwopassError({
      op,
      problem: "the input must be probabilities from 0 to 1",
      facts: `found ${wrong}`,
      hint: "use binaryCrossEntropyWithLogits for scores",
    });
  }
  return elementLoss(op, input, target, reduction, (x, y) => composite.binaryError(kit, x, y), weight);
}

/**
 * Binary cross-entropy of scores: that of sigmoid(x), computed stably.
 *
 * @param input scores.
 * @param target of the same shape, 0 to 1.
 * @param options.posWeight factor of positive targets, broadcast to the input; default none.
 * @example
 * await binaryCrossEntropyWithLogits(tensor([0, 0]), tensor([0, 1])).item(); // 0.6931
 */
export function binaryCrossEntropyWithLogits(
  input: Tensor,
  target: Tensor,
  options?: BinaryOptions & { readonly posWeight?: Optional<Tensor> },
): Tensor {
  const op = "binaryCrossEntropyWithLogits";
  const { reduction, weight, posWeight } = withDefaults<
    Required<BinaryOptions> & { readonly posWeight: Optional<Tensor> }
  >(op, options, { ...byMean, weight: null, posWeight: null });
  const error = (x: Value, y: Value): Value => {
    const positive = posWeight instanceof TensorHandle ? likeVertex(op, "posWeight", posWeight, x) : undefined;
    return composite.binaryLogitError(kit, x, y, positive);
  };
  return elementLoss(op, input, target, reduction, error, weight);
}

export interface DivergenceOptions {
  /** As of other losses, or "batchmean": the sum divided by the first extent; default "mean". */
  readonly reduction?: Reduction | "batchmean";
  /** Whether the target is given as logarithms; default false. */
  readonly logTarget?: boolean;
}

/**
 * Kullback-Leibler divergence: t (log t − x), 0 where t is 0.
 *
 * @param input log-probabilities.
 * @param target probabilities of the same shape, or with `logTarget` their logarithms.
 * @example
 * const p = tensor([[0.5, 0.5]]);
 * await klDiv(tensor([[0.25, 0.75]]).log(), p, { reduction: "batchmean" }).item(); // 0.1438
 */
export function klDiv(input: Tensor, target: Tensor, given?: DivergenceOptions): Tensor {
  const op = "klDiv";
  const options = withDefaults<Required<DivergenceOptions>>(op, given, { reduction: "mean", logTarget: false });
  const error = (x: Value, t: Value): Value => {
    const losses = composite.divergence(kit, x, t, options.logTarget);
    // The mean over the batch is a sum of parts, so the division may come first.
    return options.reduction === "batchmean" ? kit.div(losses, x.shape[0] ?? 1) : losses;
  };
  return elementLoss(op, input, target, options.reduction === "batchmean" ? "sum" : options.reduction, error);
}
