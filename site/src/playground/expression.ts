/**
 * Formulas as trees: one tree gives the symbols, the same with numbers put in, and the result, so that what is shown is what
 * was computed. Not a computer algebra: nothing is simplified.
 */

/** A function of one number, by the sign under which it is shown. */
export type FunctionName =
  | "tanh"
  | "sigmoid"
  | "relu"
  | "exp"
  | "log"
  | "sqrt"
  | "abs"
  | "sign"
  | "normalCdf"
  | "normalPdf";

export type Expression =
  /** A number that is known; without a symbol it stands for itself. */
  | { readonly kind: "number"; readonly value: number; readonly symbol?: string }
  /** Of many terms only the largest are shown, and what the others come to. */
  | { readonly kind: "sum"; readonly terms: readonly Expression[] }
  | { readonly kind: "product"; readonly factors: readonly Expression[] }
  | { readonly kind: "quotient"; readonly over: Expression; readonly under: Expression }
  | { readonly kind: "power"; readonly base: Expression; readonly exponent: number; readonly symbol?: string }
  | { readonly kind: "negative"; readonly of: Expression }
  | { readonly kind: "call"; readonly name: FunctionName; readonly of: Expression };

/** One line of an explanation: `name = symbols = numbers = result`. */
export interface Formula {
  readonly name: string;
  readonly expression: Expression;
  /** The number as the trace has it; where it has none, the value of the expression. */
  readonly result: number;
}

export function known(value: number, symbol?: string): Expression {
  return symbol === undefined ? { kind: "number", value } : { kind: "number", value, symbol };
}

export function sum(...terms: readonly Expression[]): Expression {
  return terms.length === 1 ? (terms[0] as Expression) : { kind: "sum", terms };
}

export function product(...factors: readonly Expression[]): Expression {
  return factors.length === 1 ? (factors[0] as Expression) : { kind: "product", factors };
}

export function quotient(over: Expression, under: Expression): Expression {
  return { kind: "quotient", over, under };
}

export function power(base: Expression, exponent: number, symbol?: string): Expression {
  return symbol === undefined ? { kind: "power", base, exponent } : { kind: "power", base, exponent, symbol };
}

export function negative(of: Expression): Expression {
  return { kind: "negative", of };
}

export function minus(a: Expression, b: Expression): Expression {
  return sum(a, negative(b));
}

export function call(name: FunctionName, of: Expression): Expression {
  return { kind: "call", name, of };
}

/** A line whose result is that of its expression. */
export function formula(name: string, expression: Expression, result = evaluate(expression)): Formula {
  return { name, expression, result };
}

/** erf(x) = 2/√π · e^(−x²) · Σ 2ⁿ x²ⁿ⁺¹ / (1 · 3 · … · (2n+1)): all terms have one sign, so nothing cancels. */
function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let [term, total] = [x, x];
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(total); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    total += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * total;
}

const functions: Readonly<Record<FunctionName, (x: number) => number>> = {
  tanh: Math.tanh,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  relu: (x) => Math.max(x, 0),
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
  abs: Math.abs,
  sign: Math.sign,
  normalCdf: (x) => (1 + erf(x / Math.SQRT2)) / 2,
  normalPdf: (x) => Math.exp(-(x * x) / 2) / Math.sqrt(2 * Math.PI),
};

export function evaluate(expression: Expression): number {
  switch (expression.kind) {
    case "number":
      return expression.value;
    case "sum":
      return expression.terms.reduce((total, term) => total + evaluate(term), 0);
    case "product":
      return expression.factors.reduce((total, factor) => total * evaluate(factor), 1);
    case "quotient":
      return evaluate(expression.over) / evaluate(expression.under);
    case "power":
      return evaluate(expression.base) ** expression.exponent;
    case "negative":
      return -evaluate(expression.of);
    case "call":
      return functions[expression.name](evaluate(expression.of));
  }
}

/** A piece of a written formula. */
export type Token =
  | { readonly kind: "sign"; readonly text: string }
  | { readonly kind: "symbol"; readonly text: string }
  | { readonly kind: "number"; readonly value: number }
  /** So many terms that are left out, and what they come to. */
  | { readonly kind: "rest"; readonly terms: number; readonly value: number };

/** How tightly a piece holds together; what is looser than its place needs brackets. */
const tightness: Readonly<Record<Expression["kind"], number>> = {
  sum: 1,
  negative: 2,
  product: 3,
  quotient: 3,
  power: 4,
  call: 5,
  number: 5,
};

/** Terms of a sum that are shown at most; of more, all but the largest are told as a rest. */
const mostTerms = 5;

/** A formula in writing, by its symbols or with the numbers put in. */
export function written(expression: Expression, as: "symbols" | "numbers"): Token[] {
  const tokens: Token[] = [];
  const sign = (text: string): void => void tokens.push({ kind: "sign", text });

  const inner = (of: Expression, least: number): void => {
    const isNegative = as === "numbers" && of.kind === "number" && (of.value < 0 || Object.is(of.value, -0));
    const needs = tightness[of.kind] < least || (isNegative && least > 1);
    if (needs) sign("(");
    write(of);
    if (needs) sign(")");
  };

  const term = (of: Expression, isFirst: boolean): void => {
    if (of.kind === "negative") {
      sign(isFirst ? "−" : " − ");
      inner(of.of, 2);
      return;
    }
    const isNegative = as === "numbers" && of.kind === "number" && of.value < 0;
    if (isNegative && !isFirst) {
      sign(" − ");
      tokens.push({ kind: "number", value: -of.value });
      return;
    }
    if (!isFirst) sign(" + ");
    inner(of, 1);
  };

  const write = (of: Expression): void => {
    switch (of.kind) {
      case "number":
        if (as === "symbols" && of.symbol !== undefined) tokens.push({ kind: "symbol", text: of.symbol });
        else tokens.push({ kind: "number", value: of.value });
        return;
      case "sum": {
        const { shown, rest } = largestTerms(of.terms);
        shown.forEach((one, i) => term(one, i === 0));
        if (rest.length === 0) return;
        sign(" + ");
        tokens.push({ kind: "rest", terms: rest.length, value: evaluate(sum(...rest)) });
        return;
      }
      case "negative":
        sign("−");
        inner(of.of, 3);
        return;
      case "product":
        of.factors.forEach((factor, i) => {
          if (i > 0) sign(" · ");
          inner(factor, 3);
        });
        return;
      case "quotient":
        inner(of.over, 3);
        sign(" / ");
        inner(of.under, 4);
        return;
      case "power":
        inner(of.base, 5);
        sign(superscript(as === "symbols" && of.symbol !== undefined ? of.symbol : String(of.exponent)));
        return;
      case "call":
        if (of.name === "abs") {
          sign("|");
          write(of.of);
          sign("|");
          return;
        }
        sign(of.name === "relu" ? "max(0, " : `${callSigns[of.name]}(`);
        write(of.of);
        sign(")");
        return;
    }
  };
  write(expression);
  return tokens;
}

const callSigns: Readonly<Record<Exclude<FunctionName, "relu" | "abs">, string>> = {
  tanh: "tanh",
  sigmoid: "σ",
  exp: "exp",
  log: "ln",
  sqrt: "√",
  sign: "sign",
  normalCdf: "Φ",
  normalPdf: "φ",
};

/** Of many terms the last one, such as a bias, and the largest others, in their order. */
function largestTerms(terms: readonly Expression[]): { shown: readonly Expression[]; rest: readonly Expression[] } {
  if (terms.length <= mostTerms) return { shown: terms, rest: [] };
  const order = terms
    .map((one, i) => ({ i, size: i === terms.length - 1 ? Infinity : Math.abs(evaluate(one)) }))
    .sort((a, b) => b.size - a.size);
  const kept = new Set(order.slice(0, mostTerms - 1).map(({ i }) => i));
  return { shown: terms.filter((_, i) => kept.has(i)), rest: terms.filter((_, i) => !kept.has(i)) };
}

const raised: Readonly<Record<string, string>> = {
  "0": "⁰",
  "1": "¹",
  "2": "²",
  "3": "³",
  "4": "⁴",
  "5": "⁵",
  "6": "⁶",
  "7": "⁷",
  "8": "⁸",
  "9": "⁹",
  "-": "⁻",
  t: "ᵗ",
};

/** A text above the line: 12 is ¹². */
export function superscript(text: string): string {
  return Array.from(text, (letter) => raised[letter] ?? letter).join("");
}
