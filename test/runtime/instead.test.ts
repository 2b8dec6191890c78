/** A machine that fails at the first plan of all: another one computes from the first step on, and only then. */
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { TypedArray } from "../../src/base/dtype.ts";
import type { Cell } from "../../src/ir/cell.ts";
import type { Value } from "../../src/ir/value.ts";
import { kit } from "../../src/ops/kit.ts";
import { CpuDevice } from "../../src/runtime/cpu/device.ts";
import type { Machine } from "../../src/runtime/cpu/machine.ts";
import { startNative } from "../../src/runtime/native/node/library.ts";
import { startNativeDevice } from "../../src/runtime/native/node/machine.ts";
import { WasmMachine } from "../../src/runtime/wasm/machine.ts";
import { cellOf, sgd } from "../schedule/models.ts";
import { CompiledGraph, runOnce } from "./compiled-graph.ts";
import { temporaryFolder, writeScript } from "./native/support.ts";

/** A machine whose compiler fails while `isBroken` says so. */
function breakable(isBroken: () => boolean): Machine {
  return new Proxy(new WasmMachine(), {
    get(target, name) {
      if (name === "name") return "native";
      if (name === "acquire" && isBroken()) {
        return () => {
          throw new Error("the compiler failed");
        };
      }
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** One step p ← p / 2 after another; the values of p. */
function trained(device: CpuDevice, steps: number): TypedArray[] {
  const p = cellOf("p", [3]);
  const graph = new CompiledGraph(device, sgd([p], [kit.mul(p, 5)]));
  return Array.from({ length: steps }, () => {
    graph.run();
    return device.read(cellIn(p));
  });
}

function cellIn(value: Value): Cell {
  if (value.leaf?.kind !== "cell") throw new Error("no cell");
  return value.leaf.cell;
}

const right = trained(new CpuDevice(new WasmMachine()), 3);
let warned: string[] = [];
beforeEach(() => {
  warned = [];
  vi.spyOn(console, "warn").mockImplementation((text: string) => void warned.push(text));
});
afterEach(() => void vi.restoreAllMocks());

describe("a machine that fails", () => {
  test("at the first plan is replaced: all steps run on the other one, which is told once", () => {
    let asked = 0;
    const instead = (): Machine => {
      asked++;
      return new WasmMachine();
    };
    const device = new CpuDevice(
      breakable(() => true),
      { instead },
    );
    expect(device.report()).not.toContain("instead");
    expect(trained(device, 3)).toEqual(right);
    expect(trained(device, 3)).toEqual(right);
    expect(asked).toBe(1);
    expect(warned).toEqual(["twopass: native is off: the compiler failed\ntwopass: wasm computes instead"]);
    expect(device.report().split("\n").slice(0, 2)).toEqual([
      "native is off: the compiler failed",
      "wasm computes instead",
    ]);
    // Tensors know their device by its name, which stays.
    expect(device.name).toBe("native");
  });

  test("keeps what was stored before the first plan", () => {
    const device = new CpuDevice(
      breakable(() => true),
      { instead: () => new WasmMachine() },
    );
    const p = cellOf("p", [3]);
    const content = Float32Array.of(1, -2, 3);
    device.write(cellIn(p), content);
    expect(runOnce(device, [kit.neg(p)])[0]).toEqual(Float32Array.of(-1, 2, -3));
    expect(device.read(cellIn(p))).toEqual(content);
  });

  test("later throws, and keeps its cells and its plans", () => {
    let isBroken = false;
    const device = new CpuDevice(
      breakable(() => isBroken),
      { instead: () => new WasmMachine() },
    );
    const p = cellOf("p", [3]);
    const known = new CompiledGraph(device, sgd([p], [kit.mul(p, 5)]));
    known.run();
    const before = device.read(cellIn(p));
    isBroken = true;
    expect(() => runOnce(device, [kit.neg(p)])).toThrow("the compiler failed");
    expect(device.read(cellIn(p))).toEqual(before);
    known.run();
    expect(device.read(cellIn(p))).toEqual(before.map((x) => x / 2));
    isBroken = false;
    expect(runOnce(device, [kit.neg(p)])[0]).toEqual(before.map((x) => -x / 2));
    expect(warned).toEqual([]);
    expect(device.report()).not.toContain("instead");
  });

  test("with an error that is not its own is kept, and may still be replaced", () => {
    let error = new Error("a mistake in the graph");
    const machine = new Proxy(
      breakable(() => false),
      {
        get(target, name) {
          if (name !== "acquire") return Reflect.get(target, name);
          return () => {
            throw error;
          };
        },
      },
    );
    const device = new CpuDevice(machine, {
      instead: (thrown) => (String(thrown).includes("the compiler") ? new WasmMachine() : undefined),
    });
    expect(() => trained(device, 1)).toThrow("a mistake in the graph");
    expect(warned).toEqual([]);
    error = new Error("the compiler failed");
    expect(trained(device, 3)).toEqual(right);
    expect(warned.length).toBe(1);
  });

  test("and whose replacement fails too, throws what that one says", () => {
    const other = breakable(() => true);
    const device = new CpuDevice(
      breakable(() => true),
      { instead: () => other },
    );
    expect(() => trained(device, 1)).toThrow("the compiler failed");
    expect(() => trained(device, 1)).toThrow("the compiler failed");
    expect(warned.length).toBe(1);
  });
});

const usual = startNative();

describe.skipIf("reason" in usual)("a C compiler that serves for the proof and then", () => {
  const folder = temporaryFolder(afterAll);
  const path = "reason" in usual ? "" : usual.library.toolchain.compiler;
  const flag = join(folder, "broken");
  const breakIt = (): void => writeFileSync(flag, "");

  /** A device that was proved with a good compiler, which does as the lines say while it is broken. */
  function proved(name: string, lines: string, seconds: number): CpuDevice {
    vi.stubEnv("TWOPASS_CACHE", join(folder, name));
    vi.stubEnv(
      "CC",
      writeScript(join(folder, `${name}-cc`), `if [ -e "${flag}" ]; then ${lines}; fi\nexec ${path} "$@"`),
    );
    const first = startNative();
    if ("reason" in first) throw new Error(first.reason);
    // The proof is in the cache now, so that a short time limit is for the plans alone.
    vi.stubEnv("TWOPASS_COMPILE_TIMEOUT", String(seconds));
    const device = startNativeDevice();
    if (typeof device === "string") throw new Error(device);
    return device;
  }

  afterEach(() => {
    vi.unstubAllEnvs();
    if (existsSync(flag)) rmSync(flag);
  });

  test("fails is replaced by wasm", () => {
    const device = proved("failing", "echo 'no room' >&2; exit 3", 60);
    breakIt();
    expect(trained(device, 3)).toEqual(right);
    expect(warned).toEqual([expect.stringMatching(/^twopass: native is off: native: failing-cc failed: no room/)]);
    expect(device.machine.name).toBe("wasm");
  });

  test("hangs is given up in time, and replaced by wasm", () => {
    const device = proved("hanging", "sleep 100", 0.3);
    breakIt();
    expect(trained(device, 3)).toEqual(right);
    expect(warned).toEqual([
      expect.stringMatching(/hanging-cc failed: it did not end within 0.3 s.*\n.*wasm computes/),
    ]);
  });

  test("breaks behind the first plan makes later plans throw, until it works again", () => {
    const device = proved("later", "exit 3", 60);
    const p = cellOf("p", [3]);
    const known = new CompiledGraph(device, sgd([p], [kit.mul(p, 5)]));
    known.run();
    const before = device.read(cellIn(p));
    breakIt();
    expect(() => runOnce(device, [kit.neg(p)])).toThrow(/^native: later-cc failed/);
    known.run();
    expect(device.read(cellIn(p))).toEqual(before.map((x) => x / 2));
    rmSync(flag);
    expect(runOnce(device, [kit.neg(p)])[0]).toEqual(before.map((x) => -x / 2));
    expect(warned).toEqual([]);
    expect(device.machine.name).toBe("native");
  });
});
