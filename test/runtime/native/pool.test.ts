/** The threads and the driver of the native runtime: each unit once, waves in order, whoever calls. */
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterAll, describe, expect, test, vi } from "vitest";
import { type NativeLibrary, startNative } from "../../../src/runtime/native/node/library.ts";
import { runProgram } from "../../../src/runtime/native/node/run-program.ts";
import { runtimeSource } from "../../../src/runtime/native/node/runtime-source.ts";
import { bundle, runNode, startedLibrary, temporaryFolder } from "./support.ts";
import { type Command, commandWords, runWords } from "./words.ts";

const folder = temporaryFolder(afterAll);
vi.stubEnv("TWOPASS_CACHE", join(folder, "cache"));
const started = startNative();
const isAbsent = "reason" in started;

describe.skipIf(isAbsent)("the C of the runtime library", () => {
  const source = join(folder, "pool.c");
  copyFileSync(fileURLToPath(new URL("pool.c", import.meta.url)), source);
  writeFileSync(join(folder, "runtime.c"), runtimeSource);

  test.each([
    { waiting: "this system's waiting", flags: [] },
    { waiting: "waiting as on other systems", flags: ["-DTP_PORTABLE"] },
  ])(
    "gives each unit once, in order, to several callers and after a fork, by threads off the caller: $waiting",
    ({ flags }) => {
      const program = join(folder, `pool${flags.join("")}`);
      const { compiler } = startedLibrary().toolchain;
      const words = ["-O1", "-pthread", "-w", ...flags, "-o", program, source, "-ldl"];
      expect(runProgram(compiler, words, { seconds: 20 })).toMatchObject({ problem: undefined });
      const { output, problem } = runProgram(program, [], { seconds: 30 });
      expect({ output, problem }).toEqual({
        output: "stress 0\ntwo callers 0\nforked 0\napart 0\n",
        problem: undefined,
      });
    },
  );
});

/** Adds one to each unit's count, and notes at how many units its wave began to run. */
const countSource = `
typedef long long word;
void count(const word *args, word from, word to, char *workspace) {
  int *counts = (int *)args[0];
  int *done = (int *)args[2], *early = (int *)args[3];
  if (__atomic_load_n(done, __ATOMIC_ACQUIRE) < args[4]) __atomic_add_fetch(early, 1, __ATOMIC_RELAXED);
  for (word i = from; i < to; i++) __atomic_add_fetch(counts + args[1] + i, 1, __ATOMIC_RELAXED);
  __atomic_add_fetch(done, (int)(to - from), __ATOMIC_RELEASE);
}`;

const placeSource = `
void place(const long long *args, long long from, long long to, char *workspace) {
  ((char **)args[0])[from] = workspace;
  for (long long i = 0; i < args[1]; i++) workspace[i] = 1;
}`;

function compiled(library: NativeLibrary, source: string, symbol: string): number {
  const [kernels] = library.compile([{ source, kind: "loops", symbols: [symbol] }]);
  return kernels?.addresses[0] as number;
}

describe.skipIf(isAbsent)("the native library", () => {
  test("runs each unit once, and waves one after the other, with any number of threads", () => {
    const library = startedLibrary();
    const call = compiled(library, countSource, "count");
    const command = fc.record({ units: fc.integer({ min: 0, max: 40 }), chunk: fc.integer({ min: 1, max: 9 }) });
    const wave = fc.record({
      alone: fc.boolean(),
      commands: fc.array(command, { minLength: 1, maxLength: 6 }),
    });
    fc.assert(
      fc.property(
        fc.array(wave, { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 8 }),
        (shapes, threads) => {
          library.threads = threads;
          const all = shapes.flatMap(({ commands }) => commands).reduce((sum, { units }) => sum + units, 0);
          const counts = new Int32Array(all);
          const [done, early] = [new Int32Array(1), new Int32Array(1)];
          let first = 0;
          const waves = shapes.map(({ alone, commands }) => {
            const before = first;
            const full = commands.map(({ units, chunk }): Command => {
              const args = [counts, done, early].map((memory) => library.addressOf(memory));
              first += units;
              return { call, units, chunk, args: [args[0] as number, first - units, ...args.slice(1), before] };
            });
            return { alone, commands: full };
          });
          const words = commandWords(waves);
          for (let run = 1; run <= 10; run++) {
            done[0] = 0;
            runWords(library, words);
            expect(done[0]).toBe(all);
          }
          expect(early[0]).toBe(0);
          expect(counts.every((count) => count === 10)).toBe(true);
        },
      ),
      { numRuns: 100, seed: 1 },
    );
  });

  test("gives each thread aligned scratch memory of the size that was asked for", () => {
    const library = startedLibrary();
    const call = compiled(library, placeSource, "place");
    for (const bytes of [100, 5000, 3 * 2 ** 20]) {
      library.workspaceBytes = bytes;
      const places = new BigUint64Array(16);
      const args = [library.addressOf(places), bytes];
      runWords(library, commandWords([{ alone: false, commands: [{ call, units: 16, chunk: 1, args }] }]));
      expect(places.every((place) => place > 0n && place % 64n === 0n)).toBe(true);
      expect(new Set(places).size).toBeLessThanOrEqual(library.threads);
    }
    library.workspaceBytes = 1;
    expect(library.workspaceBytes).toBe(3 * 2 ** 20);
  });

  test("does nothing for no commands, and refuses what are none", () => {
    const library = startedLibrary();
    const words = new BigInt64Array(16);
    const begin = library.addressOf(words);
    library.run(begin, begin);
    expect(() => library.run(begin, begin + 8)).toThrow("internal: the driver was given what are no commands");
  });

  test("finds memory: buffers, shared ones, and views into them", () => {
    const library = startedLibrary();
    for (const memory of [new ArrayBuffer(64), new SharedArrayBuffer(64)]) {
      const begin = library.addressOf(memory);
      expect(begin).toBeGreaterThan(0);
      expect(library.addressOf(new Float64Array(memory, 16))).toBe(begin + 16);
    }
    // Small arrays must not move once their address is known.
    const small = new Float32Array(4);
    const begin = library.addressOf(small);
    expect(library.addressOf(small.buffer)).toBe(begin);
  });

  test("takes no more threads than cores, and says so", () => {
    const library = startedLibrary({ threads: 1000 });
    expect(library.threads).toBeLessThan(1000);
    expect(library.report()).toMatch(/1000 threads were asked for, there are \d+ cores/);
    library.threads = 1;
    expect(library.report()).not.toMatch(/asked for/);
    library.threads = 0.5;
    expect(library.threads).toBe(1);
  });

  test("asks for large pages in memory of any place and size", () => {
    const library = startedLibrary();
    const memory = new ArrayBuffer(8 * 2 ** 20);
    const begin = library.addressOf(memory);
    new Uint8Array(memory).fill(7);
    for (const [offset, bytes] of [
      [0, memory.byteLength],
      [1, 10],
      [100, 5 * 2 ** 20],
    ] as const) {
      library.advise(begin + offset, bytes);
    }
    expect(new Uint8Array(memory).every((byte) => byte === 7)).toBe(true);
  });

  test("serves two threads of JavaScript that call at the same time", async () => {
    const program = await bundle("callers", folder);
    const { code, output, errors } = await runNode(program, []).ended;
    expect({ code, output, errors }).toEqual({ code: 0, output: "0\n", errors: "" });
  });
});
