/** How a record of the table is written: common parts of all records, and the families' helpers. Floor: ops. */
import type { Dtype } from "../base/dtype.ts";
import { castElement, isFloating } from "../base/dtype.ts";
import { internal, showShape } from "../base/errors.ts";
import { sameShape } from "../base/shape.ts";
import type { Attrs, HostTensor, OpDef, SampleRange, Vjp } from "../ir/op.ts";
import type { Scalar, ScalarBuilder } from "../ir/scalar.ts";
import type { Value } from "../ir/value.ts";
import type { Kit } from "./kit.ts";

export type Rule = Vjp<Kit>;

let codes = 0;

export interface RecordParts extends Omit<OpDef, "code" | "vjp"> {
  readonly vjp: Rule | null;
}

/** Gives a record its number. */
export function record(parts: RecordParts): OpDef {
  return { ...parts, code: ++codes } as unknown as OpDef;
}

/** What dtypes an elementwise operation takes. */
export const floating: readonly Dtype[] = ["float32", "float64"];
export const numeric: readonly Dtype[] = ["float32", "float64", "int32", "uint8"];
export const integral: readonly Dtype[] = ["int32", "uint8", "bool"];
export const anyDtype: readonly Dtype[] = ["float32", "float64", "int32", "uint8", "bool"];

export interface ElementwiseParts {
  readonly doc: string;
  /** The dtypes of the first input (of the values chosen between, for `where`). */
  readonly accepts: readonly Dtype[];
  /** The dtype of the result: that of the last input unless given. */
  readonly gives?: Dtype;
  /** The result of one element, in float64. Independent of `lower`: it is what `lower` is tested against. */
  readonly evaluate: (...x: number[]) => number;
  /** The same for integer dtypes, where float64 arithmetic would lose digits. */
  readonly evaluateInteger?: (...x: number[]) => number;
  readonly lower: (s: ScalarBuilder, x: readonly Scalar[], out: Dtype) => Scalar;
  readonly vjp: Rule | null;
  readonly cost?: number;
  readonly identity?: OpDef["identity"];
  readonly sample?: SampleRange | readonly SampleRange[];
}

/** An operation on equal shapes, element by element. */
export function elementwise(name: string, parts: ElementwiseParts): OpDef {
  return record({
    name,
    kind: "elementwise",
    doc: parts.doc,
    infer(inputs) {
      const last = inputs[inputs.length - 1] as Value;
      for (const input of inputs) {
        if (!sameShape(input.shape, last.shape)) {
          throw internal(`${name} of shapes ${inputs.map((x) => showShape(x.shape)).join(" and ")}`);
        }
        // Only the condition of a choice has another dtype than the values.
        if (input.dtype !== last.dtype && !(inputs.length === 3 && input === inputs[0])) {
          throw internal(`${name} of ${inputs.map((x) => x.dtype).join(" and ")}`);
        }
      }
      if (!parts.accepts.includes(last.dtype)) throw internal(`${name} of ${last.dtype}`);
      return { shape: last.shape, dtype: parts.gives ?? last.dtype };
    },
    evaluate(out, inputs) {
      evaluateElements((isFloating(out.dtype) ? undefined : parts.evaluateInteger) ?? parts.evaluate, out, inputs);
    },
    vjp: parts.vjp,
    scalar: parts.evaluate,
    lower: parts.lower,
    cost: parts.cost ?? 1,
    ...(parts.identity === undefined ? {} : { identity: parts.identity }),
    sample: parts.sample ?? { from: -2, to: 2 },
  });
}

function evaluateElements(f: (...x: number[]) => number, out: HostTensor, inputs: readonly HostTensor[]): void {
  const size = out.data.length;
  const to = out.data;
  const finish = isFloating(out.dtype) ? undefined : out.dtype;
  const [a, b, c] = inputs.map((x) => x.data);
  for (let i = 0; i < size; i++) {
    const y =
      c !== undefined
        ? f(a?.[i] as number, b?.[i] as number, c[i] as number)
        : b !== undefined
          ? f(a?.[i] as number, b[i] as number)
          : f(a?.[i] as number);
    to[i] = finish === undefined ? y : finish === "bool" ? (y !== 0 ? 1 : 0) : y;
  }
}

/** Reads a list attribute. */
export function listOf(attrs: Attrs, key: string): readonly number[] {
  const value = attrs[key];
  if (!Array.isArray(value)) throw internal(`attribute ${key} is no list`);
  return value as readonly number[];
}

/** Reads a number attribute. */
export function numberOf(attrs: Attrs, key: string): number {
  const value = attrs[key];
  if (typeof value !== "number") throw internal(`attribute ${key} is no number`);
  return value;
}

/** Calls `visit` with each index of `shape` in row-major order and its place with other strides. */
export function forEachIndex(
  shape: readonly number[],
  strides: readonly number[],
  offset: number,
  visit: (linear: number, place: number) => void,
): void {
  let size = 1;
  for (const extent of shape) size *= extent;
  const index = new Array<number>(shape.length).fill(0);
  let place = offset;
  for (let linear = 0; linear < size; linear++) {
    visit(linear, place);
    for (let d = shape.length - 1; d >= 0; d--) {
      const i = (index[d] as number) + 1;
      place += strides[d] as number;
      if (i < (shape[d] as number)) {
        index[d] = i;
        break;
      }
      place -= i * (strides[d] as number);
      index[d] = 0;
    }
  }
}

export { castElement };
