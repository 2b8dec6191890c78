/** What an operation is: one record per primitive, by kind. Floor: ir. */
import type { Dtype, TypedArray } from "../base/dtype.ts";
import type { Shape } from "../base/shape.ts";
import type { Body } from "./body.ts";
import type { Scalar, ScalarBuilder } from "./scalar.ts";
import type { Value } from "./value.ts";

export type AttrValue = number | boolean | string | readonly number[] | Body;
/** The settings of one vertex: plain data, part of the structure. Key order is fixed by the record's builder. */
export type Attrs = Readonly<Record<string, AttrValue>>;

export interface Type {
  readonly shape: Shape;
  readonly dtype: Dtype;
}

/** What passes and devices may ask of an operation. They never ask for its name. */
export const kinds = [
  "leaf", // has its elements already
  "constant", // one number everywhere
  "iota", // 0, 1, 2 ... along the only dim
  "elementwise", // equal shapes, one scalar computation for each element
  "view", // moves elements, each result element is one input element at an affine place
  "pad", // places the elements in a larger, filled tensor
  "concat", // inputs one behind the other along a dim
  "reduce", // folds elements along dims
  "arg", // position of the largest or smallest along the last dim
  "contract", // sums of products of two tensors: dot
  "conv", // convolution and its two derivatives
  "gather", // elements chosen by an index tensor along a dim
  "scatter", // adds elements into places chosen by an index tensor along a dim
  "window", // position of the largest in each window
  "sort", // positions in sorted order along the last dim
  "cumulate", // running fold along the last dim
  "loop", // a graph run step after step over slices of sequences
  "attention", // softmax of products of queries and keys, times values, and its gradients, in one go
  "either", // the first of two ways to the same values, or the second where the device has kernels for it
  "call", // a graph that was made before, over other inputs: a program has its body in its place
  "result", // one output of a call
] as const;
export type Kind = (typeof kinds)[number];

/** A tensor in the reference device: row-major elements. */
export interface HostTensor extends Type {
  readonly data: TypedArray;
}

/** Builder over the table, see ops/kit.ts; rules take it as an argument and import no operation. */
export type Vjp<K> = (
  k: K,
  g: Value,
  inputs: readonly Value[],
  out: Value,
  // Each record knows its own attributes; the table stores them all, so the type is the open one here.
  attrs: Attrs,
) => readonly (Value | undefined)[];

export interface OpDef {
  readonly name: string;
  /** Number of the operation in structural keys. */
  readonly code: number;
  readonly kind: Kind;
  /** One line for people. */
  readonly doc: string;
  /** Shape and dtype of the result. Inputs are already checked by the methods users call: violations are bugs. */
  infer(inputs: readonly Value[], attrs: Attrs): Type;
  /** The reference: fills `out.data` from the inputs, in float64 arithmetic, rounded when stored. */
  evaluate(out: HostTensor, inputs: readonly HostTensor[], attrs: Attrs): void;
  /**
   * The derivative: from `g`, the gradient of the loss with respect to the result, the gradients of the inputs
   * (undefined where an input has none). `null`: the operation has no derivative, and backward says so.
   * The kit's type lives on the floor above; ops/record.ts narrows it.
   */
  readonly vjp: Vjp<never> | null;
  /** The rule may leave inputs out that need a gradient: their share is in what it gives to others. */
  readonly isPartial?: boolean;
  /** Elementwise only: one result element from its input elements. */
  readonly scalar?: (...x: number[]) => number;
  /** Elementwise only: the same from scalar instructions. */
  readonly lower?: (s: ScalarBuilder, x: readonly Scalar[], out: Dtype) => Scalar;
  /** Elementwise only: rough cost in additions; passes repeat cheap work instead of storing it. */
  readonly cost?: number;
  /** Elementwise of two: the number on the right or left side that leaves every other side as it is, to the bit. */
  readonly identity?: { readonly left?: number; readonly right?: number };
  /** Reduce and arg only: the fold. */
  readonly fold?: "sum" | "prod" | "max" | "min" | "argmax" | "argmin";
  /** Conv only: the derivative it is, with respect to the images or the kernels; none for the convolution itself. */
  readonly gradientOf?: "images" | "kernels";
  /** Elementwise only: where tests draw inputs, one range for all or one each. */
  readonly sample?: SampleRange | readonly SampleRange[];
}

export interface SampleRange {
  readonly from: number;
  readonly to: number;
  /** Values to stay away from (kinks and poles), by 0.05. */
  readonly except?: readonly number[];
}
