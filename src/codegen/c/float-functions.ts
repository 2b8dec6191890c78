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
    ...(isDouble ? [] : [multiplyAdd(target, vector), scale(target, vector)]),
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

/** x y + z, rounded once where the target can. */
function multiplyAdd(target: CTarget, { float: F, lanes }: FloatVector): string {
  const head = `FN ${F} multiplyAdd_${F}(${F} x, ${F} y, ${F} z)`;
  if (!target.fma) return `${head} { return x * y + z; }`;
  if (target.isa === "neon") {
    const assembly = `__asm__("fmla %0.${lanes}s, %1.${lanes}s, %2.${lanes}s" : "+w"(z) : "w"(x), "w"(y))`;
    return `${head} { ${assembly}; return z; }`;
  }
  const class_ = target.isa === "avx512" ? "v" : "x";
  return `${head} { __asm__("vfmadd213ps %2, %1, %0" : "+${class_}"(x) : "${class_}"(y), "${class_}"(z)); return x; }`;
}

/** x 2ⁿ. In two steps because 2ⁿ alone may be no float32, and only the last one rounds. */
function scale(target: CTarget, { float: F, int: I }: FloatVector): string {
  const head = `FN ${F} scale_${F}(${F} x, ${F} n)`;
  if (target.isa === "avx512") {
    return `${head} { ${F} r; __asm__("vscalefps %2, %1, %0" : "=v"(r) : "v"(x), "v"(n)); return r; }`;
  }
  return [
    `${head} {`,
    // Added to so large a number n + 254 stands in the low bits.
    `  const ${I} bits = (${I})(n + 12583166.0f), half = (bits << 22) & -8388608;`,
    `  return (x * (${F})half) * (${F})((bits << 23) - half);`,
    "}",
  ].join("\n");
}

/**
 * The larger or smaller one: NaN is carried, and -0 is below 0. bound_max(x, c) and bound_min(x, c) are for a c that is no
 * NaN, and give x where both are zeros: that is one instruction of x86. peak_max(a, b) and peak_min(a, b) may give anything
 * beside a NaN.
 */
function extreme(target: CTarget, vector: FloatVector, name: "max" | "min"): string[] {
  const { float: F, int: I, isDouble, lanes } = vector;
  const [relation, join] = name === "max" ? [">", "&"] : ["<", "|"];
  const head = `FN ${F} ${name}_${F}(${F} a, ${F} b)`;
  const peak = `FN ${F} peak_${name}_${F}(${F} a, ${F} b)`;
  const bound = `FN ${F} bound_${name}_${F}(${F} x, ${F} c)`;
  if (target.isa === "neon") {
    const form = `${lanes}${isDouble ? "d" : "s"}`;
    const assembly = `__asm__("f${name} %0.${form}, %1.${form}, %2.${form}" : "=w"(r) : "w"(a), "w"(b))`;
    const calls = `{ return ${name}_${F}(a, b); }`;
    return [
      `${head} { ${F} r; ${assembly}; return r; }`,
      `${bound} { return ${name}_${F}(x, c); }`,
      `${peak} ${calls}`,
    ];
  }
  if (target.isa === "plain") {
    return [
      `${peak} {`,
      `  return pick_${F}(a == b, (${F})((${I})a ${join} (${I})b), pick_${F}(a ${relation} b, a, b));`,
      "}",
      `${head} { return pick_${F}(a != a, a, peak_${name}_${F}(a, b)); }`,
      `${bound} { return pick_${F}(c ${relation} x, c, x); }`,
    ];
  }
  const class_ = target.isa === "avx512" ? "v" : "x";
  const kind = isDouble ? "pd" : "ps";
  const instruction = `v${name}${kind} %1, %2, %0`;
  const bounded = `${bound} { ${F} r; __asm__("${instruction}" : "=${class_}"(r) : "${class_}"(x), "${class_}"(c)); return r; }`;
  if (target.isa === "avx512") {
    // vrange knows the order of zeros, but gives what is beside a NaN: there the sum stands instead.
    const range = (b: number, a: number): string => `vrange${kind} $${name === "max" ? 5 : 4}, %${b}, %${a}, %0`;
    const code = [`vcmpunord${kind} %3, %2, %1`, range(3, 2), `vadd${kind} %3, %2, %0 %{%1%}`].join("\\n\\t");
    const operands = `"=&v"(r), "=&Yk"(m) : "v"(a), "v"(b)`;
    return [
      bounded,
      `${peak} { ${F} r; __asm__("${range(2, 1)}" : "=v"(r) : "v"(a), "v"(b)); return r; }`,
      `${head} { ${F} r; unsigned short m; __asm__("${code}" : ${operands}); return r; }`,
    ];
  }
  return [
    bounded,
    // Of the two orders one gives each operand where they are 0 or NaN.
    `${peak} { return (${F})((${I})bound_${name}_${F}(a, b) ${join} (${I})bound_${name}_${F}(b, a)); }`,
    `${head} { return pick_${F}((a != a) | (b != b), a + b, peak_${name}_${F}(a, b)); }`,
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
