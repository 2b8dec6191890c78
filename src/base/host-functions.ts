/**
 * The functions of float64 numbers that a target may call instead of spelling them: names, and the functions for targets
 * that can call JavaScript. They agree with C's functions of the same names on NaN, infinities and zeros. Floor: base.
 */
import { digamma, erf, erfc, lgamma, polygamma, pow, remainder } from "./special-functions.ts";

export const hostFunctions = [
  "exp",
  "expm1",
  "log",
  "log2",
  "log10",
  "log1p",
  "sin",
  "cos",
  "tan",
  "asin",
  "acos",
  "atan",
  "sinh",
  "cosh",
  "tanh",
  "asinh",
  "acosh",
  "atanh",
  "atan2", // (y, x)
  "pow", // (a, b)
  "fmod", // (a, b), sign of a
  "remainder", // (a, b), sign of b; not C's function of that name
  "erf",
  "erfc",
  "lgamma",
  "digamma", // not in C
  "polygamma", // (order, x), not in C
] as const;
export type HostFunction = (typeof hostFunctions)[number];

export const hostFunctionTable: Readonly<Record<HostFunction, (...x: number[]) => number>> = {
  exp: Math.exp,
  expm1: Math.expm1,
  log: Math.log,
  log2: Math.log2,
  log10: Math.log10,
  log1p: Math.log1p,
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  asin: Math.asin,
  acos: Math.acos,
  atan: Math.atan,
  sinh: Math.sinh,
  cosh: Math.cosh,
  tanh: Math.tanh,
  asinh: Math.asinh,
  acosh: Math.acosh,
  atanh: Math.atanh,
  atan2: Math.atan2,
  pow,
  fmod: (a, b) => a % b,
  remainder,
  erf,
  erfc,
  lgamma,
  digamma,
  polygamma,
};
