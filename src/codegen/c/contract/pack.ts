/**
 * Packing for a contraction in C: what lies apart in memory is copied to where the tiles read it in order. Elements that
 * follow each other, along the panel or along k, move as vectors. Floor: codegen.
 */
import { once, range, type RowForm, type TileShape, vectorType } from "./tile.ts";

/** How the place of an element follows from its index: side by side, a stride in bytes, or a table of elements. */
export type OffsetMode = "unit" | "linear" | "table";

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
  const { bytes, vectorBytes, lanes, rows } = shape;
  const { element, vector } = vectorType(shape);
  const name = packRowsName(shape, form, aM, aK);
  const head = [
    `static __attribute__((noinline)) void ${name}(char *to, int64_t step, const char *from, ${axisParameter(aM, "aM")},`,
    `    ${axisParameter(aK, "aK")}, int64_t rows, int64_t k) {`,
  ];
  const row = `const char *s = from + ${axisPlace(shape, aM, "aM", "i")};`;
  const lines =
    aK === "table"
      ? [
          // A vector that is longer than what is left of its run spills into the next, which is written after it.
          "  for (int64_t x = 0, end; x < k; x = end) {",
          "    for (end = x + 1; end < k && aK[end] == aK[end - 1] + 1;) end++;",
          `    for (int64_t y = x; y < end; y += ${lanes}) {`,
          "      for (int64_t i = 0; i < rows; i++) {",
          `        ${row}`,
          `        *(${vector} *)(to + i * step + y * ${bytes}) = *(const ${vector} *)(s + ${axisPlace(shape, aK, "aK", "y")});`,
          "      }",
          "    }",
          "  }",
        ]
      : [
          "  for (int64_t i = 0; i < rows; i++, to += step) {",
          `    ${row}`,
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
  const before = pack === "gather" ? "" : shuffleMacro + (pack === "transpose" ? transposeFunction(shape) : "");
  return before + once(name, [...head, ...body, "}"].join("\n"));
}

/** Lanes of two vectors, by number; the macro is for gcc before 12. */
function shuffled(shape: TileShape, x: string, y: string, numbers: readonly number[]): string {
  return `CONTRACT_SHUFFLE(${shape.bytes === 8 ? "i64v" : "i32v"}, ${x}, ${y}, ${numbers.join(", ")})`;
}

const shuffleMacro = once(
  "CONTRACT_SHUFFLE",
  [
    "#if defined(__clang__) || __GNUC__ >= 12",
    "#define CONTRACT_SHUFFLE(I, x, y, ...) __builtin_shufflevector(x, y, __VA_ARGS__)",
    "#else",
    "#define CONTRACT_SHUFFLE(I, x, y, ...) __builtin_shuffle(x, y, (I){__VA_ARGS__})",
    "#endif",
  ].join("\n"),
);

/** Pieces of a row whose places fit registers. */
const fewPieces = 4;

/**
 * Each row of the panel as pieces of a vector's length, or of every second element of a vector. A piece that is longer
 * than its run of columns spills into the next, which is written after it, or into the next row.
 */
function copyBody(shape: TileShape, bK: OffsetMode, bN: OffsetMode): string[] {
  const { bytes, vectorBytes, lanes, columns } = shape;
  const { vector } = vectorType(shape);
  const rowBytes = columns * bytes;
  const row = axisPlace(shape, bK, "bK", "x");
  // The columns beside these are wanted next.
  const whole = (count: number): string[] => [
    `for (int64_t x = 0; x < k; x++, to += ${rowBytes}) {`,
    `    const char *s = from + ${row};`,
    ...range(count).map((j) => `    __builtin_prefetch(s + ${rowBytes + j * vectorBytes}, 0, 2);`),
    ...range(count).map(
      (j) => `    *(${vector} *)(to + ${j * vectorBytes}) = *(const ${vector} *)(s + ${j * vectorBytes});`,
    ),
    "  }",
  ];
  if (bN === "unit")
    return [`  if (columns > ${lanes}) ${whole(shape.vectors).join("\n")}`, `  else ${whole(1).join("\n")}`];
  const evens = range(lanes).map((lane) => (2 * lane) % lanes);
  const few = range(fewPieces);
  /** Rows of few pieces, which keep their places in registers: the last piece stands for those that are not there. */
  const fewRows = [
    ...few.map((p) => `    const int64_t p${p} = pieces > ${p} ? ${p} : pieces - 1;`),
    ...few.map((p) => `    const int64_t s${p} = source[p${p}], t${p} = target[p${p}];`),
    `    for (int64_t x = 0; x < k; x++, to += ${rowBytes}) {`,
    `      const char *s = from + ${row};`,
    ...few.map((p) => `      *(${vector} *)(to + t${p}) = *(const ${vector} *)(s + s${p});`),
    "    }",
  ];
  const pieces = (value: string): string[] => [
    `for (int64_t x = 0; x < k; x++, to += ${rowBytes}) {`,
    `    const char *s = from + ${row};`,
    "    for (int64_t p = 0; p < pieces; p++) {",
    `      const ${vector} v = *(const ${vector} *)(s + source[p]);`,
    `      *(${vector} *)(to + target[p]) = ${value};`,
    "    }",
    "  }",
  ];
  return [
    `  int64_t source[${columns}], target[${columns}], pieces = 0;`,
    "  const int64_t step = columns > 1 && bN[1] - bN[0] == 2 ? 2 : 1;",
    "  for (int64_t j = 0, end; j < columns; j = end) {",
    "    for (end = j + 1; end < columns && bN[end] == bN[end - 1] + step;) end++;",
    `    for (; j < end; j += ${lanes} / step, pieces++) { source[pieces] = ${bytes} * (int64_t)bN[j]; target[pieces] = ${bytes} * j; }`,
    "  }",
    `  if (step == 2) ${pieces(shuffled(shape, "v", "v", evens)).join("\n")}`,
    `  else if (pieces == ${shape.vectors} && source[pieces - 1] - source[0] == ${rowBytes - vectorBytes} && target[pieces - 1] == ${rowBytes - vectorBytes}) {`,
    "    from += source[0];",
    `    ${whole(shape.vectors).join("\n")}`,
    `  } else if (pieces <= ${fewPieces}) {`,
    ...fewRows,
    `  } else ${pieces("v").join("\n")}`,
  ];
}

/**
 * Squares of lanes × lanes are turned over in registers. Rows that a run of k does not have are written again. Where
 * places are two elements apart, of two rows of a square the first is kept.
 */
function transposeBody(shape: TileShape, bK: OffsetMode, bN: OffsetMode): string[] {
  const { bytes, lanes, columns } = shape;
  const rowBytes = columns * bytes;
  const call = (place: string, x: string, pair: string, odd: string): string =>
    `contract_${shape.dtype}_transpose(to + j * ${bytes} + (${x}) * ${rowBytes}, lines, ${place}, ${pair}, ${odd});`;
  return [
    `  for (int64_t j = 0; j < columns; j += ${lanes}) {`,
    `    const char *lines[${lanes}];`,
    `    for (int64_t i = 0; i < ${lanes}; i++) {`,
    "      const int64_t column = j + i < columns ? j + i : columns - 1;",
    `      lines[i] = from + ${axisPlace(shape, bN, "bN", "column")};`,
    "    }",
    ...(bK === "unit"
      ? [
          `    for (int64_t x = 0; x < k; x += ${lanes}) {`,
          `      ${call(`x * ${bytes}`, "x", `${2 * rowBytes}`, `${rowBytes}`)}`,
          "    }",
        ]
      : [
          "    for (int64_t x = 0, end; x < k; x = end) {",
          "      const int64_t step = x + 1 < k && bK[x + 1] - bK[x] == 2 ? 2 : 1;",
          "      for (end = x + 1; end < k && bK[end] == bK[end - 1] + step;) end++;",
          `      for (int64_t y = x; y < end; y += ${lanes} / step) {`,
          `        ${call(`${bytes} * (int64_t)bK[y]`, "y", `${2 * rowBytes} / step`, `(2 - step) * ${rowBytes}`)}`,
          "      }",
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

/**
 * Reads a vector from each of as many lines, `place` bytes from its start, and writes the columns of that square as rows:
 * pairs of rows are `pair` bytes apart, and an odd row, which is written first, `odd` bytes behind its even one.
 */
function transposeFunction(shape: TileShape): string {
  const { lanes, bytes } = shape;
  const { vector } = vectorType(shape);
  const name = `contract_${shape.dtype}_transpose`;
  const lines = [
    `static inline void ${name}(char *to, const char *const *from, int64_t place, int64_t pair, int64_t odd) {`,
    `  typedef ${vector} V;`,
  ];
  let names = 0;
  const declare = (value: string): string => {
    lines.push(`  const V v${names} = ${value};`);
    return `v${names++}`;
  };
  /** One vector of each pair of neighbours. */
  const paired = (vectors: readonly string[], lane: (i: number) => number): string[] =>
    range(vectors.length / 2).map((i) =>
      declare(shuffled(shape, vectors[2 * i] as string, vectors[2 * i + 1] as string, range(lanes).map(lane))),
    );
  // Lanes of 16 bytes are turned over among as many lines, which shuffles do best; then the 16 bytes among such groups.
  const inner = 16 / bytes;
  /** Of each 16 bytes of x and y the low or the high half, `width` elements of x and of y in turn. */
  const interleaved =
    (width: number, isHigh: boolean) =>
    (i: number): number => {
      const place = (i % inner) + (isHigh ? inner : 0);
      const within = Math.floor(place / (2 * width)) * width + (place % width);
      return i - (i % inner) + within + (place % (2 * width) >= width ? lanes : 0);
    };
  /** Every second 16 bytes of x and then of y, from the first or the second on. */
  const everySecond =
    (first: number) =>
    (i: number): number =>
      (2 * Math.floor(i / inner) + first) * inner + (i % inner);
  const turnedInside = (vectors: readonly string[], width = 1): readonly string[] =>
    vectors.length === 1
      ? vectors
      : [false, true].flatMap((isHigh) => turnedInside(paired(vectors, interleaved(width, isHigh)), 2 * width));
  const turnedOutside = (vectors: readonly string[]): readonly string[] => {
    if (vectors.length === 1) return vectors;
    const halves = [0, 1].map((first) => turnedOutside(paired(vectors, everySecond(first))));
    return range(vectors.length).map((i) => halves[i % 2]?.[i >> 1] as string);
  };
  // Vector c of a group has, as its 16 bytes number l, the elements of the group's lines in column inner · l + c.
  const groups = range(lanes / inner).map((g) =>
    turnedInside(range(inner).map((i) => declare(`*(const V *)(from[${g * inner + i}] + place)`))),
  );
  const rows: string[] = [];
  for (const c of range(inner)) {
    turnedOutside(groups.map((group) => group[c] as string)).forEach((v, l) => {
      rows[inner * l + c] = v;
    });
  }
  for (const odd of [1, 0]) {
    for (const pair of range(lanes / 2)) {
      lines.push(`  *(V *)(to + ${pair} * pair${odd === 1 ? " + odd" : ""}) = ${rows[2 * pair + odd]};`);
    }
  }
  lines.push("}");
  return once(name, lines.join("\n"));
}
