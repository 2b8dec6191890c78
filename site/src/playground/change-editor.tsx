/** A number that can be changed, and what would follow: the loss of the next steps as it is and with the change, before it is made. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Change } from "../session/protocol.ts";
import { t } from "../text/text.ts";
import { Button } from "../view/button.tsx";
import { Curve } from "../view/curve.tsx";
import { formatNumber } from "../view/number.ts";
import { Slider } from "../view/slider.tsx";
import type { Room } from "./room.ts";

interface ChangeEditorProps {
  readonly room: Room;
  readonly label: string;
  /** As it is now. */
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly scale?: "linear" | "logarithmic";
  readonly isWhole?: boolean;
  readonly hint?: string;
  /** The change to a number. */
  readonly changeTo: (value: number) => Change;
}

export function ChangeEditor(props: ChangeEditorProps): JSX.Element {
  const { room, label, value, min, max, scale = "linear", isWhole = false, hint, changeTo } = props;
  const texts = t().playground.change;
  const [draft, setDraft] = useState(value);
  useEffect(() => setDraft(value), [value]);
  const change = changeTo(draft);
  const tried = room.tried.value;
  const isTried = tried !== undefined && JSON.stringify(tried.change) === JSON.stringify(change);
  const isOther = draft !== value;
  return (
    <div class="change-editor">
      <Slider
        label={label}
        value={draft}
        min={min}
        max={max}
        step={isWhole ? 1 : (max - min) / 100}
        scale={scale}
        isWhole={isWhole}
        isOpen={!isWhole}
        {...(hint === undefined ? {} : { hint })}
        onInput={setDraft}
        onChange={(chosen) => void room.tryChange(changeTo(chosen))}
      />
      {isOther ? (
        <>
          {isTried ? (
            <Consequence without={tried.consequence.without} withChange={tried.consequence.with} />
          ) : (
            <p class="hint">{texts.trying}</p>
          )}
          <p class="actions">
            <Button kind="main" onClick={() => void room.change(change)}>
              {texts.commit}
            </Button>
            <Button onClick={() => setDraft(value)}>{texts.dismiss}</Button>
          </p>
        </>
      ) : undefined}
    </div>
  );
}

interface ConsequenceProps {
  readonly without: readonly number[];
  readonly withChange: readonly number[];
}

function Consequence({ without, withChange }: ConsequenceProps): JSX.Element {
  const texts = t().playground.change;
  const [asItIs, changed] = [mean(without), mean(withChange)];
  return (
    <>
      <Curve
        label={texts.curve}
        x={without.map((_, i) => i)}
        xLabel={texts.steps}
        height={120}
        series={[
          { label: texts.without, values: without },
          { label: texts.with, values: withChange, isDashed: true, color: "var(--update)" },
        ]}
      />
      <p class="hint">
        {changed === asItIs
          ? texts.same
          : texts.outcome(formatNumber(asItIs), formatNumber(changed), changed < asItIs ? "lower" : "higher")}
      </p>
    </>
  );
}

/** Over the last steps, as batches differ. */
function mean(losses: readonly number[]): number {
  const last = losses.slice(-10);
  return last.reduce((sum, loss) => sum + loss, 0) / last.length;
}
