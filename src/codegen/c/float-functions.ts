/**
 * Functions on vectors of floats in the text in front of each C file: select, min and max, square root, rounding. Where a
 * target has an instruction it stands there as assembly, because gcc and clang have no builtins in common. Floor: codegen.
 */
import type { CTarget } from "./target.ts";

/** Vectors of one float type, and the integers and masks that go with it. */
export interface FloatVector {
  readonly float: string;
  /** Integers of the same width. */
  readonly int: string;
  /** Masks as they are kept: 32 bits a lane. */
  readonly mask: string;
  readonly isDouble: boolean;
  readonly lanes: number;
}

export function floatFunctions(target: CTarget, vector: FloatVector): string[] {
  const { float: F, int: I, mask: M, isDouble } = vector;
  const magnitude = isDouble ? "0x7fffffffffffffff" : "0x7fffffff";
  const mask = isDouble ? "__builtin_convertvector(m, i64v)" : "m";
  return [
    `FN ${F} pick_${F}(${I} m, ${F} a, ${F} b) { return (${F})((m & (${I})a) | (~m & (${I})b)); }`,
    `FN ${F} select_${F}(${M} m, ${F} a, ${F} b) { return pick_${F}(${mask}, a, b); }`,
    `FN ${F} abs_${F}(${F} x) { return (${F})((${I})x & ${magnitude}); }`,
    ...["max", "min"].flatMap((name) => extreme(target, vector, name as "max" | "min")),
    one(target, vector, "sqrt") ?? squareRoot(vector),
    ...roundings(target, vector),
  ];
}

/** A function that is one instruction, if the target has it. */
function one(target: CTarget, { float: F, isDouble, lanes }: FloatVector, name: string): string | undefined {
  const body = (assembly: string): string => `FN ${F} ${name}_${F}(${F} x) { ${F} r; ${assembly}; return r; }`;
  if (target.isa === "plain") return undefined;
  if (target.isa === "neon") {
    const form = `${lanes}${isDouble ? "d" : "s"}`;
    const instruction = { sqrt: "fsqrt", round: "frintn", floor: "frintm", ceil: "frintp", trunc: "frintz" }[name];
    return body(`__asm__("${instruction} %0.${form}, %1.${form}" : "=w"(r) : "w"(x))`);
  }
  const kind = isDouble ? "pd" : "ps";
  const class_ = target.isa === "avx512" ? "v" : "x";
  const operands = `: "=${class_}"(r) : "${class_}"(x)`;
  if (name === "sqrt") return body(`__asm__("vsqrt${kind} %1, %0" ${operands})`);
  // 8: without noting that digits were lost.
  const mode = 8 + ["round", "floor", "ceil", "trunc"].indexOf(name);
  const rounding = target.vectorBytes === 64 && F.endsWith("v") ? `vrndscale${kind}` : `vround${kind}`;
  return body(`__asm__("${rounding} $${mode}, %1, %0" ${operands})`);
}

/**
 * The larger or smaller one: NaN is carried, and -0 is below 0. bound_max(x, c) and bound_min(x, c) are for a c that is no
 * NaN, and give x where both are zeros: that is one instruction of x86.
 */
function extreme(target: CTarget, vector: FloatVector, name: "max" | "min"): string[] {
  const { float: F, int: I, isDouble, lanes } = vector;
  const [relation, join] = name === "max" ? [">", "&"] : ["<", "|"];
  const head = `FN ${F} ${name}_${F}(${F} a, ${F} b)`;
  const bound = `FN ${F} bound_${name}_${F}(${F} x, ${F} c)`;
  if (target.isa === "neon") {
    const form = `${lanes}${isDouble ? "d" : "s"}`;
    const assembly = `__asm__("f${name} %0.${form}, %1.${form}, %2.${form}" : "=w"(r) : "w"(a), "w"(b))`;
    return [`${head} { ${F} r; ${assembly}; return r; }`, `${bound} { return ${name}_${F}(x, c); }`];
  }
  if (target.isa === "plain") {
    return [
      `${head} {`,
      `  const ${F} r = pick_${F}(a == b, (${F})((${I})a ${join} (${I})b), pick_${F}(a ${relation} b, a, b));`,
      `  return pick_${F}(a != a, a, r);`,
      "}",
      `${bound} { return pick_${F}(c ${relation} x, c, x); }`,
    ];
  }
  const class_ = target.isa === "avx512" ? "v" : "x";
  const kind = isDouble ? "pd" : "ps";
  const instruction = `v${name}${kind} %1, %2, %0`;
  const bounded = `${bound} { ${F} r; __asm__("${instruction}" : "=${class_}"(r) : "${class_}"(x), "${class_}"(c)); return r; }`;
  if (target.isa === "avx512") {
    // vrange knows the order of zeros, but gives what is beside a NaN: there the sum stands instead.
    const range = `vrange${kind} $${name === "max" ? 5 : 4}, %3, %2, %0`;
    const code = [`vcmpunord${kind} %3, %2, %1`, range, `vadd${kind} %3, %2, %0 %{%1%}`].join("\\n\\t");
    const operands = `"=&v"(r), "=&Yk"(m) : "v"(a), "v"(b)`;
    return [bounded, `${head} { ${F} r; unsigned short m; __asm__("${code}" : ${operands}); return r; }`];
  }
  return [
    bounded,
    // Of the two orders one gives each operand where they are 0 or NaN.
    `${head} {`,
    `  const ${F} r = (${F})((${I})bound_${name}_${F}(a, b) ${join} (${I})bound_${name}_${F}(b, a));`,
    `  return pick_${F}((a != a) | (b != b), a + b, r);`,
    "}",
  ];
}

function squareRoot({ float: F, isDouble, lanes }: FloatVector): string {
  const call = isDouble ? "__builtin_sqrt" : "__builtin_sqrtf";
  const items = Array.from({ length: lanes }, (_, i) => `${call}(x[${i}])`);
  return `FN ${F} sqrt_${F}(${F} x) { return (${F}){${items.join(", ")}}; }`;
}

function roundings(target: CTarget, vector: FloatVector): string[] {
  const single = ["round", "floor", "ceil", "trunc"].map((name) => one(target, vector, name));
  if (!single.includes(undefined)) return single as string[];
  const { float: F, int: I, isDouble } = vector;
  // From 2^23 (2^52) on every number is whole; below, adding it leaves no place for digits behind the point.
  const whole = isDouble ? "4503599627370496.0" : "8388608.0f";
  const sign = isDouble ? "(-9223372036854775807 - 1)" : "(-2147483647 - 1)";
  const unit = isDouble ? "1.0" : "1.0f";
  const signed = (name: string): string => `(${F})((${I})${name} | ((${I})x & ${sign}))`;
  return [
    `FN ${F} round_${F}(${F} x) {`,
    `  const ${F} a = abs_${F}(x), r = (a + ${whole}) - ${whole};`,
    `  return pick_${F}(a < ${whole}, ${signed("r")}, x);`,
    "}",
    `FN ${F} floor_${F}(${F} x) { const ${F} r = round_${F}(x); return pick_${F}(r > x, r - ${unit}, r); }`,
    `FN ${F} ceil_${F}(${F} x) {`,
    `  const ${F} r = round_${F}(x), y = r + ${unit};`,
    `  return pick_${F}(r < x, ${signed("y")}, r);`,
    "}",
    `FN ${F} trunc_${F}(${F} x) { const ${F} y = floor_${F}(abs_${F}(x)); return ${signed("y")}; }`,
  ];
}
