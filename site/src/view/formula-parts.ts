/** What a formula is made of: names, numbers, fractions, groups and signs. Without drawing, so that all code can make them. */

/** A name such as w₁: w with the index 1. */
export interface FormulaName {
  readonly name: string;
  readonly sub?: string | undefined;
  readonly sup?: string | undefined;
  readonly link?: string | undefined;
}

/** A number that was put in. Undefined: there is none yet, which is not 0. */
export interface FormulaNumber {
  readonly number: number | undefined;
  readonly link?: string | undefined;
}

export interface FormulaFraction {
  readonly above: readonly FormulaPart[];
  readonly below: readonly FormulaPart[];
  readonly link?: string | undefined;
}

/** Parts that are one thing, such as ∂L/∂a, or a term of a sum. */
export interface FormulaGroup {
  readonly group: readonly FormulaPart[];
  readonly link?: string | undefined;
}

/** A text is an operator or a word: " = ", " + ", "(", "…". */
export type FormulaPart = string | FormulaName | FormulaNumber | FormulaFraction | FormulaGroup;
