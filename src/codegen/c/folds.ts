/**
 * Folds in C: where they start, one step, positions, and the lanes folded together at the end. Lanes are folded in
 * halves: the order depends on their number alone. Floor: codegen.
 */
import type { Dtype } from "../../base/dtype.ts";
import { internal } from "../../base/errors.ts";
import type { Fold } from "../../schedule/kernel.ts";
import { type Suffix, literal, registerType } from "./scalar.ts";

const starts: Readonly<Record<"sum" | "prod" | "max" | "min", Readonly<Record<Dtype, number>>>> = {
  sum: { float32: 0, float64: 0, int32: 0, uint8: 0, bool: 0 },
  prod: { float32: 1, float64: 1, int32: 1, uint8: 1, bool: 1 },
  max: { float32: -Infinity, float64: -Infinity, int32: -2147483648, uint8: 0, bool: 0 },
  min: { float32: Infinity, float64: Infinity, int32: 2147483647, uint8: 255, bool: 1 },
};

function plainFold(fold: Fold): "sum" | "prod" | "max" | "min" {
  return fold === "argmax" ? "max" : fold === "argmin" ? "min" : fold;
}

/** What a fold starts from, and what changes nothing: a literal. */
export function startOf(fold: Fold, dtype: Dtype): string {
  return literal(dtype, starts[plainFold(fold)][dtype]);
}

/** a folded with b: an expression of vectors. */
export function foldStep(fold: Fold, dtype: Dtype, suffix: Suffix, a: string, b: string): string {
  const name = plainFold(fold);
  if (dtype === "bool") return `${a} ${name === "max" || name === "sum" ? "|" : "&"} ${b}`;
  if (name === "sum" || name === "prod") return `${a} ${name === "sum" ? "+" : "*"} ${b}`;
  return `${name}_${registerType(dtype, suffix)}(${a}, ${b})`;
}

/**
 * Whether a value beats the best one so far, as a mask: it is better, or the first NaN, or nothing is held yet.
 * `held` is the position of the best one, below 0 where there is none.
 */
export function beats(fold: Fold, dtype: Dtype, value: string, best: string, held: string, suffix: Suffix): string {
  const narrow = (text: string): string =>
    dtype === "float64" ? `__builtin_convertvector(${text}, i32${suffix})` : `(${text})`;
  const relation = fold === "argmax" ? ">" : "<";
  if (dtype === "bool") return `(${best} ${relation} ${value}) | (${held} < 0)`;
  const better = narrow(`${value} ${relation} ${best}`);
  if (dtype !== "float32" && dtype !== "float64") return `${better} | (${held} < 0)`;
  return `${better} | (${narrow(`${value} != ${value}`)} & ${narrow(`${best} == ${best}`)}) | (${held} < 0)`;
}

/** The name of the function that folds the lanes of a vector together: the result is in all lanes. */
export function acrossName(fold: Fold, dtype: Dtype, suffix: Suffix): string {
  if (suffix === "h" && dtype !== "float64") throw internal(`${fold} of ${dtype} across elements beside float64`);
  const type = registerType(dtype, suffix);
  if (dtype !== "bool") return `${fold}_across_${type}`;
  // As masks, true is -1.
  const names = { sum: "any", max: "any", prod: "all", min: "all", argmax: "argmin", argmin: "argmax" };
  return `${names[fold]}_across_${type}`;
}

/** The functions of acrossName. `float32Lanes` are those of a whole vector. */
export function acrossFunctions(float32Lanes: number): string[] {
  return [
    "#ifdef __clang__",
    "#define SHUFFLE(I, v, ...) __builtin_shufflevector(v, v, __VA_ARGS__)",
    "#else",
    "#define SHUFFLE(I, v, ...) __builtin_shuffle(v, (I){__VA_ARGS__})",
    "#endif",
    ...acrossFamily("f32v", "i32v", "i32v", "float", float32Lanes),
    ...acrossFamily("f64v", "i64v", "i32h", "double", float32Lanes / 2),
    ...acrossFamily("i32v", "i32v", "i32v", "int32_t", float32Lanes),
    ...acrossOne("any", "i32v", "i32v", float32Lanes, (a, b) => `${a} | ${b}`),
    ...acrossOne("all", "i32v", "i32v", float32Lanes, (a, b) => `${a} & ${b}`),
  ];
}

function acrossOne(
  name: string,
  V: string,
  I: string,
  lanes: number,
  step: (a: string, b: string) => string,
): string[] {
  const lines = [];
  for (let half = lanes / 2; half >= 1; half /= 2) {
    const places = Array.from({ length: lanes }, (_, l) => l ^ half);
    lines.push(`  v = ${step("v", `SHUFFLE(${I}, v, ${places.join(", ")})`)};`);
  }
  return [`static __attribute__((noinline)) ${V} ${name}_across_${V}(${V} v) {`, ...lines, "  return v;", "}"];
}

function acrossFamily(V: string, I: string, positions: string, element: string, lanes: number): string[] {
  const isFloat = V !== "i32v";
  const isBetter = (sign: string): string => {
    if (!isFloat) return `x ${sign} y || (x == y && held[l] < held[w])`;
    return `x ${sign} y || (x != x && y == y) || ((x == y || (x != x && y != y)) && held[l] < held[w])`;
  };
  const position = (name: string, sign: string): string[] => [
    `static __attribute__((noinline)) ${positions} ${name}_across_${V}(${V} best, ${positions} held) {`,
    "  int w = -1;",
    `  for (int l = 0; l < ${lanes}; l++) {`,
    `    const ${element} x = best[l], y = best[w < 0 ? 0 : w];`,
    `    if (held[l] >= 0 && (w < 0 || ${isBetter(sign)})) w = l;`,
    "  }",
    `  return ${positions.toUpperCase()}(w < 0 ? 0 : held[w]);`,
    "}",
  ];
  return [
    ...acrossOne("sum", V, I, lanes, (a, b) => `${a} + ${b}`),
    ...acrossOne("prod", V, I, lanes, (a, b) => `${a} * ${b}`),
    ...acrossOne("max", V, I, lanes, (a, b) => `max_${V}(${a}, ${b})`),
    ...acrossOne("min", V, I, lanes, (a, b) => `min_${V}(${a}, ${b})`),
    ...position("argmax", ">"),
    ...position("argmin", "<"),
  ];
}
