/** The parts of a diagram in SVG: edges, units, the loss. What they show follows from the phase. */
import type { JSX } from "preact";
import { t } from "../text/text.ts";
import { css, divergingColor, inkOn } from "./colors.ts";
import { type Box, type Line, type PlacedUnit, biasPlace, pathOf } from "./diagram-layout.ts";
import type { DiagramLoss, DiagramUnit, UnitMark } from "./diagram-types.ts";
import { formatNumber } from "./number.ts";
import type { Phase } from "./phase.ts";
import type { Theme } from "./theme.ts";

export type Light = "here" | "done" | undefined;

export interface EdgeProps {
  readonly line: Line;
  /** "none": edges of this layer have no number; undefined: it has none yet. */
  readonly value: number | undefined | "none";
  /** The largest magnitude that is drawn, and how wide it is. */
  readonly limit: number;
  readonly widest: number;
  readonly light: Light;
  readonly phase: Phase | undefined;
  readonly isSelected: boolean;
  /** Of the arrowheads in this document. */
  readonly arrowId: string;
}

function edgeKind(value: EdgeProps["value"]): string {
  if (value === "none") return "plain";
  if (value === undefined) return "none-yet";
  if (!Number.isFinite(value)) return "broken";
  return value < 0 ? "negative" : value > 0 ? "positive" : "zero";
}

export function Edge({ line, value, limit, widest, light, phase, isSelected, arrowId }: EdgeProps): JSX.Element {
  const kind = edgeKind(value);
  const isLit = light === "here" && phase !== undefined && phase !== "loss";
  const width =
    typeof value === "number" && Number.isFinite(value) ? 0.75 + ((widest - 0.75) * Math.abs(value)) / limit : 1;
  const hasArrow = isLit && phase !== "update";
  return (
    <path
      class={`edge edge-${kind}${isLit ? ` is-lit lit-${phase}` : ""}${isSelected ? " is-selected" : ""}`}
      d={pathOf(line, isLit && phase === "backward")}
      stroke-width={Math.round(10 * width) / 10}
      marker-end={hasArrow ? `url(#${arrowId}-${phase})` : undefined}
    />
  );
}

/** Arrowheads of the two passes, for `marker-end`. */
export function Arrows({ id }: { readonly id: string }): JSX.Element {
  return (
    <defs>
      {(["forward", "backward"] as const).map((phase) => (
        <marker
          key={phase}
          id={`${id}-${phase}`}
          class={`arrow arrow-${phase}`}
          viewBox="0 0 8 8"
          refX="7"
          refY="4"
          markerWidth="8"
          markerHeight="8"
          markerUnits="userSpaceOnUse"
          orient="auto"
        >
          <path d="M0 0.5L8 4L0 7.5z" />
        </marker>
      ))}
      <pattern id={`${id}-hatch`} width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
        <line class="hatch-line" x1="0" x2="0" y1="0" y2="6" />
      </pattern>
    </defs>
  );
}

export interface UnitProps {
  readonly unit: DiagramUnit;
  readonly placed: PlacedUnit;
  readonly box: Box;
  /** What stands in it. */
  readonly shown: number | undefined;
  readonly middle: number;
  readonly limit: number;
  readonly light: Light;
  readonly phase: Phase | undefined;
  readonly isSelected: boolean;
  readonly isBiasSelected: boolean;
  readonly hasPicture: boolean;
  readonly label: string;
  readonly hatchId: string;
  readonly theme: Theme;
  /** Whether the keyboard is here. */
  readonly isCurrent: boolean;
  readonly isBiasCurrent: boolean;
  readonly biasLabel: string;
  readonly layer: number;
}

const markSigns: Readonly<Record<UnitMark, string>> = {
  dead: "×",
  saturated: "=",
  vanishing: "↓",
  exploding: "↑",
  notFinite: "!",
};

/** A box that holds a number of three digits. */
const leastForNumber = 48;

export function Unit(props: UnitProps): JSX.Element {
  const { unit, placed, box, shown, middle, limit, light, phase, isSelected, hasPicture, hatchId } = props;
  const [left, top] = [placed.x - box.width / 2, placed.y - box.height / 2];
  const share = shown === undefined ? 0 : (shown - middle) / limit;
  const color = divergingColor(Number.isFinite(share) ? Math.min(1, Math.max(-1, share)) : 0, props.theme);
  const fill = hasPicture ? "none" : shown === undefined ? `url(#${hatchId})` : css(color);
  const lit = light === undefined || phase === undefined ? "" : ` is-${light} lit-${phase}`;
  // Where it has no room inside, the number stands beside the label.
  const isOutside = hasPicture || box.width < leastForNumber;
  const [biasX, biasY] = biasPlace(placed, box);
  return (
    <g class={`unit${lit}${isSelected ? " is-selected" : ""}`} data-layer={props.layer} data-unit={placed.unit}>
      <g
        role="button"
        class="unit-body"
        tabindex={props.isCurrent ? 0 : -1}
        data-current={props.isCurrent ? "true" : undefined}
        aria-label={props.label}
        aria-pressed={isSelected}
      >
        <title>{props.label}</title>
        <rect class="unit-box" x={left} y={top} width={box.width} height={box.height} rx="4" fill={fill} />
      </g>
      <g class="unit-texts" aria-hidden="true">
        <text class="unit-label" x={placed.x} y={top - 4}>
          {isOutside && shown !== undefined ? `${unit.label} ${formatNumber(shown, 3)}` : unit.label}
        </text>
        {isOutside || shown === undefined ? undefined : (
          <text class="unit-value" x={placed.x} y={placed.y + 4} style={`fill:${inkOn(color)}`}>
            {formatNumber(shown, 3)}
          </text>
        )}
      </g>
      {unit.bias === undefined ? undefined : (
        <g
          role="button"
          class={`bias${props.isBiasSelected ? " is-selected" : ""}`}
          tabindex={props.isBiasCurrent ? 0 : -1}
          data-current={props.isBiasCurrent ? "true" : undefined}
          aria-label={props.biasLabel}
          aria-pressed={props.isBiasSelected}
        >
          <title>{props.biasLabel}</title>
          <rect
            class={unit.bias < 0 ? "bias-box is-negative" : "bias-box"}
            x={biasX - 4}
            y={biasY - 4}
            width="8"
            height="8"
          />
        </g>
      )}
      {(unit.marks ?? []).map((mark, i) => (
        <g key={mark} class="unit-mark">
          <title>{t().view.marks[mark]}</title>
          <circle cx={left + box.width - 1 - 13 * i} cy={top + box.height - 5} r="6.5" />
          <text x={left + box.width - 1 - 13 * i} y={top + box.height - 1.5}>
            {markSigns[mark]}
          </text>
        </g>
      ))}
    </g>
  );
}

export interface LossNodeProps {
  readonly loss: DiagramLoss;
  readonly x: number;
  readonly y: number;
  readonly isLit: boolean;
  readonly hatchId: string;
}

export const lossBox: Box = { width: 60, height: 28 };

export function LossNode({ loss, x, y, isLit, hatchId }: LossNodeProps): JSX.Element {
  return (
    <g
      class={`loss-node${isLit ? " is-here lit-loss" : ""}`}
      role="img"
      aria-label={`${loss.label}${t().view.colon}${formatNumber(loss.value)}`}
    >
      <rect
        class="unit-box"
        x={x - lossBox.width / 2}
        y={y - lossBox.height / 2}
        width={lossBox.width}
        height={lossBox.height}
        rx="14"
        fill={loss.value === undefined ? `url(#${hatchId})` : "var(--paper)"}
      />
      <text class="unit-label" x={x} y={y - lossBox.height / 2 - 4}>
        {loss.label}
      </text>
      {loss.value === undefined ? undefined : (
        <text class="unit-value" x={x} y={y + 4}>
          {formatNumber(loss.value, 3)}
        </text>
      )}
    </g>
  );
}
