/** Counts in bins of equal width, as bars. */
import type { JSX } from "preact";
import { t } from "../text/text.ts";
import { formatNumber } from "./number.ts";

export interface HistogramMark {
  readonly at: number;
  readonly label: string;
}

/** Takes a TraceHistogram as it is. */
export interface HistogramProps {
  /** What is counted: the name for screen readers. */
  readonly label: string;
  /** Undefined: nothing was counted yet, hatched. */
  readonly counts: readonly number[] | undefined;
  readonly from: number;
  readonly to: number;
  /** CSS pixels; default 72. */
  readonly height?: number | undefined;
  /** CSS colour; default that of text that is not important. */
  readonly color?: string | undefined;
  /** Places that are marked by a line, such as the mean. */
  readonly marks?: readonly HistogramMark[] | undefined;
}

/** The drawing counts in these; the browser scales it to the room there is. */
const drawn = { width: 200, height: 100 };

export function Histogram(props: HistogramProps): JSX.Element {
  const { label, counts, from, to, height = 72, color = "var(--muted)", marks = [] } = props;
  const texts = t().view;
  const most = Math.max(1, ...(counts ?? []));
  const total = (counts ?? []).reduce((sum, count) => sum + count, 0);
  const bins = counts?.length ?? 0;
  const edge = (bin: number): string => formatNumber(from + ((to - from) * bin) / Math.max(1, bins), 3);
  const fullest = counts?.indexOf(Math.max(...counts)) ?? 0;
  const wide = drawn.width / Math.max(1, bins);
  const xOf = (value: number): number => (to > from ? (drawn.width * (value - from)) / (to - from) : drawn.width / 2);
  const summary =
    counts === undefined || total === 0
      ? texts.gridEmpty(label)
      : `${label}${texts.colon}${texts.histogram(total, formatNumber(from), formatNumber(to))}${texts.comma}${texts.histogramMost(
          counts[fullest] ?? 0,
          edge(fullest),
          edge(fullest + 1),
        )}. ${marks.map((mark) => `${mark.label} ${formatNumber(mark.at)}`).join(texts.comma)}`.trim();
  return (
    <figure class="histogram">
      <svg
        role="img"
        aria-label={summary}
        viewBox={`0 0 ${drawn.width} ${drawn.height}`}
        preserveAspectRatio="none"
        style={`height:${height}px`}
        class={counts === undefined ? "hatched" : undefined}
      >
        {counts?.map((count, bin) => (
          <rect
            key={bin}
            x={bin * wide + wide * 0.04}
            width={wide * 0.92}
            // One is seen beside a million.
            y={count === 0 ? drawn.height : Math.min(98, drawn.height * (1 - count / most))}
            height={count === 0 ? 0 : Math.max(2, (drawn.height * count) / most)}
            fill={color}
          >
            <title>{texts.histogramBin(count, edge(bin), edge(bin + 1))}</title>
          </rect>
        ))}
        {from < 0 && to > 0 ? (
          <line class="zero-line" x1={xOf(0)} x2={xOf(0)} y1={0} y2={drawn.height} vector-effect="non-scaling-stroke" />
        ) : undefined}
        {marks.map((mark) => (
          <line
            key={mark.label}
            class="mark-line"
            x1={xOf(mark.at)}
            x2={xOf(mark.at)}
            y1={0}
            y2={drawn.height}
            vector-effect="non-scaling-stroke"
          >
            <title>{`${mark.label} ${formatNumber(mark.at)}`}</title>
          </line>
        ))}
      </svg>
      <figcaption class="histogram-ends" aria-hidden="true">
        <span>{counts === undefined ? "" : formatNumber(from, 3)}</span>
        <span>{counts === undefined ? texts.nothingYet : formatNumber(to, 3)}</span>
      </figcaption>
    </figure>
  );
}
