/** A small curve in a table. */
import type { JSX } from "preact";
import { t } from "../../text/text.ts";
import { formatNumber } from "../../view/number.ts";

interface SparkProps {
  readonly label: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

const drawn = { width: 100, height: 24, edge: 2 };

export function Spark({ label, points }: SparkProps): JSX.Element | null {
  const known = points.filter(([, y]) => Number.isFinite(y));
  const [first, last] = [known[0], known.at(-1)];
  if (first === undefined || last === undefined) return null;
  const ys = known.map(([, y]) => y);
  const [low, high] = [Math.min(...ys), Math.max(...ys)];
  const { width, height, edge } = drawn;
  const place = (share: number, size: number): string => (edge + (size - 2 * edge) * share).toFixed(1);
  const path = known.map(([x, y]) => {
    const across = last[0] > first[0] ? (x - first[0]) / (last[0] - first[0]) : 0.5;
    const down = high > low ? (high - y) / (high - low) : 0.5;
    return `${place(across, width)},${place(down, height)}`;
  });
  return (
    <svg
      class="runs-spark"
      role="img"
      aria-label={label + t().view.colon + t().inspector.runs.from(formatNumber(first[1]), formatNumber(last[1]))}
      viewBox={`0 0 ${width} ${height}`}
    >
      <polyline points={path.join(" ")} />
    </svg>
  );
}
