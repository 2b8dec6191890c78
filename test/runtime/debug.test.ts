/** The debug ladder: what each level prints, that it is off by itself, and that it changes nothing. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { debug, debugLevels, setDebug } from "../../src/base/debug.ts";
import { Value } from "../../src/ir/value.ts";
import { kit } from "../../src/ops/kit.ts";
import { table } from "../../src/ops/table.ts";
import { WasmDevice } from "../../src/runtime/wasm/device.ts";
import { inputOf } from "../schedule/models.ts";
import { CompiledGraph } from "./compiled-graph.ts";

afterEach(() => {
  setDebug(0, { verify: false });
  vi.restoreAllMocks();
});

/** What a compilation and a run print at a level, and the result. */
function printed(level: number): { headings: string[]; text: string; result: number[] } {
  const lines: string[] = [];
  vi.spyOn(console, "log").mockImplementation((text: string) => void lines.push(text));
  setDebug(level);
  const graph = new CompiledGraph(new WasmDevice(), [kit.relu(inputOf([2, 3]))]);
  const result = [...(graph.run()[0] ?? [])];
  const headings = lines.map((line) => (line.split("\n")[0] as string).replace(/^twopass: (.*?)( \d.*)?$/, "$1"));
  return { headings, text: lines.join("\n"), result };
}

const passes = ["graph, as written", "graph, decomposed", "graph, simplified"];
const ladder: readonly (readonly string[])[] = [
  [],
  ["compiled", "ran"],
  [...passes, "compiled", "ran"],
  [...passes, "kernels", "compiled", "ran"],
  [...passes, "kernels", "arena", "compiled", "ran"],
  [...passes, "kernels", "arena", "generated code", "compiled", "ran"],
];

describe("the ladder", () => {
  test("has a line for each level", () => {
    expect(ladder.length).toBe(debugLevels.length);
  });

  test.each(ladder.map((want, level) => ({ level, want })))("level $level", ({ level, want }) => {
    const { headings, result } = printed(level);
    expect(headings).toEqual(want);
    expect(result).toEqual(printed(0).result);
  });

  test("shows each stage", () => {
    const { text } = printed(5);
    expect(text).toMatch(
      /compiled 1 kernels \(1 forward, 0 backward, 0 update\), 1 of them new, arena 24 bytes, in [\d.]+ ms/,
    );
    expect(text).toMatch(/ran 1 kernels \(1 forward, 0 backward, 0 update\) in [\d.]+ ms/);
    expect(text).toContain("%1: float32 [2, 3] = relu %0");
    expect(text).toContain("b1[i0] = max(b0[i0], 0)");
    expect(text).toContain("0..24: b1 float32 [2, 3], kernels 0 to the end");
    expect(text).toContain("f32x4.max");
  });

  test("refuses other levels", () => {
    for (const level of [-1, 6, 1.5, Number.NaN]) expect(() => setDebug(level)).toThrow(/setDebug: unknown level: got/);
  });

  test("is read from the environment, and off without it", async () => {
    expect(debug).toEqual({ level: 0, verify: false });
    const read = async (level: string, verify: string): Promise<typeof debug> => {
      vi.resetModules();
      vi.stubEnv("TWOPASS_DEBUG", level);
      vi.stubEnv("TWOPASS_VERIFY", verify);
      const module = await import("../../src/base/debug.ts");
      vi.unstubAllEnvs();
      return module.debug;
    };
    expect(await read("3", "1")).toEqual({ level: 3, verify: true });
    expect(await read("99", "0")).toEqual({ level: 5, verify: false });
    expect(await read("yes", "")).toEqual({ level: 0, verify: false });
  });
});

describe("checks", () => {
  const broken = (): Value => {
    const x = inputOf([2]);
    return new Value({ ...table.add, infer: () => ({ shape: [2], dtype: "float32" }) }, [x], {});
  };

  test("are made when asked for, and name the pass", () => {
    setDebug(0, { verify: true });
    expect(() => new CompiledGraph(new WasmDevice(), [broken()])).toThrow(
      /internal: as written: add .*1 inputs, not 2/,
    );
  });

  test("are kept when only the level changes", () => {
    setDebug(0, { verify: true });
    setDebug(0);
    expect(debug.verify).toBe(true);
  });
});
