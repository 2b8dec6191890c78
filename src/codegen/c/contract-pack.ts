/**
 * Packing for a contraction in C: what lies apart in memory is copied to where the tiles read it in order. Elements that
 * follow each other, along the panel or along k, move as vectors. Floor: codegen.
 */
import { once, type RowForm, type TileShape, vectorType } from "./contract-tile.ts";

/**
 * How the place of an element follows from its index: side by side, a stride apart, or from a table. Places in tables
 * and strides of the call are in elements and bytes.
 */
export type OffsetMode = "unit" | "linear" | "table";

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** The parameter that says where elements of an axis lie, and the bytes from the first to the one at `index`. */
export function axisParameter(mode: OffsetMode, name: string): string {
  return mode === "table" ? `const int32_t *${name}` : `int64_t ${name}`;
}

export function axisPlace(shape: TileShape, mode: OffsetMode, name: string, index: string): string {
  if (mode === "unit") return `${shape.bytes} * (${index})`;
  if (mode === "linear") return `${name} * (${index})`;
  return `${shape.bytes} * (int64_t)${name}[${index}]`;
}

/** Bytes beyond the rows of a packed line, so that lines do not lie a multiple of 4096 bytes apart. */
export const lineGap = 64;

export function packRowsName(shape: TileShape, form: RowForm, aM: OffsetMode, aK: OffsetMode): string {
  return `contract_${shape.dtype}_pack_${form}_${aM}_${aK}`;
}

/**
 * Packs rows of A: as lines `step` bytes apart, or as panels [k][rows of a tile] that are so far apart. Lines are copied
 * in whole vectors and panels in whole rows, so that up to a vector behind the last element is read and written.
 */
export function packRowsFunction(shape: TileShape, form: RowForm, aM: OffsetMode, aK: OffsetMode): string {
  const { bytes, vectorBytes, rows } = shape;
  const { element, vector } = vectorType(shape);
  const name = packRowsName(shape, form, aM, aK);
  const head = [
    `static __attribute__((noinline)) void ${name}(char *to, int64_t step, const char *from, ${axisParameter(aM, "aM")},`,
    `    ${axisParameter(aK, "aK")}, int64_t rows, int64_t k) {`,
  ];
  const lines = [
    "  for (int64_t i = 0; i < rows; i++, to += step) {",
    `    const char *s = from + ${axisPlace(shape, aM, "aM", "i")};`,
    ...(aK === "unit"
      ? [
          `    for (int64_t x = 0; x < k * ${bytes}; x += ${vectorBytes}) {`,
          ...(aM === "linear" ? ["      __builtin_prefetch(s + x + 4 * aM);"] : []),
          `      *(${vector} *)(to + x) = *(const ${vector} *)(s + x);`,
          "    }",
        ]
      : [
          `    for (int64_t x = 0; x < k; x++) ((${element} *)to)[x] = *(const ${element} *)(s + ${axisPlace(shape, aK, "aK", "x")});`,
        ]),
    "  }",
  ];
  const columns = [
    "  for (int64_t x = 0; x < k; x++) {",
    `    const char *s = from + ${axisPlace(shape, aK, "aK", "x")};`,
    `    char *t = to + x * ${rows * bytes};`,
    `    for (int64_t i = 0; i < rows; i += ${rows}, s += ${rows * bytes}, t += step) {`,
    ...(aK === "linear" ? ["      __builtin_prefetch(s + 4 * aK);"] : []),
    `      __builtin_memcpy(t, s, ${rows * bytes});`,
    "    }",
    "  }",
  ];
  return once(name, [...head, ...(form === "lines" ? lines : columns), "}"].join("\n"));
}

export type PanelPack = "copy" | "transpose" | "gather";

/** What can pack B, best first. */
export function panelPacks(bK: OffsetMode, bN: OffsetMode): readonly PanelPack[] {
  const packs: PanelPack[] = [];
  if (bN !== "linear") packs.push("copy");
  if (bK !== "linear") packs.push("transpose");
  if (bN !== "unit" && bK !== "unit") packs.push("gather");
  return packs;
}

export function packPanelName(shape: TileShape, pack: PanelPack, bK: OffsetMode, bN: OffsetMode): string {
  return `contract_${shape.dtype}_${pack}_${bK}_${bN}`;
}

/**
 * Packs up to a wide tile's columns of B as a panel [k][columns]. `from` is the place of its first element, with tables
 * that start there.
 */
export function packPanelFunction(shape: TileShape, pack: PanelPack, bK: OffsetMode, bN: OffsetMode): string {
  const name = packPanelName(shape, pack, bK, bN);
  const head = [
    `static __attribute__((noinline)) void ${name}(char *to, const char *from, ${axisParameter(bK, "bK")},`,
    `    ${axisParameter(bN, "bN")}, int64_t k, int64_t columns) {`,
  ];
  const body =
    pack === "copy"
      ? copyBody(shape, bK, bN)
      : pack === "transpose"
        ? transposeBody(shape, bK, bN)
        : gatherBody(shape, bK, bN);
  const before = pack === "transpose" ? transposeFunction(shape) : "";
  return before + once(name, [...head, ...body, "}"].join("\n"));
}

/**
 * Each row of the panel as pieces of a vector's length. A piece that is longer than its run of columns spills into the
 * next, which is written after it, or into the next row.
 */
function copyBody(shape: TileShape, bK: OffsetMode, bN: OffsetMode): string[] {
  const { bytes, vectorBytes, lanes, columns } = shape;
  const rowBytes = columns * bytes;
  const { vector } = vectorType(shape);
  const row = axisPlace(shape, bK, "bK", "x");
  const whole = (count: number): string => {
    const moves = range(count).map((j) => `*(${vector} *)(to + ${j * vectorBytes}) = *(const ${vector} *)(s + ${j * vectorBytes});`);
    const ahead = range(count).map((j) => `__builtin_prefetch(s + ${rowBytes + j * vectorBytes}, 0, 2);`);
    return `for (int64_t x = 0; x < k; x++, to += ${rowBytes}) { const char *s = from + ${row}; ${ahead.join(" ")} ${moves.join(" ")} }`;
  };
  if (bN === "unit") {
    return [`  if (columns > ${lanes}) ${whole(shape.vectors)}`, `  else ${whole(1)}`];
  }
  return [
    `  int64_t source[${columns}], target[${columns}], pieces = 0;`,
    "  for (int64_t j = 0, end; j < columns; j = end) {",
    "    for (end = j + 1; end < columns && bN[end] == bN[end - 1] + 1;) end++;",
    `    for (; j < end; j += ${lanes}, pieces++) { source[pieces] = ${bytes} * (int64_t)bN[j]; target[pieces] = ${bytes} * j; }`,
    "  }",
    `  const int64_t isWhole = pieces == ${shape.vectors} && target[pieces - 1] == ${rowBytes - vectorBytes};`,
    "  if (isWhole && source[pieces - 1] - source[0] == target[pieces - 1]) {",
    "    from += source[0];",
    `    ${whole(shape.vectors)}`,
    "    return;",
    "  }",
    `  for (int64_t x = 0; x < k; x++, to += ${rowBytes}) {`,
    `    const char *s = from + ${row};`,
    `    for (int64_t p = 0; p < pieces; p++) *(${vector} *)(to + target[p]) = *(const ${vector} *)(s + source[p]);`,
    "  }",
  ];
}

/** Blocks of lanes × lanes are turned over in registers. Rows that a run of k does not have are written again. */
function transposeBody(shape: TileShape, bK: OffsetMode, bN: OffsetMode): string[] {
  const { bytes, lanes, columns } = shape;
  const rowBytes = columns * bytes;
  const call = (place: string, x: string): string =>
    `contract_${shape.dtype}_transpose(to + j * ${bytes} + (${x}) * ${rowBytes}, columnAt, ${place});`;
  return [
    `  for (int64_t j = 0; j < columns; j += ${lanes}) {`,
    `    const char *columnAt[${lanes}];`,
    `    for (int64_t i = 0; i < ${lanes}; i++) {`,
    "      const int64_t column = j + i < columns ? j + i : columns - 1;",
    `      columnAt[i] = from + ${axisPlace(shape, bN, "bN", "column")};`,
    "    }",
    ...(bK === "unit"
      ? [`    for (int64_t x = 0; x < k; x += ${lanes}) ${call(`x * ${bytes}`, "x")}`]
      : [
          "    for (int64_t x = 0, end; x < k; x = end) {",
          "      for (end = x + 1; end < k && bK[end] == bK[end - 1] + 1;) end++;",
          `      for (int64_t y = x; y < end; y += ${lanes}) ${call(`${bytes} * (int64_t)bK[y]`, "y")}`,
          "    }",
        ]),
    "  }",
  ];
}

function gatherBody(shape: TileShape, bK: OffsetMode, bN: OffsetMode): string[] {
  const { bytes, columns } = shape;
  const { element } = vectorType(shape);
  return [
    `  for (int64_t x = 0; x < k; x++, to += ${columns * bytes}) {`,
    `    const char *s = from + ${axisPlace(shape, bK, "bK", "x")};`,
    `    for (int64_t j = 0; j < columns; j++) ((${element} *)to)[j] = *(const ${element} *)(s + ${axisPlace(shape, bN, "bN", "j")});`,
    "  }",
  ];
}

/** Reads a vector from each of as many lines, `place` bytes from its start, and writes the columns of that square. */
function transposeFunction(shape: TileShape): string {
  const { lanes, columns, bytes } = shape;
  const { vector } = vectorType(shape);
  const name = `contract_${shape.dtype}_transpose`;
  const lines = [
    `static inline void ${name}(char *to, const char *const *from, int64_t place) {`,
    `  typedef ${vector} V;`,
    ...range(lanes).map((i) => `  const V r0_${i} = *(const V *)(from[${i}] + place);`),
  ];
  // Each stage exchanges lanes of two rows whose numbers differ in one bit; stage by stage all bits of row and lane
  // change places.
  let stage = 0;
  for (let bit = 1; bit < lanes; bit *= 2, stage++) {
    for (const i of range(lanes)) {
      if (i & bit) continue;
      const [x, y] = [`r${stage}_${i}`, `r${stage}_${i + bit}`];
      const low = range(lanes).map((lane) => (lane & bit ? lane - bit + lanes : lane));
      const high = range(lanes).map((lane) => (lane & bit ? lane + lanes : lane + bit));
      lines.push(`  const V r${stage + 1}_${i} = __builtin_shufflevector(${x}, ${y}, ${low.join(", ")});`);
      lines.push(`  const V r${stage + 1}_${i + bit} = __builtin_shufflevector(${x}, ${y}, ${high.join(", ")});`);
    }
  }
  lines.push(...range(lanes).map((i) => `  *(V *)(to + ${i * columns * bytes}) = r${stage}_${i};`), "}");
  return once(name, lines.join("\n"));
}
