/** The examples of a config. */
import { type DataConfig, type LossName, dataKinds } from "./config.ts";
import { csvSet } from "./csv-data.ts";
import { type DataSet, checkClasses } from "./data-set.ts";
import { type DigitSet, digitSet } from "./digit-data.ts";
import { checkChoice, fault } from "./faults.ts";
import { drawnSet, makePlaneSet } from "./plane-data.ts";
import { textSet } from "./text-data.ts";

/**
 * Makes a set; the same config and seed make the same one.
 *
 * @param digits those that come with the page, for the kind "digits".
 * @throws SessionError that says what the learner can do.
 */
export function makeDataSet(config: DataConfig, loss: LossName, seed: number, digits?: DigitSet): DataSet {
  checkChoice("data", config.kind, dataKinds);
  const set = makePlaneSet(config, seed) ?? given(config, loss, digits);
  if (loss === "crossEntropy" && set.classes === undefined) throw fault("classesNeeded");
  checkClasses(set);
  return set;
}

function given(config: DataConfig, loss: LossName, digits: DigitSet | undefined): DataSet {
  if (config.kind === "points") return drawnSet(config);
  if (config.kind === "csv") return csvSet(config, loss);
  if (config.kind === "digits") return digitSet(digits, config.digits);
  return textSet(config.text ?? "");
}
