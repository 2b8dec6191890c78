/** Numbers as people read them; what a program reads is `exactNumber`. */

/** What stands where there is no number yet. A gradient of 0 is "0". */
export const noNumber = "–";

const minus = "−";
const superscripts = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** 4 significant digits; from 10⁻⁴ to 10⁶ as decimals, else with an exponent: 1.5×10⁻⁷. */
export function formatNumber(value: number | undefined, digits = 4): string {
  if (value === undefined) return noNumber;
  if (Number.isNaN(value)) return "NaN";
  const sign = value < 0 ? minus : "";
  const size = Math.abs(value);
  if (size === Infinity) return `${sign}∞`;
  if (size === 0) return "0";
  // Rounded first: 999999.9 has an exponent of 6, not 5.
  const [mantissa, exponent] = size.toExponential(digits - 1).split("e") as [string, string];
  const power = Number(exponent);
  if (power >= -4 && power < 6)
    return sign + trimmed(Number(size.toPrecision(digits)).toFixed(Math.max(0, digits - 1 - power)));
  return `${sign}${trimmed(mantissa)}×10${raised(power)}`;
}

/** All digits that the number has, as a program writes it. */
export function exactNumber(value: number | undefined): string {
  return value === undefined ? noNumber : String(value).replace("-", minus);
}

/** 0.873 as "87.3%". */
export function formatShare(share: number | undefined): string {
  if (share === undefined) return noNumber;
  return Number.isFinite(share) ? `${trimmed((100 * share).toFixed(1))}%` : formatNumber(share);
}

/** Whole numbers in groups of three: 12 345. */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

function trimmed(decimals: string): string {
  return decimals.includes(".") ? decimals.replace(/\.?0+$/, "") : decimals;
}

function raised(power: number): string {
  const digits = String(Math.abs(power)).replace(/\d/g, (digit) => superscripts[Number(digit)] ?? digit);
  return power < 0 ? `⁻${digits}` : digits;
}

const subscripts = "₀₁₂₃₄₅₆₇₈₉";

/** An index below a name: w with 12 is w₁₂. */
export function subscript(index: number): string {
  return String(index).replace(/\d/g, (digit) => subscripts[Number(digit)] ?? digit);
}
