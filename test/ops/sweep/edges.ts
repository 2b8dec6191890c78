/** Operands made of the numbers at the ends of each dtype. */
import type { Dtype } from "../../../src/base/dtype.ts";
import { isFloating } from "../../../src/base/dtype.ts";
import type { Value } from "../../../src/ir/value.ts";
import { kit } from "../../../src/ops/kit.ts";
import { dataLeaf } from "../../runtime/compiled-graph.ts";
import type { Case, Family } from "./case.ts";
import { randomStream } from "./case.ts";

const ordinary = [1e-8, 0.3, 0.5, 1, 1.5, 2, 2.5, 3, 20, 127.5, 65537, 2 ** 24 + 2, 1e10, 2 ** 31, 2 ** 32, 1e30];

const withNegatives = (list: readonly number[]): number[] => list.flatMap((x) => [x, -x]);

export const ends: Readonly<Record<Dtype, readonly number[]>> = {
  float32: [Number.NaN, ...withNegatives([Infinity, 0, 2 ** -149, 1e-40, 2 ** -126, 2 ** 128 - 2 ** 104, ...ordinary])],
  float64: [Number.NaN, ...withNegatives([Infinity, 0, 5e-324, 1e-310, 2 ** -1022, Number.MAX_VALUE, ...ordinary])],
  int32: [-2147483648, 0, 1, -1, 2, -2, 3, -7, 31, 32, 33, 255, 256, -256, 65537, 123456789, 2147483647, -2147483647],
  uint8: [0, 1, 2, 3, 7, 31, 32, 127, 128, 200, 254, 255],
  bool: [0, 1],
};

interface Edge {
  readonly label: string;
  readonly y: Value;
  /** The results in float64, where elements are compared one by one. */
  readonly exact?: readonly number[];
}

/** Elementwise records get every combination; others rows in which the ends stand among ordinary numbers. */
export function edgeOperands(family: Family, dtype: Dtype): Edge[] {
  return family.record.kind === "elementwise" ? [combinations(family, dtype)] : mixtures(family, dtype);
}

function combinations(family: Family, dtype: Dtype): Edge {
  const inputs = (family.cases[0] as Case).inputs.map((x) => x.dtype ?? dtype);
  // Three operands would be too many rows with all of them.
  const lists = inputs.map((d) => (inputs.length < 3 || d === "bool" ? ends[d] : ends[d].slice(0, 12)));
  let rows: number[][] = [[]];
  for (const list of lists) rows = rows.flatMap((row) => list.map((x) => [...row, x]));
  const leaves = inputs.map((d, i) =>
    dataLeaf(
      [rows.length],
      d,
      rows.map((row) => row[i] as number),
    ),
  );
  const scalar = family.record.scalar as (...x: number[]) => number;
  const rounded = rows.map((row) => row.map((x, i) => (inputs[i] === "float32" ? Math.fround(x) : x)));
  return {
    label: "all combinations",
    y: kit.apply(family.record, leaves),
    ...(isFloating(dtype) ? { exact: rounded.map((row) => scalar(...row)) } : {}),
  };
}

/** The numbers that may stand in an operand without making the order of a sum visible. */
function harmless(family: Family, dtype: Dtype, operand: number): readonly number[] {
  const { kind, fold } = family.record;
  if (!isFloating(dtype) || !["reduce", "contract", "conv", "scatter", "cumulate"].includes(kind)) return ends[dtype];
  if (fold === "max" || fold === "min") return ends[dtype];
  // The image of a convolution may be padded with zeros, which are no number times an infinite kernel.
  return kind === "conv" && operand > 0 ? [0, -0, 1, 2, 3] : [Number.NaN, Infinity, -Infinity, 0, -0, 1, 2];
}

/** The ends among ones, and each of them alone where the record chooses: nothing is better than anything else then. */
function mixtures(family: Family, dtype: Dtype): Edge[] {
  const chooses = ["arg", "window", "sort"].includes(family.record.kind);
  const alone = chooses ? [ends[dtype].slice(0, 3), ...ends[dtype].slice(0, 3).map((x) => [x])] : [];
  return family.cases.flatMap((c, at) => {
    if (at % 3 !== 0 || c.inputs.length === 0) return [];
    return [undefined, ...alone].map((only) => {
      const random = randomStream(300 + at);
      const leaves = c.inputs.map(({ shape, dtype: own, element }, operand) => {
        const numbers = only ?? harmless(family, dtype, operand);
        const size = shape.reduce((n, extent) => n * extent, 1);
        const elements = Array.from({ length: size }, () => {
          if (own !== undefined && element !== undefined) return element(random);
          if (only === undefined && random() < 0.7) return 1;
          return numbers[Math.floor(random() * numbers.length)] as number;
        });
        return dataLeaf(shape, own ?? dtype, elements);
      });
      return { label: `${c.label}${only === undefined ? "" : ` of ${only.join()}`}`, y: c.build(...leaves) };
    });
  });
}
