/** How keys move from unit to unit, to the weights into a unit, and to its bias. */
import type { DiagramLayer, DiagramSelection } from "./diagram-types.ts";

/** Where a key leads from a place; undefined where the key means nothing there. */
export function movedBy(
  key: string,
  at: DiagramSelection,
  layers: readonly DiagramLayer[],
): DiagramSelection | undefined {
  switch (at.kind) {
    case "unit":
      return fromUnit(key, at.layer, at.unit, layers);
    case "bias":
      return key === "Escape" || key.startsWith("Arrow") ? { ...at, kind: "unit" } : undefined;
    case "edge":
      return fromEdge(key, at, layers);
  }
}

function unitAt(layers: readonly DiagramLayer[], layer: number, unit: number): DiagramSelection | undefined {
  const count = layers[layer]?.units.length ?? 0;
  return count === 0 ? undefined : { kind: "unit", layer, unit: Math.min(count - 1, Math.max(0, unit)) };
}

function fromUnit(
  key: string,
  layer: number,
  unit: number,
  layers: readonly DiagramLayer[],
): DiagramSelection | undefined {
  /** The unit at the same height, for layers of different sizes that stand around one middle. */
  const beside = (other: number): DiagramSelection | undefined => {
    const [here, there] = [layers[layer]?.units.length ?? 0, layers[other]?.units.length ?? 0];
    return unitAt(layers, other, Math.round(unit + (there - here) / 2));
  };
  switch (key) {
    case "ArrowUp":
      return unitAt(layers, layer, unit - 1);
    case "ArrowDown":
      return unitAt(layers, layer, unit + 1);
    case "ArrowLeft":
      return beside(layer - 1);
    case "ArrowRight":
      return beside(layer + 1);
    case "Home":
      return unitAt(layers, layer, 0);
    case "End":
      return unitAt(layers, layer, Infinity);
    case "w":
    case "W":
      return layers[layer]?.weights === undefined ? undefined : { kind: "edge", layer, unit, from: 0 };
    case "b":
    case "B":
      return layers[layer]?.units[unit]?.bias === undefined ? undefined : { kind: "bias", layer, unit };
    default:
      return undefined;
  }
}

function fromEdge(
  key: string,
  at: Extract<DiagramSelection, { readonly kind: "edge" }>,
  layers: readonly DiagramLayer[],
): DiagramSelection | undefined {
  const most = (layers[at.layer - 1]?.units.length ?? 1) - 1;
  switch (key) {
    case "ArrowUp":
      return { ...at, from: Math.max(0, at.from - 1) };
    case "ArrowDown":
      return { ...at, from: Math.min(most, at.from + 1) };
    case "Home":
      return { ...at, from: 0 };
    case "End":
      return { ...at, from: most };
    case "ArrowLeft":
      return unitAt(layers, at.layer - 1, at.from);
    case "ArrowRight":
    case "Escape":
      return { kind: "unit", layer: at.layer, unit: at.unit };
    default:
      return undefined;
  }
}
