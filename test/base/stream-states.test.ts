/** The process-wide streams of random numbers go back to where they stood. */
import { expect, test } from "vitest";
import { currentSeed, isSeeded, restoreStreams, seedAll, stream, streamStates } from "../../src/base/random-stream.ts";

test("a seed of the program's own is known as one", () => {
  expect(currentSeed()).toBeGreaterThanOrEqual(0);
  expect(isSeeded()).toBe(false);
  seedAll(5);
  expect(isSeeded()).toBe(true);
});

test("streams that are restored go on with the same numbers, also where they were not used yet", () => {
  seedAll(5);
  stream("a").permutation(7);
  const states = JSON.parse(JSON.stringify(streamStates())) as ReturnType<typeof streamStates>;
  expect(Object.keys(states)).toContain("a");
  const draw = (): number[] => [...stream("a").permutation(20), stream("later").int(1000)];
  const wanted = draw();
  seedAll(6);
  draw();
  seedAll(5);
  restoreStreams(states);
  expect(draw()).toEqual(wanted);
});

test("what is no state is refused", () => {
  expect(() => restoreStreams({ a: { key0: 0.5, key1: 0, position: 0 } })).toThrow(/not the state of a random stream/);
});
