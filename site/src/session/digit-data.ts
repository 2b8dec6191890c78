/** Handwritten digits of 28 × 28 pixels: a set that the caller brings, and the learner's own. */
import type { DrawnDigit } from "./config.ts";
import type { DataSet } from "./data-set.ts";
import { fault } from "./faults.ts";

/** Digits as bytes: images one behind the other, row by row, 0 to 255; a label for each. */
export interface DigitSet {
  readonly images: Uint8Array;
  readonly labels: Uint8Array;
}

export const digitSide = 28;
const pixels = digitSide * digitSide;

export function digitSet(given: DigitSet | undefined, own: readonly DrawnDigit[] = []): DataSet {
  const { images, labels } = given ?? { images: new Uint8Array(0), labels: new Uint8Array(0) };
  if (images.length !== labels.length * pixels || labels.some((label) => label > 9)) {
    throw new Error(`a set of digits has ${images.length} pixels and ${labels.length} labels from 0 to 9`);
  }
  const count = labels.length + own.length;
  if (count === 0) throw fault("noDigits");
  const inputs = new Float32Array(count * pixels);
  const targets = new Float32Array(count);
  images.forEach((byte, i) => {
    inputs[i] = byte / 255;
  });
  targets.set(labels);
  own.forEach((digit, i) => {
    checkDigit(digit, i + 1);
    inputs.set(digit.pixels, (labels.length + i) * pixels);
    targets[labels.length + i] = digit.label;
  });
  return {
    count,
    width: pixels,
    inputs,
    targets,
    classes: Array.from({ length: 10 }, (_, i) => String(i)),
    inputNames: Array.from({ length: pixels }, (_, i) => `${Math.floor(i / digitSide) + 1},${(i % digitSide) + 1}`),
    targetName: "",
    isPlane: false,
  };
}

function checkDigit({ pixels: given, label }: DrawnDigit, number: number): void {
  const isGood = given.length === pixels && given.every((x) => x >= 0 && x <= 1);
  if (!isGood || !Number.isInteger(label) || label < 0 || label > 9) throw fault("wrongDigit", { number });
}
