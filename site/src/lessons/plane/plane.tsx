/**
 * The plane of two inputs: what a network gives at every place, points of two classes, lines of units, and the chosen point,
 * which is dragged, clicked to a place, or moved by two sliders.
 */
import "./plane.css";
import type { JSX } from "preact";
import { HeatMap, type HeatMapProps } from "../../view/heat-map.tsx";
import { Slider } from "../../view/slider.tsx";
import { type PlaneLine, type PlanePlace, type PointSet, lineEnds, resolution } from "./plane-set.ts";

interface PlaneProps extends Pick<HeatMapProps, "values" | "middle" | "limit"> {
  readonly label: string;
  readonly set?: PointSet | undefined;
  readonly lines?: readonly PlaneLine[] | undefined;
  readonly point: PlanePlace;
  readonly onPoint: (place: PlanePlace) => void;
}

export function Plane({ label, set, lines = [], point, onPoint, ...map }: PlaneProps): JSX.Element {
  const points = Array.from(set?.targets ?? [], (kind, i) => ({
    x: (1 + (set?.inputs[2 * i] as number)) / 2,
    y: (1 - (set?.inputs[2 * i + 1] as number)) / 2,
    kind,
  }));
  const place = (event: MouseEvent): void => {
    const svg = (event.currentTarget as SVGElement).closest("svg") as SVGElement;
    const { left, top, width, height } = svg.getBoundingClientRect();
    const near = (share: number): number => Math.round(100 * Math.max(-1, Math.min(1, 2 * share - 1))) / 100;
    onPoint([near((event.clientX - left) / width), -near((event.clientY - top) / height)]);
  };
  const [x, y] = [100 * point[0], -100 * point[1]];
  return (
    <div class="plane">
      <HeatMap label={label} rows={resolution} columns={resolution} isSmooth points={points} {...map} />
      <svg viewBox="-100 -100 200 200" aria-hidden="true" onClick={place}>
        <path class="plane-axis" d="M-100 0H100M0-100V100" />
        <text class="plane-axis-name" x="97" y="-3" text-anchor="end">
          x₁
        </text>
        <text class="plane-axis-name" x="3" y="-92">
          x₂
        </text>
        {lines.map((line) => (
          <Line key={line.name} {...line} />
        ))}
        <g
          class="plane-point"
          transform={`translate(${x} ${y})`}
          onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
          onPointerMove={(event) => {
            if (event.currentTarget.hasPointerCapture(event.pointerId)) place(event);
          }}
        >
          <circle class="plane-grip" r="14" />
          <circle class="plane-halo" r="5" />
          <circle class="plane-ring" r="5" />
        </g>
      </svg>
    </div>
  );
}

/** The line, and from its middle an arrow to where the sum grows. */
function Line({ weights, name, isFaint }: PlaneLine): JSX.Element | null {
  const ends = lineEnds(weights);
  if (ends === undefined) return null;
  const [fromX, fromY, toX, toY] = ends.flatMap(([x1, x2]) => [100 * x1, -100 * x2]) as [
    number,
    number,
    number,
    number,
  ];
  const length = Math.hypot(weights[0], weights[1]);
  const [dx, dy] = [weights[0] / length, -weights[1] / length];
  const [x, y] = [(fromX + toX) / 2, (fromY + toY) / 2];
  const head = `M${x} ${y}l${16 * dx} ${16 * dy}m${-5 * dx - 3 * dy} ${-5 * dy + 3 * dx}l${5 * dx + 3 * dy} ${5 * dy - 3 * dx}l${-5 * dx + 3 * dy} ${-5 * dy - 3 * dx}`;
  return (
    <g class={isFaint === true ? "plane-line is-faint" : "plane-line"}>
      <path d={`M${fromX} ${fromY}L${toX} ${toY}${head}`} />
      <text x={Math.max(-94, Math.min(90, x + 22 * dx))} y={Math.max(-90, Math.min(96, y + 22 * dy + 3))}>
        {name}
      </text>
    </g>
  );
}

interface PointSlidersProps {
  readonly point: PlanePlace;
  readonly onPoint: (place: PlanePlace) => void;
}

export function PointSliders({ point: [x1, x2], onPoint }: PointSlidersProps): JSX.Element {
  const common = { min: -1, max: 1, step: 0.01 };
  return (
    <div class="plane-sliders">
      <Slider label="x₁" value={x1} {...common} onInput={(to) => onPoint([to, x2])} />
      <Slider label="x₂" value={x2} {...common} onInput={(to) => onPoint([x1, to])} />
    </div>
  );
}
