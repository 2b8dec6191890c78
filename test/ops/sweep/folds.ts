/** Cases of folds along dims, positions of extremes, sorting and running sums. */
import type { Value } from "../../../src/ir/value.ts";
import { kit } from "../../../src/ops/kit.ts";
import { type Table, table } from "../../../src/ops/table.ts";
import type { Case, Family } from "./case.ts";
import { moves, show, subsets, sums, tied, unary } from "./common.ts";

/** Over every subset of the dims; extents 1 and more than a few vectors are among them. */
function foldCases(record: Table["sum"], isEmptyAllowed: boolean): Case[] {
  const fold =
    (dims: readonly number[]) =>
    (x: Value): Value =>
      kit.apply(record, [x], { dims });
  const over = (shape: readonly number[]): Case[] =>
    subsets(shape.length).map((dims) => unary(`over ${show(dims)}`, shape, fold(dims)));
  return [
    ...over([2, 3, 4, 5]),
    ...over([3, 1, 7]),
    ...over([37]),
    ...over([3, 19]),
    ...over([19, 3]),
    ...over([1]),
    unary("over [0]", [0], fold([0])),
    unary("over [0]", [3, 0], fold([0])),
    unary("over [1]", [3, 0], fold([1])),
    unary("over [1]", [0, 3], fold([1])),
  ].filter(({ inputs }) => isEmptyAllowed || !inputs.some(({ shape }) => shape.includes(0)));
}

/** Numbers near 1, so that products of many neither vanish nor overflow. */
const nearOne = (random: () => number): number => 0.5 + random();

/** More than a block of a sum, whose parts are added up on their own. */
const long = unary("over [1]", [2, 4500], (x) => kit.sum(x, [1]));
export const sum: Family = {
  record: table.sum,
  dtypes: sums,
  tolerance: 8,
  cases: [...foldCases(table.sum, true), long],
};
export const prod: Family = {
  record: table.prod,
  dtypes: sums,
  tolerance: 40,
  cases: foldCases(table.prod, true).map((c) => ({
    ...c,
    inputs: c.inputs.map((x) => ({ ...x, element: nearOne })),
  })),
};
export const max: Family = { record: table.max, ...moves, cases: foldCases(table.max, false) };
export const min: Family = { record: table.min, ...moves, cases: foldCases(table.min, false) };

const rows = [[1], [2], [5], [8], [33], [3, 7], [2, 3, 4], [4, 1], [0, 3]] as const;

const along = (build: (x: Value) => Value): Case[] =>
  rows.flatMap((shape) => [
    unary("", shape, build),
    { label: `${show(shape)} with ties`, inputs: [{ shape, element: tied }], build },
  ]);

export const argmax: Family = { record: table.argmax, ...moves, cases: along((x) => kit.argmax(x)) };
export const argmin: Family = { record: table.argmin, ...moves, cases: along((x) => kit.argmin(x)) };
export const sort: Family = {
  record: table.sort,
  ...moves,
  cases: [false, true].flatMap((descending) => along((x) => kit.sort(x, descending))),
};
export const cumulate: Family = {
  record: table.cumulate,
  dtypes: sums,
  tolerance: 8,
  cases: rows.map((shape) => unary("", shape, (x) => kit.cumulate(x))),
};
