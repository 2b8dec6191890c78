/**
 * Contractions in C: matrix products and the three convolution passes. Floor: codegen.
 *
 *   C[b.., m, n] = sum_r sum_k A[b.., r, m, k] * B[b.., r, k, n]
 *
 * Sizes, strides and blocks are arguments: new shapes need no new code. Code differs by dtype and by how the four axes
 * are read. Sums of blocks of k, each from zero, are added to C in order, so the bits of an element follow from its
 * operands, K and r alone.
 */
import type { ContractKernel, Offsets } from "../../../schedule/kernel.ts";
import {
  axisParameter,
  axisPlace,
  lineGap,
  type OffsetMode,
  packPanelFunction,
  packPanelName,
  packRowsFunction,
  packRowsName,
  type PanelPack,
  panelPacks,
} from "./pack.ts";
import {
  type ContractModes,
  normalContract,
  planContract,
  readsPanelsInPlace,
  readsRowsInPlace,
  rowForm,
  workspaceLayout,
} from "./plan.ts";
import { panelFunction, panelName, tileShape, vectorType } from "./tile.ts";
import type { CTarget } from "../target.ts";

export type { ContractModes } from "./plan.ts";

/** What takes the arguments of a kernel, in order; an address and a table is one word. */
export interface ContractWriter {
  word(value: number): void;
  address(buffer: number, addend: number): void;
  /** The address of a table of 32-bit places, each times `unit`. */
  table(places: Int32Array, unit: number): void;
}

const packNumbers: Readonly<Record<PanelPack, number>> = { copy: 1, transpose: 2, gather: 3 };

/** Text that is equal for kernels of equal code. */
export function contractKey(kernel: ContractKernel): string {
  const { dtype, aM, aK, bK, bN } = normalContract(kernel).modes;
  return `contract ${dtype} ${aM} ${aK} ${bK} ${bN}`;
}

export function contractModes(kernel: ContractKernel): ContractModes {
  return normalContract(kernel).modes;
}

/** Units of the kernel's range: blocks of C, in any order and by any thread. */
export function contractUnits(kernel: ContractKernel, target: CTarget): number {
  return planContract(normalContract(kernel), target).units;
}

/** Bytes of workspace of a thread. */
export function contractWorkspaceBytes(target: CTarget): number {
  return Math.max(
    ...(["float32", "float64", "int32"] as const).map((d) => workspaceLayout(tileShape(target, d)).bytes),
  );
}

/** Writes the arguments of a call and gives its units. */
export function writeContractArguments(kernel: ContractKernel, target: CTarget, writer: ContractWriter): number {
  const normal = normalContract(kernel);
  const plan = planContract(normal, target);
  const { bytes } = tileShape(target, normal.modes.dtype);
  const axis = (offsets: Offsets): void => {
    if ("table" in offsets) writer.table(offsets.table, 1);
    else writer.word(offsets.stride * bytes);
  };
  // No folds are a sum of nothing, as no k is.
  const isEmpty = normal.fold.extent === 0;
  writer.address(normal.aBuffer, normal.aOffset * bytes);
  writer.address(normal.bBuffer, normal.bOffset * bytes);
  writer.address(2, 0);
  for (const size of [normal.m, normal.n, isEmpty ? 0 : normal.k]) writer.word(size);
  for (const offsets of [normal.aM, normal.aK, normal.bK, normal.bN]) axis(offsets);
  writer.word(normal.cM * bytes);
  for (let i = 0; i < 3; i++) {
    const { extent, a, b, c } = normal.batch[i] ?? { extent: 1, a: 0, b: 0, c: 0 };
    for (const word of [extent, a * bytes, b * bytes, c * bytes]) writer.word(word);
  }
  const { fold } = normal;
  for (const word of [isEmpty ? 1 : fold.extent, fold.a * bytes, fold.b * bytes]) writer.word(word);
  for (const step of [plan.kStep, plan.mStep, plan.nStep]) writer.word(step);
  writer.word(plan.packsRows ? 1 : 0);
  writer.word(plan.panelPack === null ? 0 : packNumbers[plan.panelPack]);
  return plan.units;
}

/** The C function `name` for kernels of these modes, with the static functions that it needs. */
export function contractSource(modes: ContractModes, name: string, target: CTarget): string {
  const shape = tileShape(target, modes.dtype);
  const { bytes, rows, columns } = shape;
  const { aM, aK, bK, bN } = modes;
  const form = rowForm(modes);
  const layout = workspaceLayout(shape);
  const packs = panelPacks(bK, bN);
  const rowsInPlace = readsRowsInPlace(modes);
  const panelsInPlace = readsPanelsInPlace(modes);
  const argument = (mode: OffsetMode, axis: string, word: number): string =>
    `  ${axisParameter(mode, axis)} = ${mode === "table" ? "(const int32_t *)" : ""}g[${word}]; (void)${axis};`;
  /** The address of an element, and the parameter for the axis from there on. */
  const placeOf = (mode: OffsetMode, axis: string, index: string): string =>
    mode === "table" ? "" : ` + ${axisPlace(shape, mode, axis, index)}`;
  const from = (mode: OffsetMode, axis: string, index: string): string =>
    mode === "table" ? `${axis} + ${index}` : axis;
  const packPanel = packs.map((pack, i) => {
    const call = `${packPanelName(shape, pack, bK, bN)}(w + ${layout.panel}, from, ${from(bK, "bK", "k0")}, ${from(bN, "bN", "j")}, kc, columns);`;
    return i === packs.length - 1 ? call : `if (panelPack == ${packNumbers[pack]}) ${call} else `;
  });
  const packRows = `${packRowsName(shape, form, aM, aK)}(w, lineStep, from, ${from(aM, "aM", "i0")}, ${from(aK, "aK", "k0")}, rows, kc);`;
  const lines = [
    `void ${name}(const int64_t *g, int64_t first, int64_t last, char *w) {`,
    "  const int64_t m = g[3], n = g[4], k = g[5];",
    argument(aM, "aM", 6),
    argument(aK, "aK", 7),
    argument(bK, "bK", 8),
    argument(bN, "bN", 9),
    "  const int64_t cM = g[10], extent1 = g[15], extent2 = g[19], folds = g[23];",
    "  const int64_t kStep = g[26], mStep = g[27], nStep = g[28], packsRows = g[29], panelPack = g[30];",
    "  const int64_t mBlocks = (m + mStep - 1) / mStep, nBlocks = (n + nStep - 1) / nStep;",
    "  (void)packsRows; (void)panelPack;",
    "  for (int64_t unit = first; unit < last; unit++) {",
    "    int64_t rest = unit;",
    "    const int64_t i0 = rest % mBlocks * mStep; rest /= mBlocks;",
    "    const int64_t j0 = rest % nBlocks * nStep; rest /= nBlocks;",
    "    const int64_t batch2 = rest % extent2; rest /= extent2;",
    "    const int64_t batch1 = rest % extent1, batch0 = rest / extent1;",
    "    const int64_t rows = m - i0 < mStep ? m - i0 : mStep, jEnd = n - j0 < nStep ? n : j0 + nStep;",
    "    const char *a = (const char *)g[0] + batch0 * g[12] + batch1 * g[16] + batch2 * g[20];",
    "    const char *b = (const char *)g[1] + batch0 * g[13] + batch1 * g[17] + batch2 * g[21];",
    "    char *c = (char *)g[2] + batch0 * g[14] + batch1 * g[18] + batch2 * g[22] + i0 * cM;",
    "    int64_t adds = 0;",
    "    for (int64_t fold = 0; fold < folds; fold++, a += g[24], b += g[25]) {",
    "      int64_t k0 = 0;",
    "      do {",
    "        const int64_t kc = k - k0 < kStep ? k - k0 : kStep;",
    "        const char *aAt = w;",
    "        int64_t aStep, aTile;",
    `        const int64_t lineStep = ${form === "lines" ? `((kc * ${bytes} + 63) & -64) + ${lineGap}` : `kc * ${rows * bytes} + ${lineGap}`};`,
    "        {",
    `          const char *from = a${placeOf(aM, "aM", "i0")}${placeOf(aK, "aK", "k0")};`,
    ...(rowsInPlace
      ? [
          "          if (!packsRows) {",
          form === "lines"
            ? `            aAt = from; aStep = aM; aTile = ${rows} * aM;`
            : `            aAt = from; aStep = aK; aTile = ${rows * bytes};`,
          "          } else",
        ]
      : []),
    "          {",
    `            ${packRows}`,
    form === "lines"
      ? `            aStep = lineStep; aTile = ${rows} * lineStep;`
      : `            aStep = ${rows * bytes}; aTile = lineStep;`,
    "          }",
    "        }",
    `        for (int64_t j = j0; j < jEnd; j += ${columns}) {`,
    `          const int64_t columns = jEnd - j < ${columns} ? jEnd - j : ${columns};`,
    `          const char *from = b${placeOf(bK, "bK", "k0")}${placeOf(bN, "bN", "j")};`,
    `          int64_t bNext = ${columns * bytes};`,
    ...(panelsInPlace ? ["          if (panelPack == 0) bNext = bK; else"] : []),
    `          { ${packPanel.join("")} from = w + ${layout.panel}; }`,
    `          ${panelName(shape, form)}(kc, aAt, aStep, aTile, from, bNext, c + j * ${bytes}, cM, rows, columns,`,
    `              adds, w + ${layout.scratch});`,
    "        }",
    "        adds = 1;",
    "        k0 += kStep;",
    "      } while (k0 < k);",
    "    }",
    "  }",
    "}",
    "",
  ];
  return [
    vectorType(shape).text,
    panelFunction(shape, form),
    packRowsFunction(shape, form, aM, aK),
    ...packs.map((pack) => packPanelFunction(shape, pack, bK, bN)),
    lines.join("\n"),
  ].join("");
}
