/** Numbers as the page shows them, read back. Written apart from the page's own formats, which they check. */
import { expect } from "vitest";

const raised = "⁰¹²³⁴⁵⁶⁷⁸⁹";
/** A number without its sign. */
const plain = /(?:\d+(?:\.\d+)?|∞|NaN)(?:×10⁻?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)?/gu;

/** "−1.5×10⁻⁷" as −1.5e-7; NaN for what is no number, such as "–" where there is none yet. */
export function readNumber(text: string): number {
  const [mantissa = "", power] = text.trim().replace("−", "-").replaceAll("\u202f", "").split("×10");
  if (/^-?∞$/.test(mantissa)) return mantissa === "∞" ? Infinity : -Infinity;
  if (mantissa === "") return NaN;
  if (power === undefined) return Number(mantissa);
  const digits = Array.from(power.replace("⁻", ""), (digit) => raised.indexOf(digit)).join("");
  return Number(`${mantissa}e${power.startsWith("⁻") ? "-" : ""}${digits}`);
}

/** The number with as many digits as the page shows. */
export function shownAs(value: number, digits = 4): number {
  return Number(value.toPrecision(digits)) + 0;
}

/** What is shown is this number, to its digits. */
export function expectShown(text: string | undefined, value: number, about: string): void {
  expect(`${about}: ${readNumber(text ?? "")}`).toBe(`${about}: ${shownAs(value)}`);
}

/** All numbers of a line of a formula without their signs, which stand in the operators too. */
export function sizesIn(line: string): number[] {
  // The index of a symbol is none of them: its digits are subscripts.
  return [...line.matchAll(plain)].map(([text]) => readNumber(text));
}

export function sizes(...values: readonly number[]): number[] {
  return values.map((value) => Math.abs(shownAs(value)));
}
