/**
 * The innermost part of a contraction in C: tiles of C whose sums stay in registers, and a panel of them. Sums run over
 * k in order from zero, so that a tile's height and width have no say in the bits. Floor: codegen.
 */
import type { CTarget } from "../target.ts";

export type ContractDtype = "float32" | "float64" | "int32";

/** Where the tile finds the rows of A: each a line along k ("lines"), or side by side for each k ("columns"). */
export type RowForm = "lines" | "columns";

/** Numbers of a contraction's code on a target: its element, its vector and its tile. */
export interface TileShape {
  readonly dtype: ContractDtype;
  /** Bytes of an element. */
  readonly bytes: number;
  readonly vectorBytes: number;
  /** Elements of a vector. */
  readonly lanes: number;
  /** Rows of the tall tile; what is left goes in tiles of up to `shortRows`. */
  readonly rows: number;
  /** Vectors of a row of the wide tile; columns that fit one vector go in tiles of one. */
  readonly vectors: number;
  /** Columns of the wide tile. */
  readonly columns: number;
}

/** Rows of the low tile; fewer are read twice and stored once. */
export const shortRows = 4;

/**
 * The tile that fills the registers: of 32, 16 sums of 64 bytes reach the peak and leave room; of 16, 12 sums are the
 * most that leave two for B and one for A.
 */
export function tileShape(target: CTarget, dtype: ContractDtype): TileShape {
  const bytes = dtype === "float64" ? 8 : 4;
  const { vectorBytes } = target;
  const lanes = vectorBytes / bytes;
  const [rows, vectors] =
    vectorBytes === 64 ? [8, 2] : vectorBytes === 32 ? [6, 2] : target.isa === "neon" ? [6, 4] : [4, 2];
  return { dtype, bytes, vectorBytes, lanes, rows, vectors, columns: vectors * lanes };
}

/** Integers are unsigned: they wrap. */
const elements = { float32: "float", float64: "double", int32: "__UINT32_TYPE__" } as const;

/** Text that stands once in a file, whatever number of kernels need it. */
export function once(name: string, text: string): string {
  const guard = `HAVE_${name}`;
  return `#ifndef ${guard}\n#define ${guard}\n${text}\n#endif\n`;
}

/** The vector of elements at any address, and what keeps one in a register. */
export function vectorType(shape: TileShape): { element: string; vector: string; text: string } {
  const element = `contract_${shape.dtype}`;
  const vector = `${element}_vector`;
  const text = [
    once(
      element,
      [
        `typedef ${elements[shape.dtype]} ${element} __attribute__((may_alias));`,
        `typedef ${elements[shape.dtype]} ${vector}`,
        `    __attribute__((vector_size(${shape.vectorBytes}), aligned(${shape.bytes}), may_alias));`,
      ].join("\n"),
    ),
    once(
      "contract_hold",
      [
        "/* A vector that many products read stays in a register, instead of being loaded by each of them. */",
        "#if defined(__AVX512F__)",
        '#define contract_hold(x) __asm__("" : "+v"(x))',
        "#elif defined(__x86_64__)",
        '#define contract_hold(x) __asm__("" : "+x"(x))',
        "#elif defined(__aarch64__)",
        '#define contract_hold(x) __asm__("" : "+w"(x))',
        "#else",
        "#define contract_hold(x)",
        "#endif",
        "static const char contract_zeros[256] __attribute__((aligned(64)));",
      ].join("\n"),
    ),
  ].join("");
  return { element, vector, text };
}

export const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

export function tileName(shape: TileShape, form: RowForm, rows: number, vectors: number): string {
  return `contract_${shape.dtype}_${form}_${rows}x${vectors}`;
}

/** Where row i of A lies from the first, as an address of base and scaled index: odd multiples of aM are kept. */
function rowOffset(i: number): { odd: number; text: string } {
  let odd = i;
  let scale = 1;
  for (; odd % 2 === 0; odd /= 2) scale *= 2;
  return { odd, text: `${odd === 1 ? "aStep" : `step${odd}`}${scale === 1 ? "" : ` * ${scale}`}` };
}

/**
 * One function for a tile. The tall one does `count` tiles, `aTile` apart in A; the low one does one tile of `count`
 * rows. c[i][j] = z[i][j] + sum_k a[i][k] * b[k][j]; z is c, or zeros that do not move. `aStep` is the way from a line
 * to the next, or from the rows of one k to those of the next.
 */
export function tileFunction(shape: TileShape, form: RowForm, isTall: boolean, vectors: number): string {
  const { bytes, vectorBytes } = shape;
  const { element, vector } = vectorType(shape);
  const rows = isTall ? shape.rows : shortRows;
  const name = tileName(shape, form, rows, vectors);
  const at = (i: number): string => {
    if (i === 0) return "p";
    if (form === "columns") return `p + ${i * bytes}`;
    return isTall ? `p + ${rowOffset(i).text}` : `p + a${i}`;
  };
  const lines: string[] = [
    `static __attribute__((noinline)) void ${name}(int64_t k, const char *a, int64_t aStep, const char *b, int64_t bK,`,
    "    char *c, int64_t cM, const char *z, int64_t zM, int64_t count, int64_t aTile) {",
    `  typedef ${vector} V;`,
  ];
  if (form === "lines") {
    if (isTall) {
      const odds = new Set(range(rows - 1).map((i) => rowOffset(i + 1).odd));
      for (const odd of odds) if (odd > 1) lines.push(`  const int64_t step${odd} = ${odd} * aStep;`);
    } else {
      for (const i of range(rows - 1)) {
        lines.push(`  const int64_t a${i + 1} = (count > ${i + 1} ? ${i + 1} : count - 1) * aStep;`);
      }
    }
  }
  if (isTall) lines.push("  for (; count > 0; count--, a += aTile) {");
  else lines.push("  {");
  for (const i of range(rows))
    lines.push(
      `    V ${range(vectors)
        .map((j) => `s${i}_${j} = {0}`)
        .join(", ")};`,
    );
  // Rows that are packed share the caches with C, which may be in none of them: it comes while the sums run.
  if (isTall && form === "columns") {
    const wanted = range(vectors).map((j) => `__builtin_prefetch(t + ${j * vectorBytes}, 1);`);
    lines.push(
      `    { const char *t = c; ${range(rows)
        .map(() => wanted.join(" "))
        .join(" t += cM; ")} }`,
    );
  }
  lines.push("    const char *p = a, *q = b;");
  lines.push(`    for (int64_t left = k; left > 0; left--, p += ${form === "lines" ? bytes : "aStep"}, q += bK) {`);
  for (const j of range(vectors)) {
    lines.push(`      V b${j} = *(const V *)(q + ${j * vectorBytes}); contract_hold(b${j});`);
  }
  for (const i of range(rows)) {
    const products = range(vectors).map((j) => `s${i}_${j} += x * b${j};`);
    lines.push(`      { const ${element} x = *(const ${element} *)(${at(i)}); ${products.join(" ")} }`);
  }
  lines.push("    }");
  for (const i of range(rows)) {
    const stores = range(vectors).map(
      (j) => `*(V *)(c + ${j * vectorBytes}) = *(const V *)(z + ${j * vectorBytes}) + s${i}_${j};`,
    );
    if (!isTall && i > 0) lines.push(`    if (count <= ${i}) return;`);
    lines.push(`    ${stores.join(" ")} c += cM; z += zM;`);
  }
  lines.push("  }", "}");
  return once(name, lines.join("\n"));
}

export function panelName(shape: TileShape, form: RowForm): string {
  return `contract_${shape.dtype}_${form}_panel`;
}

/**
 * The tiles of `rows` rows of A and up to a wide tile's columns of B. Tiles read whole vectors of B and C; where the
 * columns do not fill them, the tile goes to `scratch` and its columns from there to C.
 */
export function panelFunction(shape: TileShape, form: RowForm): string {
  const { bytes, vectorBytes, lanes, rows, vectors, columns } = shape;
  const name = panelName(shape, form);
  const call = (tall: number, count: string): string[] => [
    `    if (columns > ${lanes}) ${tileName(shape, form, tall, vectors)}(k, a, aStep, b, bK, d, dM, z, zM, ${count}, aTile);`,
    `    else ${tileName(shape, form, tall, 1)}(k, a, aStep, b, bK, d, dM, z, zM, ${count}, aTile);`,
  ];
  const hasTall = rows > shortRows;
  const body = [
    `static __attribute__((noinline)) void ${name}(int64_t k, const char *a, int64_t aStep, int64_t aTile,`,
    "    const char *b, int64_t bK, char *c, int64_t cM, int64_t rows, int64_t columns, int64_t adds, char *scratch) {",
    `  const int64_t isPart = columns != ${columns} && columns != ${lanes};`,
    "  const char *z = adds ? c : contract_zeros;",
    `  const int64_t zM = adds ? cM : 0, dM = isPart ? ${columns * bytes} : cM;`,
    ...(hasTall
      ? [
          `  int64_t tall = rows / ${rows}, rest = rows % ${rows};`,
          ...(rows < 2 * shortRows
            ? [
                `  if (tall > 0 && rest > 0 && rest <= ${2 * shortRows - rows} && aTile == ${rows} * ${form === "lines" ? "aStep" : bytes}) { tall--; rest += ${rows}; }`,
              ]
            : []),
          "  const int64_t turn = isPart ? 1 : tall;",
          "  for (; tall > 0; tall -= turn) {",
          "    char *d = isPart ? scratch : c;",
          ...call(rows, "turn"),
          `    if (isPart) contract_columns(scratch, ${columns * bytes}, c, cM, ${rows}, columns * ${bytes});`,
          `    a += turn * aTile; c += turn * ${rows} * cM; z += turn * ${rows} * zM;`,
          "  }",
        ]
      : ["  int64_t rest = rows;"]),
    `  for (; rest > 0; rest -= ${shortRows}) {`,
    `    const int64_t count = rest < ${shortRows} ? rest : ${shortRows};`,
    "    char *d = isPart ? scratch : c;",
    ...call(shortRows, "count"),
    `    if (isPart) contract_columns(scratch, ${columns * bytes}, c, cM, count, columns * ${bytes});`,
    `    a += ${hasTall ? `${shortRows} * ${form === "lines" ? "aStep" : bytes}` : "aTile"}; c += ${shortRows} * cM; z += ${shortRows} * zM;`,
    "  }",
    "}",
  ];
  const heights = hasTall ? [true, false] : [false];
  const tiles = heights.flatMap((isTall) => [vectors, 1].map((v) => tileFunction(shape, form, isTall, v)));
  return [...tiles, columnsFunction(vectorBytes), once(name, body.join("\n"))].join("");
}

/** Copies the first `bytes` bytes of each row: what a store of whole vectors would go beyond. */
function columnsFunction(vectorBytes: number): string {
  const halves: string[] = [];
  for (let size = vectorBytes / 2; size >= 4; size /= 2) {
    halves.push(`    if (bytes & ${size}) { __builtin_memcpy(t, f, ${size}); t += ${size}; f += ${size}; }`);
  }
  return once(
    "contract_columns",
    [
      "static __attribute__((noinline)) void contract_columns(const char *from, int64_t fromStep, char *to, int64_t toStep,",
      "    int64_t rows, int64_t bytes) {",
      "  for (; rows > 0; rows--, from += fromStep, to += toStep) {",
      "    const char *f = from; char *t = to;",
      `    for (int64_t left = bytes; left >= ${vectorBytes}; left -= ${vectorBytes}) {`,
      `      __builtin_memcpy(t, f, ${vectorBytes}); t += ${vectorBytes}; f += ${vectorBytes};`,
      "    }",
      ...halves,
      "  }",
      "}",
    ].join("\n"),
  );
}
