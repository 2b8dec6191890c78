/** What a diagram of a network is drawn from. Layer 0 is the input. */
import type { JSX } from "preact";
import type { Phase } from "./phase.ts";

export type UnitMark = "dead" | "saturated" | "vanishing" | "exploding" | "notFinite";

export interface DiagramUnit {
  /** "x₁", "h₃", "p(yes)". */
  readonly label: string;
  /** Its activation for what is shown; undefined: none yet. */
  readonly value?: number | undefined;
  readonly gradient?: number | undefined;
  /** Undefined: it has no bias, such as an input. */
  readonly bias?: number | undefined;
  /** What it gives over the plane of the inputs, row by row from the top; drawn inside of it. */
  readonly map?: ArrayLike<number> | undefined;
  readonly marks?: readonly UnitMark[] | undefined;
}

export interface DiagramLayer {
  readonly label: string;
  /** More about it, such as "tanh". */
  readonly note?: string | undefined;
  readonly units: readonly DiagramUnit[];
  /** From the layer before, [units here, units there] row by row. Undefined: edges without a number. */
  readonly weights?: ArrayLike<number> | undefined;
  /** Gradients of the weights, as they lie; undefined: none yet. Drawn in place of weights in the backward phase. */
  readonly gradients?: ArrayLike<number> | undefined;
  /** Which activation has no colour, such as 0.5 for a probability. Default 0. */
  readonly middle?: number | undefined;
}

export type DiagramSelection =
  | { readonly kind: "unit"; readonly layer: number; readonly unit: number }
  | { readonly kind: "bias"; readonly layer: number; readonly unit: number }
  /** The edge from unit `from` of the layer before. */
  | { readonly kind: "edge"; readonly layer: number; readonly unit: number; readonly from: number };

/** What is lit: the layer that the phase is at, and those that it has done. */
export interface DiagramPhase {
  readonly phase: Phase;
  /** The layer it is at, with the edges into it; −1: none. */
  readonly layer: number;
  /** Layers that are done, which stay lit faintly. */
  readonly done: readonly number[];
}

/** The loss, behind the output. */
export interface DiagramLoss {
  readonly label: string;
  /** Undefined: not computed yet. */
  readonly value: number | undefined;
}

export interface NetworkDiagramProps {
  /** What is shown: the name for screen readers. */
  readonly label: string;
  readonly layers: readonly DiagramLayer[];
  /** Rows and columns of each unit's map; needed where there are maps. */
  readonly mapResolution?: number | undefined;
  /** Drawn behind the output. Default: none. */
  readonly loss?: DiagramLoss | undefined;
  readonly selection?: DiagramSelection | undefined;
  readonly onSelect?: ((selection: DiagramSelection) => void) | undefined;
  readonly onHover?: ((selection: DiagramSelection | undefined) => void) | undefined;
  readonly phase?: DiagramPhase | undefined;
  /** What stands in units and on edges. Default: gradients in the backward phase, else values and weights. */
  readonly shows?: "value" | "gradient" | undefined;
  /** Below each layer, such as buttons to add units; undefined: nothing. */
  readonly foot?: ((layer: number) => JSX.Element | undefined) | undefined;
}

export function sameSelection(a: DiagramSelection | undefined, b: DiagramSelection | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  if (a.kind !== b.kind || a.layer !== b.layer || a.unit !== b.unit) return false;
  return a.kind !== "edge" || b.kind !== "edge" || a.from === b.from;
}

export function weightOf(
  layers: readonly DiagramLayer[],
  layer: number,
  unit: number,
  from: number,
): number | undefined {
  const before = layers[layer - 1]?.units.length ?? 0;
  return layers[layer]?.weights?.[unit * before + from];
}

export function weightGradientOf(
  layers: readonly DiagramLayer[],
  layer: number,
  unit: number,
  from: number,
): number | undefined {
  const before = layers[layer - 1]?.units.length ?? 0;
  return layers[layer]?.gradients?.[unit * before + from];
}

/** Whether the gradients of a layer are known where the phase is; without a phase all are that there are. */
export function hasGradients(phase: DiagramPhase | undefined, layer: number): boolean {
  if (phase === undefined || phase.phase === "update") return true;
  return phase.phase === "backward" && (phase.layer === layer || phase.done.includes(layer));
}
