/** Two runs side by side: their curves, the first number that differs, and the gradients that differ most. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { RunGradientDifference } from "twopass/inspect";
import { t } from "../../text/text.ts";
import { Curve } from "../../view/curve.tsx";
import { exactNumber, formatCount, formatShare, noNumber } from "../../view/number.ts";
import { Select } from "../../view/select.tsx";
import { DataTable } from "../data-table.tsx";
import { client } from "../store.ts";
import { isLong } from "./curves-view.tsx";
import { number } from "./gradients-view.tsx";
import { Later } from "./later.tsx";
import { type OpenRun, go, openRuns, openServed, place, rows } from "./runs-store.ts";
import { useAnswer } from "./use-answer.ts";

export function RunCompareView({ run }: { readonly run: OpenRun }): JSX.Element {
  const texts = t().inspector.runs;
  const [chosen, setChosen] = useState("");
  // Those that are open by their numbers, others of the server by their paths.
  const open = openRuns.value.filter((one) => one !== run);
  const isOpen = (path: string): boolean => openRuns.value.some((one) => one.path === path);
  const options = [
    ...open.map(({ number: at, name }) => ({ value: `open ${at}`, label: name })),
    ...(rows.value?.runs ?? []).flatMap(({ path }) => (isOpen(path) ? [] : [{ value: `path ${path}`, label: path }])),
  ];
  const other = open.find(({ number: at }) => chosen === `open ${at}`);
  const choose = (value: string): void => {
    setChosen(value);
    if (!value.startsWith("path ")) return;
    void openServed(value.slice("path ".length)).then((opened) => opened && setChosen(`open ${opened.number}`));
  };
  if (options.length === 0) return <p>{texts.noSecond}</p>;
  return (
    <>
      <Select
        label={texts.secondRun}
        value={chosen}
        options={[{ value: "", label: noNumber }, ...options]}
        onChange={choose}
      />
      {other === undefined ? undefined : <Compared key={other.number} a={run} b={other} />}
    </>
  );
}

function Compared({ a, b }: { readonly a: OpenRun; readonly b: OpenRun }): JSX.Element {
  const { runs: texts, comparing, difference, quantityOf } = t().inspector;
  const found = useAnswer("", [a.outline.value.version, b.outline.value.version], () =>
    client().call("compareRuns", a.number, b.number),
  );
  if (found === undefined) return <p aria-live="polite">{comparing}</p>;
  const { first: differs, gradients, scalars, isShared, isReading, isPartial } = found;
  const first = a.name;
  const second = b.name === first ? `${b.name} (2)` : b.name;
  return (
    <>
      <p class="runs-found" aria-live="polite">
        {isReading
          ? comparing
          : differs !== undefined
            ? texts.firstDifference(
                formatCount(differs.step),
                differs.name,
                exactNumber(differs.a),
                exactNumber(differs.b),
              )
            : isShared
              ? texts.same
              : texts.nothingShared}
      </p>
      {isPartial && !isReading ? <p>{texts.leftOut}</p> : undefined}
      <p>{texts.dashed(first, second)}</p>
      <div class="runs-curves">
        {scalars.map((scalar, i) => (
          <Later key={scalar} place={i}>
            <PairCurves a={a} b={b} labels={[first, second]} scalar={scalar} />
          </Later>
        ))}
      </div>
      {gradients.length === 0 ? undefined : (
        <DataTable
          caption={texts.differing}
          columns={[
            { id: "path", label: texts.parameter, order: ({ path }) => path, cell: ({ path }) => path },
            {
              id: "difference",
              label: difference,
              isNumber: true,
              order: (row) => row.difference,
              cell: (row) => formatShare(row.difference),
            },
            {
              id: "step",
              label: texts.step,
              isNumber: true,
              order: ({ step }) => step,
              cell: ({ step }) => formatCount(step),
            },
            number<RunGradientDifference>("a", quantityOf(texts.gradientNorm, first), (row) => row.a),
            number<RunGradientDifference>("b", quantityOf(texts.gradientNorm, second), (row) => row.b),
          ]}
          rows={gradients}
          keyOf={({ path }) => path}
        />
      )}
    </>
  );
}

interface PairCurvesProps {
  readonly a: OpenRun;
  readonly b: OpenRun;
  readonly labels: readonly [string, string];
  readonly scalar: string;
}

function PairCurves({ a, b, labels, scalar }: PairCurvesProps): JSX.Element {
  const { at } = place.value;
  const versions = [a, b].map(({ outline }) => outline.value.scalarVersion);
  const drawn = useAnswer(scalar, [...versions, isLong(a) || isLong(b) ? at : undefined], () =>
    client().call("pairCurves", a.number, b.number, scalar, at),
  );
  return (
    <Curve
      label={scalar}
      x={drawn?.x ?? none}
      xLabel={t().inspector.runs.step}
      series={labels.map((label, i) => ({ label, values: drawn?.series[i]?.values ?? [], isDashed: i === 1 }))}
      hasLogSwitch
      isScrubbed
      at={at}
      onPick={(to) => go({ at: to })}
    />
  );
}

const none: readonly number[] = [];
