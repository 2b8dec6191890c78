/** The comparison with the peers, from made-up measurements: which one counts, ratios, what is met, the document. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Group } from "../../bench/peers/contestants.ts";
import { type Entry, recordOf, summaries } from "../../bench/peers/records.ts";
import { writeBetweenMarkers } from "../../bench/peers/table.ts";
import { verdicts } from "../../bench/peers/targets.ts";
import { median, quantile } from "../../bench/statistics.ts";

/** Rounds of one contestant; the first step takes 500 ms more, from the second round on 100. */
function rounds(workload: string, group: Group, contestant: string, times: readonly number[]): Entry[] {
  return times.map((ms, i) =>
    recordOf(
      { workload, group, contestant, round: i + 1 },
      { ms_per_step_median: ms, ms_min: ms, first_step_ms: ms + (i === 0 ? 500 : 100), rss_mb: 100 },
    ),
  );
}

test("quantiles lie between the elements", () => {
  expect(median([4, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(quantile([0, 10], 0.9)).toBe(9);
});

test("a contestant counts by the median of its rounds, a group by its fastest contestant", () => {
  const entries = [
    ...rounds("w1", "torch", "one", [5, 9, 6]),
    ...rounds("w1", "torch", "two", [7, 4, 5]),
    recordOf({ workload: "w1", group: "torch", contestant: "three", round: 1 }, "it is not here"),
  ];
  const [first, second, ...others] = summaries(entries, "w1", "torch");
  expect(first).toMatchObject({ contestant: "two", ms: 5, low: 4, high: 7, rounds: 3, cold: 500, warm: 100 });
  expect(second).toMatchObject({ contestant: "one", ms: 6 });
  expect(others).toEqual([]);
});

test("ratios are those of the best, and what was not measured is neither met nor missed", () => {
  const found = verdicts([
    ...rounds("w1", "native", "native 1T", [2, 2]),
    ...rounds("w1", "native", "native 2T", [1, 1]),
    ...rounds("w1", "torch", "torch 1T", [3, 3]),
    ...rounds("w2", "native", "native 1T", [2]),
    ...rounds("w2", "torch", "torch 1T", [4]),
  ]);
  const about = (workload: string, target: string) => found.find((v) => v.workload === workload && v.target === target);
  expect(about("w1", "native against PyTorch")).toMatchObject({ reached: "3.00 times faster", isMet: true });
  expect(about("w2", "native against PyTorch")).toMatchObject({ reached: "2.00 times faster", isMet: false });
  expect(about("w3", "native against PyTorch")?.isMet).toBeUndefined();
  expect(about("w1", "first step above the others, cold cache")).toMatchObject({ reached: "500 ms", isMet: true });
  expect(about("w2", "first step above the others, warm cache")?.isMet).toBeUndefined();
});

test("a peer's error is a failure with its words", () => {
  const entry = recordOf({ workload: "w4", group: "tfjs", contestant: "tfjs-wasm", round: 1 }, { error: "no kernel" });
  expect(entry).toMatchObject({ kind: "failure", reason: "no kernel" });
});

test("tables replace what is between the markers", () => {
  const folder = mkdtempSync(join(tmpdir(), "twopass-test-"));
  const file = join(folder, "page.md");
  const [begin, end] = ["<!-- peers: written by npm run bench:peers -->", "<!-- peers: end -->"];
  writeFileSync(file, `before\n${begin}\nold\n${end}\nbehind\n`);
  expect(writeBetweenMarkers(file, "new")).toBe(true);
  expect(readFileSync(file, "utf8")).toBe(`before\n${begin}\n\nnew\n\n${end}\nbehind\n`);
  writeFileSync(file, "none");
  expect(writeBetweenMarkers(file, "new")).toBe(false);
  rmSync(folder, { recursive: true });
});
