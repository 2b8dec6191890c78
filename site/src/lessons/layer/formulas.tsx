/** Formulas of the lesson of a layer, with the numbers of the chosen unit put in. */
import { factor } from "../kit/pieces.ts";
import type { JSX } from "preact";
import type { FormulaPart } from "../../view/formula.tsx";
import { subscript } from "../../view/number.ts";
import { Pass, name, sumOf } from "../plane/parts.tsx";
import type { LayerInput, LayerLook, LayerStep } from "./lab.ts";
import { known } from "./moments.ts";
import { layerTexts, unitPlaces } from "./names.ts";

type Line = readonly FormulaPart[];

function slopeOf(of: FormulaPart): FormulaPart {
  return { group: ["∂", name("L"), "/∂", of] };
}

interface UnitNumbers {
  readonly asked: LayerInput;
  readonly unit: number;
  readonly inputs: readonly [number, number];
  readonly sum: number | undefined;
  readonly h: number | undefined;
}

/** s = w₁ · x₁ + w₂ · x₂ + b and h of it. */
function hiddenLines({ asked, unit, inputs: [x1, x2], sum, h }: UnitNumbers): readonly Line[] {
  const { w1, w2, b } = unitPlaces(asked.units, unit);
  const [s, own] = [name("s", unit + 1), name("h", unit + 1)];
  const numberAt = (place: number): number | undefined => asked.parameters[place];
  const numbers = sumOf(
    [
      [numberAt(w1), x1],
      [numberAt(w2), x2],
    ],
    numberAt(b),
  );
  return [
    [
      s,
      " = ",
      name("w", 1),
      " · ",
      name("x", 1),
      " + ",
      name("w", 2),
      " · ",
      name("x", 2),
      " + ",
      name("b"),
      " = ",
      ...numbers,
      " = ",
      { number: sum },
    ],
    asked.isBent
      ? [own, " = tanh(", s, ") = tanh(", { number: sum }, ") = ", { number: h }]
      : [own, " = ", s, " = ", { number: h }],
  ];
}

/** z = v₁ · h₁ + … + c and p = σ(z). */
function outputLines(
  asked: LayerInput,
  hidden: readonly number[] | undefined,
  z: number | undefined,
  p: number | undefined,
): readonly Line[] {
  const { units, parameters } = asked;
  const factors = Array.from({ length: units }, (_, unit) => [parameters[3 * units + unit], hidden?.[unit]] as const);
  const symbols = factors.flatMap((_, unit) => [name("v", unit + 1), " · ", name("h", unit + 1), " + "]);
  return [
    [name("z"), " = ", ...symbols, name("c")],
    ["= ", ...sumOf(factors, parameters[4 * units]), " = ", { number: z }],
    [name("p"), " = σ(", name("z"), ") = σ(", { number: z }, ") = ", { number: p }],
  ];
}

interface LookFormulasProps {
  readonly asked: LayerInput;
  readonly look: LayerLook | undefined;
  readonly unit: number;
  readonly hasOutput: boolean;
}

export function LookFormulas({ asked, look, unit, hasOutput }: LookFormulasProps): JSX.Element {
  const texts = layerTexts();
  const [w1, w2, b] = look?.line ?? [];
  const numbers = { asked, unit, inputs: asked.point, sum: look?.sums[unit], h: look?.hidden[unit] };
  return (
    <>
      <Pass phase="forward" label={texts.hidden(`h${subscript(unit + 1)}`)} lines={hiddenLines(numbers)} />
      {hasOutput ? (
        <Pass phase="forward" label={texts.output} lines={outputLines(asked, look?.hidden, look?.z, look?.p)} />
      ) : undefined}
      {asked.isBent ? undefined : (
        <section>
          <p class="hint">{texts.oneLine}</p>
          <Pass
            phase="forward"
            label={texts.oneLine}
            lines={[
              [
                name("z"),
                " = ",
                factor(w1),
                " · ",
                name("x", 1),
                " + ",
                factor(w2),
                " · ",
                name("x", 2),
                " + ",
                factor(b),
              ],
            ]}
          />
        </section>
      )}
    </>
  );
}

interface StepFormulasProps {
  readonly asked: LayerInput;
  readonly step: LayerStep | undefined;
  readonly unit: number;
  readonly at: number;
}

/** All lines of the step; what is not computed yet has no numbers. */
export function StepFormulas({ asked, step, unit, at }: StepFormulasProps): JSX.Element {
  const texts = layerTexts();
  const from = <T,>(moment: number, value: T | undefined): T | undefined => (at >= moment ? value : undefined);
  const label = `h${subscript(unit + 1)}`;
  const { w1, v } = unitPlaces(asked.units, unit);
  const [z, h, s, p, w] = [name("z"), name("h", unit + 1), name("s", unit + 1), name("p"), name("w", 1)] as const;
  const hidden = from(known.hidden, step?.hidden);
  const numbers: UnitNumbers = {
    asked,
    unit,
    inputs: step?.input ?? asked.point,
    sum: from(known.sums, step?.sums[unit]),
    h: hidden?.[unit],
  };
  const { gradients, target = 0 } = step ?? {};
  const shownP = from(known.output, step?.p);
  const slope = {
    z: from(known.outputGradient, gradients?.z),
    h: from(known.shares, gradients?.hidden[unit]),
    s: from(known.weights, gradients?.sums[unit]),
    w: from(known.weights, gradients?.parameters[w1]),
  };
  const chance: Line = target === 1 ? [p] : ["(1 − ", p, ")"];
  const chanceNumber: Line = target === 1 ? ["(", { number: shownP }, ")"] : ["(1 − ", { number: shownP }, ")"];
  return (
    <>
      <p>{step === undefined ? "\u00a0" : texts.target(target)}</p>
      <Pass phase="forward" label={texts.hidden(label)} lines={hiddenLines(numbers)} />
      <Pass
        phase="forward"
        label={texts.output}
        lines={outputLines(asked, hidden, from(known.output, step?.z), shownP)}
      />
      <Pass
        phase="loss"
        label={texts.loss}
        lines={[
          [
            name("L"),
            " = −ln ",
            ...chance,
            " = −ln ",
            ...chanceNumber,
            " = ",
            { number: from(known.loss, step?.loss) },
          ],
        ]}
      />
      <Pass
        phase="backward"
        label={texts.back(label)}
        lines={[
          [slopeOf(z), " = ", p, " − ", name("y"), " = ", { number: shownP }, ` − ${target} = `, { number: slope.z }],
          [
            slopeOf(h),
            " = ",
            slopeOf(z),
            " · ",
            name("v", unit + 1),
            " = ",
            factor(slope.z),
            " · ",
            factor(asked.parameters[v]),
            " = ",
            { number: slope.h },
          ],
          [
            slopeOf(s),
            " = ",
            slopeOf(h),
            " · (1 − ",
            h,
            "²) = ",
            factor(slope.h),
            " · (1 − ",
            factor(hidden?.[unit]),
            "²) = ",
            { number: slope.s },
          ],
          [
            slopeOf(w),
            " = ",
            slopeOf(s),
            " · ",
            name("x", 1),
            " = ",
            factor(slope.s),
            " · ",
            factor(numbers.inputs[0]),
            " = ",
            { number: slope.w },
          ],
        ]}
      />
      <Pass
        phase="update"
        label={texts.update}
        lines={[
          [
            w,
            " ← ",
            w,
            " − ",
            name("η"),
            " · ",
            slopeOf(w),
            " = ",
            { number: asked.parameters[w1] },
            " − ",
            { number: asked.rate },
            " · ",
            factor(slope.w),
            " = ",
            { number: from(known.update, step?.next[w1]) },
          ],
        ]}
      />
    </>
  );
}
