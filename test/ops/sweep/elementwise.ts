/** Cases of the elementwise records: made from the records themselves. */
import { type Dtype, dtypes } from "../../../src/base/dtype.ts";
import type { OpDef, SampleRange } from "../../../src/ir/op.ts";
import { kit } from "../../../src/ops/kit.ts";
import { table } from "../../../src/ops/table.ts";
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

/** Sampled from the record's range; shapes only for the first of its dtypes, since lanes are what they test. */
export function elementwiseFamily(op: OpDef): Family {
  const all = accepted(op);
  const isFloat = all.includes("float32");
  return {
    record: op,
    dtypes: all,
    cases: shapes.map((shape) => caseOf(op, shape, isFloat)),
    tolerance: 0,
    ulp: { float32: float32Bound(op.name), float64: op === table.sigmoid ? 2 : 0 },
  };
}
