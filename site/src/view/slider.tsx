/** A slider with a field for the number: the slider for a quick choice, the field for an exact one. */
import type { JSX } from "preact";
import { useId, useState } from "preact/hooks";
import { t } from "../text/text.ts";
import { formatNumber } from "./number.ts";

export interface SliderProps {
  readonly label: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  /** Of the slider; the field takes what is between. Default 1. On a logarithmic scale it has 100 places instead. */
  readonly step?: number | undefined;
  readonly scale?: "linear" | "logarithmic" | undefined;
  /** Whether only whole numbers are taken. Default false. */
  readonly isWhole?: boolean | undefined;
  /** Whether the field takes numbers outside of min and max, such as a rate of 10. Default false. */
  readonly isOpen?: boolean | undefined;
  readonly isDisabled?: boolean | undefined;
  /** A sentence below it. */
  readonly hint?: string | undefined;
  /** While it is moved. */
  readonly onInput: (value: number) => void;
  /** When it has been moved, or a number was written. */
  readonly onChange?: ((value: number) => void) | undefined;
}

const places = 100;
/** Significant digits in the field, as many as a float32 has for sure. A number that is not changed keeps all of its own. */
const shownDigits = 6;

/** Where a number stands on a slider from 0 to `places`, by its logarithm, and the number at a place, with 2 digits. */
function logPlace(value: number, min: number, max: number): number {
  return Math.round((places * Math.log(Math.min(max, Math.max(min, value)) / min)) / Math.log(max / min));
}

function logValue(place: number, min: number, max: number): number {
  if (place <= 0) return min;
  if (place >= places) return max;
  return Number((min * (max / min) ** (place / places)).toPrecision(2));
}

export function Slider(props: SliderProps): JSX.Element {
  const { label, value, min, max, step = 1, scale = "linear", isWhole, isOpen, isDisabled, hint } = props;
  const { onInput, onChange } = props;
  const id = useId();
  // What is being written in the field, until it is a number that is taken.
  const [draft, setDraft] = useState<string | undefined>(undefined);
  const written = draft === undefined ? value : Number(draft.replace(",", "."));
  const isNumber = draft === undefined || (draft.trim() !== "" && Number.isFinite(written));
  const isInside = isOpen === true || (written >= min && written <= max);
  const isTaken = isNumber && isInside && (isWhole !== true || Number.isInteger(written));
  const problem = isTaken
    ? undefined
    : isNumber
      ? t().view.between(formatNumber(min), formatNumber(max))
      : t().view.notANumber;

  const isLog = scale === "logarithmic";
  const place = isLog ? logPlace(value, min, max) : Math.min(max, Math.max(min, value));
  const valueAt = (text: string): number => (isLog ? logValue(Number(text), min, max) : Number(text));

  const write = (): void => {
    if (draft === undefined || !isTaken) return;
    setDraft(undefined);
    if (written === value) return;
    onInput(written);
    onChange?.(written);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === "Enter") write();
    if (event.key === "Escape") setDraft(undefined);
  };
  const described = problem === undefined && hint === undefined ? undefined : `${id}-hint`;
  return (
    <div class="field">
      <label class="field-label" for={id}>
        {label}
      </label>
      <div class="slider">
        <input
          id={id}
          type="range"
          min={isLog ? 0 : min}
          max={isLog ? places : max}
          step={isLog ? 1 : step}
          value={place}
          disabled={isDisabled === true}
          aria-valuetext={formatNumber(value)}
          aria-describedby={described}
          onInput={(event) => {
            setDraft(undefined);
            onInput(valueAt(event.currentTarget.value));
          }}
          onChange={(event) => onChange?.(valueAt(event.currentTarget.value))}
        />
        <input
          type="text"
          inputMode="decimal"
          class="slider-number"
          value={draft ?? String(Number(value.toPrecision(shownDigits)))}
          disabled={isDisabled === true}
          aria-label={t().view.number(label)}
          aria-invalid={!isTaken}
          aria-describedby={described}
          onInput={(event) => setDraft(event.currentTarget.value)}
          onBlur={write}
          onKeyDown={onKeyDown}
        />
      </div>
      {described === undefined ? undefined : (
        <p class={problem === undefined ? "hint" : "hint hint-problem"} id={described}>
          {problem ?? hint}
        </p>
      )}
    </div>
  );
}
