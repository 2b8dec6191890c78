/** A number under its name, in a list of such. */
import type { JSX } from "preact";
import { ShownNumber } from "../view/shown-number.tsx";

interface FactProps {
  readonly name: string;
  readonly value: number | undefined;
  readonly note?: string;
}

export function Fact({ name, value, note }: FactProps): JSX.Element {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <ShownNumber value={value} />
        {note === undefined ? undefined : <span class="hint"> {note}</span>}
      </dd>
    </div>
  );
}
