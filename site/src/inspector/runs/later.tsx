/** Parts of a long view, one after the other, so that none of them blocks the page for long. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";

/** Milliseconds from one part to the next. */
const pace = 32;

interface LaterProps {
  /** 0 comes first. */
  readonly place: number;
  readonly children: ComponentChildren;
}

export function Later({ place, children }: LaterProps): JSX.Element | null {
  const [isHere, setHere] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setHere(true), pace * place);
    return () => clearTimeout(timer);
  }, []);
  return isHere ? <>{children}</> : null;
}
