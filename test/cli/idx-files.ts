/** Small files in the format of MNIST, for tests. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The bytes of an IDX file of uint8. */
export function idxBytes(shape: readonly number[], elements: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * shape.length + elements.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x0800 + shape.length);
  shape.forEach((extent, i) => view.setUint32(4 + 4 * i, extent));
  bytes.set(elements, 4 + 4 * shape.length);
  return bytes;
}

/** Images with one bright row at twice the label: a data set that is learned at once. */
export function writeRows(folder: string, training: number, test: number): void {
  mkdirSync(folder, { recursive: true });
  for (const [part, count] of [
    ["train", training],
    ["t10k", test],
  ] as const) {
    const labels = Uint8Array.from({ length: count }, (_, i) => i % 10);
    const images = new Uint8Array(count * 784);
    labels.forEach((label, i) => images.fill(255, i * 784 + label * 2 * 28, i * 784 + (label * 2 + 1) * 28));
    writeFileSync(join(folder, `${part}-labels-idx1-ubyte`), idxBytes([count], labels));
    writeFileSync(join(folder, `${part}-images-idx3-ubyte`), idxBytes([count, 28, 28], images));
  }
}
