/** Scratch memory of threads that the system does not give. In a process of its own: what a thread needs grows only. */
import { afterAll, expect, test, vi } from "vitest";
import { startNative } from "../../../src/runtime/native/node/library.ts";
import { commandWords, runWords } from "./words.ts";
import { temporaryFolder } from "./support.ts";

vi.stubEnv("TWOPASS_CACHE", temporaryFolder(afterAll));
const started = startNative();

test.skipIf("reason" in started)("that cannot be had is an error before anything is computed", () => {
  if ("reason" in started) return;
  const { library } = started;
  const source = `void add(const long *args, long from, long to, char *workspace) {
  for (long i = from; i < to; i++) __atomic_add_fetch((long *)args[0], 1, __ATOMIC_RELAXED);
}`;
  const call = library.compile([{ source, kind: "loops", symbols: ["add"] }])[0]?.addresses[0] as number;
  const count = new BigInt64Array(1);
  const command = { call, units: 8, chunk: 1, args: [library.addressOf(count)] };
  const waves = [true, false].map((alone) => commandWords([{ alone, commands: [command] }]));
  for (const words of waves) runWords(library, words);
  expect(count[0]).toBe(16n);
  library.workspaceBytes = 2 ** 60;
  for (const words of waves) {
    expect(() => runWords(library, words)).toThrow(
      /^native: out of memory: a thread needs 1152\d{15} bytes of scratch/,
    );
  }
  expect(count[0]).toBe(16n);
});
