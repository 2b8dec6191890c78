/** The letters of a line, of which one can be chosen; a bar and a number below each where there are numbers. */
import "./attention.css";
import type { JSX } from "preact";
import { useId } from "preact/hooks";
import { attentionEn } from "../../text/lessons/attention-en.ts";
import { attentionZh } from "../../text/lessons/attention-zh.ts";
import { textsOf } from "../../text/text.ts";
import { formatNumber } from "../../view/number.ts";

const texts = textsOf({ en: attentionEn, zh: attentionZh });

interface LetterRowProps {
  readonly label: string;
  readonly letters: readonly string[];
  readonly values?: ArrayLike<number> | undefined;
  /** The colour of the bars. Default "forward". */
  readonly kind?: "forward" | "backward" | undefined;
  readonly chosen?: number | undefined;
  readonly onChoose?: ((place: number) => void) | undefined;
  /** Another one that is outlined. */
  readonly marked?: number | undefined;
}

export function LetterRow(props: LetterRowProps): JSX.Element {
  const { label, letters, values, kind = "forward", chosen, onChoose, marked } = props;
  const text = texts();
  const id = useId();
  const largest = Math.max(...Array.from(values ?? []).filter(Number.isFinite));
  const bar = (value: number | undefined): number =>
    value === undefined || !(largest > 0) || Number.isNaN(value) ? 0 : (32 * value) / largest;
  return (
    <fieldset class="letters">
      <legend class="field-label">{label}</legend>
      <div class="letters-row">
        {letters.map((letter, i) => {
          const value = values?.[i];
          const name = text.letter(i + 1, letter);
          const whole = value === undefined ? name : text.withShare(name, formatNumber(value));
          const content = (
            <>
              <span class="letter-sign" aria-hidden="true">
                {letter}
              </span>
              {values === undefined ? undefined : (
                <>
                  <span class="letter-bar-room" aria-hidden="true">
                    <span class={`letter-bar letter-bar-${kind}`} style={`height:${bar(value)}px`} />
                  </span>
                  <span class="letter-value" aria-hidden="true">
                    {formatNumber(value, 2)}
                  </span>
                </>
              )}
            </>
          );
          const state = `letter${i === chosen ? " is-chosen" : ""}${i === marked ? " is-marked" : ""}`;
          return onChoose === undefined ? (
            <span key={i} class={state} title={whole} role="img" aria-label={whole}>
              {content}
            </span>
          ) : (
            <label key={i} class={state} title={whole}>
              <input
                type="radio"
                class="visually-hidden"
                name={id}
                aria-label={whole}
                checked={i === chosen}
                onChange={() => onChoose(i)}
              />
              {content}
            </label>
          );
        })}
      </div>
    </fieldset>
  );
}
