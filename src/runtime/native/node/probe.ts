/** The proof that compiled code runs here: a small kernel, cut into chunks, on all threads. Floor: runtime; Node only. */
import { internal } from "../../../base/errors.ts";
import type { CompileUnit } from "./compile.ts";
import type { Koffi } from "./koffi.ts";
import { type Runtime, loadKernels } from "./runtime.ts";

const symbol = "tp_probe";

/** out[unit] = unit + offset. Arguments: the address of out, the offset. */
const source = `
#include <stdint.h>
void ${symbol}(const int64_t *args, int64_t from, int64_t to, char *workspace) {
  int64_t *out = (int64_t *)args[0];
  *(volatile char *)workspace = 0;
  for (int64_t unit = from; unit < to; unit++) out[unit] = unit + args[1];
}
`;

export function probeUnit(flags: readonly string[]): CompileUnit {
  return { source, kind: "loops", symbols: [symbol], flags };
}

/** Runs it twice, shared and alone. */
export function probe(koffi: Koffi, runtime: Runtime, path: string): void {
  const { handle, addresses } = loadKernels(runtime, path, [symbol]);
  const [units, chunk, offset] = [1000, 7, 5];
  const out = new BigInt64Array(units);
  const bytes = 10 * 8;
  for (const chunks of [Math.ceil(units / chunk), 1]) {
    out.fill(-1n);
    const words = [
      addresses[0] as number,
      bytes,
      chunks,
      bytes,
      units,
      chunk,
      0,
      0,
      Number(koffi.address(out)),
      offset,
    ];
    const command = BigInt64Array.from(words, BigInt);
    const begin = Number(koffi.address(command));
    const code = Number(runtime.run(begin, begin + bytes));
    const isRight = code === 0 && out.every((value, unit) => value === BigInt(unit + offset));
    if (!isRight) throw internal(`a compiled kernel gave wrong numbers (code ${code})`);
  }
  runtime.close(handle);
}
