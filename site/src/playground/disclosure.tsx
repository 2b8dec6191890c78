/** Something that is drawn only when it is asked for. */
import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";

interface DisclosureProps {
  readonly class?: string;
  readonly summary: string;
  readonly children: () => ComponentChildren;
}

export function Disclosure({ class: name, summary, children }: DisclosureProps): JSX.Element {
  const [isOpen, setOpen] = useState(false);
  return (
    <details class={name} open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{summary}</summary>
      {isOpen ? children() : undefined}
    </details>
  );
}
