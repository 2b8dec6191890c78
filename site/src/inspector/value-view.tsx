/** A captured tensor: its numbers as a heat map where there are few, else statistics and a histogram. */
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { type TraceValue, summaryOf } from "twopass/inspect";
import { t } from "../text/text.ts";
import { HeatMap } from "../view/heat-map.tsx";
import { Histogram } from "../view/histogram.tsx";
import { formatCount } from "../view/number.ts";
import { ShownNumber } from "../view/shown-number.tsx";
import { gridOf } from "./grid.ts";
import { shapeText } from "./visible-graph.ts";

export interface ValueViewProps {
  readonly label: string;
  readonly shape: readonly number[];
  /** Undefined: there is none, for the reason that `missing` says. */
  readonly value: TraceValue | undefined;
  readonly missing: string;
  /** CSS colour of the histogram. */
  readonly color?: string | undefined;
}

/** Columns up to which numbers can be read in the cells. */
const mostWritten = 5;

export function ValueView({ label, shape, value, missing, color }: ValueViewProps): JSX.Element {
  const texts = t().inspector;
  const summary = useMemo(() => (value === undefined ? undefined : summaryOf(value)), [value]);
  const grid = useMemo(() => gridOf(value, shape), [value, shape]);
  return (
    <section class="inspector-value">
      <h4>
        {label} <span class="inspector-muted">[{shapeText(shape)}]</span>
      </h4>
      {summary === undefined ? (
        <p class="inspector-missing hatched">{missing}</p>
      ) : grid !== undefined && grid.data.length === 1 ? (
        <p class="inspector-single">
          <ShownNumber value={grid.data[0]} digits={6} />
        </p>
      ) : (
        <>
          {grid === undefined ? (
            <Histogram
              label={label}
              {...summary.histogram}
              color={color}
              marks={[{ at: summary.mean, label: texts.mean }]}
            />
          ) : (
            <HeatMap
              label={label}
              values={grid.data}
              rows={grid.rows}
              columns={grid.columns}
              height={Math.min(240, Math.max(28, 26 * grid.rows))}
              hasNumbers={grid.columns <= mostWritten && grid.rows <= 10}
            />
          )}
          <dl class="inspector-numbers">
            <Entry name={texts.norm} value={summary.norm} />
            <Entry name={texts.mean} value={summary.mean} />
            <Entry name={texts.deviation} value={summary.std} />
            <Entry name={texts.rms} value={summary.norm / Math.sqrt(summary.size - summary.nonFinite)} />
            <Entry name={texts.smallest} value={summary.min} />
            <Entry name={texts.largest} value={summary.max} />
            <div>
              <dt>{texts.zeros}</dt>
              <dd>{texts.of(formatCount(summary.zeros), formatCount(summary.size))}</dd>
            </div>
            <div class={summary.nonFinite === 0 ? undefined : "inspector-bad"}>
              <dt>{texts.notFinite}</dt>
              <dd>{texts.of(formatCount(summary.nonFinite), formatCount(summary.size))}</dd>
            </div>
          </dl>
        </>
      )}
    </section>
  );
}

function Entry({ name, value }: { readonly name: string; readonly value: number }): JSX.Element {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <ShownNumber value={value} />
      </dd>
    </div>
  );
}
