/** Said at the top where the numbers have become infinite: since when, where the first one came from, and the way back. */
import type { Finding } from "twopass/inspect";
import type { JSX } from "preact";
import { t } from "../text/text.ts";
import { Button } from "../view/button.tsx";
import { placeName } from "./findings-panel.tsx";
import { operationName } from "./moment-text.ts";
import type { Room } from "./room.ts";

/** From where it diverged to where it most often was still well. */
const stepsBack = 10;

export function Divergence({ room }: { readonly room: Room }): JSX.Element | null {
  const diverged = room.diverged.value;
  if (diverged === undefined) return null;
  const texts = t().playground.findings;
  const back = Math.min(stepsBack, diverged.step);
  return (
    <div class="notice notice-problem" role="alert">
      <p>
        <b>{texts.divergedTitle(diverged.step)}</b> {texts.diverged}
      </p>
      <p>{originOf(room, diverged.finding)}</p>
      <p class="actions">
        <Button onClick={() => void room.goTo(diverged.step - back)}>{texts.goBefore(back)}</Button>
      </p>
    </div>
  );
}

function originOf(room: Room, finding: Finding | undefined): string {
  const texts = t().playground.findings;
  if (finding === undefined) return texts.unknownOrigin;
  const operation = room.step.value?.traced.trace.operations[finding.operation ?? -1];
  return texts.origin(placeName(room, finding.path), operation === undefined ? undefined : operationName(operation.op));
}
