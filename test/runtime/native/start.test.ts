/** Starting the native machine where something is missing or wrong: one plain reason, or a note in the report. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { coreCount } from "../../../src/runtime/native/node/cores.ts";
import { startNative } from "../../../src/runtime/native/node/library.ts";
import { cpuIsas } from "../../../src/runtime/native/node/toolchain.ts";
import { bundle, runNode, startedLibrary, temporaryFolder, writeScript } from "./support.ts";

const folder = temporaryFolder(afterAll);
const cache = join(folder, "cache");
vi.stubEnv("TWOPASS_CACHE", cache);
const usual = startNative();
const isAbsent = "reason" in usual;
const path = isAbsent ? "" : usual.library.toolchain.compiler;

function reason(): string {
  const started = startNative();
  if (!("reason" in started)) throw new Error("it started");
  expect(started.reason).not.toContain("\n");
  return started.reason;
}

const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
/** What was told on stderr since the test began. */
const told = (): unknown[] => warn.mock.calls.flat();

beforeEach(() => {
  vi.stubEnv("TWOPASS_CACHE", cache);
  warn.mockClear();
});
afterEach(() => void vi.unstubAllEnvs());
afterAll(() => warn.mockRestore());

describe("without a compiler", () => {
  test("the reason says what to do", () => {
    vi.stubEnv("CC", "");
    vi.stubEnv("PATH", "");
    expect(reason()).toBe("no C compiler: install gcc or clang, or set CC");
    expect(told()).toEqual([]);
  });

  test("a CC that is not there is named, and no other is taken", () => {
    vi.stubEnv("CC", "no-such-compiler -m64");
    const text = "no C compiler: CC=no-such-compiler -m64, but there is no program no-such-compiler";
    expect([reason(), reason()]).toEqual([text, text]);
    expect(told()).toEqual([`twopass: native is off: ${text}`]);
    vi.stubEnv("CC", folder);
    expect(reason()).toContain(`there is no program ${folder}`);
    expect(told()).toHaveLength(2);
  });

  test("TWOPASS_QUIET keeps that off stderr", () => {
    vi.stubEnv("CC", "another-that-is-missing");
    vi.stubEnv("TWOPASS_QUIET", "1");
    expect(reason()).toContain("another-that-is-missing");
    expect(told()).toEqual([]);
    vi.stubEnv("TWOPASS_QUIET", "0");
    reason();
    expect(told()).toHaveLength(1);
  });

  test("a CC that fails or hangs is told in one line", () => {
    vi.stubEnv("CC", writeScript(join(folder, "failing"), "echo 'line one' >&2\necho 'line two' >&2\nexit 3"));
    expect(reason()).toBe("failing --version failed: it ended with code 3: line one / line two");
    vi.stubEnv("CC", writeScript(join(folder, "hanging"), "sleep 100 & sleep 100"));
    vi.stubEnv("TWOPASS_COMPILE_TIMEOUT", "0.3");
    expect(reason()).toBe("hanging --version failed: it did not end within 0.3 s");
  });

  test("a CC that has a version but cannot compile is told in one line", () => {
    vi.stubEnv(
      "CC",
      writeScript(join(folder, "broken"), '[ "$1" = --version ] && exec echo broken 1.0\necho no >&2; exit 4'),
    );
    expect(reason()).toMatch(/^broken failed: no \/ no /);
    vi.stubEnv("CC", writeScript(join(folder, "stuck"), '[ "$1" = --version ] && exec echo stuck 1.0\nsleep 100'));
    vi.stubEnv("TWOPASS_COMPILE_TIMEOUT", "0.3");
    expect(reason()).toMatch(/^stuck failed: it did not end within 0.3 s/);
  });

  test("a CC that makes what is no library is told in one line", () => {
    // Its last two words are the name of the source; -o and the result stand before.
    const lines =
      '[ "$1" = --version ] && exec echo odd 1.0\nfor word; do case $word in *.so) echo odd >$word;; esac; done';
    vi.stubEnv("CC", writeScript(join(folder, "odd"), lines));
    expect(reason()).toMatch(/^compiled code cannot be loaded: /);
  });
});

describe("without koffi", () => {
  test("the reason says that it is missing, or that it is broken", async () => {
    const program = await bundle("compile-units", folder);
    const absent = await runNode(program, ["1"], { NODE_PATH: "" }).ended;
    expect(absent).toMatchObject({ code: 2, output: "the optional package koffi is not installed\n" });
    const packages = join(folder, "packages");
    mkdirSync(join(packages, "koffi"), { recursive: true });
    writeFileSync(join(packages, "koffi/index.js"), 'throw new Error("no binary for this system\\nsecond line");');
    const broken = await runNode(program, ["1"], { NODE_PATH: packages }).ended;
    expect(broken).toMatchObject({
      code: 2,
      output: "the package koffi cannot be loaded: no binary for this system\n",
    });
  });
});

describe.skipIf(isAbsent)("with a compiler", () => {
  test("the report tells what is used", () => {
    const { toolchain, report } = ((library) => ({ toolchain: library.toolchain, report: library.report() }))(
      startedLibrary(),
    );
    expect(report).toContain(`compiler: ${toolchain.compiler} (${toolchain.version})`);
    expect(report).toContain(`instructions: ${cpuIsas()[0]}`);
    expect(report).toContain(`compiled kernels: ${cache}`);
    expect(report.split("\n").length).toBe(4);
    expect(told()).toEqual([]);
  });

  test("CC may have arguments, and be a path with spaces", () => {
    const log = join(folder, "words");
    const own = writeScript(join(folder, "my cc"), `echo "$1" >>${log}\nexec "${path}" "$@"`);
    vi.stubEnv("CC", own);
    expect(startedLibrary().toolchain.compiler).toBe(own);
    vi.stubEnv("CC", `${path} -DA=1 -DB`);
    expect(startedLibrary().toolchain.compiler).toBe(`${path} -DA=1 -DB`);
  });

  test("a lower instruction set may be asked for, by the environment or the caller", () => {
    for (const isa of cpuIsas()) {
      vi.stubEnv("TWOPASS_ISA", isa.toUpperCase());
      expect(startedLibrary().toolchain.target.isa).toBe(isa);
      vi.stubEnv("TWOPASS_ISA", cpuIsas()[0]);
      expect(startedLibrary({ isa }).toolchain.target.isa).toBe(isa);
    }
  });

  test("an instruction set that the CPU does not have is told, and the best one taken", () => {
    const text = `sse9 was asked for (there is none of that name); this CPU has ${cpuIsas().join(", ")}, and ${cpuIsas()[0]} is used`;
    vi.stubEnv("TWOPASS_ISA", "SSE9");
    for (const library of [startedLibrary({ isa: "sse9" }), startedLibrary()]) {
      expect(library.toolchain.target.isa).toBe(cpuIsas()[0]);
      expect(library.report()).toContain(text);
    }
    expect(told()).toEqual([`twopass: TWOPASS_ISA: ${text}`]);
  });

  test.skipIf(cpuIsas().length === 1)("a compiler older than the CPU serves with a lower instruction set", () => {
    const lines = `for word; do case $word in -mavx512f|-mfma|-march=*) echo "unknown $word" >&2; exit 1;; esac; done`;
    vi.stubEnv("CC", writeScript(join(folder, "old"), `${lines}\nexec "${path}" "$@"`));
    const library = startedLibrary();
    expect(library.toolchain.target.isa).toBe("plain");
    expect(library.report()).toMatch(new RegExp(`^${cpuIsas()[0]} is off: old failed: unknown -m`, "m"));
    expect(told()).toEqual([]);
    vi.stubEnv("TWOPASS_ISA", cpuIsas()[0]);
    startedLibrary();
    expect(told()).toEqual([expect.stringMatching(`^twopass: TWOPASS_ISA: ${cpuIsas()[0]} is off: old failed: `)]);
  });

  test("numbers of the environment that are none are told, and the defaults hold", () => {
    vi.stubEnv("TWOPASS_COMPILE_TIMEOUT", "soon");
    vi.stubEnv("TWOPASS_CACHE_LIMIT", "-1");
    vi.stubEnv("TWOPASS_THREADS", "2.5");
    const library = startedLibrary();
    const notes = [
      "TWOPASS_COMPILE_TIMEOUT=soon is not a positive number; 60 holds",
      "TWOPASS_THREADS=2.5 is not a whole number from 1 on; the default holds",
      "TWOPASS_CACHE_LIMIT=-1 is not a positive number; 256 holds",
    ];
    expect(library.report()).toContain(notes.join("\n"));
    expect(told()).toEqual(notes.map((note) => `twopass: ${note}`));
    expect(library.threads).toBe(coreCount());
  });

  test("a folder that was named and cannot be used is told", () => {
    const file = join(folder, "file");
    writeFileSync(file, "");
    vi.stubEnv("TWOPASS_CACHE", file);
    const [note] = startedLibrary().report().split("\n").slice(4);
    expect(note).toContain(file);
    expect(told()).toEqual([`twopass: ${note}`]);
  });

  test("a folder in which the system lets nobody make one is told", { skip: process.platform !== "linux" }, () => {
    vi.stubEnv("TWOPASS_CACHE", "/proc/twopass");
    expect(startedLibrary().report()).toContain("/proc/twopass cannot be made: no such file or directory");
    expect(told().length).toBe(1);
  });

  test("a library without the function is our own mistake", () => {
    const unit = { source: "int other;", kind: "loops" as const, symbols: ["missing"] };
    expect(() => startedLibrary().compile([unit])).toThrow(/^internal: a library has no function missing/);
  });
});
