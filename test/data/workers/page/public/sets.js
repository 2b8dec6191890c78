/** Data sets for the page and its workers: served as they are, so that a worker can import them. */

/** @type {import("../../../../../src/data/datasets/dataset.ts").Dataset<unknown>} */
export const noisy = { length: 23, get: (i, random) => [new Float32Array([i, random?.int(1000) ?? -1]), i] };

/** @type {import("../../../../../src/data/datasets/dataset.ts").Dataset<number>} */
export const failing = {
  length: 23,
  get: (i) => {
    if (i === 13) throw new RangeError("no pixels");
    return i;
  },
};
