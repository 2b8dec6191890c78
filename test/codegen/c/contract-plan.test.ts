import { describe, expect, test } from "vitest";
import {
  contractKey,
  contractModes,
  contractSource,
  contractUnits,
  contractWorkspaceBytes,
  writeContractArguments,
} from "../../../src/codegen/c/contract/contract.ts";
import { cTargets } from "../../../src/codegen/c/target.ts";
import type { ContractKernel } from "../../../src/schedule/kernel.ts";

function matmul(m: number, n: number, k: number, aT = false, bT = false, dtype = "float32" as const): ContractKernel {
  return {
    kind: "contract",
    dtype,
    m,
    n,
    k,
    aOffset: 0,
    bOffset: 0,
    aM: { stride: aT ? 1 : k },
    aK: { stride: aT ? m : 1 },
    bK: { stride: bT ? 1 : n },
    bN: { stride: bT ? k : 1 },
    cM: n,
    batch: [],
    fold: { extent: 1, a: 0, b: 0 },
  };
}

/** The words of a call; addresses and tables by name. */
function words(kernel: ContractKernel, isa: keyof typeof cTargets = "avx512"): (number | string)[] {
  const out: (number | string)[] = [];
  writeContractArguments(kernel, cTargets[isa], {
    word: (value) => out.push(value),
    address: (buffer, addend) => out.push(`buffer ${buffer} + ${addend}`),
    table: (places, unit) => out.push(`${places.length} places of ${unit}`),
  });
  return out;
}

describe("keys", () => {
  test("sizes are no part of the code", () => {
    const key = contractKey(matmul(64, 64, 64));
    for (const [m, n, k] of [
      [1, 64, 64],
      [64, 1, 64],
      [64, 64, 1],
      [1, 1, 1],
      [1000, 3, 77],
    ] as const) {
      const other = matmul(m, n, k);
      // A column is computed as a row: its A is B transposed.
      expect(contractKey(other)).toBe(n === 1 && m > 1 ? contractKey(matmul(1, m, k, true, true)) : key);
    }
  });

  test("layouts and dtypes are", () => {
    const keys = [false, true].flatMap((a) => [false, true].map((b) => contractKey(matmul(9, 9, 9, a, b))));
    expect(new Set(keys).size).toBe(4);
    expect(contractKey({ ...matmul(9, 9, 9), dtype: "float64" })).not.toBe(contractKey(matmul(9, 9, 9)));
  });

  test("other dtypes are our mistake", () => {
    expect(() => contractKey({ ...matmul(2, 2, 2), dtype: "bool" })).toThrow("internal: a contraction of bool");
  });
});

describe("units", () => {
  test.each(Object.values(cTargets))("$isa: blocks cover C, and large products make enough of them", (target) => {
    for (const size of [1, 7, 64, 100, 256, 1000, 2048]) {
      for (const isTransposed of [false, true]) {
        const kernel = matmul(size, size, size, isTransposed, isTransposed);
        const [m, n, mStep, nStep] = [3, 4, 27, 28].map((i) => words(kernel, target.isa)[i] as number) as [
          number,
          number,
          number,
          number,
        ];
        expect(contractUnits(kernel, target)).toBe(Math.ceil(m / mStep) * Math.ceil(n / nStep));
        expect(contractUnits(kernel, target)).toBeGreaterThanOrEqual(size >= 256 ? 8 : 1);
      }
    }
  });

  test("blocks of rows that turn B over again are fewer", () => {
    expect(contractUnits(matmul(128, 256, 512), cTargets.avx512)).toBe(16);
    expect(contractUnits(matmul(128, 256, 512, false, true), cTargets.avx512)).toBe(8);
    expect(contractUnits(matmul(768, 128, 512, false, true), cTargets.avx512)).toBe(8);
  });

  test("few rows read B where it lies, unless its rows are far apart", () => {
    const panelPack = (m: number, n: number): unknown => words(matmul(m, n, 768, true))[30];
    expect(panelPack(65, 128)).toBe(0);
    expect(panelPack(128, 128)).toBe(1);
    expect(panelPack(65, 1024)).toBe(1);
  });

  test("each index of the batch has its own", () => {
    const kernel = matmul(4, 4, 4);
    const batch = [3, 5].map((extent) => ({ extent, a: 16, b: 16, c: 16 }));
    expect(contractUnits({ ...kernel, batch }, cTargets.avx2)).toBe(15);
    expect(contractUnits({ ...kernel, m: 0 }, cTargets.avx2)).toBe(0);
  });

  test("blocks of k follow from k alone", () => {
    for (const isa of ["avx512", "plain"] as const) {
      for (const k of [0, 1, 16, 250, 257, 784, 5000]) {
        const steps = [matmul(1, 1, k), matmul(3, 500, k), matmul(700, 2, k, true, true)].map((x) => words(x, isa)[26]);
        expect(new Set(steps).size).toBe(1);
      }
    }
    expect(words(matmul(8, 8, 784))[26]).toBe(208);
  });
});

test("arguments are in bytes, and a column of C exchanges A and B", () => {
  const table = { table: Int32Array.of(0, 5, 9) };
  const kernel = { ...matmul(2, 3, 4), aOffset: 5, bOffset: 7, bN: table };
  const found = words(kernel);
  expect(found.slice(0, 11)).toEqual([
    "buffer 0 + 20",
    "buffer 1 + 28",
    "buffer 2 + 0",
    2,
    3,
    4,
    16,
    4,
    12,
    "3 places of 1",
    12,
  ]);
  const column = words({ ...matmul(6, 1, 4), aOffset: 5, bOffset: 7 });
  expect(column.slice(0, 6)).toEqual(["buffer 1 + 28", "buffer 0 + 20", "buffer 2 + 0", 1, 6, 4]);
});

test("sources of one file share their functions", () => {
  const kernels = [matmul(8, 8, 8), matmul(8, 8, 8, false, true)];
  for (const target of Object.values(cTargets)) {
    const texts = kernels.map((kernel, i) => contractSource(contractModes(kernel), `kernel${i}`, target));
    for (const text of texts) {
      const declared = [...text.matchAll(/^#ifndef (\w+)\n#define (\w+)$/gm)].map(([, name, again]) => name === again);
      expect(declared.length).toBeGreaterThan(5);
      expect(declared).not.toContain(false);
    }
    expect(contractWorkspaceBytes(target)).toBeLessThan(2 ** 20);
  }
});
