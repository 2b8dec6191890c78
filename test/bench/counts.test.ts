/** Kernels and memory of the benchmark's workloads. After a change on purpose: `npm run bench -- --write-counts`. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { reasonAgainst } from "../../src/tensor/engines.ts";
import { type Counts, countedNames, countsOf } from "../../bench/counts.ts";

const file = new URL("../../bench/expected-counts.json", import.meta.url);
const expected = JSON.parse(readFileSync(file, "utf8")) as Record<string, Record<string, Counts>>;

describe.each(["wasm", "native"] as const)("on %s", (device) => {
  const reason = reasonAgainst(device);
  test.skipIf(reason !== undefined).each(countedNames)("%s", (name) => {
    expect(countsOf(name, device)).toEqual(expected[device]?.[name]);
  });
});
