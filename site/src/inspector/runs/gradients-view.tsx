/** Gradients by layer over the steps, and how far updates move each parameter. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { t } from "../../text/text.ts";
import { HeatMap } from "../../view/heat-map.tsx";
import { Select } from "../../view/select.tsx";
import { ShownNumber } from "../../view/shown-number.tsx";
import { type Column, DataTable } from "../data-table.tsx";
import { client } from "../store.ts";
import { RunCurves } from "./curves-view.tsx";
import { Later } from "./later.tsx";
import type { CurveName, LayerRow, ParameterRow, RunMoment } from "./run-calls.ts";
import { type OpenRun, go, place } from "./runs-store.ts";
import { useAnswer } from "./use-answer.ts";

interface GradientsViewProps {
  readonly run: OpenRun;
  readonly moment: RunMoment | undefined;
}

const usual = { from: 1e-4, to: 1e-2 };
/** Layers whose names stand beside the map. */
const mostNamed = 24;

export function columnAt(steps: readonly number[], at: number | undefined): number {
  return at === undefined
    ? steps.length - 1
    : Math.max(
        0,
        steps.findLastIndex((step) => step <= at),
      );
}

export function GradientsView({ run, moment }: GradientsViewProps): JSX.Element {
  const texts = t().inspector.runs;
  const { recordVersion } = run.outline.value;
  const map = useAnswer("layers", [recordVersion], () => client().call("layerMap", run.number));
  const [path, setPath] = useState<string | undefined>(undefined);
  if (map === undefined || map.steps.length === 0) return <p>{texts.nothingYet}</p>;
  const nameOf = (layer: string): string => (layer === "" ? t().inspector.modelName : layer);
  const names = map.layers.map(nameOf);
  const finite = map.values.filter(Number.isFinite);
  const least = finite.reduce((low, value) => Math.min(low, value), Infinity);
  const most = finite.reduce((high, value) => Math.max(high, value), -Infinity);
  const shown = path ?? moment?.parameters[0]?.path;
  const curve: CurveName | undefined = shown === undefined ? undefined : { kind: "ratio", name: shown };
  return (
    <>
      <h3>{texts.layerMap}</h3>
      <div class="runs-map">
        {names.length > mostNamed ? undefined : (
          <ol aria-hidden="true">
            {names.map((name) => (
              <li key={name} title={name}>
                {name}
              </li>
            ))}
          </ol>
        )}
        <HeatMap
          label={texts.layerMap}
          values={map.values}
          rows={map.layers.length}
          columns={map.steps.length}
          scale="sequential"
          middle={finite.length === 0 ? 0 : least}
          limit={most > least ? most - least : 1}
          height={Math.min(480, Math.max(96, 20 * map.layers.length))}
          xLabel={texts.step}
          rowNames={names}
          columnNames={map.steps.map(String)}
          selectedColumn={columnAt(map.steps, place.value.at)}
          onSelect={({ column }) => go({ at: map.steps[column] })}
        />
      </div>
      <p class="hint">{texts.layerMapAbout}</p>
      <Later place={1}>
        <h3>{texts.layers}</h3>
        <p class="hint">{texts.marksAbout}</p>
        <LayerTable rows={moment?.layers ?? []} nameOf={nameOf} />
      </Later>
      <Later place={2}>
        <h3>{texts.parameters}</h3>
        <p class="hint">{texts.bandAbout}</p>
        <ParameterTable rows={moment?.parameters ?? []} onChoose={setPath} />
      </Later>
      {curve === undefined ? undefined : (
        <Later place={4}>
          <Select
            label={texts.ratio}
            value={curve.name}
            options={(moment?.parameters ?? []).map((row) => ({ value: row.path, label: row.path }))}
            onChange={setPath}
          />
          <RunCurves run={run} label={texts.ratioOf(curve.name)} names={[curve]} isLogarithmic />
        </Later>
      )}
    </>
  );
}

interface LayerTableProps {
  readonly rows: readonly LayerRow[];
  readonly nameOf: (layer: string) => string;
}

function LayerTable({ rows, nameOf }: LayerTableProps): JSX.Element {
  const { runs: texts, ...norms } = t().inspector;
  return (
    <DataTable
      caption={texts.layers}
      columns={[
        { id: "path", label: texts.layer, order: ({ path }) => path, cell: ({ path }) => nameOf(path) },
        number<LayerRow>("norm", norms.norm, ({ norm }) => norm),
        number<LayerRow>("rms", norms.rms, ({ rms }) => rms),
        { id: "mark", label: texts.mark, order: ({ mark }) => mark, cell: ({ mark }) => texts.marks[mark] },
      ]}
      rows={rows}
      keyOf={({ path }) => path}
    />
  );
}

interface ParameterTableProps {
  readonly rows: readonly ParameterRow[];
  readonly onChoose: (path: string) => void;
}

function ParameterTable({ rows, onChoose }: ParameterTableProps): JSX.Element {
  const texts = t().inspector.runs;
  const band = ({ ratio }: ParameterRow): string =>
    ratio === undefined ? "" : texts.bands[ratio < usual.from ? "small" : ratio > usual.to ? "large" : "usual"];
  return (
    <DataTable
      caption={texts.parameters}
      columns={[
        {
          id: "path",
          label: texts.parameter,
          order: ({ path }) => path,
          cell: ({ path }) => (
            <button type="button" class="inspector-link" onClick={() => onChoose(path)}>
              {path}
            </button>
          ),
        },
        number<ParameterRow>("gradient", texts.gradientNorm, ({ gradient }) => gradient),
        number<ParameterRow>("weight", texts.weightNorm, ({ weight }) => weight),
        number<ParameterRow>("change", texts.changeNorm, ({ change }) => change),
        number<ParameterRow>("ratio", texts.ratio, ({ ratio }) => ratio),
        { id: "band", label: texts.band, order: band, cell: band },
      ]}
      rows={rows}
      keyOf={({ path }) => path}
    />
  );
}

export function number<T>(id: string, label: string, order: (row: T) => number | undefined): Column<T> {
  return { id, label, isNumber: true, order, cell: (row) => <ShownNumber value={order(row)} /> };
}
