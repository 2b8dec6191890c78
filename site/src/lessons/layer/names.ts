/** Texts of the lesson of a layer, and where its parameters stand. */
import { layerEn } from "../../text/lessons/layer-en.ts";
import { layerZh } from "../../text/lessons/layer-zh.ts";
import { textsOf } from "../../text/text.ts";

export const layerTexts = textsOf({ en: layerEn, zh: layerZh });

/** Where the parameters of a unit stand in the list. */
export function unitPlaces(units: number, unit: number): { w1: number; w2: number; b: number; v: number; c: number } {
  return { w1: 2 * unit, w2: 2 * unit + 1, b: 2 * units + unit, v: 3 * units + unit, c: 4 * units };
}
