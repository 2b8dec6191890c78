/** The numbers of the examples of each batch. Floor: data. */
import { TwopassError, describe } from "../../base/errors.ts";

/** Runs of an order, or of 0 to count − 1 where none is given. */
export function* runsOf(
  order: Int32Array | undefined,
  count: number,
  size: number,
  dropLast: boolean,
): Generator<ArrayLike<number>, void, undefined> {
  for (let start = 0; start < count; start += size) {
    const end = Math.min(start + size, count);
    if (dropLast && end - start < size) return;
    yield order?.subarray(start, end) ?? Int32Array.from({ length: end - start }, (_, i) => start + i);
  }
}

/** Throws where a sampler gives a number that is none of an example's. */
export function checkIndices(indices: ArrayLike<number>, count: number): void {
  if (typeof indices?.length !== "number") {
    throw new TwopassError({
      op: "DataLoader",
      problem: "batchSampler must give lists of numbers",
      facts: `got ${describe(indices)}`,
    });
  }
  for (let i = 0; i < indices.length; i++) {
    const index = indices[i];
    if (typeof index === "number" && Number.isInteger(index) && index >= 0 && index < count) continue;
    throw new TwopassError({
      op: "DataLoader",
      problem: "the sampler gave a number that is no example's",
      facts: `${describe(index)} of ${count}`,
    });
  }
}
