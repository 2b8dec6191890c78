/** Pieces of formulas that lessons have in common. */
import type { FormulaFraction, FormulaPart } from "../../view/formula-parts.ts";

/** ∂of/∂by. */
export function slope(of: string, by: string): FormulaFraction {
  return { above: [{ name: `∂${of}` }], below: [{ name: `∂${by}` }] };
}

/** A number as a factor or as what is taken away: with brackets where it is below 0. Undefined: there is none yet. */
export function factor(number: number | undefined): FormulaPart {
  return number !== undefined && number < 0 ? { group: ["(", { number }, ")"] } : { number };
}

/** a + b − c … of numbers. */
export function added(numbers: readonly number[]): FormulaPart[] {
  return numbers.flatMap((number, i): FormulaPart[] =>
    i === 0 ? [{ number }] : number < 0 ? [" − ", { number: -number }] : [" + ", { number }],
  );
}

/** Terms with + between them. */
export function joined(terms: readonly (readonly FormulaPart[])[]): FormulaPart[] {
  return terms.flatMap((term, i) => (i === 0 ? term : [" + ", ...term]));
}
