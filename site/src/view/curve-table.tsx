/** The text alternative of curves: a table that screen readers read, of the ends and of points at equal distances. */
import type { JSX } from "preact";
import { noNumber, formatNumber } from "./number.ts";

export interface CurveTableProps {
  readonly label: string;
  readonly x: readonly number[];
  readonly xLabel: string;
  readonly series: readonly { readonly label: string; readonly values: readonly (number | undefined)[] }[];
}

const mostRows = 20;

/** At most so many places, with the first and the last. */
export function placesOf(count: number, most = mostRows): number[] {
  if (count <= most) return Array.from({ length: count }, (_, i) => i);
  return Array.from({ length: most }, (_, i) => Math.round((i * (count - 1)) / (most - 1)));
}

export function CurveTable({ label, x, xLabel, series }: CurveTableProps): JSX.Element {
  const shown = (value: number | undefined): string =>
    value === undefined || Number.isNaN(value) ? noNumber : formatNumber(value);
  return (
    <table class="visually-hidden">
      <caption>{label}</caption>
      <thead>
        <tr>
          <th scope="col">{xLabel}</th>
          {series.map((each) => (
            <th key={each.label} scope="col">
              {each.label}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {placesOf(x.length).map((place, row) => (
          <tr key={row}>
            <th scope="row">{formatNumber(x[place], 6)}</th>
            {series.map((each) => (
              <td key={each.label}>{shown(each.values[place])}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
