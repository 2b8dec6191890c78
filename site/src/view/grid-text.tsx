/** The text alternative of a heat map: a table where it is small, and a sentence with the numbers that say most. */
import type { JSX } from "preact";
import { t } from "../text/text.ts";
import { formatNumber } from "./number.ts";

export interface Grid {
  readonly label: string;
  readonly values: ArrayLike<number> | undefined;
  readonly rows: number;
  readonly columns: number;
  readonly nameOf: (cell: { readonly row: number; readonly column: number }) => readonly [row: string, column: string];
}

/** Larger ones would be read for minutes. */
const mostCells = 256;

export function isSmallGrid(rows: number, columns: number): boolean {
  return rows * columns <= mostCells;
}

export function gridSummary({ label, values, rows, columns, nameOf }: Grid): string {
  const texts = t().view;
  if (values === undefined) return texts.gridEmpty(label);
  let [min, max, sum, count] = [-1, -1, 0, 0];
  const size = rows * columns;
  for (let i = 0; i < size; i++) {
    const value = values[i] as number;
    if (Number.isNaN(value)) continue;
    if (min < 0 || value < (values[min] as number)) min = i;
    if (max < 0 || value > (values[max] as number)) max = i;
    sum += value;
    count++;
  }
  const missing = count === size ? "" : ` ${texts.gridMissing(size - count)}`;
  const head = texts.grid(label, rows, columns);
  if (count === 0) return `${head}${texts.stop}${missing}`;
  const at = (i: number): string => texts.gridAt(...nameOf({ row: Math.floor(i / columns), column: i % columns }));
  const [least, most] = [formatNumber(values[min]), formatNumber(values[max])];
  return `${head}${texts.stop}${texts.gridSummary(least, at(min), most, at(max), formatNumber(sum / count))}${missing}`;
}

export function GridTable({ label, values, rows, columns, nameOf }: Grid): JSX.Element {
  const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
  const shown = (value: number | undefined): string =>
    value === undefined || Number.isNaN(value) ? t().view.nothingYet : formatNumber(value);
  return (
    <table class="visually-hidden">
      <caption>{label}</caption>
      <thead>
        <tr>
          <td />
          {numbers(columns).map((column) => (
            <th key={column} scope="col">
              {nameOf({ row: 0, column })[1]}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {numbers(rows).map((row) => (
          <tr key={row}>
            <th scope="row">{nameOf({ row, column: 0 })[0]}</th>
            {numbers(columns).map((column) => (
              <td key={column}>{shown(values?.[row * columns + column])}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
