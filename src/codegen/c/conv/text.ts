/** Pieces of C that the kernels of convolutions share. Floor: codegen. */
import type { ConvKernel } from "../../../schedule/conv.ts";
import { once } from "../contract/tile.ts";
import type { CTarget } from "../target.ts";

export const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** What takes the arguments of a kernel, one word each. */
export interface ConvWriter {
  word(value: number): void;
  /** The address of a buffer of the kernel, plus some bytes. */
  address(buffer: number, addend: number): void;
}

/** Arguments of a kernel by name: addresses are float pointers, all else whole numbers. */
export interface ConvArguments {
  readonly addresses: readonly { readonly name: string; readonly buffer: number; readonly addend: number }[];
  readonly words: Readonly<Record<string, number>>;
}

export function writeArguments({ addresses, words }: ConvArguments, writer: ConvWriter): void {
  for (const { buffer, addend } of addresses) writer.address(buffer, addend);
  for (const value of Object.values(words)) writer.word(value);
}

/** A kernel function: names of the arguments that the body mentions, then the body. */
export function kernelFunction(name: string, { addresses, words }: ConvArguments, body: string): string {
  const isUsed = (word: string): boolean => new RegExp(`\\b${word}\\b`).test(body);
  const names = Object.keys(words);
  const lines = [
    ...addresses.map((a, i) => (isUsed(a.name) ? `  float *const ${a.name} = (float *)g[${i}];` : "")),
    ...names.map((word, i) => (isUsed(word) ? `  const int64_t ${word} = g[${addresses.length + i}];` : "")),
  ];
  return [
    `void ${name}(const int64_t *g, int64_t from, int64_t to, char *workspace) {`,
    ...lines.filter((line) => line !== ""),
    "  for (int64_t unit = from; unit < to; unit++) {",
    body,
    "  }",
    "}",
    "",
  ].join("\n");
}

/** Lanes of two vectors in a new order: lane numbers from the second vector on count from `lanes`. */
export function shuffle(a: string, b: string, lanes: number, lane: (i: number) => number): string {
  return `CONV_SHUFFLE(${a}, ${b}, ${range(lanes).map(lane).join(", ")})`;
}

const shuffleMacro = once(
  "CONV_SHUFFLE",
  [
    "/* gcc has had the name that both compilers know since its version 12. */",
    "#if defined(__clang__) || __GNUC__ >= 12",
    "#define CONV_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)",
    "#else",
    "#define CONV_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (i32v){__VA_ARGS__})",
    "#endif",
  ].join("\n"),
);

/** A vector of which each half lies elsewhere, and the halves of a vector. */
export function halvesFunctions({ vectorBytes }: CTarget): string {
  const lanes = vectorBytes / 4;
  const list = (from: number, count: number): string =>
    range(count)
      .map((i) => from + i)
      .join(", ");
  return once(
    "CONV_JOIN",
    [
      "#if defined(__clang__) || __GNUC__ >= 12",
      `#define CONV_JOIN(a, b) __builtin_shufflevector(LOAD(f32h, a), LOAD(f32h, b), ${list(0, lanes)})`,
      `#define CONV_LOW(a) __builtin_shufflevector(a, a, ${list(0, lanes / 2)})`,
      `#define CONV_HIGH(a) __builtin_shufflevector(a, a, ${list(lanes / 2, lanes / 2)})`,
      "#else",
      "typedef union { f32v whole; f32h half[2]; } conv_halves;",
      "#define CONV_JOIN(a, b) (((conv_halves){.half = {LOAD(f32h, a), LOAD(f32h, b)}}).whole)",
      "#define CONV_LOW(a) (((conv_halves){a}).half[0])",
      "#define CONV_HIGH(a) (((conv_halves){a}).half[1])",
      "#endif",
    ].join("\n"),
  );
}

/** Rows of a square of elements become its columns: log2(lanes) rounds that exchange blocks of 1, 2, 4, ... lanes. */
function transposeFunction(lanes: number): string {
  const lines = ["FN void conv_transpose(f32v *r) {", "  f32v t;"];
  for (let d = 1; d < lanes; d *= 2) {
    for (const i of range(lanes)) {
      if (i & d) continue;
      const [a, b] = [`r[${i}]`, `r[${i + d}]`];
      lines.push(`  t = ${shuffle(a, b, lanes, (k) => (k & d ? lanes + k - d : k))};`);
      lines.push(`  ${b} = ${shuffle(a, b, lanes, (k) => (k & d ? lanes + k : k + d))};`);
      lines.push(`  ${a} = t;`);
    }
  }
  lines.push("}");
  return once("conv_transpose", lines.join("\n"));
}

/** A C function that turns over a square: rows that `load` reads for each i, stored `step` apart. */
export function squareFunction(name: string, lanes: number, parameters: string, load: (i: number) => string): string {
  return once(
    name,
    `static __attribute__((noinline)) void ${name}(float *to, int64_t step, ${parameters}, const int64_t *at) {
  f32v r[${lanes}];
  ${range(lanes)
    .map((i) => `r[${i}] = ${load(i)};`)
    .join(" ")}
  conv_transpose(r);
  ${range(lanes)
    .map((i) => `STORE(f32v, to + ${i} * step, r[${i}]);`)
    .join(" ")}
}`,
  );
}

/** Shuffles, the transposition of a square, and stores of rows that do not fill vectors. */
export function convHelpers(target: CTarget): string {
  const lanes = target.vectorBytes / 4;
  return [
    shuffleMacro,
    transposeFunction(lanes),
    squareFunction("conv_square", lanes, "const float *from", (i) => `LOAD(f32v, from + at[${i}])`),
    once(
      "conv_row",
      `/* Elements of a row of results, ${"`step`"} apart. */
FN void conv_row(float *to, const float *from, int64_t count, int64_t step) {
  if (step == 1) {
    int64_t i = 0;
    for (; i + ${lanes} <= count; i += ${lanes}) STORE(f32v, to + i, LOAD(f32v, from + i));
    if (i < count) part_f32v((char *)(to + i), LOAD(f32v, from + i), count - i);
  } else {
    for (int64_t i = 0; i < count; i++) to[i * step] = from[i];
  }
}`,
    ),
  ].join("");
}

/**
 * A piece of an image with zeros around it, channel by channel. Where results are `strideRows` and `strideColumns` apart
 * the piece is split by the remainders of its rows and columns, so that neighbouring results read neighbours.
 * Vectors overshoot into what is written next; the last ones go up to a vector behind the piece.
 */
export function slabFunctions(target: CTarget): string {
  const lanes = target.vectorBytes / 4;
  const text = once(
    "conv_slab",
    `typedef struct {
  int64_t top, left, rows, columns, strideRows, strideColumns, usedRows, usedColumns;
  int64_t phaseRows, pitch, plane, channelStep;
} conv_slab;
/* The place of a tap in the piece of a channel. */
FN int64_t conv_tap(const conv_slab *s, int64_t row, int64_t column) {
  const int64_t phase = row % s->strideRows * s->strideColumns + column % s->strideColumns;
  return phase * s->plane + row / s->strideRows * s->pitch + column / s->strideColumns;
}
static __attribute__((noinline)) void conv_fill(const conv_slab *s, float *slab, const float *x, int64_t xChannel,
    int64_t xRow, int64_t channels, int64_t rows) {
  const int64_t phases = s->strideRows * s->strideColumns, step = s->strideColumns;
  for (int64_t c = 0; c < channels; c++) {
    for (int64_t phase = 0; phase < phases; phase++) {
      const int64_t a = phase / step, b = phase % step;
      if (!(s->usedRows >> a & 1) || !(s->usedColumns >> b & 1)) continue;
      const int64_t first = s->left + b;
      int64_t begin = first < 0 ? (step - 1 - first) / step : 0;
      int64_t end = first < s->columns ? (s->columns - first + step - 1) / step : 0;
      end = least(end, s->pitch);
      begin = least(begin, end);
      float *d = slab + c * s->channelStep + phase * s->plane;
      for (int64_t i = 0; i < rows; i++, d += s->pitch) {
        const int64_t row = s->top + i * s->strideRows + a;
        int64_t at = s->pitch;
        if (row >= 0 && row < s->rows) {
          const float *f = x + c * xChannel + row * xRow + first;
          /* The next channel lies where the processor expects nothing. */
          for (int64_t j = begin * step; j < end * step; j += 16) __builtin_prefetch(f + j + xChannel);
          for (int64_t j = 0; j < begin; j += ${lanes}) STORE(f32v, d + j, (f32v){});
          if (step == 1) for (int64_t j = begin; j < end; j += ${lanes}) STORE(f32v, d + j, LOAD(f32v, f + j));
          else if (step == 2 && end - begin >= ${lanes}) {
            /* The last vector lies over the one before. */
            for (int64_t j = begin; j < end; j += ${lanes}) {
              const int64_t k = least(j, end - ${lanes});
              STORE(f32v, d + k, ${shuffle("LOAD(f32v, f + 2 * k)", `LOAD(f32v, f + 2 * k + ${lanes})`, lanes, (i) => 2 * i)});
            }
          }
          else for (int64_t j = begin; j < end; j++) d[j] = f[j * step];
          at = end;
        } else at = 0;
        for (; at < s->pitch; at += ${lanes}) STORE(f32v, d + at, (f32v){});
      }
    }
  }
}`,
  );
  return shuffleMacro + text;
}

/** The buffers of a convolution, or of its input's gradient, with packed weights. */
export function imageAddresses({ x, y }: ConvKernel): ConvArguments["addresses"] {
  return [
    { name: "x", buffer: 0, addend: 4 * x.offset },
    { name: "packed", buffer: 1, addend: 0 },
    { name: "y", buffer: 2, addend: 4 * y.offset },
  ];
}

/** The buffers of the weights' gradient, which is made in parts. */
export function gradientAddresses({ x, y }: ConvKernel): ConvArguments["addresses"] {
  return [
    { name: "x", buffer: 0, addend: 4 * x.offset },
    { name: "dy", buffer: 1, addend: 4 * y.offset },
    { name: "parts", buffer: 2, addend: 0 },
  ];
}
