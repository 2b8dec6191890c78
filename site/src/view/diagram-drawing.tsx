/** The drawing of a diagram: edges and units in SVG, and the pictures inside of units on a canvas. */
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { t } from "../text/text.ts";
import {
  type Box,
  type Column,
  type DiagramLayout,
  type Line,
  type PlacedUnit,
  lineBetween,
  pathOf,
} from "./diagram-layout.ts";
import { Arrows, Edge, type Light, LossNode, Unit, lossBox } from "./diagram-parts.tsx";
import { selectionText } from "./diagram-text.ts";
import {
  type DiagramLayer,
  type DiagramPhase,
  type DiagramSelection,
  type NetworkDiagramProps,
  hasGradients,
  sameSelection,
} from "./diagram-types.ts";
import { largestOf, limitOf, paintCells, sharpContext } from "./heat-drawing.ts";
import type { Phase } from "./phase.ts";
import { theme } from "./theme.ts";

export interface DrawingProps extends NetworkDiagramProps {
  readonly id: string;
  readonly layout: DiagramLayout;
  readonly cursor: DiagramSelection;
  readonly hover: DiagramSelection | undefined;
}

/** Whether gradients stand in place of values and weights. */
function showsGradients({ shows, phase }: NetworkDiagramProps): boolean {
  return shows === undefined ? phase?.phase === "backward" : shows === "gradient";
}

export function Drawing(props: DrawingProps): JSX.Element {
  const { id, layout, layers, phase, loss, selection, cursor, hover } = props;
  const lightOf = (layer: number): Light => {
    if (phase === undefined || phase.phase === "loss") return undefined;
    return phase.layer === layer ? "here" : phase.done.includes(layer) ? "done" : undefined;
  };
  const gradients = showsGradients(props);
  const numbersOf = (layer: number): ArrayLike<number> | undefined => {
    const { weights, gradients: slopes } = layers[layer] ?? {};
    if (!gradients) return weights;
    return hasGradients(phase, layer) ? slopes : undefined;
  };
  const edgeLimit = Math.max(...layout.columns.map(({ layer }) => largestOf(numbersOf(layer) ?? []))) || 1;
  // Many edges are narrow, so that single ones can be told apart.
  const widest = Math.min(6, Math.max(2, 48 / Math.max(...layout.columns.map(({ units }) => units.length))));
  const chosen = [selection, hover];
  const last = layout.columns.at(-1);
  return (
    <>
      <Arrows id={id} />
      <g aria-hidden="true">
        {layout.columns.slice(1).map((after, i) => {
          const light = lightOf(after.layer);
          return (
            <LayerEdges
              key={after.layer}
              before={layout.columns[i] as Column}
              after={after}
              box={layout.box}
              stride={layers[after.layer - 1]?.units.length ?? 0}
              hasNumbers={layers[after.layer]?.weights !== undefined}
              numbers={numbersOf(after.layer)}
              limit={edgeLimit}
              widest={widest}
              light={light}
              phase={light === "here" ? phase?.phase : undefined}
              chosen={chosen.filter((each) => each?.kind === "edge" && each.layer === after.layer)}
              arrowId={id}
            />
          );
        })}
        {layout.loss === undefined
          ? undefined
          : last?.units.map((unit) => (
              <LossEdge key={unit.unit} line={lossLine(unit, layout)} phase={phase} id={id} last={layers.length - 1} />
            ))}
      </g>
      {layout.columns.map((column) => (
        <LayerUnits key={column.layer} {...props} column={column} light={lightOf(column.layer)} chosen={chosen} />
      ))}
      {loss === undefined || layout.loss === undefined ? undefined : (
        <LossNode loss={loss} {...layout.loss} isLit={phase?.phase === "loss"} hatchId={`${id}-hatch`} />
      )}
      {cursor.kind === "edge" ? <EdgeCursor {...props} cursor={cursor} /> : undefined}
    </>
  );
}

interface LayerEdgesProps {
  readonly before: Column;
  readonly after: Column;
  readonly box: Box;
  /** Units of the layer before, drawn or not. */
  readonly stride: number;
  readonly hasNumbers: boolean;
  /** Undefined: none yet, where there are numbers at all. */
  readonly numbers: ArrayLike<number> | undefined;
  readonly limit: number;
  readonly widest: number;
  readonly light: Light;
  /** The phase that is here. */
  readonly phase: Phase | undefined;
  readonly chosen: readonly (DiagramSelection | undefined)[];
  readonly arrowId: string;
}

/** The edges into a layer. They are most of the drawing, so they are made again only when one of them has changed. */
function LayerEdges(props: LayerEdgesProps): JSX.Element {
  const { before, after, box, stride, hasNumbers, numbers, limit, widest, light, phase, chosen, arrowId } = props;
  const edges = useMemo(
    () =>
      after.units.flatMap((to) =>
        before.units.map((from) => (
          <Edge
            key={`${to.unit} ${from.unit}`}
            line={lineBetween(from, to, box)}
            value={hasNumbers ? numbers?.[to.unit * stride + from.unit] : "none"}
            limit={limit}
            widest={widest}
            light={light}
            phase={phase}
            isSelected={chosen.some(
              (each) => each?.kind === "edge" && each.unit === to.unit && each.from === from.unit,
            )}
            arrowId={arrowId}
          />
        )),
      ),
    [before, after, box, stride, hasNumbers, numbers, limit, widest, light, phase, arrowId, JSON.stringify(chosen)],
  );
  return <g>{edges}</g>;
}

function lossLine(unit: PlacedUnit, { box, loss }: DiagramLayout): Line {
  const { x, y } = loss as { readonly x: number; readonly y: number };
  return { fromX: unit.x + box.width / 2, fromY: unit.y, toX: x - lossBox.width / 2, toY: y };
}

interface LossEdgeProps {
  readonly line: Line;
  readonly phase: DiagramPhase | undefined;
  readonly id: string;
  readonly last: number;
}

/** To the loss, and from it: where the backward pass begins. */
function LossEdge({ line, phase, id, last }: LossEdgeProps): JSX.Element {
  const isThere = phase?.phase === "loss";
  const isBack = phase?.phase === "backward" && phase.layer === last;
  const pass = isThere ? "forward" : "backward";
  const isLit = isThere || isBack;
  return (
    <path
      class={`edge edge-plain${isLit ? ` is-lit lit-${pass}` : ""}`}
      d={pathOf(line, isBack)}
      marker-end={isLit ? `url(#${id}-${pass})` : undefined}
    />
  );
}

/** A weight has an element of its own only while the keyboard is at it: all of them would be thousands of stops. */
function EdgeCursor(
  props: DrawingProps & { readonly cursor: Extract<DiagramSelection, { readonly kind: "edge" }> },
): JSX.Element | null {
  const { cursor, layout, layers, phase } = props;
  const placeOf = (layer: number, unit: number): PlacedUnit | undefined =>
    layout.columns.find((column) => column.layer === layer)?.units.find((placed) => placed.unit === unit);
  const [from, to] = [placeOf(cursor.layer - 1, cursor.from), placeOf(cursor.layer, cursor.unit)];
  if (to === undefined) return null;
  const line =
    from === undefined
      ? { fromX: to.x - layout.columnWidth / 2, fromY: to.y, toX: to.x, toY: to.y }
      : lineBetween(from, to, layout.box);
  return (
    <path
      class="edge-cursor"
      role="button"
      tabindex={0}
      data-current="true"
      aria-label={selectionText(layers, cursor, phase)}
      aria-pressed={sameSelection(cursor, props.selection)}
      d={pathOf(line)}
    />
  );
}

interface LayerUnitsProps extends DrawingProps {
  readonly column: Column;
  readonly light: Light;
  readonly chosen: readonly (DiagramSelection | undefined)[];
}

function LayerUnits(props: LayerUnitsProps): JSX.Element {
  const { id, column, layers, layout, light, phase, cursor, chosen } = props;
  const { layer: at } = column;
  const layer = layers[at] as DiagramLayer;
  const gradients = showsGradients(props);
  const shownOf = (unit: number): number | undefined => {
    const { value, gradient } = layer.units[unit] ?? {};
    return gradients && at > 0 ? (hasGradients(phase, at) ? gradient : undefined) : value;
  };
  const isChosen = (kind: "unit" | "bias", unit: number): boolean =>
    chosen.some((each) => sameSelection(each, { kind, layer: at, unit }));
  const middle = gradients ? 0 : (layer.middle ?? 0);
  const limit = limitOf(
    column.units.flatMap(({ unit }) => shownOf(unit) ?? []),
    middle,
  );
  return (
    <g role="group" aria-label={t().view.layerOf(layer.label, layer.units.length)}>
      <text
        class={`layer-label${light === "here" && phase !== undefined ? ` lit-${phase.phase}` : ""}`}
        x={column.x}
        y={14}
      >
        {layer.label}
      </text>
      <text class="layer-note" x={column.x} y={28}>
        {layer.note ?? ""}
      </text>
      {column.units.map((placed) => {
        const unit = layer.units[placed.unit] as DiagramLayer["units"][number];
        const place = { layer: at, unit: placed.unit };
        return (
          <Unit
            key={placed.unit}
            unit={unit}
            placed={placed}
            box={layout.box}
            shown={shownOf(placed.unit)}
            middle={middle}
            limit={limit}
            light={light}
            phase={phase?.phase}
            isSelected={isChosen("unit", placed.unit)}
            isBiasSelected={isChosen("bias", placed.unit)}
            hasPicture={unit.map !== undefined}
            label={selectionText(layers, { kind: "unit", ...place }, phase)}
            layer={at}
            biasLabel={selectionText(layers, { kind: "bias", ...place }, phase)}
            hatchId={`${id}-hatch`}
            theme={theme.value}
            isCurrent={sameSelection(cursor, { kind: "unit", ...place })}
            isBiasCurrent={sameSelection(cursor, { kind: "bias", ...place })}
          />
        );
      })}
    </g>
  );
}

export function paintMaps(canvas: HTMLCanvasElement, layout: DiagramLayout, props: NetworkDiagramProps): void {
  const context = sharpContext(canvas, layout.width, layout.height);
  const { layers, mapResolution: resolution } = props;
  if (context === undefined || resolution === undefined) return;
  const { box } = layout;
  for (const { layer: at, units } of layout.columns) {
    const layer = layers[at] as DiagramLayer;
    const middle = layer.middle ?? 0;
    // One scale for a layer, so that its units can be compared.
    const limit = Math.max(...units.map(({ unit }) => largestOf(layer.units[unit]?.map ?? [], middle))) || 1;
    for (const { unit, x, y } of units) {
      const values = layer.units[unit]?.map;
      if (values === undefined) continue;
      const area = { x: x - box.width / 2, y: y - box.height / 2, ...box };
      paintCells(
        context,
        { values, rows: resolution, columns: resolution, middle, limit, scale: "diverging", isSmooth: true },
        area,
        theme.peek(),
      );
    }
  }
}
