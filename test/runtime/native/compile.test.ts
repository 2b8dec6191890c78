/** Compiling units of C: order, errors, time limit, words that a shell would read. */
import { mkdirSync, openSync, readFileSync, closeSync, symlinkSync, existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test, vi } from "vitest";
import { type CompileUnit, compileAll } from "../../../src/runtime/native/node/compile.ts";
import { CompileCache } from "../../../src/runtime/native/node/compile-cache.ts";
import { runProgram } from "../../../src/runtime/native/node/run-program.ts";
import { readSettings } from "../../../src/runtime/native/node/settings.ts";
import { type Compiler, findCompiler } from "../../../src/runtime/native/node/toolchain.ts";
import { temporaryFolder, writeScript } from "./support.ts";

const folder = temporaryFolder(afterAll);
const newCache = (name: string): CompileCache => new CompileCache({ folder: join(folder, name), mostBytes: 2 ** 26 });
const found = findCompiler(readSettings(), newCache("versions"));
const compiler = "compiler" in found ? found.compiler : undefined;
const seconds = 20;

const unit = (text: string): CompileUnit => ({
  source: `const char *text(void) { return "<${text}>"; }`,
  kind: "loops",
  symbols: ["text"],
  flags: [],
});

/** Without the notes that say in which library a function is. */
const filesOf = (name: string): string[] => readdirSync(join(folder, name)).filter((file) => !file.endsWith(".in"));

describe.skipIf(compiler === undefined)("compiling", () => {
  const real = compiler as Compiler;
  const asCompiler = (path: string): Compiler => ({ path, words: [], version: "test" });

  test("gives libraries in the order of the units, equal ones once", () => {
    const names = ["one", "two", "three", "two", "four", "five"];
    const units = names.map(unit);
    const paths = compileAll(units, real, newCache("order"), { seconds });
    paths.forEach((path, i) => expect(readFileSync(path, "latin1")).toContain(`<${names[i]}>`));
    expect(filesOf("order").length).toBe(5);
    expect(compileAll(units, real, newCache("order"), { seconds })).toEqual(paths);
  });

  test("keeps apart what other flags, another kind or another version make", () => {
    const cache = newCache("apart");
    const one = unit("one");
    const units: CompileUnit[] = [one, { ...one, kind: "products" }, { ...one, flags: ["-DX"] }];
    const paths = [
      ...compileAll(units, real, cache, { seconds }),
      ...compileAll([one], { ...real, version: `${real.version}.1` }, cache, { seconds }),
    ];
    expect(new Set(paths).size).toBe(4);
  });

  test("says what the compiler says, and keeps what is good", () => {
    const cache = newCache("wrong");
    const wrong = { ...unit("x"), source: "this is not C" };
    expect(() => compileAll([unit("good"), wrong], real, cache, { seconds })).toThrow(/failed: .*0|1\.c:1:1: error: /);
    expect(filesOf("wrong")).toEqual([]);
    expect(compileAll([unit("good")], real, cache, { seconds }).length).toBe(1);
  });

  test("gives up a compiler that hangs, with all that it started", async () => {
    const slow = writeScript(join(folder, "slow"), `echo $$ >>"${folder}/pids"\nsleep 100 & sleep 100`);
    const cache = newCache("slow-cache");
    expect(() => compileAll([unit("a"), unit("b"), unit("c")], asCompiler(slow), cache, { seconds: 0.5 })).toThrow(
      "slow failed: it did not end within 0.5 s",
    );
    const pids = readFileSync(join(folder, "pids"), "utf8").trim().split("\n").map(Number);
    expect(pids.length).toBeGreaterThan(0);
    for (const pid of pids) await vi.waitFor(() => expect(isAlive(pid)).toBe(false));
    expect(filesOf("slow-cache")).toEqual([]);
  });

  test("refuses a compiler that makes nothing", () => {
    const idle = writeScript(join(folder, "idle"), "exit 0");
    expect(() => compileAll([unit("a")], asCompiler(idle), newCache("idle-cache"), { seconds })).toThrow("idle failed");
  });

  test("reads no word as a script", () => {
    const odd = join(folder, "an odd $(touch bad); `touch bad` 'name\"");
    mkdirSync(odd);
    symlinkSync(real.path, join(odd, "cc"));
    const flags = ["-DTEXT=$(touch bad)", "-DOTHER=;touch bad;\"'"];
    const words = ["-DWORD=`touch bad`"];
    const cache = newCache(join("an odd $(touch bad); `touch bad` 'name\"", "cache"));
    const units = [{ ...unit("odd"), flags }];
    const [path] = compileAll(units, { ...real, path: join(odd, "cc"), words }, cache, { seconds });
    expect(readFileSync(path as string, "latin1")).toContain("<odd>");
    for (const place of [folder, odd, process.cwd()]) expect(existsSync(join(place, "bad"))).toBe(false);
  });

  test("writes one line to the terminal where it takes long, and none where it does not", () => {
    const late = writeScript(join(folder, "late"), `sleep 0.6\nexec "${real.path}" "$@"`);
    const log = join(folder, "log");
    const compileTo = (name: string, use: Compiler): string => {
      const terminal = openSync(log, "w");
      compileAll([unit("a"), unit("b")], use, newCache(name), { seconds, terminal });
      closeSync(terminal);
      return readFileSync(log, "utf8");
    };
    expect(compileTo("late-cache", asCompiler(late))).toBe(
      "twopass: compiling 2 kernels with late (once; they are cached) ...\n",
    );
    expect(compileTo("late-cache", asCompiler(late))).toBe("");
  });
});

/** One that has ended counts as gone even if nobody has asked for its code. */
function isAlive(pid: number): boolean {
  const { output } = runProgram("ps", ["-o", "stat=", "-p", String(pid)], { seconds: 5 });
  return output.trim() !== "" && !output.startsWith("Z");
}
