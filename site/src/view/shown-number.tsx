/** A number in the text: short, with all its digits in the tooltip. */
import type { JSX } from "preact";
import { exactNumber, formatNumber } from "./number.ts";

export interface ShownNumberProps {
  /** Undefined: there is none yet, hatched; not the same as 0. */
  readonly value: number | undefined;
  readonly digits?: number | undefined;
}

export function ShownNumber({ value, digits }: ShownNumberProps): JSX.Element {
  const state = value === undefined ? " number-none" : Number.isFinite(value) ? "" : " number-broken";
  return (
    <span class={`number${state}`} title={value === undefined ? undefined : exactNumber(value)}>
      {formatNumber(value, digits)}
    </span>
  );
}
