/** How the elements of a parameter or an activation are distributed: at a step, and over the steps. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { t } from "../../text/text.ts";
import { HeatMap } from "../../view/heat-map.tsx";
import { formatCount, formatNumber } from "../../view/number.ts";
import { Select } from "../../view/select.tsx";
import { client } from "../store.ts";
import { ValueView } from "../value-view.tsx";
import { columnAt } from "./gradients-view.tsx";
import type { Distributed } from "./run-calls.ts";
import { type OpenRun, go, place } from "./runs-store.ts";
import { useAnswer } from "./use-answer.ts";

const kinds: readonly Distributed[] = ["weight", "gradient", "change", "activation"];

export function DistributionsView({ run }: { readonly run: OpenRun }): JSX.Element {
  const texts = t().inspector.runs;
  const { recordVersion, parameters, activations } = run.outline.value;
  const [kind, setKind] = useState<Distributed>("gradient");
  const [chosen, setChosen] = useState<string | undefined>(undefined);
  const paths = kind === "activation" ? activations : parameters;
  const path = paths.find((one) => one === chosen) ?? paths[0];
  return (
    <>
      <div class="inspector-line">
        <Select
          label={texts.kind}
          value={kind}
          options={kinds.map((value) => ({ value, label: texts.kinds[value] }))}
          onChange={setKind}
        />
        {path === undefined ? undefined : (
          <Select
            label={texts.of}
            value={path}
            options={paths.map((value) => ({ value, label: value === "" ? t().inspector.modelName : value }))}
            onChange={setChosen}
          />
        )}
      </div>
      {path === undefined ? (
        <p>{kind === "activation" ? texts.noActivations : texts.nothingYet}</p>
      ) : (
        <Shown run={run} kind={kind} path={path} version={recordVersion} />
      )}
    </>
  );
}

interface ShownProps {
  readonly run: OpenRun;
  readonly kind: Distributed;
  readonly path: string;
  readonly version: number;
}

function Shown({ run, kind, path, version }: ShownProps): JSX.Element | null {
  const texts = t().inspector.runs;
  const { at } = place.value;
  const found = useAnswer(`${kind} ${path}`, [version, at], () =>
    client().call("distribution", run.number, kind, path, at),
  );
  if (found === undefined) return null;
  const { step, statistics, shape, map } = found;
  const what = texts.distributionOf(texts.kinds[kind], path === "" ? t().inspector.modelName : path);
  const edge = (bin: number): string => formatNumber(map.to - ((map.to - map.from) * bin) / map.bins, 3);
  return (
    <>
      {map.steps.length === 0 ? (
        <h3>{what}</h3>
      ) : (
        <>
          <h3>{texts.mapLabel(what)}</h3>
          <HeatMap
            label={texts.mapLabel(what)}
            values={map.values}
            rows={map.bins}
            columns={map.steps.length}
            scale="sequential"
            height={240}
            xLabel={texts.step}
            rowNames={Array.from({ length: map.bins }, (_, bin) => texts.from(edge(bin + 1), edge(bin)))}
            columnNames={map.steps.map(String)}
            selectedColumn={columnAt(map.steps, at)}
            onSelect={({ column }) => go({ at: map.steps[column] })}
          />
          <p class="hint">{texts.mapAbout(formatNumber(map.from, 3), formatNumber(map.to, 3))}</p>
        </>
      )}
      <ValueView
        label={step === undefined ? what : texts.atStep(what, formatCount(step))}
        shape={shape ?? [statistics?.size ?? 0]}
        value={statistics}
        missing={texts.nothingYet}
        color={kind === "gradient" ? "var(--backward)" : kind === "change" ? "var(--update)" : undefined}
      />
    </>
  );
}
