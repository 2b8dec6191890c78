/** What a diagram says of its parts: names of its elements for screen readers, and tooltips. */
import { t } from "../text/text.ts";
import {
  type DiagramLayer,
  type DiagramPhase,
  type DiagramSelection,
  hasGradients,
  weightGradientOf,
  weightOf,
} from "./diagram-types.ts";
import { formatNumber, noNumber } from "./number.ts";

export function selectionText(
  layers: readonly DiagramLayer[],
  selection: DiagramSelection,
  phase: DiagramPhase | undefined,
): string {
  const texts = t().view;
  const unit = layers[selection.layer]?.units[selection.unit];
  const label = unit?.label ?? "";
  const gradientText = (gradient: number | undefined): string =>
    gradient === undefined || !hasGradients(phase, selection.layer)
      ? texts.noGradient
      : texts.gradient(formatNumber(gradient));
  switch (selection.kind) {
    case "unit": {
      const value = unit?.value === undefined ? [] : [texts.activation(formatNumber(unit.value))];
      const gradient = selection.layer === 0 ? [] : [gradientText(unit?.gradient)];
      const marks = (unit?.marks ?? []).map((mark) => texts.marks[mark]);
      return [texts.unit(label), ...value, ...gradient, ...marks].join(texts.comma);
    }
    case "bias":
      return texts.biasOf(label, formatNumber(unit?.bias));
    case "edge": {
      const from = layers[selection.layer - 1]?.units[selection.from]?.label ?? "";
      const weight = weightOf(layers, selection.layer, selection.unit, selection.from);
      const gradient = weightGradientOf(layers, selection.layer, selection.unit, selection.from);
      return `${texts.edgeOf(from, label, weight === undefined ? noNumber : formatNumber(weight))}${texts.comma}${gradientText(gradient)}`;
    }
  }
}

/** What the phase does, for the live region. */
export function phaseText(layers: readonly DiagramLayer[], phase: DiagramPhase | undefined): string {
  if (phase === undefined) return "";
  const layer = layers[phase.layer]?.label;
  if (phase.phase === "loss") return t().view.lit.loss();
  return layer === undefined ? t().view.phases[phase.phase] : t().view.lit[phase.phase](layer);
}
