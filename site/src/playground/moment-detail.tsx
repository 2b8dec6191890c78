/** The moment of the timeline: what is done in it, and its result for all examples; in the update every element of a parameter. */
import type { TraceParameter } from "twopass/inspect";
import type { JSX } from "preact";
import { t } from "../text/text.ts";
import { HeatMap } from "../view/heat-map.tsx";
import { ShownNumber } from "../view/shown-number.tsx";
import type { ShownMoment } from "./diagram-data.ts";
import { ValueHistogram } from "./histograms-panel.tsx";
import { momentText } from "./moment-text.ts";
import type { Room } from "./room.ts";
import { elements } from "./step-reading.ts";
import { placeAt } from "./timeline.ts";

/** Rows of a table that one still reads. */
const mostRows = 600;
const mostCells = 2048;

interface MomentDetailProps {
  readonly room: Room;
  readonly shown: ShownMoment;
}

export function MomentDetail({ room, shown }: MomentDetailProps): JSX.Element {
  const texts = t().playground.detail;
  const { moment } = placeAt(shown.timeline, shown.at);
  const step = room.step.value;
  if (moment === undefined || step === undefined) return <p>{texts.beginning}</p>;
  const parameter = moment.parameter === undefined ? undefined : shown.step.trace.parameters[moment.parameter];
  return (
    <>
      <p>
        <b>{momentText(step, moment, room.info.value)}</b>. {texts.phaseMeans[moment.phase]}
      </p>
      {parameter === undefined ? (
        <Result room={room} shown={shown} operation={moment.operation} />
      ) : (
        <UpdateTable shown={shown} parameter={parameter} />
      )}
      <p class="hint">{texts.clickHint}</p>
    </>
  );
}

interface ResultProps extends MomentDetailProps {
  readonly operation: number | undefined;
}

/** The result of an operation. */
function Result({ room, shown, operation }: ResultProps): JSX.Element {
  const texts = t().playground.detail;
  const found = operation === undefined ? undefined : shown.step.trace.operations[operation];
  const value = found?.value;
  if (found === undefined || value === undefined) return <p class="hint">{texts.notKept}</p>;
  const data = elements(value);
  const shape = found.shape.length === 0 ? "1" : found.shape.join(" × ");
  if (data === undefined || data.length > mostCells) {
    return <ValueHistogram label={texts.result(shape)} value={value} color={`var(--${found.phase})`} />;
  }
  if (data.length === 1) {
    return (
      <p>
        {texts.result(shape)} = <ShownNumber value={data[0]} />
      </p>
    );
  }
  const [first = 1] = found.shape;
  if (first === shown.step.samples)
    return <ByExample room={room} shown={shown} label={texts.result(shape)} data={data} />;
  const columns = found.shape.at(-1) ?? 1;
  const rows = data.length / columns;
  return (
    <HeatMap
      label={texts.result(shape)}
      values={data}
      rows={rows}
      columns={columns}
      hasNumbers
      height={heightOf(rows)}
    />
  );
}

interface ByExampleProps {
  readonly room: Room;
  readonly shown: ShownMoment;
  readonly label: string;
  readonly data: readonly number[];
}

/** Units from the top to the bottom, examples from left to right: a click follows one. */
function ByExample({ room, shown, label, data }: ByExampleProps): JSX.Element {
  const texts = t().playground.detail;
  const { samples } = shown.step;
  const units = data.length / samples;
  const turned = data.map((_, i) => data[(i % samples) * units + Math.floor(i / samples)] as number);
  return (
    <HeatMap
      label={label}
      values={turned}
      rows={units}
      columns={samples}
      hasNumbers
      height={heightOf(units)}
      xLabel={texts.examplesAxis}
      columnNames={Array.from({ length: samples }, (_, n) => texts.exampleButton(n + 1))}
      selected={{ row: 0, column: shown.sample }}
      onSelect={({ column }) => {
        room.sample.value = column;
      }}
    />
  );
}

function heightOf(rows: number): number {
  return Math.min(320, Math.max(24, 22 * rows));
}

interface UpdateTableProps {
  readonly shown: ShownMoment;
  readonly parameter: TraceParameter;
}

/** Every element: before, gradient, the optimiser's state, the change, after. */
function UpdateTable({ shown, parameter }: UpdateTableProps): JSX.Element {
  const texts = t().playground.detail;
  const { trace } = shown.step;
  const before = elements(parameter.before);
  const change = elements(parameter.change);
  const after = elements(parameter.after);
  const of = parameter.gradient === undefined ? undefined : trace.operations[parameter.gradient]?.value;
  const gradient = elements(of);
  if (before === undefined || change === undefined || after === undefined || before.length > mostRows) {
    return (
      <>
        <p class="hint">{texts.tooLarge}</p>
        <ValueHistogram label={texts.change} value={parameter.change} color="var(--update)" />
      </>
    );
  }
  const states = Object.entries(parameter.state).map(([name, state]) => ({
    name: texts.states[name as keyof typeof texts.states] ?? name,
    before: state.before === undefined ? undefined : elements(state.before),
    after: elements(state.after),
  }));
  const columns = parameter.shape.at(-1) ?? 1;
  return (
    <div class="table-scroll" tabIndex={0} role="region" aria-label={texts.updateTable}>
      <table class="update-table">
        <caption>{texts.updateTable}</caption>
        <thead>
          <tr>
            <th scope="col">{texts.element}</th>
            <th scope="col">{texts.before}</th>
            <th scope="col">{texts.gradient}</th>
            {states.map(({ name }) => (
              <th scope="col" key={name}>
                {name}
              </th>
            ))}
            <th scope="col">{texts.change}</th>
            <th scope="col">{texts.after}</th>
          </tr>
        </thead>
        <tbody>
          {before.map((value, i) => (
            <tr key={i}>
              <th scope="row">
                {parameter.shape.length > 1 ? `${Math.floor(i / columns) + 1}, ${(i % columns) + 1}` : i + 1}
              </th>
              <td>
                <ShownNumber value={value} />
              </td>
              <td>
                <ShownNumber value={gradient?.[i]} />
              </td>
              {states.map((state) => (
                <td key={state.name}>
                  <ShownNumber value={state.before?.[i] ?? 0} /> → <ShownNumber value={state.after?.[i]} />
                </td>
              ))}
              <td>
                <ShownNumber value={change[i]} />
              </td>
              <td>
                <ShownNumber value={after[i]} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
