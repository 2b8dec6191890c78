/** Positions in sorted order in C: stable, NaN last or first, however the rows are cut. Skipped without a C compiler. */
import { describe, expect, test } from "vitest";
import { type Dtype, allocate, dtypes } from "../../../src/base/dtype.ts";
import { sortSource, sortUnits, writeSortArguments } from "../../../src/codegen/c/sort.ts";
import type { SortKernel } from "../../../src/schedule/kernel.ts";
import { randomStream } from "../../ops/sweep/case.ts";
import { CMemory, compileKernels, runnableTargets } from "./compiler.ts";
import { pieces } from "./run-kernel.ts";

/** Numbers with many ties, and NaN and both zeros among floats. */
function numbers(dtype: Dtype, size: number): number[] {
  const random = randomStream(size + dtype.length);
  return Array.from({ length: size }, () => {
    const x = random();
    if (dtype === "bool") return Number(x < 0.5);
    if (dtype === "uint8") return Math.floor(x * 9) * 28;
    if (dtype === "int32") return Math.floor((x - 0.5) * 40);
    return x < 0.1 ? Number.NaN : x < 0.2 ? 0 : x < 0.3 ? -0 : x < 0.35 ? Infinity : Math.floor((x - 0.5) * 30) / 4;
  });
}

function positions(row: readonly number[], descending: boolean): number[] {
  const compare = (a: number, b: number): number => {
    if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
    return a < b ? -1 : a > b ? 1 : 0;
  };
  const order = row.map((_, i) => i);
  return order.sort((i, j) => (descending ? -1 : 1) * compare(row[i] as number, row[j] as number) || i - j);
}

const [target] = runnableTargets();

describe.skipIf(target === undefined)("sort kernels in C", () => {
  const kinds = dtypes.flatMap((dtype) => [false, true].map((descending) => ({ dtype, descending })));

  test("rows of all lengths", () => {
    const text = kinds.map((kind, i) => sortSource(kind, `k${i}`)).join("");
    const functions = compileKernels(text, kinds.length, target as NonNullable<typeof target>);
    const memory = new CMemory(2 ** 20);
    kinds.forEach(({ dtype, descending }, k) => {
      for (const length of [0, 1, 2, 7, 8, 9, 16, 17, 40, 257]) {
        const rows = 5;
        const kernel: SortKernel = { kind: "sort", dtype, rows, length, descending };
        const data = numbers(dtype, rows * length);
        const elements = allocate(dtype, data.length);
        elements.set(data);
        memory.clear();
        const places = [elements.byteLength, 4 * data.length, 4 * data.length].map((bytes) => memory.allocate(bytes));
        memory.bytes.set(new Uint8Array(elements.buffer), places[0]);
        const words: bigint[] = [];
        writeSortArguments(kernel, {
          word: (value) => words.push(BigInt(value)),
          address: (buffer, addend) => words.push(BigInt(memory.address(places[buffer] as number) + addend)),
        });
        const args = memory.allocate(8 * words.length);
        memory.bytes.set(new Uint8Array(BigInt64Array.from(words).buffer), args);
        for (const [from, to] of pieces(length)(sortUnits(kernel))) functions[k]?.(memory.address(args), from, to, 0);
        const start = places[1] as number;
        const got = new Int32Array(memory.bytes.slice(start, start + 4 * data.length).buffer);
        const want = Array.from({ length: rows }, (_, row) =>
          positions(data.slice(row * length, (row + 1) * length), descending),
        );
        expect([...got], `${dtype} ${descending} ${length}`).toEqual(want.flat());
      }
    });
  });
});
