/** A weight or a bias: value before and behind the update, gradient and what each example adds to it, update, why, and its change. */
import type { JSX } from "preact";
import { t } from "../text/text.ts";
import { Button } from "../view/button.tsx";
import { subscript } from "../view/number.ts";
import { ShownNumber } from "../view/shown-number.tsx";
import { ChangeEditor } from "./change-editor.tsx";
import type { ShownMoment } from "./diagram-data.ts";
import { Disclosure } from "./disclosure.tsx";
import { ExplanationView } from "./explanation-view.tsx";
import { Fact } from "./fact.tsx";
import { FormulaGroups } from "./formula-view.tsx";
import { type ElementPlace, elementOf, exampleShares, parameterFormulas } from "./formulas.ts";
import { ValueHistogram } from "./histograms-panel.tsx";
import type { Room } from "./room.ts";
import { parameterElement } from "./step-reading.ts";
import { gradientState, isUpdated } from "./timeline.ts";

interface WeightDetailProps {
  readonly room: Room;
  readonly shown: ShownMoment;
  readonly place: ElementPlace;
}

export function WeightDetail({ room, shown, place }: WeightDetailProps): JSX.Element | null {
  const texts = t().playground.detail;
  const { step, timeline, at, sample } = shown;
  const element = elementOf(step, place);
  if (element === undefined) return null;
  const { parameter, before, gradient, after } = parameterElement(step, element.parameter, element.place);
  const state = gradientState(timeline, at, parameter.gradient);
  const isNew = isUpdated(timeline, at, element.parameter);
  const symbol = place.input === undefined ? "b" : `w${subscript(place.input + 1)}`;
  const value = room.isAtEnd.value ? after : before;
  const index = place.input === undefined ? [place.unit] : [place.unit, place.input];
  const explanation = room.explanation.value;
  return (
    <>
      <dl class="facts">
        <Fact name={texts.before} value={before} />
        <Fact
          name={`∂L/∂${symbol}`}
          value={state === "known" ? gradient : undefined}
          note={texts.gradientStates[state]}
        />
        <Fact name={texts.after} value={isNew ? after : undefined} />
      </dl>
      {before === undefined ? (
        <>
          <p class="hint">{texts.tooLarge}</p>
          <ValueHistogram label={parameter.path} value={parameter.before} color="var(--forward)" />
        </>
      ) : undefined}
      <p class="actions">
        <Button kind="backward" onClick={() => void room.explain(place)}>
          {texts.why}
        </Button>
        <Button onClick={() => room.select({ kind: "unit", layer: place.layer, unit: place.unit })}>
          {texts.toUnit}
        </Button>
      </p>
      {explanation !== undefined && explanation.path === parameter.path && sameIndex(explanation.index, index) ? (
        <ExplanationView explanation={explanation} step={step} info={room.info.value} />
      ) : undefined}
      <FormulaGroups groups={parameterFormulas(step, place, sample)} timeline={timeline} at={at} />
      {state === "known" ? <Shares shares={exampleShares(step, place)} room={room} sample={sample} /> : undefined}
      {value === undefined ? undefined : (
        <ChangeEditor
          room={room}
          label={texts.editValue(symbol)}
          value={value}
          min={-4}
          max={4}
          hint={room.isAtEnd.value ? texts.changesAfter : texts.changesBefore}
          changeTo={(to) => ({ parameter: { path: parameter.path, index, value: to } })}
        />
      )}
    </>
  );
}

function sameIndex(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((x, i) => x === b[i]);
}

interface SharesProps {
  readonly shares: readonly number[] | undefined;
  readonly room: Room;
  readonly sample: number;
}

/** What each example adds to the gradient; a click follows it. */
function Shares({ shares, room, sample }: SharesProps): JSX.Element | null {
  const texts = t().playground.detail;
  if (shares === undefined) return null;
  const most = Math.max(...shares.map(Math.abs), Number.MIN_VALUE);
  return (
    <Disclosure class="shares" summary={texts.shares(shares.length)}>
      {() => (
        <ol>
          {shares.map((share, n) => (
            <li key={n}>
              <button
                type="button"
                class="share"
                aria-pressed={n === sample}
                onClick={() => {
                  room.sample.value = n;
                }}
              >
                <span>{texts.exampleButton(n + 1)}</span>
                <span
                  class={`share-bar ${share < 0 ? "share-negative" : "share-positive"}`}
                  style={`width:${(40 * Math.abs(share)) / most}%`}
                  aria-hidden="true"
                />
                <ShownNumber value={share} />
              </button>
            </li>
          ))}
        </ol>
      )}
    </Disclosure>
  );
}
