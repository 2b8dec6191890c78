/** A table that sorts by its columns, and shows some rows at first. */
import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";
import { t } from "../text/text.ts";
import { Button } from "../view/button.tsx";

export interface Column<T> {
  readonly id: string;
  readonly label: string;
  readonly isNumber?: boolean;
  /** What it is sorted by; undefined stands at the end. */
  readonly order: (row: T) => number | string | undefined;
  readonly cell: (row: T) => ComponentChildren;
}

export interface DataTableProps<T> {
  readonly caption: string;
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  readonly keyOf: (row: T) => string;
  /** How it is sorted at first; without it as given. */
  readonly sorted?: { readonly by: string; readonly isDown: boolean };
}

const rowsAtOnce = 60;

export function DataTable<T>({ caption, columns, rows, keyOf, sorted }: DataTableProps<T>): JSX.Element {
  const texts = t().inspector;
  const [sort, setSort] = useState(sorted);
  const [most, setMost] = useState(rowsAtOnce);
  const column = columns.find(({ id }) => id === sort?.by);
  const ordered = column === undefined || sort === undefined ? rows : sortRows(rows, column, sort.isDown);
  const turn = ({ id, isNumber }: Column<T>): void =>
    setSort(sort?.by === id ? { by: id, isDown: !sort.isDown } : { by: id, isDown: isNumber === true });
  return (
    <div class="inspector-scroll" tabIndex={0} role="region" aria-label={caption}>
      <table class="inspector-table">
        <caption>{caption}</caption>
        <thead>
          <tr>
            {columns.map((one) => {
              const isSorted = sort?.by === one.id;
              const direction = sort?.isDown === true ? "descending" : "ascending";
              return (
                <th
                  key={one.id}
                  scope="col"
                  class={one.isNumber === true ? "number-column" : undefined}
                  aria-sort={isSorted ? direction : "none"}
                >
                  <button type="button" class="inspector-sort" onClick={() => turn(one)}>
                    {one.label}
                    <span aria-hidden="true">{isSorted ? (sort.isDown ? " ▾" : " ▴") : ""}</span>
                  </button>
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>
          {ordered.slice(0, most).map((row) => (
            <tr key={keyOf(row)}>
              {columns.map((one) => (
                <td key={one.id} class={one.isNumber === true ? "number-column" : undefined}>
                  {one.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > most ? (
        <Button onClick={() => setMost(most + rowsAtOnce)}>
          {texts.moreRows(Math.min(rowsAtOnce, rows.length - most), rows.length)}
        </Button>
      ) : undefined}
    </div>
  );
}

function sortRows<T>(rows: readonly T[], { order }: Column<T>, isDown: boolean): T[] {
  const sign = isDown ? -1 : 1;
  return rows.toSorted((a, b) => {
    const [x, y] = [order(a), order(b)];
    if (x === undefined || y === undefined) return (x === undefined ? 1 : 0) - (y === undefined ? 1 : 0);
    if (x === y) return 0;
    return x < y ? -sign : sign;
  });
}
