/** Where in a run one is: all its numbers are those of that step. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { t } from "../../text/text.ts";
import { IconButton } from "../../view/button.tsx";
import { formatCount } from "../../view/number.ts";
import { ShownNumber } from "../../view/shown-number.tsx";
import { Switch } from "../../view/switch.tsx";
import type { RunMoment } from "./run-calls.ts";
import { type OpenRun, go, place } from "./runs-store.ts";

/** Milliseconds between two pictures of a replay, and how many it has at most. */
const pace = 100;
const mostPictures = 150;

interface ScrubberProps {
  readonly run: OpenRun;
  readonly moment: RunMoment | undefined;
}

export function Scrubber({ run, moment }: ScrubberProps): JSX.Element {
  const texts = t().inspector.runs;
  const { steps } = run.outline.value;
  const { at } = place.value;
  const [isPlaying, setPlaying] = useState(false);
  const last = steps.length - 1;
  const behind = at === undefined ? -1 : steps.findIndex((step) => step > at);
  const here = behind < 0 ? last : Math.max(0, behind - 1);
  const move = (to: number): void => go({ at: steps[Math.min(last, Math.max(0, to))] });
  useEffect(() => {
    if (!isPlaying) return undefined;
    const timer = setInterval(() => {
      const now = steps.findLastIndex((step) => step <= (place.peek().at ?? 0));
      const next = Math.min(last, Math.max(0, now) + Math.ceil(steps.length / mostPictures));
      move(next);
      if (next === last) setPlaying(false);
    }, pace);
    return () => clearInterval(timer);
  }, [isPlaying, steps]);
  const play = (): void => {
    if (!isPlaying && here === last) move(0);
    setPlaying(!isPlaying);
  };
  const told = texts.stepOf(formatCount(at ?? steps[last] ?? 0), formatCount(steps[last] ?? 0));
  const record = moment?.record;
  return (
    <section class="runs-scrubber" aria-label={texts.scrubber}>
      <div class="inspector-line">
        <IconButton icon="stepBack" label={texts.previous} isDisabled={here <= 0} onClick={() => move(here - 1)} />
        <IconButton
          icon={isPlaying ? "pause" : "play"}
          label={isPlaying ? texts.pause : texts.play}
          isDisabled={last < 1}
          onClick={play}
        />
        <IconButton icon="stepForward" label={texts.next} isDisabled={here >= last} onClick={() => move(here + 1)} />
        <input
          type="range"
          min={0}
          max={Math.max(0, last)}
          value={here}
          aria-label={texts.scrubber}
          aria-valuetext={told}
          disabled={last < 1}
          onInput={(event) => move(Number(event.currentTarget.value))}
        />
        <output class="number">{told}</output>
        <Switch
          label={texts.follow}
          isOn={at === undefined}
          onChange={(isOn) => {
            setPlaying(false);
            go({ at: isOn ? undefined : steps[last] });
          }}
        />
      </div>
      {record === undefined ? undefined : (
        <dl class="runs-numbers">
          {(
            [
              [texts.recordedAt, record.step],
              [texts.epoch, record.epoch],
              [texts.batch, record.batch],
              [texts.loss, record.loss],
              [texts.lr, record.lr],
              [texts.gradientNorm, record.gradient],
            ] as const
          ).map(([name, value], i) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{i < 3 ? formatCount(value) : <ShownNumber value={value} />}</dd>
            </div>
          ))}
        </dl>
      )}
    </section>
  );
}
