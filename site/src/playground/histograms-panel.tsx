/** How the weights of each layer and their gradients are distributed in the step that is shown. */
import type { JSX } from "preact";
import type { TraceValue } from "twopass/inspect";
import { t } from "../text/text.ts";
import { Histogram } from "../view/histogram.tsx";
import type { ShownMoment } from "./diagram-data.ts";
import { histogramOf } from "./distribution.ts";
import type { LayerReading } from "./step-reading.ts";
import type { Room } from "./room.ts";
import { isKnown, isUpdated } from "./timeline.ts";

export function HistogramsPanel({ room }: { readonly room: Room }): JSX.Element {
  const texts = t().playground.histograms;
  const shown = room.shown.value;
  return (
    <section class="panel histograms" aria-label={texts.label}>
      <h2>{texts.label}</h2>
      {shown === undefined ? (
        <p class="hint">{texts.none}</p>
      ) : (
        <div class="histogram-grid">
          {shown.step.layers.map((layer, l) => (
            <LayerHistograms
              key={layer.path}
              shown={shown}
              layer={layer}
              name={l === shown.step.layers.length - 1 ? t().playground.names.output : t().view.layer(l + 1)}
            />
          ))}
        </div>
      )}
    </section>
  );
}

interface LayerHistogramsProps {
  readonly shown: ShownMoment;
  readonly layer: LayerReading;
  readonly name: string;
}

function LayerHistograms({ shown, layer, name }: LayerHistogramsProps): JSX.Element {
  const texts = t().playground.histograms;
  const { step, timeline, at } = shown;
  const parameter = step.trace.parameters[layer.weight];
  const weights = isUpdated(timeline, at, layer.weight) ? parameter?.after : parameter?.before;
  const gradient = parameter?.gradient;
  const gradients = isKnown(timeline, at, gradient) ? step.trace.operations[gradient as number]?.value : undefined;
  return (
    <div>
      <h3>{name}</h3>
      <ValueHistogram label={texts.weights} value={weights} color="var(--forward)" />
      <ValueHistogram label={texts.gradients} value={gradients} color="var(--backward)" />
    </div>
  );
}

interface ValueHistogramProps {
  readonly label: string;
  readonly value: TraceValue | undefined;
  readonly color: string;
}

export function ValueHistogram({ label, value, color }: ValueHistogramProps): JSX.Element {
  const { counts, from, to } = value === undefined ? { counts: undefined, from: 0, to: 1 } : histogramOf(value);
  return (
    <figure class="value-histogram">
      <figcaption>{label}</figcaption>
      <Histogram label={label} counts={counts} from={from} to={to} color={color} height={48} />
    </figure>
  );
}
