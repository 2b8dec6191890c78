/**
 * A file of digits, `digits.bin` beside the page: 393 bytes for each, its label and then its pixels, two in a byte, the first
 * one in the upper half.
 */
import type { DigitSet } from "./digit-data.ts";

const pixels = 28 * 28;
const bytesOfOne = 1 + pixels / 2;
/** From 4 bits to 8. */
const step = 17;

export function packDigits({ images, labels }: DigitSet): Uint8Array {
  const bytes = new Uint8Array(labels.length * bytesOfOne);
  const ink = (at: number): number => Math.round((images[at] as number) / step);
  labels.forEach((label, n) => {
    const start = n * bytesOfOne;
    bytes[start] = label;
    for (let i = 0; i < pixels; i += 2) {
      bytes[start + 1 + i / 2] = (ink(n * pixels + i) << 4) | ink(n * pixels + i + 1);
    }
  });
  return bytes;
}

/** @throws for a file that is cut short, or is another one. */
export function unpackDigits(bytes: Uint8Array): DigitSet {
  const count = bytes.length / bytesOfOne;
  const labels = Uint8Array.from({ length: Math.floor(count) }, (_, n) => bytes[n * bytesOfOne] as number);
  if (!Number.isInteger(count) || labels.some((label) => label > 9)) throw new Error("this is no file of digits");
  const images = new Uint8Array(count * pixels);
  for (let n = 0; n < count; n++) {
    for (let i = 0; i < pixels; i += 2) {
      const both = bytes[n * bytesOfOne + 1 + i / 2] as number;
      images[n * pixels + i] = step * (both >> 4);
      images[n * pixels + i + 1] = step * (both & 15);
    }
  }
  return { images, labels };
}
