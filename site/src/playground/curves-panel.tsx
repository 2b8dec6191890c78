/** Loss, accuracy and norms of gradients over the run. A click goes to that step. */
import type { JSX } from "preact";
import type { Metrics } from "../session/protocol.ts";
import { t } from "../text/text.ts";
import { Curve } from "../view/curve.tsx";
import type { Room } from "./room.ts";

export function CurvesPanel({ room }: { readonly room: Room }): JSX.Element {
  const texts = t().playground.curves;
  const points = room.curve.value;
  const info = room.info.value;
  const x = points.map(({ step }) => step);
  const of = (pick: (metrics: Metrics) => number | undefined): (number | undefined)[] => points.map(pick);
  const common = {
    x,
    xLabel: texts.step,
    at: room.metrics.value?.step,
    onPick: (step: number) => void room.goTo(step),
  };
  const hasTest = info === undefined || info.testSize > 0;
  return (
    <section class="panel curves" aria-label={texts.label}>
      <Curve
        {...common}
        label={texts.loss}
        hasLogSwitch
        series={[
          { label: texts.train, values: of(({ trainLoss }) => trainLoss) },
          ...(hasTest ? [{ label: texts.test, values: of(({ testLoss }) => testLoss) }] : []),
        ]}
      />
      {info !== undefined && info.task !== "numbers" ? (
        <Curve
          {...common}
          label={texts.accuracy}
          range={[0, 1]}
          series={[
            { label: texts.train, values: of(({ trainAccuracy }) => trainAccuracy) },
            ...(hasTest ? [{ label: texts.test, values: of(({ testAccuracy }) => testAccuracy) }] : []),
          ]}
        />
      ) : undefined}
      {info === undefined ? undefined : (
        <Curve
          {...common}
          label={texts.gradients}
          hasLogSwitch
          isLogarithmic
          series={info.layers.map((_, layer) => ({
            label: layer === info.layers.length - 1 ? t().playground.names.output : t().view.layer(layer + 1),
            values: of(({ gradientNorms }) => gradientNorms[layer]),
          }))}
        />
      )}
    </section>
  );
}
