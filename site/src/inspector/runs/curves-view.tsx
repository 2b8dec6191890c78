/** All scalars of a run, those of a kind in one drawing. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { t } from "../../text/text.ts";
import { Curve, type CurveSeries } from "../../view/curve.tsx";
import { Slider } from "../../view/slider.tsx";
import { client } from "../store.ts";
import { groupsOf } from "./curve-groups.ts";
import { Later } from "./later.tsx";
import type { CurveName } from "./run-calls.ts";
import { type OpenRun, go, place } from "./runs-store.ts";
import { mostPoints } from "./thin.ts";
import { useAnswer } from "./use-answer.ts";

export function CurvesView({ run }: { readonly run: OpenRun }): JSX.Element {
  const texts = t().inspector.runs;
  const [smoothing, setSmoothing] = useState(0);
  const groups = groupsOf(run.outline.value.scalars);
  if (groups.size === 0) return <p>{texts.nothingYet}</p>;
  return (
    <>
      <Slider label={texts.smoothing} value={smoothing} min={0} max={0.99} step={0.01} onInput={setSmoothing} />
      <p class="hint">{texts.namesAbout}</p>
      <div class="runs-curves">
        {[...groups].map(([group, names], i) => (
          <Later key={group} place={i}>
            <RunCurves
              run={run}
              label={group}
              names={names.map((name) => ({ kind: "scalar", name }))}
              smoothing={smoothing}
            />
          </Later>
        ))}
      </div>
    </>
  );
}

/** Whether curves of it may have points that are not drawn. */
export function isLong({ outline }: OpenRun): boolean {
  return outline.value.steps.length >= mostPoints;
}

interface RunCurvesProps {
  readonly run: OpenRun;
  readonly label: string;
  readonly names: readonly CurveName[];
  readonly smoothing?: number;
  readonly isLogarithmic?: boolean;
}

export function RunCurves({ run, label, names, smoothing = 0, isLogarithmic }: RunCurvesProps): JSX.Element {
  const texts = t().inspector.runs;
  const { scalarVersion, recordVersion } = run.outline.value;
  const { at } = place.value;
  const version = names.every(({ kind }) => kind === "scalar") ? scalarVersion : recordVersion;
  const drawn = useAnswer(JSON.stringify(names), [version, smoothing, isLong(run) ? at : undefined], () =>
    client().call("curves", run.number, names, smoothing, at),
  );
  const series = names.flatMap(({ name }, i): CurveSeries[] => {
    const one = drawn?.series[i];
    const values = one?.values ?? [];
    return one?.smooth === undefined
      ? [{ label: name, values }]
      : [
          { label: texts.smoothed(name), values: one.smooth },
          { label: name, values, color: "var(--faint)" },
        ];
  });
  return (
    <Curve
      label={label}
      x={drawn?.x ?? none}
      xLabel={texts.step}
      series={series}
      hasLogSwitch
      isLogarithmic={isLogarithmic}
      isScrubbed
      at={at}
      onPick={(to) => go({ at: to })}
    />
  );
}

const none: readonly number[] = [];
