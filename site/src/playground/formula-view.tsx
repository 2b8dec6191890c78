/** Formulas as lines: by symbols, with the numbers put in, and the result. What is not computed yet has no numbers. */
import type { JSX } from "preact";
import { t } from "../text/text.ts";
import { Formula as FormulaLines, type FormulaPart } from "../view/formula.tsx";
import { type Formula, type Token, written } from "./expression.ts";
import type { FormulaGroup } from "./formulas.ts";
import { type Timeline, isKnown, isUpdated } from "./timeline.ts";

interface FormulaGroupsProps {
  readonly groups: readonly FormulaGroup[];
  readonly timeline: Timeline;
  readonly at: number;
}

export function FormulaGroups({ groups, timeline, at }: FormulaGroupsProps): JSX.Element {
  const texts = t().playground.detail;
  return (
    <>
      {groups.map(({ kind, formulas, operations, parameter }) => {
        const isThere =
          operations.every((operation) => isKnown(timeline, at, operation)) &&
          (parameter === undefined || isUpdated(timeline, at, parameter));
        return (
          <section key={kind} class={`formula-block formula-${kind === "gradient" ? "backward" : kind}`}>
            <h3>
              {texts.groups[kind]}
              {isThere ? undefined : <span class="hint"> {texts.notYet}</span>}
            </h3>
            {formulas.map((formula) => (
              <FormulaLines key={formula.name} label={formula.name} lines={linesOf(formula, isThere)} />
            ))}
          </section>
        );
      })}
    </>
  );
}

function linesOf({ name, expression, result }: Formula, isThere: boolean): FormulaPart[][] {
  // What the left-out terms come to stands with the numbers.
  const symbols = written(expression, "symbols").map((token) =>
    token.kind === "rest" ? t().playground.detail.moreSymbols(token.terms) : partOf(token),
  );
  const left: FormulaPart = { name };
  if (!isThere) return [[left, " = ", ...symbols, " = ", { number: undefined }]];
  const numbers = written(expression, "numbers");
  const isPlain = numbers.length === 1 && numbers[0]?.kind === "number";
  const first = [left, " = ", ...symbols];
  if (isPlain) return [[...first, " = ", { number: result }]];
  return [first, [" = ", ...numbers.map(partOf), " = ", { group: [{ number: result }] }]];
}

function partOf(token: Token): FormulaPart {
  switch (token.kind) {
    case "sign":
      return token.text;
    case "symbol":
      return { name: token.text };
    case "number":
      return { number: token.value };
    case "rest":
      return { group: [`(${t().playground.detail.moreTerms(token.terms)} `, { number: token.value }, ")"] };
  }
}
