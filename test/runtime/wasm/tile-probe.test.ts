/** The choice among tiles: with a clock and candidates made by hand, and on this engine. */
import { expect, test } from "vitest";
import { chooseTiles, engineFeatures } from "../../../src/runtime/wasm/features.ts";
import { type TileCandidate, fastestOf, fastestTile, tilesToChooseFrom } from "../../../src/runtime/wasm/tile-probe.ts";

const [small, usual, large] = tilesToChooseFrom(true);

/** Candidates whose product takes so many milliseconds in each call, by the number of the call, and their clock. */
function timed(costs: readonly ((call: number) => number)[], tick = 0): [TileCandidate[], () => number] {
  let time = 0;
  const candidates = [small, usual, large].map((tile, i): TileCandidate => {
    let call = 0;
    return {
      tile: tile as TileCandidate["tile"],
      run: () => {
        time += (costs[i] as (call: number) => number)(call++);
      },
    };
  });
  return [candidates, () => (tick > 0 ? Math.floor(time / tick) * tick : (time += 1e-4))];
}

const always = (cost: number) => (): number => cost;
/** Slow code first, optimised after some calls. */
const after = (calls: number, slow: number, fast: number) => (call: number) => (call < calls ? slow : fast);

test.each([
  ["one that is clearly faster", [always(0.1), always(0.1), always(0.05)], large],
  ["the usual one where another is hardly faster", [always(0.095), always(0.1), always(0.1)], usual],
  ["the usual one where it is the fastest", [always(0.3), always(0.1), always(0.2)], usual],
  ["one that is faster once it is optimised", [after(9, 0.4, 0.03), after(9, 0.4, 0.1), after(9, 0.4, 0.1)], small],
  ["the usual one where only the other was optimised", [after(9, 0.4, 0.1), always(0.4), always(0.4)], usual],
] as const)("takes %s", (_, costs, expected) => {
  const [candidates, now] = timed(costs);
  expect(fastestOf(candidates, usual as TileCandidate["tile"], now)).toEqual(expected);
});

test("sees it with a clock of whole milliseconds", () => {
  const [candidates, now] = timed([always(0.1), always(0.1), always(0.05)], 1);
  expect(fastestOf(candidates, usual as TileCandidate["tile"], now)).toEqual(large);
});

test("on this engine gives one of the tiles, with the same rounding", () => {
  const { float32 } = chooseTiles(engineFeatures());
  expect([...tilesToChooseFrom(float32.fma), float32]).toContainEqual(fastestTile(float32));
});
