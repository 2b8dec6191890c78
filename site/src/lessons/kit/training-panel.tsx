/** What trains a network, and how far it has come: buttons, the rate, numbers, the loss as a curve. */
import "./training.css";
import type { JSX } from "preact";
import { t } from "../../text/text.ts";
import { Curve } from "../../view/curve.tsx";
import { formatCount, formatNumber } from "../../view/number.ts";
import { Slider } from "../../view/slider.tsx";
import { PlayBar } from "./play-bar.tsx";
import type { Training, TrainingProgress } from "./use-training.ts";

interface TrainingPanelProps {
  readonly training: Omit<Training<TrainingProgress>, "begin">;
  readonly rate: number;
  readonly onRate: (rate: number) => void;
  readonly onReset: () => void;
  /** Only the buttons and the numbers, where something else is looked at. Default false. */
  readonly isSmall?: boolean | undefined;
  /** Further numbers by their names. */
  readonly facts?: readonly (readonly [name: string, value: string])[];
}

export function TrainingPanel({
  training,
  rate,
  onRate,
  onReset,
  isSmall,
  facts = [],
}: TrainingPanelProps): JSX.Element {
  const { rate: rateText, steps, loss, lossCurve, broken } = t().lessons.network;
  const { progress, points } = training;
  return (
    <>
      <PlayBar
        isPlaying={training.isPlaying}
        setPlaying={training.setPlaying}
        onStep={training.step}
        onReset={onReset}
        isDisabled={progress === undefined}
      />
      {progress?.isFinite === false ? (
        <p class="hint hint-problem" role="alert">
          {broken(progress.step)}
        </p>
      ) : undefined}
      {isSmall === true ? undefined : (
        <Slider label={rateText} value={rate} min={0.0001} max={1} scale="logarithmic" isOpen onInput={onRate} />
      )}
      <dl class="lesson-facts">
        {[
          [steps, formatCount(progress?.step ?? 0)] as const,
          [loss, formatNumber(points.losses.at(-1))] as const,
          ...facts,
        ].map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {isSmall === true ? undefined : (
        <Curve
          label={lossCurve}
          x={points.steps}
          xLabel={steps}
          series={[{ label: loss, values: points.losses, color: "var(--loss)" }]}
          height={130}
        />
      )}
    </>
  );
}
