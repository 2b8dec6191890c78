/** A training on the default device, in a process of its own, where the native device or a part of it cannot be had. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startNative } from "../../../src/runtime/native/node/library.ts";
import { type Ended, bundle, runNode, temporaryFolder, writeScript } from "./support.ts";

const folder = temporaryFolder(afterAll);
const usual = startNative();
const path = "reason" in usual ? "" : usual.library.toolchain.compiler;

interface Told extends Ended {
  readonly device: string;
  readonly report: string;
  readonly losses: readonly number[];
}

let program: string;
let onWasm: readonly number[];
const noCompiler = { CC: "", PATH: "" };

async function train(environment: Readonly<Record<string, string>>): Promise<Told> {
  const all = { TWOPASS_DEVICE: "", TWOPASS_ISA: "", TWOPASS_CACHE: join(folder, "cache"), ...environment };
  const ended = await runNode(program, [], all).ended;
  if (ended.code !== 0) throw new Error(`code ${ended.code}, signal ${ended.signal}: ${ended.errors}`);
  return { ...ended, ...(JSON.parse(ended.output) as Omit<Told, keyof Ended>) };
}

beforeAll(async () => {
  program = await bundle("train", folder);
  onWasm = (await train({ TWOPASS_DEVICE: "wasm" })).losses;
});

test("the program trains", () => {
  expect(onWasm.at(-1)).toBeLessThan(onWasm[0] as number);
});

describe("wasm is the default, without a word,", () => {
  test("where there is no compiler", async () => {
    const report = "no C compiler: install gcc or clang, or set CC";
    expect(await train(noCompiler)).toMatchObject({ device: "wasm", losses: onWasm, errors: "", report });
  });

  test("where there is no koffi", async () => {
    const report = "the optional package koffi is not installed";
    expect(await train({ NODE_PATH: "" })).toMatchObject({ device: "wasm", losses: onWasm, errors: "", report });
  });
});

test("wasm is the default, and one line tells it, where the compiler that CC names hangs at once", async () => {
  const CC = writeScript(join(folder, "stuck"), '[ "$1" = --version ] && exec echo stuck 1.0\nsleep 100');
  const told = await train({ CC, TWOPASS_COMPILE_TIMEOUT: "0.3" });
  expect(told).toMatchObject({ device: "wasm", losses: onWasm, errors: `twopass: native is off: ${told.report}\n` });
  expect(told.report).toMatch(/^stuck failed: it did not end within 0.3 s/);
});

test("a device that is named and unknown or not there is an error, which says why", async () => {
  const unknown = await runNode(program, [], { TWOPASS_DEVICE: "wsam" }).ended;
  expect(unknown.code).toBe(1);
  expect(unknown.errors).toContain('TWOPASS_DEVICE: unknown device "wsam" (did you mean "wasm"?)');
  const { code, errors } = await runNode(program, [], { ...noCompiler, TWOPASS_DEVICE: "native" }).ended;
  expect(code).toBe(1);
  expect(errors).toContain(
    'TWOPASS_DEVICE: there is no device "native" here: no C compiler: install gcc or clang, or set CC',
  );
});

describe.skipIf("reason" in usual)("native", () => {
  let onNative: readonly number[];
  beforeAll(async () => {
    onNative = (await train({ TWOPASS_DEVICE: "native" })).losses;
  });

  test("is the default where nothing is missing", async () => {
    expect(await train({})).toMatchObject({ device: "native", losses: onNative, errors: "" });
  });

  test("whose compiler fails at the first plan gives way to wasm from the first step on, with one message", async () => {
    // What each kernel begins with, the proof does not have.
    const CC = writeScript(join(folder, "weak"), `grep -qs "FN int64_t least" *.c && exit 3\nexec "${path}" "$@"`);
    const { device, losses, errors, report } = await train({ CC });
    expect([device, losses]).toEqual(["native", onWasm]);
    expect(errors.match(/^twopass: .*$/gm)).toEqual([
      expect.stringMatching(/^twopass: native is off: native: weak failed: /),
      "twopass: wasm computes instead",
    ]);
    expect(report).toContain("wasm computes instead");
  });

  test("without a folder for what it compiles computes the same", async () => {
    const file = join(folder, "file");
    writeFileSync(file, "");
    const { device, losses, report } = await train({ TWOPASS_CACHE: join(file, "cache") });
    expect([device, losses]).toEqual(["native", onNative]);
    expect(report).toContain("not a directory; kernels are compiled anew in each process");
  });

  test("asked for more threads than cores computes the same, and says so", async () => {
    const { device, losses, report } = await train({ TWOPASS_THREADS: "1000" });
    expect([device, losses]).toEqual(["native", onNative]);
    expect(report).toMatch(/1000 threads were asked for, there are \d+ cores/);
  });

  test("computes the same in processes that start at once with an empty folder", async () => {
    const environment = { TWOPASS_CACHE: join(folder, "empty") };
    for (const told of await Promise.all([train(environment), train(environment), train(environment)])) {
      expect(told).toMatchObject({ device: "native", losses: onNative, errors: "" });
    }
  });
});
