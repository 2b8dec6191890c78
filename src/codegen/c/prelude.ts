/**
 * The text in front of each C file: names of vector types and small functions on them, for one target. No header is
 * included, because that would take longer to read than most kernels.
 *
 * f32v, i32v, u32v, f64v, i64v fill a vector; f32h, i32h, u32h fill half of one, with as many lanes as f64v; u8v and u8h
 * have the lanes of f32v and f32h. LOAD and STORE take any address. A load may read up to 128 bytes behind a buffer, a
 * store writes lanes of its own only. Floor: codegen.
 */
import { type FloatVector, floatFunctions } from "./float-functions.ts";
import { acrossFunctions } from "./folds.ts";
import { type CTarget, hasStreams } from "./target.ts";

/** C text of the types and functions of a target. */
export function prelude(target: CTarget): string {
  const { vectorBytes } = target;
  const [lanes, wide] = [vectorBytes / 4, vectorBytes / 8];
  const floats: readonly FloatVector[] = [
    { float: "f32v", int: "i32v", mask: "i32v", isDouble: false, lanes },
    { float: "f32h", int: "i32h", mask: "i32h", isDouble: false, lanes: wide },
    { float: "f64v", int: "i64v", mask: "i32h", isDouble: true, lanes: wide },
  ];
  return [
    ...scalars,
    ...streams(target),
    ...types(lanes, wide),
    ...repeated("v", lanes),
    ...repeated("h", wide),
    "#define F64V(x) ((x) - (f64v){})",
    ...floats.flatMap((vector) => floatFunctions(target, vector)),
    ...["v", "h"].flatMap((suffix) => words(target, suffix, suffix === "v" ? lanes : wide)),
    ...notedNaNs,
    ...saturating,
    ...["v", "h"].flatMap((suffix) => elements(suffix, suffix === "v" ? lanes : wide)),
    ...movers("f64v", "f64v", "f64", wide),
    ...partialStores(target, lanes, wide),
    ...acrossFunctions(lanes),
    "",
  ].join("\n");
}

const scalars = [
  "typedef __INT64_TYPE__ int64_t;",
  "typedef __UINT64_TYPE__ uint64_t;",
  "typedef __INT32_TYPE__ int32_t;",
  "typedef float f32 __attribute__((may_alias));",
  "typedef double f64 __attribute__((may_alias));",
  "typedef int32_t i32 __attribute__((may_alias));",
  "typedef unsigned char u8 __attribute__((may_alias));",
  "#define FN static inline __attribute__((always_inline))",
  "#define LOAD(T, p) (*(const T##m *)(p))",
  "#define STORE(T, p, v) (*(T##m *)(p) = (v))",
  "#ifdef __clang__",
  "#define EVENS(I, a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)",
  "#else",
  "#define EVENS(I, a, b, ...) __builtin_shuffle(a, b, (I){__VA_ARGS__})",
  "#endif",
  "FN int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }",
  // Bytes to the row that will be read a while later: eight rows on, more if they are short.
  "FN int64_t rows_ahead(int64_t step) { return step * (8 + 4096 / (step | 1)); }",
  // Bytes to the row that will be read soon: the next one, more if they are short.
  "FN int64_t rows_soon(int64_t step) { return step * (1 + 4096 / (step | 1)); }",
  // Of a dim given by extent and step: where an index is. The first one that is out of range is noted, and 0 taken.
  "FN int64_t place(i32 at, const int64_t *dim, i32 *fault) {",
  "  if ((uint64_t)(int64_t)at < (uint64_t)dim[0]) return at * dim[1];",
  "  if (fault[0] == 0) fault[0] = 1, fault[1] = at, fault[2] = (i32)dim[0];",
  "  return 0;",
  "}",
];

/** STREAM stores whole vectors of float32 past the caches, at a place for whole vectors; STREAMED ends what was stored so. */
function streams(target: CTarget): string[] {
  if (!hasStreams(target)) return [];
  return [
    "#ifdef __clang__",
    "#define STREAM(T, p, v) __builtin_nontemporal_store(v, (T *)(p))",
    "#else",
    `#define STREAM(T, p, v) __builtin_ia32_movntps${target.isa === "avx512" ? "512" : "256"}((float *)(p), v)`,
    "#endif",
    "#define STREAMED() __builtin_ia32_sfence()",
  ];
}

/** A type for registers, and one ("m") for memory at any address. */
function vectorType(name: string, element: string, bytes: number): string[] {
  return [
    `typedef ${element} ${name} __attribute__((vector_size(${bytes})));`,
    `typedef ${element} ${name}m __attribute__((vector_size(${bytes}), aligned(1), may_alias));`,
  ];
}

function types(lanes: number, wide: number): string[] {
  return [
    ...vectorType("f32v", "float", 4 * lanes),
    ...vectorType("i32v", "int32_t", 4 * lanes),
    ...vectorType("u32v", "unsigned", 4 * lanes),
    ...vectorType("u8v", "unsigned char", lanes),
    ...vectorType("f64v", "double", 8 * wide),
    ...vectorType("i64v", "int64_t", 8 * wide),
    ...vectorType("f32h", "float", 4 * wide),
    ...vectorType("i32h", "int32_t", 4 * wide),
    ...vectorType("u32h", "unsigned", 4 * wide),
    ...vectorType("u8h", "unsigned char", wide),
  ];
}

function list(count: number, item: (i: number) => string): string {
  return Array.from({ length: count }, (_, i) => item(i)).join(", ");
}

/** One number in all lanes, the numbers of the lanes, and a mask of the first n of them. */
function repeated(suffix: "v" | "h", lanes: number): string[] {
  const upper = suffix.toUpperCase();
  return [
    `#define F32${upper}(x) ((x) - (f32${suffix}){})`,
    `#define I32${upper}(x) ((int32_t)(x) - (i32${suffix}){})`,
    `#define LANES_${upper} ((i32${suffix}){${list(lanes, String)}})`,
    `FN i32${suffix} first_${suffix}(int64_t n) { return LANES_${upper} < I32${upper}((int32_t)n); }`,
  ];
}

/** Integers of 32 bits. By zero a quotient and a remainder are 0; the smallest number by -1 wraps. */
function words(target: CTarget, suffix: string, lanes: number): string[] {
  const [I, U] = [`i32${suffix}`, `u32${suffix}`];
  const lanewise = (name: string, result: string): string[] => [
    `FN ${I} ${name}_${I}(${I} a, ${I} b) {`,
    `  ${I} r = {};`,
    `  for (int l = 0; l < ${lanes}; l++) r[l] = b[l] == 0 ? 0 : b[l] == -1 ? ${result} : a[l] ${name === "div" ? "/" : "%"} b[l];`,
    "  return r;",
    "}",
  ];
  const pick = (relation: string): string => {
    if (target.isa !== "avx512" && target.isa !== "avx2") {
      return `{ const ${I} m = a ${relation} b; return (m & a) | (~m & b); }`;
    }
    const class_ = target.isa === "avx512" ? "v" : "x";
    const operands = `: "=${class_}"(r) : "${class_}"(a), "${class_}"(b)`;
    return `{ ${I} r; __asm__("vp${relation === ">" ? "max" : "min"}sd %2, %1, %0" ${operands}); return r; }`;
  };
  return [
    `FN ${I} select_${I}(${I} m, ${I} a, ${I} b) { return (m & a) | (~m & b); }`,
    `FN ${I} max_${I}(${I} a, ${I} b) ${pick(">")}`,
    `FN ${I} min_${I}(${I} a, ${I} b) ${pick("<")}`,
    `FN ${I} abs_${I}(${I} x) { const ${I} s = x >> 31; return (x ^ s) - s; }`,
    `FN ${I} shl_${I}(${I} a, ${I} b) { return a << (b & 31); }`,
    `FN ${I} shr_${I}(${I} a, ${I} b) { return a >> (b & 31); }`,
    `FN ${I} ushr_${I}(${I} a, ${I} b) { return (${I})((${U})a >> ((${U})b & 31)); }`,
    ...lanewise("div", "-a[l]"),
    ...lanewise("rem", "0"),
  ];
}

/** Whether lanes have seen a NaN, told by the largest magnitude as an integer; and NaN in those lanes. */
const notedNaNs = [
  "FN i32v noted_f32v(i32v seen, f32v x) { return max_i32v(seen, (i32v)x & 0x7fffffff); }",
  'FN f32v spoiled_f32v(i32v seen, f32v x) { return select_f32v(seen > 0x7f800000, F32V(__builtin_nanf("")), x); }',
];

/** Toward zero; to the nearest end where the number is out of range; NaN gives 0. */
const saturating = [
  ["f32v", "i32v", "f"],
  ["f32h", "i32h", "f"],
  ["f64v", "i32h", ""],
].flatMap(([F, I, f]) => {
  const mask = (relation: string): string =>
    F === "f64v" ? `__builtin_convertvector(x ${relation}, i32h)` : `(x ${relation})`;
  return [
    `FN ${I} trunc_${F}_${I}(${F} x) {`,
    `  const ${F} inside = pick_${F}(abs_${F}(x) < 2147483648.0${f}, x, (${F}){});`,
    `  const ${I} over = ${mask(`>= 2147483648.0${f}`)}, under = ${mask(`<= -2147483648.0${f}`)};`,
    `  return __builtin_convertvector(inside, ${I}) | (over & 2147483647) | (under & (-2147483647 - 1));`,
    "}",
  ];
});

/** Elements that do not lie one behind the other: one at a time. */
function movers(name: string, V: string, element: string, lanes: number): string[] {
  const each = `for (int l = 0; l < ${lanes} && l < n; l++)`;
  const index = V === "f64v" || V.endsWith("h") ? "i32h" : "i32v";
  // Whole vectors are built in registers; the tail goes through memory.
  const all = list(lanes, (l) => `*(const ${element} *)(p + ${l} * step)`);
  const bytes = element === "f64" ? 8 : 4;
  const evens = list(lanes, (l) => String(2 * l));
  const lanesType = V.replace(/^f32/, "i32").replace(/^f64/, "i64");
  return [
    `FN ${V} gather_${name}(const char *p, int64_t step, int64_t n) {`,
    // Every second element, as windows of two read, are the even lanes of two vectors.
    ...(element === "u8"
      ? []
      : [
          `  if (step == ${2 * bytes}) return EVENS(${lanesType}, LOAD(${V}, p), LOAD(${V}, p + ${lanes * bytes}), ${evens});`,
        ]),
    `  if (n >= ${lanes}) return (${V}){${all}};`,
    `  ${V} r = {};`,
    `  ${each} r[l] = *(const ${element} *)(p + l * step);`,
    "  return r;",
    "}",
    `FN void scatter_${name}(char *p, int64_t step, ${V} v, int64_t n) {`,
    `  ${each} *(${element} *)(p + l * step) = (${element})v[l];`,
    "}",
    `FN ${V} choose_${name}(const char *p, int64_t step, ${index} at, const int64_t *dim, i32 *fault, int64_t n) {`,
    `  ${V} r = {};`,
    `  ${each} r[l] = *(const ${element} *)(p + l * step + place(at[l], dim, fault));`,
    "  return r;",
    "}",
    `FN void add_${name}(char *p, int64_t step, ${index} at, ${V} v, const int64_t *dim, i32 *fault, int64_t n) {`,
    `  ${each} *(${element} *)(p + l * step + place(at[l], dim, fault)) += (${element})v[l];`,
    "}",
  ];
}

function elements(suffix: string, lanes: number): string[] {
  return [
    ...movers(`f32${suffix}`, `f32${suffix}`, "f32", lanes),
    ...movers(`i32${suffix}`, `i32${suffix}`, "i32", lanes),
    ...movers(`u8${suffix}`, `i32${suffix}`, "u8", lanes),
  ];
}

/** Writes the first n lanes, fewer than all. */
function partialStores(target: CTarget, lanes: number, wide: number): string[] {
  const kinds = [
    ["f32v", "f32v", "f32", lanes, "storeups512", "(f32v)"],
    ["f32h", "f32h", "f32", wide, "storeups256", "(f32h)"],
    ["i32v", "i32v", "i32", lanes, "storeups512", "(f32v)"],
    ["i32h", "i32h", "i32", wide, "storeups256", "(f32h)"],
    ["f64v", "f64v", "f64", wide, "storeupd512", "(f64v)"],
    ["u8v", "i32v", "u8", lanes, "pmovdb512mem", "(i32v)"],
    ["u8h", "i32h", "u8", wide, "pmovdb256mem", "(i32h)"],
  ] as const;
  return kinds.map(([name, V, element, count, builtin, as]) => {
    const body =
      target.isa === "avx512"
        ? `__builtin_ia32_${builtin}_mask((void *)p, ${as}v, (1u << n) - 1);`
        : `for (int l = 0; l < ${count} && l < n; l++) ((${element} *)p)[l] = (${element})v[l];`;
    return `FN void part_${name}(char *p, ${V} v, int64_t n) { ${body} }`;
  });
}
