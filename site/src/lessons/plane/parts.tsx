/** Small things that the pages of the first two lessons have in common. */
import { factor } from "../kit/pieces.ts";
import type { JSX } from "preact";
import { neuronEn } from "../../text/lessons/neuron-en.ts";
import { neuronZh } from "../../text/lessons/neuron-zh.ts";
import { t, textsOf } from "../../text/text.ts";
import { Button } from "../../view/button.tsx";
import { Curve } from "../../view/curve.tsx";
import { Formula, type FormulaPart } from "../../view/formula.tsx";
import { formatNumber, formatShare } from "../../view/number.ts";
import type { Phase } from "../../view/phase.ts";
import type { Run } from "./run.ts";

export const neuronTexts = textsOf({ en: neuronEn, zh: neuronZh });

export function runTexts(): typeof neuronEn.run {
  return neuronTexts().run;
}

export function name(letter: string, sub?: string | number): FormulaPart {
  return { name: letter, sub: sub === undefined ? undefined : String(sub) };
}

/** w₁ · x₁ + w₂ · x₂ + b with numbers put in; an undefined one is not known yet. */
export function sumOf(
  factors: readonly (readonly [number | undefined, number | undefined])[],
  constant: number | undefined,
): FormulaPart[] {
  const terms = factors.flatMap(([a, b], i) => [i === 0 ? "" : " + ", factor(a), " · ", factor(b)]);
  return [...terms, " + ", factor(constant)];
}

interface PassProps {
  readonly phase: Phase;
  readonly label: string;
  readonly lines: readonly (readonly FormulaPart[])[];
}

/** Formulas in the colour of their phase. */
export function Pass({ phase, label, lines }: PassProps): JSX.Element {
  return (
    <div class={`plane-${phase}`}>
      <Formula label={label} lines={lines} />
    </div>
  );
}

interface FactsProps {
  readonly run: Run;
  readonly score: { readonly loss: number; readonly accuracy: number } | undefined;
}

export function Facts({ run, score }: FactsProps): JSX.Element {
  const texts = runTexts();
  const shown = [
    [texts.right, formatShare(score?.accuracy)],
    [texts.loss, formatNumber(score?.loss)],
    [texts.steps, String(run.steps)],
  ];
  return (
    <dl class="plane-facts">
      {shown.map(([term, value]) => (
        <div key={term}>
          <dt>{term}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

export function LossCurve({ run }: { readonly run: Run }): JSX.Element {
  const texts = runTexts();
  return (
    <div class="panel">
      <Curve
        label={texts.loss}
        x={run.losses.map((_, i) => i * run.stride)}
        xLabel={texts.step}
        series={[{ label: "L", values: run.losses, color: "var(--loss)" }]}
        height={120}
      />
    </div>
  );
}

/** What stands where numbers have become infinite. */
export function Broken({ onReset }: { readonly onReset: () => void }): JSX.Element {
  return (
    <div class="plane-broken" role="alert">
      <p>{runTexts().notFinite}</p>
      <Button icon="reset" onClick={onReset}>
        {t().lessons.fromStart}
      </Button>
    </div>
  );
}
