/** Products of tensors: matmul and its relatives. `einsum` is in einsum.ts. Floor: tensor. */
import { TwopassError, checkOptions, describe, showShape } from "../base/errors.ts";
import { type Shape, broadcastShapes, normalizeDim, sameShape } from "../base/shape.ts";
import type { Value } from "../ir/value.ts";
import { cross, distances, kron, matmul, tensordot } from "../ops/composite/matmul.ts";
import { kit } from "../ops/kit.ts";
import { checkRank, checkTensor, distinctDims, promoteTensors } from "./arguments.ts";
import { ChoosingMethods } from "./choosing.ts";
import { type TensorHandle, valueOf } from "./handle.ts";
import { numberValue, toFloating } from "./operand.ts";
import type { Tensor } from "./tensor.ts";

/** Factors of a product that is added to something: beta · this + alpha · product. Both are 1 unless given. */
export interface AddFactors {
  readonly beta?: number;
  readonly alpha?: number;
}

export abstract class LinearMethods extends ChoosingMethods {
  /**
   * Product of matrices: this [..., M, K] · other [..., K, N] = [..., M, N]. Batch dims broadcast. A tensor of one dim is a
   * row on the left and a column on the right, and that dim is gone from the result.
   *
   * @throws if the inner dims or the dtypes differ.
   * @example
   * await tensor([[1, 2], [3, 4]]).matmul(tensor([1, 1])).array(); // [3, 7]
   */
  matmul(other: Tensor): Tensor {
    const [a, b] = factors("matmul", this, other);
    if (a.shape.length === 0 || b.shape.length === 0) {
      throw new TwopassError({
        op: "matmul",
        problem: "both tensors must have at least one dim",
        facts: `${showShape(a.shape)} and ${showShape(b.shape)}`,
        hint: "mul multiplies by a number",
        shapes: [a.shape, b.shape],
      });
    }
    checkInner("matmul", a, b);
    checkBatches("matmul", a, b);
    return this.#product(matmul(kit, a, b), other);
  }

  /** Product of two matrices: this [M, K] · other [K, N] = [M, N]. */
  mm(other: Tensor): Tensor {
    return this.#product(strict("mm", this, 2, other, 2), other);
  }

  /** Product of a matrix and a vector: this [M, K] · vector [K] = [M]. */
  mv(vector: Tensor): Tensor {
    return this.#product(strict("mv", this, 2, vector, 1), vector);
  }

  /** Products of matrices in pairs: this [B, M, K] · other [B, K, N] = [B, M, N]. */
  bmm(other: Tensor): Tensor {
    return this.#product(strict("bmm", this, 3, other, 3), other);
  }

  /** Sum of products of two vectors of one length: []. */
  dot(other: Tensor): Tensor {
    return this.#product(strict("dot", this, 1, other, 1), other);
  }

  /** `dot` under its other name: the numbers are real. */
  vdot(other: Tensor): Tensor {
    return this.#product(strict("vdot", this, 1, other, 1), other);
  }

  /** Sums of products along the last dims: [..., K] and [*, K] give [..., *]. A tensor without dims multiplies. */
  inner(other: Tensor): Tensor {
    const [a, b] = factors("inner", this, other);
    if (a.shape.length === 0 || b.shape.length === 0) return this.#product(kit.mul(a, b), other);
    const [lastA, lastB] = [a.shape.length - 1, b.shape.length - 1];
    if (a.shape[lastA] !== b.shape[lastB]) {
      throw new TwopassError({
        op: "inner",
        problem: "the last dims differ",
        facts: `${showShape(a.shape)} and ${showShape(b.shape)}: ${a.shape[lastA]} and ${b.shape[lastB]}`,
        shapes: [a.shape, b.shape],
      });
    }
    return this.#product(tensordot(kit, a, b, [lastA], [lastB]), other);
  }

  /** All products of elements of two vectors: y[i, j] = this[i] · other[j]. */
  outer(other: Tensor): Tensor {
    return this.#product(outer("outer", this, other), other);
  }

  /** beta · this + alpha · a · b, for matrices a [M, K] and b [K, N]; this broadcasts to [M, N]. */
  addmm(a: Tensor, b: Tensor, options?: AddFactors): Tensor {
    return this.#plus("addmm", strict("addmm", a, 2, b, 2), [a, b], options);
  }

  /** beta · this + alpha · matrix · vector, for [M, K] and [K]; this broadcasts to [M]. */
  addmv(matrix: Tensor, vector: Tensor, options?: AddFactors): Tensor {
    return this.#plus("addmv", strict("addmv", matrix, 2, vector, 1), [matrix, vector], options);
  }

  /** beta · this + alpha · outer(a, b), for vectors a [M] and b [N]; this broadcasts to [M, N]. */
  addr(a: Tensor, b: Tensor, options?: AddFactors): Tensor {
    return this.#plus("addr", outer("addr", a, b), [a, b], options);
  }

  /** beta · this + alpha · Σ aᵢ · bᵢ over the batch of [B, M, K] and [B, K, N]; this broadcasts to [M, N]. */
  addbmm(a: Tensor, b: Tensor, options?: AddFactors): Tensor {
    strict("addbmm", a, 3, b, 3);
    const [x, y] = factors("addbmm", a, b);
    return this.#plus("addbmm", tensordot(kit, x, y, [0, 2], [0, 1]), [a, b], options);
  }

  /** beta · this + alpha · a · b for each of a batch, [B, M, K] and [B, K, N]; this broadcasts to [B, M, N]. */
  baddbmm(a: Tensor, b: Tensor, options?: AddFactors): Tensor {
    return this.#plus("baddbmm", strict("baddbmm", a, 3, b, 3), [a, b], options);
  }

  #plus(op: string, product: Value, others: readonly Tensor[], options: AddFactors = {}): Tensor {
    checkOptions(op, options, ["beta", "alpha"]);
    const { beta = 1, alpha = 1 } = options;
    const x = valueOf(this);
    if (x.dtype !== product.dtype) throw unlikeDtypes(op, x, product);
    const fits = broadcastShapes(op, x.shape, product.shape);
    if (!sameShape(fits, product.shape)) {
      throw new TwopassError({
        op,
        problem: "the tensor does not broadcast to the product",
        facts: `${showShape(x.shape)} to ${showShape(product.shape)}`,
        shapes: [x.shape, product.shape],
      });
    }
    const times = (y: Value, factor: number): Value => (factor === 1 ? y : kit.mul(y, numberValue(factor, y.dtype)));
    // With beta 0 the tensor is not read at all, so that a NaN in it does not matter.
    const sum = beta === 0 ? times(product, alpha) : kit.add(times(x, beta), times(product, alpha));
    return this.result(sum, others);
  }

  /**
   * Sums of products over several pairs of dims: the last `dims` of this tensor with the first of the other, or the two lists.
   * The free dims of this tensor come first, then those of the other.
   *
   * @param dims default 2.
   * @example
   * zeros([2, 3, 4]).tensordot(zeros([4, 3, 5]), [[1, 2], [1, 0]]).shape; // [2, 5]
   */
  tensordot(other: Tensor, dims: number | readonly [readonly number[], readonly number[]] = 2): Tensor {
    const [a, b] = factors("tensordot", this, other);
    if (typeof dims === "number" && (dims < 0 || dims > Math.min(a.shape.length, b.shape.length))) {
      throw new TwopassError({
        op: "tensordot",
        problem: "more dims than the tensors have",
        facts: `${dims} of ${showShape(a.shape)} and ${showShape(b.shape)}`,
      });
    }
    const lists = typeof dims === "number" ? lastAndFirst(dims, a.shape.length) : dims;
    const dimsA = distinctDims("tensordot", lists[0], a.shape.length);
    const dimsB = distinctDims("tensordot", lists[1], b.shape.length);
    const bad = dimsA.findIndex((d, i) => a.shape[d] !== b.shape[dimsB[i] ?? -1]);
    if (dimsA.length !== dimsB.length || bad >= 0) {
      throw new TwopassError({
        op: "tensordot",
        problem: bad >= 0 ? "contracted dims differ" : "the lists of dims differ in length",
        facts: `dims ${showShape(dimsA)} of ${showShape(a.shape)} and ${showShape(dimsB)} of ${showShape(b.shape)}`,
        shapes: [a.shape, b.shape],
      });
    }
    return this.#product(tensordot(kit, a, b, dimsA, dimsB), other);
  }

  /** The Kronecker product: the blocks this[i, j] · other. A tensor of fewer dims gets dims of extent 1 in front. */
  kron(other: Tensor): Tensor {
    checkTensor("kron", "the other", other);
    const [a, b] = promoteTensors("kron", [this, other]) as [Value, Value];
    const rank = Math.max(a.shape.length, b.shape.length);
    const full = (x: Value): Value => kit.reshape(x, [...new Array<number>(rank - x.shape.length).fill(1), ...x.shape]);
    return this.#product(kron(kit, full(a), full(b)), other);
  }

  /**
   * The vector product along a dim of extent 3; the other dims broadcast.
   *
   * @param dim default −1. Differs from PyTorch, whose `torch.cross` looks for the first dim of extent 3.
   * @example
   * await tensor([1, 0, 0]).cross(tensor([0, 1, 0])).array(); // [0, 0, 1]
   */
  cross(other: Tensor, dim = -1): Tensor {
    checkTensor("cross", "the other", other);
    const [a, b] = promoteTensors("cross", [this, other]) as [Value, Value];
    const at = normalizeDim("cross", dim, a.shape.length);
    if (a.shape.length !== b.shape.length || a.shape[at] !== 3 || b.shape[at] !== 3) {
      throw new TwopassError({
        op: "cross",
        problem: "both must have as many dims, and extent 3 along the dim",
        facts: `${showShape(a.shape)} and ${showShape(b.shape)}, dim ${dim}`,
        shapes: [a.shape, b.shape],
      });
    }
    const shape = broadcastShapes("cross", a.shape, b.shape);
    return this.#product(cross(kit, kit.expand(a, shape), kit.expand(b, shape), at), other);
  }

  /**
   * Distances in the p-norm between the rows of this [..., P, M] and those of other [..., R, M]: [..., P, R].
   *
   * @param options.p default 2; from 0 to Infinity.
   * @example
   * await tensor([[0, 0]]).cdist(tensor([[3, 4], [0, 0]])).array(); // [[5, 0]]
   */
  cdist(other: Tensor, options: { readonly p?: number } = {}): Tensor {
    checkOptions("cdist", options, ["p"]);
    const p = options.p ?? 2;
    if (!(p >= 0)) throw new TwopassError({ op: "cdist", problem: "p must be from 0", facts: `got ${describe(p)}` });
    const [a, b] = factors("cdist", this, other).map(toFloating) as [Value, Value];
    if (a.shape.length < 2 || b.shape.length < 2 || a.shape.at(-1) !== b.shape.at(-1)) {
      throw new TwopassError({
        op: "cdist",
        problem: "both must have at least two dims and rows of one length",
        facts: `${showShape(a.shape)} and ${showShape(b.shape)}`,
        shapes: [a.shape, b.shape],
      });
    }
    const batch = checkBatches("cdist", a, b);
    const full = (x: Value): Value => kit.broadcast(x, [...batch, ...x.shape.slice(-2)]);
    return this.#product(distances(kit, full(a), full(b), p), other);
  }

  #product(value: Value, other: Tensor): Tensor {
    return this.result(value, [other]);
  }
}

/** Two tensors of one dtype that has products, as vertices. */
function factors(op: string, a: TensorHandle, b: TensorHandle): [Value, Value] {
  checkTensor(op, "the first tensor", a);
  checkTensor(op, "the second tensor", b);
  const [x, y] = [valueOf(a), valueOf(b)];
  if (x.dtype !== y.dtype) throw unlikeDtypes(op, x, y);
  if (x.dtype === "bool" || x.dtype === "uint8") {
    throw new TwopassError({
      op,
      problem: `sums of products of ${x.dtype} would not fit`,
      hint: "convert with .float() or .int()",
      dtypes: [x.dtype],
    });
  }
  return [x, y];
}

/** A product whose operands must have exactly so many dims. */
function strict(op: string, a: TensorHandle, rankA: number, b: TensorHandle, rankB: number): Value {
  const [x, y] = factors(op, a, b);
  checkRank(op, "the first tensor", x, rankA);
  checkRank(op, "the second tensor", y, rankB);
  if (rankA === 3 && x.shape[0] !== y.shape[0]) {
    throw new TwopassError({
      op,
      problem: "the batches differ",
      facts: `${showShape(x.shape)} and ${showShape(y.shape)}: ${x.shape[0]} and ${y.shape[0]}`,
      hint: "matmul broadcasts batches",
      shapes: [x.shape, y.shape],
    });
  }
  checkInner(op, x, y);
  return matmul(kit, x, y);
}

function outer(op: string, a: TensorHandle, b: TensorHandle): Value {
  checkTensor(op, "the first tensor", a);
  checkTensor(op, "the second tensor", b);
  checkRank(op, "the first tensor", a, 1);
  checkRank(op, "the second tensor", b, 1);
  const [x, y] = promoteTensors(op, [a, b]) as [Value, Value];
  return kit.mul(kit.reshape(x, [x.shape[0] as number, 1]), kit.reshape(y, [1, y.shape[0] as number]));
}

/** The shape that the dims in front of the matrices broadcast to. */
function checkBatches(op: string, a: Value, b: Value): Shape {
  const [x, y] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
  for (let i = 1; i <= Math.min(x.length, y.length); i++) {
    const [n, m] = [x.at(-i), y.at(-i)];
    if (n === m || n === 1 || m === 1) continue;
    throw new TwopassError({
      op,
      problem: "the batch dims do not broadcast",
      facts: `${showShape(a.shape)} and ${showShape(b.shape)}: ${n} and ${m}`,
      hint: "all dims but the last two must be equal or 1",
      shapes: [a.shape, b.shape],
    });
  }
  return broadcastShapes(op, x, y);
}

function checkInner(op: string, a: Value, b: Value): void {
  const [inner, other] = [a.shape.at(-1), b.shape.at(-2) ?? b.shape.at(-1)];
  if (inner === other) return;
  const turned = a.shape.length >= 2 && b.shape.length === 2 && inner === b.shape[1];
  const left = a.shape.length === 2 && a.shape[0] === other;
  throw new TwopassError({
    op,
    problem: "the inner dims differ",
    facts: `${showShape(a.shape)} and ${showShape(b.shape)}: ${inner} and ${other}`,
    hint: turned
      ? `did you mean a.${op}(b.t())?`
      : left
        ? `did you mean a.t().${op}(b)?`
        : b.shape.length === 1
          ? "the last dims must be equal"
          : "the last dim of the first must be the last but one of the second",
    shapes: [a.shape, b.shape],
  });
}

function unlikeDtypes(op: string, a: Value, b: Value): TwopassError {
  return new TwopassError({
    op,
    problem: "the dtypes differ",
    facts: `${a.dtype} and ${b.dtype}`,
    hint: `convert one: .to("${a.dtype}")`,
    dtypes: [a.dtype, b.dtype],
  });
}

/** The last `count` dims of the first tensor, the first of the second. */
function lastAndFirst(count: number, rank: number): [number[], number[]] {
  const list = Array.from({ length: count }, (_, i) => i);
  return [list.map((i) => rank - count + i), list];
}
