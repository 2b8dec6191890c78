/**
 * Pieces of C that the kernels of attention share. A block of rows of q is worked on with lanes across its rows: scores
 * stand as [key][row], so that the largest one, the sum and the exponentials of a row need nothing from other lanes.
 * Floor: codegen.
 */
import { type AttentionKernel, mostWidth } from "../../../schedule/attention.ts";
import { once, panelFunction, panelName, type TileShape, tileShape, vectorType } from "../contract/tile.ts";
import { type ConvArguments, convHelpers, range } from "../conv/text.ts";
import type { CTarget } from "../target.ts";

/** Rows of a block. Runs of rows (rowsOfPart in ops/attention.ts) are multiples. */
export const blockRows = 32;

/** Bytes of a row of scores: those of one key for a block. */
const scoreBytes = 4 * blockRows;

/** Bytes of a block of rows, turned over: features come in whole squares. */
export const turnedBytes = scoreBytes * (mostWidth + 16);

/** Where the parts of a kernel's workspace start, and its size, in bytes. */
export function workspace<T extends string>(sizes: Readonly<Record<T, number>>): Record<T | "end", number> {
  let end = 0;
  const places = {} as Record<string, number>;
  for (const [name, bytes] of Object.entries<number>(sizes)) {
    places[name] = end;
    end += Math.ceil(bytes / 64) * 64;
  }
  return { ...places, end } as Record<T | "end", number>;
}

/** Sizes and places, as arguments by name; `names` are those of the buffers that are read, without the mask. */
export function commonArguments(kernel: AttentionKernel, names: readonly string[], result: string): ConvArguments {
  const { places, batch, rows, keys, width, valueWidth, scale, causal, mask } = kernel;
  const hasMask = mask !== "none";
  const elementBytes = (i: number): number => (i === names.length && mask === "bool" ? 1 : 4);
  const all = hasMask ? [...names, "mask"] : names;
  const addresses = all.map((name, buffer) => ({
    name,
    buffer,
    addend: elementBytes(buffer) * (places[buffer]?.offset as number),
  }));
  // The code reads as many addresses with a mask as without.
  if (!hasMask) addresses.push({ name: "mask", buffer: 0, addend: 0 });
  addresses.push({ name: result, buffer: all.length, addend: 0 });
  const strides = [...names, "mask"].flatMap((name, i) => {
    const { batch: steps, row, column } = places[i] ?? { batch: [0, 0, 0], row: 0, column: 0 };
    const words = [...steps.map((step, d) => [`${name}Batch${d}`, step] as const), [`${name}Row`, row] as const];
    return name === "mask" ? [...words, ["maskColumn", column] as const] : words;
  });
  const [, batch1, batch2] = batch;
  return {
    addresses,
    words: {
      heads: batch.reduce((n, extent) => n * extent, 1),
      batch1,
      batch2,
      rows,
      keys,
      width,
      valueWidth,
      scaleBits: bitsOf(scale),
      factorBits: bitsOf(scale * Math.LOG2E),
      causal: Number(causal),
      maskKind: { none: 0, bool: 1, added: 2 }[mask],
      ...Object.fromEntries(strides),
    },
  };
}

/** Numbers that are no whole ones go by their bits. */
function bitsOf(number: number): number {
  return new Int32Array(Float32Array.of(number).buffer)[0] as number;
}

/**
 * C text at the head of a unit of work of `head`: its places in the buffers, the scale, and the factor of scores: scale in
 * units of log 2.
 */
export function headText(names: readonly string[]): string {
  const place = (name: string): string => `${name}Batch0 * at0 + ${name}Batch1 * at1 + ${name}Batch2 * at2`;
  return `const int64_t at2 = head % batch2, at1 = head / batch2 % batch1, at0 = head / batch2 / batch1;
    float scale, factor;
    __builtin_memcpy(&scale, &scaleBits, 4);
    __builtin_memcpy(&factor, &factorBits, 4);
    ${names.map((name) => `const float *const ${name}Head = ${name} + ${place(name)};`).join("\n    ")}
    const char *const maskHead = (const char *)mask + (maskKind == 1 ? 1 : 4) * (${place("mask")});
    (void)scale;`;
}

/** A product of a block: `rows` rows of A against up to all columns of B, `k` long. */
export interface Product {
  readonly form: "lines" | "columns";
  readonly k: string;
  /** The first element of A and the bytes from a line (of columns: from an element of k) to the next. */
  readonly a: string;
  readonly aStep: string;
  readonly b: string;
  readonly bStep: string;
  readonly c: string;
  readonly cStep: string;
  readonly rows: string;
  readonly columns: string;
  /** Whether C counts. */
  readonly adds: string;
}

/** C text of a product whose B lies in rows: panel by panel. */
export function productText(target: CTarget, p: Product): string {
  const shape = tileShape(target, "float32");
  return `for (int64_t column = 0; column < ${p.columns}; column += ${shape.columns})
        ${call(shape, p, `${p.b} + 4 * column`, `${p.c} + 4 * column`, `least(${p.columns} - column, ${shape.columns})`)}`;
}

/** C text of a product with a block of rows that was turned over: B is [panel][feature][row], C is [key][row]. */
export function scoresText(target: CTarget, p: Omit<Product, "form" | "bStep" | "cStep" | "columns" | "adds">): string {
  const shape = tileShape(target, "float32");
  const { columns, lanes } = shape;
  const whole: Product = {
    ...p,
    form: "lines",
    bStep: `${4 * columns}`,
    cStep: `${scoreBytes}`,
    columns: "",
    adds: "0",
  };
  return `for (int64_t panel = 0; panel * ${columns} < groups * ${lanes}; panel++)
        ${call(shape, whole, `${p.b} + panel * panelBytes(${p.k})`, `${p.c} + ${4 * columns} * panel`, `least(groups * ${lanes} - panel * ${columns}, ${columns})`)}`;
}

function call(shape: TileShape, p: Product, b: string, c: string, columns: string): string {
  const tile = p.form === "lines" ? `${shape.rows} * (${p.aStep})` : `${4 * shape.rows}`;
  const operands = `(const char *)(${p.a}), ${p.aStep}, ${tile}, (const char *)${b}, ${p.bStep}, (char *)${c}, ${p.cStep}`;
  return `${panelName(shape, p.form)}(${p.k}, ${operands}, ${p.rows}, ${columns}, ${p.adds}, scratch);`;
}

/** Bytes of the scratch memory of a tile whose columns do not fill vectors. */
export function scratchBytes(target: CTarget): number {
  const { rows, columns } = tileShape(target, "float32");
  return 4 * Math.max(rows, 4) * columns;
}

/** (2ˣ − 1) / x on [−½, ½], by which 2ˣ is within 1.3 · 2⁻²⁴ (test/codegen/c/attention.test.ts). */
const power = [0.693147225, 0.240226511, 0.0555029731, 0.00961803078, 0.0013410001, 0.000154697319];

/**
 * 2ˣ for x up to 1; 0 where that is subnormal, and below. Scores come in units of log 2 (ops/attention.ts), so that this
 * is all there is to do for each: rounding to a whole number, a polynomial, and an addition to the exponent.
 */
function exponential(): string {
  const terms = power.map((c) => `${c}f`).reduceRight((sum, c) => `(${sum} * f + ${c})`);
  return once(
    "attention_power",
    `FN f32v attention_power(f32v x) {
  const f32v whole = bound_max_f32v(x, F32V(-127.0f)) + 12582912.0f;
  const f32v f = bound_max_f32v(x, F32V(-127.0f)) - (whole - 12582912.0f);
  const i32v bits = (i32v)(${terms} * f + 1.0f) + ((i32v)whole << 23);
  return (f32v)(~(x < -126.0f) & bits);
}`,
  );
}

/** The functions that both kernels call. */
export function attentionHelpers(target: CTarget): string {
  const shape = tileShape(target, "float32");
  const { lanes, columns } = shape;
  const perPanel = columns / lanes;
  return [
    vectorType(shape).text,
    panelFunction(shape, "lines"),
    panelFunction(shape, "columns"),
    convHelpers(target),
    exponential(),
    once(
      "attention",
      `/* Bytes of a panel of a block that was turned over. */
FN int64_t panelBytes(int64_t width) { return (width + ${lanes - 1}) / ${lanes} * ${lanes} * ${4 * columns}; }
/* Where lanes of rows begin in a block that was turned over, in bytes. */
FN int64_t turnedPlace(int64_t group, int64_t width) {
  return group / ${perPanel} * panelBytes(width) + group % ${perPanel} * ${4 * lanes};
}
/* A block of rows, turned over: [panel][feature][row]. Rows that are not there repeat the last one. */
static __attribute__((noinline)) void attention_turn(char *to, const float *from, int64_t step, int64_t count,
    int64_t width) {
  for (int64_t group = 0; group * ${lanes} < count; group++) {
    char *t = to + turnedPlace(group, width);
    for (int64_t d = 0; d < width; d += ${lanes}) {
      f32v r[${lanes}];
      ${range(lanes)
        .map((i) => `r[${i}] = LOAD(f32v, from + least(group * ${lanes} + ${i}, count - 1) * step + d);`)
        .join("\n      ")}
      conv_transpose(r);
      ${range(lanes)
        .map((i) => `STORE(f32v, t + (d + ${i}) * ${4 * columns}, r[${i}]);`)
        .join("\n      ")}
    }
  }
}
/* The scores of keys from \`j0\` on, in units of log 2, and masked. */
static __attribute__((noinline)) void attention_mask(float *scores, int64_t keys, int64_t j0, int64_t i0, int64_t count,
    float factor, int64_t causal, int64_t kind, const char *mask, int64_t maskRow, int64_t maskColumn) {
  const f32v never = F32V(-__builtin_inff());
  for (int64_t group = 0; group * ${lanes} < count; group++) {
    float *const s = scores + group * ${lanes};
    for (int64_t j = 0; j < keys; j += ${lanes}) {
      const int64_t end = least(keys - j, ${lanes});
      f32v r[${lanes}];
      if (kind != 0) {
        for (int64_t i = 0; i < ${lanes}; i++) {
          const int64_t at = (i0 + least(group * ${lanes} + i, count - 1)) * maskRow + (j0 + j) * maskColumn;
          if (kind == 1) {
            i32v seen = I32V(*(const u8 *)(mask + at));
            if (maskColumn) seen = __builtin_convertvector(LOAD(u8v, mask + at), i32v);
            r[i] = (f32v)(seen != 0);
          } else if (maskColumn) r[i] = LOAD(f32v, mask + 4 * at);
          else r[i] = F32V(*(const f32 *)(mask + 4 * at));
        }
        conv_transpose(r);
      }
      for (int64_t i = 0; i < end; i++) {
        f32v x = LOAD(f32v, s + (j + i) * ${blockRows}) * factor;
        if (kind == 1) x = select_f32v((i32v)r[i], x, never);
        if (kind == 2) x = x + r[i] * ${Math.fround(Math.LOG2E)}f;
        if (causal) x = select_f32v(LANES_V >= I32V(j0 + j + i - i0 - group * ${lanes}), x, never);
        STORE(f32v, s + (j + i) * ${blockRows}, x);
      }
    }
  }
}
/* Of keys behind a row of q the scores, before they are scaled. */
static __attribute__((noinline)) void attention_cut(float *scores, int64_t keys, int64_t j0, int64_t i0, int64_t groups,
    float factor) {
  const f32v never = F32V(factor < 0 ? __builtin_inff() : -__builtin_inff());
  for (int64_t j = j0 > i0 ? 0 : i0 + 1 - j0; j < keys; j++) {
    float *const s = scores + j * ${blockRows};
    for (int64_t group = 0; group < groups; group++) {
      const i32v isBefore = LANES_V >= I32V(j0 + j - i0 - group * ${lanes});
      STORE(f32v, s + group * ${lanes}, select_f32v(isBefore, LOAD(f32v, s + group * ${lanes}), never));
    }
  }
}
/* x[i] *= f */
FN void attention_scale(float *x, int64_t count, float f) {
  int64_t i = 0;
  for (; i + ${lanes} <= count; i += ${lanes}) STORE(f32v, x + i, LOAD(f32v, x + i) * f);
  if (i < count) part_f32v((char *)(x + i), LOAD(f32v, x + i) * f, count - i);
}`,
    ),
  ].join("");
}
