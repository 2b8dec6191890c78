/** The run as a whole: full speed, single epochs, reset, where it stands, and a slider through all of it. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { t } from "../text/text.ts";
import { Button } from "../view/button.tsx";
import { formatCount, formatNumber, formatShare } from "../view/number.ts";
import type { Room } from "./room.ts";

const epochs = [1, 10, 100] as const;

export function RunBar({ room }: { readonly room: Room }): JSX.Element {
  const texts = t().playground.run;
  const info = room.info.value;
  const isRunning = room.isRunning.value;
  const isOff = info === undefined;
  return (
    <section class="run-bar panel" aria-label={texts.label}>
      <div class="actions">
        {isRunning ? (
          <Button kind="main" icon="stop" shortcut="R" onClick={() => void room.stop()}>
            {texts.stop}
          </Button>
        ) : (
          <Button kind="main" icon="play" shortcut="R" isDisabled={isOff} onClick={() => void room.run()}>
            {texts.start}
          </Button>
        )}
        {epochs.map((count) => (
          <Button
            key={count}
            isDisabled={isOff || isRunning}
            title={texts.epochsTitle(count)}
            onClick={() => void room.advance(count * (info?.batchesPerEpoch ?? 1))}
          >
            {texts.epochs(count)}
          </Button>
        ))}
        <Button icon="reset" onClick={() => void room.build()}>
          {texts.reset}
        </Button>
        <Button title={texts.newWeightsTitle} onClick={() => newWeights(room)}>
          {texts.newWeights}
        </Button>
      </div>
      <Counters room={room} />
      <Scrubber room={room} />
    </section>
  );
}

function newWeights(room: Room): void {
  const config = room.config.value;
  room.config.value = { ...config, seed: (config.seed + 1) % 2 ** 32 };
}

function Counters({ room }: { readonly room: Room }): JSX.Element {
  const texts = t().playground.run;
  const metrics = room.metrics.value;
  const info = room.info.value;
  const speed = room.stepsPerSecond.value;
  const numbers: readonly (readonly [name: string, value: string])[] = [
    [texts.epoch, metrics === undefined ? "–" : formatCount(metrics.epoch)],
    [
      texts.batch,
      metrics === undefined ? "–" : `${formatCount(metrics.batch)} / ${formatCount(info?.batchesPerEpoch ?? 0)}`,
    ],
    [texts.step, metrics === undefined ? "–" : formatCount(metrics.step)],
    [texts.trainLoss, formatNumber(metrics?.trainLoss)],
    ...(info === undefined || info.testSize > 0 ? [[texts.testLoss, formatNumber(metrics?.testLoss)] as const] : []),
    ...(metrics === undefined || metrics.trainAccuracy !== undefined
      ? [[texts.trainAccuracy, formatShare(metrics?.trainAccuracy)] as const]
      : []),
    ...(metrics?.testAccuracy === undefined ? [] : [[texts.testAccuracy, formatShare(metrics.testAccuracy)] as const]),
    ...(room.isRunning.value && speed !== undefined ? [[texts.speed, formatCount(Math.round(speed))] as const] : []),
  ];
  return (
    <dl class="counters">
      {numbers.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Moves through the steps that were made. */
function Scrubber({ room }: { readonly room: Room }): JSX.Element | null {
  const texts = t().playground.run;
  const [draft, setDraft] = useState<number | undefined>(undefined);
  const step = room.metrics.value?.step ?? 0;
  const farthest = room.farthest.value;
  if (farthest === 0) return null;
  return (
    <label class="scrubber">
      <span>{texts.scrub(formatCount(draft ?? step), formatCount(farthest))}</span>
      <input
        type="range"
        min={0}
        max={farthest}
        value={draft ?? step}
        onInput={(event) => setDraft(Number(event.currentTarget.value))}
        onChange={(event) => {
          setDraft(undefined);
          void room.goTo(Number(event.currentTarget.value));
        }}
      />
    </label>
  );
}
