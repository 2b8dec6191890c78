/** Cases of the elementwise records: made from the records themselves. */
import { type Dtype, dtypes } from "../../../src/base/dtype.ts";
import type { OpDef, SampleRange } from "../../../src/ir/op.ts";
import { type Scalar, ScalarBuilder } from "../../../src/ir/scalar.ts";
import { kit } from "../../../src/ops/kit.ts";
import { table } from "../../../src/ops/table.ts";
import { machineName } from "../../cpu-machine.ts";
import { float32Bound } from "../bounds.ts";
import type { Case, Family, Input } from "./case.ts";

/** Around the lanes of a vector, then one of several dims, one without elements, one element, and a 0-d tensor. */
const shapes = [[1], [2], [3], [4], [5], [7], [8], [17], [2, 3, 5], [3, 1, 4], [2, 0, 3], []] as const;

/** Number of operands of an elementwise record. */
export function arity(op: OpDef): number {
  return (op.scalar as NonNullable<OpDef["scalar"]>).length;
}

/** The dtype of an operand, where it is not that of the others. */
function ownDtype(op: OpDef, operand: number): { dtype?: Dtype } {
  return op === table.where && operand === 0 ? { dtype: "bool" } : {};
}

/** The dtypes that a record takes, as its own rule says. */
export function accepted(op: OpDef): Dtype[] {
  return dtypes.filter((dtype) => {
    const inputs = Array.from({ length: arity(op) }, (_, i) => kit.full([1], 0, ownDtype(op, i).dtype ?? dtype));
    try {
      op.infer(inputs, {});
      return true;
    } catch {
      return false;
    }
  });
}

/** A number from the range of a record, away from its kinks and poles. */
function sampled(op: OpDef, operand: number): (random: () => number) => number {
  const ranges = op.sample as SampleRange | readonly SampleRange[];
  const range = (Array.isArray(ranges) ? ranges[operand] : ranges) as SampleRange;
  return (random) => {
    for (;;) {
      const x = range.from + (range.to - range.from) * random();
      if (range.except === undefined || range.except.every((e) => Math.abs(x - e) > 0.05)) return x;
    }
  };
}

function caseOf(op: OpDef, shape: readonly number[], element: boolean): Case {
  const inputs = Array.from({ length: arity(op) }, (_, i): Input => {
    const own = ownDtype(op, i);
    return { shape, ...own, ...(element && own.dtype === undefined ? { element: sampled(op, i) } : {}) };
  });
  return { label: `[${shape.join(", ")}]`, inputs, build: (...x) => kit.apply(op, x) };
}

/** Notes whether a host function is called. */
class CallNoter extends ScalarBuilder {
  hasCalled = false;

  override call(...args: Parameters<ScalarBuilder["call"]>): Scalar {
    this.hasCalled = true;
    return super.call(...args);
  }
}

/** Whether an operation is a host function in float64, or made of some. */
function callsHost(op: OpDef): boolean {
  const s = new CallNoter();
  const x = Array.from({ length: arity(op) }, (_, i) => s.make("load", ownDtype(op, i).dtype ?? "float64", [], i));
  op.lower?.(s, x, "float64");
  return s.hasCalled;
}

/**
 * The functions that are less exact than that. GNU's manual gives 5 units for erfc. JavaScript's gamma functions are sums
 * of terms that nearly cancel at their zeros, one of which is near the edge -2.5 of lgamma; C's digamma and polygamma are
 * the same sums, of another library's logarithms, powers and tangents.
 */
const cancelling: Readonly<Record<string, number>> = { erfc: 5, lgamma: 8, digamma: 4, polygamma: 4 };

/** How far the float64 results of an elementwise record may be from JavaScript's, in units of the last place. */
function float64Bound(op: OpDef): number {
  // JavaScript has e^x / (1 + e^x) for negative x, the devices have it by e^-|x| for all: two roundings each.
  if (op === table.sigmoid) return 2;
  // Either library gives one of the two numbers around the exact one.
  return machineName === "native" && callsHost(op) ? (cancelling[op.name] ?? 1) : 0;
}

/** Sampled from the record's range; shapes only for the first of its dtypes, since lanes are what they test. */
export function elementwiseFamily(op: OpDef): Family {
  const all = accepted(op);
  const isFloat = all.includes("float32");
  return {
    record: op,
    dtypes: all,
    cases: shapes.map((shape) => caseOf(op, shape, isFloat)),
    tolerance: 0,
    ulp: { float32: float32Bound(op.name), float64: float64Bound(op) },
  };
}
