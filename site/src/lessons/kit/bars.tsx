/** Probabilities as bars, one below the other; one of them can be chosen. */
import "./training.css";
import type { JSX } from "preact";
import { formatShare } from "../../view/number.ts";

interface BarsProps {
  readonly label: string;
  readonly names: readonly string[];
  readonly shares: ArrayLike<number> | undefined;
  /** Said of the one that is marked, such as the right answer. */
  readonly marked?: number | undefined;
  readonly chosen?: number | undefined;
  readonly onChoose?: ((place: number) => void) | undefined;
}

export function Bars({ label, names, shares, marked, chosen, onChoose }: BarsProps): JSX.Element {
  const most = shares === undefined ? NaN : Math.max(...Array.from(shares));
  return (
    <ul class="bars" aria-label={label}>
      {names.map((name, i) => {
        const share = shares?.[i];
        const content = (
          <>
            <span class="bar-name">
              {name}
              {i === marked ? " ✓" : ""}
            </span>
            <span class="bar-room" aria-hidden="true">
              <span class="bar" style={`width:${share === undefined || Number.isNaN(share) ? 0 : 100 * share}%`} />
            </span>
            <span class="bar-share">{formatShare(share)}</span>
          </>
        );
        return (
          <li key={i} class={share === most ? "is-most" : undefined}>
            {onChoose === undefined ? (
              <span class="bar-line">{content}</span>
            ) : (
              <button type="button" class="bar-line" aria-pressed={i === chosen} onClick={() => onChoose(i)}>
                {content}
              </button>
            )}
          </li>
        );
      })}
    </ul>
  );
}
