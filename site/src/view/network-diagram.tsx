/**
 * A network as layers of units with edges between them. Edges are SVG, the pictures inside of units are one canvas below it.
 * What is under the pointer is computed from the places, so thin edges need no wider copies of themselves.
 */
import type { JSX } from "preact";
import { useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { t } from "../text/text.ts";
import { Drawing, paintMaps } from "./diagram-drawing.tsx";
import { movedBy } from "./diagram-keys.ts";
import {
  type Column,
  type DiagramLayout,
  hitAt,
  layoutOf,
  mostLayers,
  mostUnits,
  windowStart,
} from "./diagram-layout.ts";
import { phaseText, selectionText } from "./diagram-text.ts";
import {
  type DiagramLayer,
  type DiagramPhase,
  type DiagramSelection,
  type NetworkDiagramProps,
  sameSelection,
} from "./diagram-types.ts";
import { theme } from "./theme.ts";
import { useSize } from "./use-size.ts";

export type {
  DiagramLayer,
  DiagramLoss,
  DiagramPhase,
  DiagramSelection,
  DiagramUnit,
  NetworkDiagramProps,
  UnitMark,
} from "./diagram-types.ts";

export function NetworkDiagram(props: NetworkDiagramProps): JSX.Element {
  const { label, layers, phase, loss, onSelect, onHover, foot } = props;
  const texts = t().view;
  const id = useId().replaceAll(":", "");
  const frame = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const drawing = useRef<SVGSVGElement>(null);
  const { width } = useSize(frame);
  const [firstLayer, setFirstLayer] = useState(0);
  const [firstUnits, setFirstUnits] = useState<readonly number[]>([]);
  const [cursor, setCursor] = useState<DiagramSelection>({ kind: "unit", layer: 0, unit: 0 });
  const [hover, setHover] = useState<DiagramSelection | undefined>(undefined);
  const shouldFocus = useRef(false);
  const shownTheme = theme.value;
  const hasLoss = loss !== undefined;
  const layout = useMemo(
    () => layoutOf({ layers, width, firstLayer, firstUnits, hasLoss }),
    [shapeOf(layers), width, firstLayer, firstUnits, hasLoss],
  );

  useEffect(() => {
    if (canvas.current !== null && width > 0) paintMaps(canvas.current, layout, props);
  });
  useLayoutEffect(() => {
    if (!shouldFocus.current) return;
    shouldFocus.current = false;
    drawing.current?.querySelector<SVGElement>("[data-current=true]")?.focus();
  }, [cursor]);

  const startAt = (layer: number, start: number): void =>
    setFirstUnits((known) => layers.map((_, i) => (i === layer ? start : (known[i] ?? 0))));
  const uncover = ({ layer, unit }: { readonly layer: number; readonly unit: number }): void => {
    const count = layers[layer]?.units.length ?? 0;
    setFirstLayer((start) => windowStart(start, layers.length, mostLayers, layer));
    startAt(layer, windowStart(firstUnits[layer] ?? 0, count, mostUnits, unit));
  };
  const here = presentOr(cursor, layers);
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      onSelect?.(here);
      return;
    }
    const to = movedBy(event.key, here, layers);
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    shouldFocus.current = true;
    uncover(to);
    setCursor(to);
  };

  const hitOf = (event: MouseEvent): DiagramSelection | undefined => {
    const box = drawing.current?.getBoundingClientRect();
    return box === undefined ? undefined : hitAt(layout, layers, event.clientX - box.left, event.clientY - box.top);
  };
  const onPointer = (hit: DiagramSelection | undefined): void => {
    if (sameSelection(hit, hover)) return;
    setHover(hit);
    onHover?.(hit);
  };
  const onClick = (event: MouseEvent): void => {
    // A click that no pointer made, such as that of a screen reader, has no place.
    const hit = event.detail === 0 ? unitOf(event.target) : hitOf(event);
    if (hit === undefined) return;
    setCursor(hit);
    onSelect?.(hit);
  };

  return (
    <div class="network" ref={frame}>
      <p class="visually-hidden" id={`${id}-keys`}>
        {texts.diagramKeys}
      </p>
      <p class="visually-hidden" aria-live="polite">
        {phaseText(layers, phase)}
      </p>
      <FoldedLayers layout={layout} onShow={setFirstLayer} />
      <div class="network-scroll">
        <div class="network-drawing" style={`width:${layout.width}px;height:${layout.height}px`}>
          <canvas ref={canvas} aria-hidden="true" />
          <svg
            ref={drawing}
            class={hover === undefined ? undefined : "is-over"}
            width={layout.width}
            height={layout.height}
            role="application"
            aria-label={label}
            aria-describedby={`${id}-keys`}
            onKeyDown={onKeyDown}
            onClick={onClick}
            onPointerMove={(event) => onPointer(hitOf(event))}
            onPointerLeave={() => onPointer(undefined)}
          >
            <Drawing {...props} id={id} layout={layout} cursor={here} hover={hover} />
          </svg>
          {layout.columns.map((column) => (
            <FoldedUnits
              key={column.layer}
              column={column}
              label={layers[column.layer]?.label ?? ""}
              onShow={(start) => startAt(column.layer, start)}
            />
          ))}
        </div>
        {foot === undefined ? undefined : (
          <div
            class="network-feet"
            style={`width:${layout.width}px;padding-left:${(layout.columns[0]?.x ?? 0) - layout.columnWidth / 2}px`}
          >
            {layout.columns.map(({ layer }) => (
              <div key={layer} class="network-foot" style={`width:${layout.columnWidth}px`}>
                {foot(layer)}
              </div>
            ))}
          </div>
        )}
      </div>
      {width > 0 && layout.width > width ? <p class="hint">{texts.scrollSideways}</p> : undefined}
      <Caption selection={hover ?? props.selection} layers={layers} phase={phase} theme={shownTheme} />
    </div>
  );
}

/** The unit or bias that an element of the drawing stands for. */
function unitOf(target: EventTarget | null): DiagramSelection | undefined {
  const element = target instanceof Element ? target.closest<SVGElement>("[data-unit]") : null;
  if (element === null || !(target instanceof Element)) return undefined;
  const { layer, unit } = element.dataset;
  return { kind: target.closest(".bias") === null ? "unit" : "bias", layer: Number(layer), unit: Number(unit) };
}

/** What the places of the units follow from. */
function shapeOf(layers: readonly DiagramLayer[]): string {
  return layers.map(({ units }) => `${units.length}${units.some(({ map }) => map !== undefined) ? "m" : ""}`).join(" ");
}

/** A place that was, in a network that has changed since. */
function presentOr(at: DiagramSelection, layers: readonly DiagramLayer[]): DiagramSelection {
  const units = layers[at.layer]?.units.length ?? 0;
  const before = layers[at.layer - 1]?.units.length ?? 0;
  const isThere = at.unit < units && (at.kind !== "edge" || at.from < before);
  return isThere ? at : { kind: "unit", layer: 0, unit: 0 };
}

/** In words: what is pointed at, or selected. */
function Caption(props: {
  readonly selection: DiagramSelection | undefined;
  readonly layers: readonly DiagramLayer[];
  readonly phase: DiagramPhase | undefined;
  readonly theme: string;
}): JSX.Element {
  const texts = t().view;
  const { selection, layers, phase } = props;
  const isThere = selection !== undefined && sameSelection(presentOr(selection, layers), selection);
  return (
    <div class="network-caption">
      <span>{isThere ? selectionText(layers, selection, phase) : "\u00a0"}</span>
      <span class="network-legend" aria-hidden="true">
        <i class="legend-positive" />
        {texts.legendPositive}
        <i class="legend-negative" />
        {texts.legendNegative}
        <i class="legend-none hatched" />
        {texts.nothingYet}
      </span>
    </div>
  );
}

interface FoldedLayersProps {
  readonly layout: DiagramLayout;
  readonly onShow: (start: number) => void;
}

function FoldedLayers({ layout: { left, right }, onShow }: FoldedLayersProps): JSX.Element | null {
  if (left + right === 0) return null;
  return (
    <div class="network-folds">
      {left === 0 ? undefined : (
        <button type="button" class="fold" onClick={() => onShow(Math.max(0, left - mostLayers + 1))}>
          ← {t().view.moreLayers(left)}
        </button>
      )}
      {right === 0 ? undefined : (
        <button type="button" class="fold fold-right" onClick={() => onShow(left + Math.min(right, mostLayers - 1))}>
          {t().view.moreLayers(right)} →
        </button>
      )}
    </div>
  );
}

interface FoldedUnitsProps {
  readonly column: Column;
  readonly label: string;
  readonly onShow: (start: number) => void;
}

function FoldedUnits({ column, label, onShow }: FoldedUnitsProps): JSX.Element {
  const { above, below, x, top, bottom } = column;
  const button = (count: number, sign: string, y: number, start: number): JSX.Element | undefined =>
    count === 0 ? undefined : (
      <button
        type="button"
        class="fold fold-units"
        style={`left:${x}px;top:${y}px`}
        aria-label={`${label}${t().view.colon}${t().view.moreUnitsLabel(count)}`}
        onClick={() => onShow(start)}
      >
        {sign} {t().view.moreUnits(count)}
      </button>
    );
  return (
    <>
      {button(above, "↑", top - 24, Math.max(0, above - mostUnits))}
      {button(below, "↓", bottom + 6, above + Math.min(below, mostUnits))}
    </>
  );
}
