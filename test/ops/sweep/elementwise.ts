/** Cases of the elementwise records: made from the records themselves. */
import { type Dtype, dtypes } from "../../../src/base/dtype.ts";
import type { OpDef, SampleRange } from "../../../src/ir/op.ts";
import { kit } from "../../../src/ops/kit.ts";
import { table } from "../../../src/ops/table.ts";
import type { Case, Family, Input } from "./case.ts";

/** Around the lanes of a vector, then one of several dims, one without elements, one element, and a 0-d tensor. */
const shapes = [[1], [2], [3], [4], [5], [7], [8], [17], [2, 3, 5], [3, 1, 4], [2, 0, 3], []] as const;

/**
 * Where a target's result may differ by more than one rounding, in units of the last place. A call of a host function
 * rounds twice in float32.
 */
const ulps: Readonly<Record<string, { readonly float32: number; readonly float64: number }>> = {
  exp: { float32: 1, float64: 0 },
  exp2: { float32: 1.1, float64: 0 },
  expm1: { float32: 1.7, float64: 0 },
  log: { float32: 0.9, float64: 0 },
  log2: { float32: 1, float64: 0 },
  log10: { float32: 1, float64: 0 },
  log1p: { float32: 1, float64: 0 },
  tanh: { float32: 1.4, float64: 0 },
  sigmoid: { float32: 2.5, float64: 2 },
  erf: { float32: 1.4, float64: 0 },
  sin: { float32: 0.51, float64: 0 },
  cos: { float32: 0.51, float64: 0 },
  rsqrt: { float32: 1.5, float64: 0 },
};

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
    ulp: ulps[op.name] ?? { float32: 0.5 + 1e-6, float64: 0 },
  };
}
