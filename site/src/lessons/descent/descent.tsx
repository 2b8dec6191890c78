/** Gradient descent with one weight: the slope, the step, the rate, valleys, a plateau, batches. */
import "./descent.css";
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { descentEn } from "../../text/lessons/descent-en.ts";
import { descentZh } from "../../text/lessons/descent-zh.ts";
import { textsOf } from "../../text/text.ts";
import { Button } from "../../view/button.tsx";
import { Formula, type FormulaPart } from "../../view/formula.tsx";
import { ShownNumber } from "../../view/shown-number.tsx";
import { Slider } from "../../view/slider.tsx";
import { factor } from "../kit/pieces.ts";
import { Guide, type LessonProps, partOf } from "../kit/guide.tsx";
import { PlayBar } from "../kit/play-bar.tsx";
import { useLab, useNewest } from "../kit/use-lab.ts";
import { exampleCount, nudge } from "./constants.ts";
import { LossPlot, ModelPlot } from "./drawings.tsx";
import type { Descent, DescentChoice, DescentLab, Look } from "./lab.ts";
import { useSteps } from "../kit/use-steps.ts";

const texts = textsOf({ en: descentEn, zh: descentZh });

type Setting = Omit<DescentChoice, "ground"> & { readonly count: number };

/** What is live; each keeps how it was left. */
const scenes = {
  bowl: { ground: "bowl", first: { start: -0.5, rate: 0.1 }, rates: [0.01, 10] },
  valleys: { ground: "valleys", first: { start: 4.4, rate: 0.1 }, rates: [0.01, 10] },
  plateau: { ground: "plateau", first: { start: -6, rate: 1 }, rates: [0.1, 100] },
  batches: { ground: "bowl", first: { start: -0.5, rate: 0.1, batch: 2 }, rates: [0.01, 1] },
} as const;
type Scene = keyof typeof scenes;
const sceneOfPart: readonly Scene[] = ["bowl", "bowl", "bowl", "valleys", "plateau", "batches"];
const atOnce: Setting = { start: 0, rate: 1, batch: exampleCount, seed: 1, count: 0 };

/** Rows of the table of steps. */
const mostRows = 6;

export function DescentLesson(props: LessonProps): JSX.Element {
  const all = texts();
  const part = partOf(props.part, all.parts.length);
  const scene = sceneOfPart[part] as Scene;
  const { ground, rates } = scenes[scene];
  const [settings, setSettings] = useState<Readonly<Partial<Record<Scene, Setting>>>>({});
  const setting = settings[scene] ?? { ...atOnce, ...scenes[scene].first };
  const set = (change: Partial<Setting>): void =>
    setSettings((known) => ({
      ...known,
      [scene]: { ...atOnce, ...scenes[scene].first, ...known[scene], ...change },
    }));

  const lab = useLab<DescentLab>("descent");
  const { count: wanted, ...choice } = setting;
  const { start, rate, batch, seed } = choice;
  const sight = useNewest(ground, (input) => lab.call("sight", input), [lab, ground]);
  const computed = useNewest({ ground, ...choice }, (input) => lab.call("descend", input), [
    lab,
    ground,
    start,
    rate,
    batch,
    seed,
  ]);
  // What was computed for another drawing is not shown in this one.
  const descent = computed?.ground === ground && sight?.ground === ground ? computed : undefined;
  const last = descent === undefined ? 0 : descent.steps.length - 1;
  const count = Math.min(wanted, last);
  const step = descent?.steps[count];
  const looked = useNewest(
    step === undefined ? undefined : { ground, w: step.w, mask: step.mask },
    async (input) => (input === undefined ? undefined : lab.call("look", input)),
    [lab, ground, step?.w, step?.mask.join("")],
  );
  const look = looked?.ground === ground ? looked : undefined;
  const steps = useSteps(count, last, (to) => set({ count: to }), props.isShown);
  useEffect(() => steps.setPlaying(false), [part]);

  const isFlat = step !== undefined && Math.abs(step.wholeSlope) < 0.01;
  const states: readonly boolean[] = [
    step !== undefined && Math.abs(step.slope) <= 0.05,
    count > 0 && isFlat,
    count > 0 && count <= 5 && descent?.start === -0.5 && isFlat,
    false,
    descent !== undefined &&
      descent.start <= -6 &&
      descent.steps.slice(0, Math.min(count, 50) + 1).some(({ loss }) => loss < 0.01),
    descent?.batch === 2 && count >= 60 && descent.steps.slice(30, 61).every(({ loss }) => loss < 0.19),
  ];
  const found = useRef({ deep: false, shallow: false });
  // On the top between the valleys it is flat too, but not for good.
  const isAtRest =
    isFlat && descent?.steps.slice(count).every(({ wholeSlope }) => Math.abs(wholeSlope) < 0.01) === true;
  if (ground === "valleys" && count > 0 && isAtRest) found.current[step.loss < 0.5 ? "deep" : "shallow"] = true;
  const isDone = (at: number): boolean =>
    at === 3 ? found.current.deep && found.current.shallow : at === part && states[at] === true;

  return (
    <Guide {...props} parts={all.parts.map((each, at) => ({ ...each, isDone: isDone(at) }))}>
      <section class="panel descent-live" aria-label={all.lossTitle}>
        {sight === undefined || descent === undefined || step === undefined ? (
          <p class="loading">{all.computing}</p>
        ) : (
          <>
            <div class="descent-drawings">
              <div>
                <h4>{all.lossTitle}</h4>
                <LossPlot
                  sight={sight}
                  descent={descent}
                  count={count}
                  look={descent.batch < exampleCount ? look : undefined}
                  onStart={(w) => set({ start: w, count: 0 })}
                />
              </div>
              <div>
                <h4>{all.examplesTitle}</h4>
                {look === undefined ? undefined : <ModelPlot sight={sight} look={look} />}
              </div>
            </div>
            <div class="descent-controls">
              <Slider
                label={all.start}
                value={start}
                min={sight.w[0] as number}
                max={sight.w.at(-1) as number}
                step={0.01}
                onInput={(w) => set({ start: w, count: 0 })}
              />
              {part === 0 ? undefined : (
                <>
                  <Slider
                    label={all.rate}
                    value={rate}
                    min={rates[0]}
                    max={rates[1]}
                    scale="logarithmic"
                    onInput={(to) => set({ rate: to })}
                  />
                  <Slider
                    label={all.shownSteps}
                    value={count}
                    min={0}
                    max={Math.max(1, last)}
                    isWhole
                    onInput={(to) => set({ count: to })}
                  />
                </>
              )}
              {scene === "batches" ? (
                <Slider
                  label={all.batch}
                  value={batch}
                  min={1}
                  max={exampleCount}
                  isWhole
                  onInput={(to) => set({ batch: to })}
                />
              ) : undefined}
            </div>
            {part === 0 ? undefined : (
              <PlayBar {...steps}>
                {scene === "batches" ? (
                  <Button onClick={() => set({ seed: seed + 1 })}>{all.otherBatches}</Button>
                ) : undefined}
              </PlayBar>
            )}
            {count < last || part === 0 ? undefined : (
              <p class={descent.isBroken ? "hint hint-problem" : "hint"} role="status">
                {descent.isBroken ? all.broken(count) : all.end(count)}
              </p>
            )}
            <Formulas part={part} descent={descent} count={count} look={look} />
            {part === 0 ? undefined : <StepTable descent={descent} count={count} />}
          </>
        )}
      </section>
    </Guide>
  );
}

interface FormulasProps {
  readonly part: number;
  readonly descent: Descent;
  readonly count: number;
  readonly look: Look | undefined;
}

function Formulas({ part, descent, count, look }: FormulasProps): JSX.Element {
  const all = texts();
  const { w, slope } = descent.steps[count] as Descent["steps"][number];
  const isBatch = descent.batch < exampleCount;
  const [W, G, R]: FormulaPart[] = [
    { name: "w", link: "w" },
    { name: "g", link: isBatch ? "b" : "g" },
    { name: "η", link: "r" },
  ];
  const next: FormulaPart[][] = [
    [{ name: "w′" }, " = ", W as FormulaPart, " − ", R as FormulaPart, " · ", G as FormulaPart],
    [
      { name: "w′" },
      " = ",
      { number: w, link: "w" },
      " − ",
      { number: descent.rate, link: "r" },
      " · ",
      { group: [factor(slope)], link: isBatch ? "b" : "g" },
      " = ",
      { number: descent.steps[count + 1]?.w },
    ],
  ];
  const [here, there, quotient] = look?.w === w ? look.near : [];
  const check: FormulaPart[][] = [
    [G as FormulaPart, " = ∂", { name: "L" }, "/∂", { name: "w" }, " = ", { number: slope, link: "g" }],
    [
      {
        above: [{ name: "L" }, `(w + ${nudge}) − `, { name: "L" }, "(w)"],
        below: [String(nudge)],
      },
      " = ",
      { above: [{ number: there }, " − ", { number: here }], below: [String(nudge)] },
      " = ",
      { number: quotient, link: "n" },
    ],
  ];
  const bend: FormulaPart[][] = [
    [{ name: "w′" }, " − ", { name: "w*" }, " = (1 − η·", { name: "L″", link: "c" }, ") · (", { name: "w" }, " − w*)"],
    [
      "1 − ",
      { number: descent.rate, link: "r" },
      " · ",
      { number: descent.bend, link: "c" },
      " = ",
      { number: descent.factor, link: "d" },
    ],
  ];
  const lines = part === 0 ? check : part === 2 ? [...next, ...bend] : next;
  return <Formula label={all.formula} lines={lines} notes={all.notes} />;
}

function StepTable({ descent, count }: { readonly descent: Descent; readonly count: number }): JSX.Element {
  const all = texts();
  const isBatch = descent.batch < exampleCount;
  const from = Math.max(0, count + 1 - mostRows);
  return (
    <div class="step-table" role="region" aria-label={all.table} tabIndex={0}>
      <table>
        <caption class="visually-hidden">{all.table}</caption>
        <thead>
          <tr>
            {[all.step, "w", "L", ...(isBatch ? [all.ofAll, all.ofBatch] : ["g"]), "−η·g"].map((head) => (
              <th key={head} scope="col">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {descent.steps.slice(from, count + 1).map(({ w, loss, slope, wholeSlope, move }, i) => (
            <tr key={from + i} aria-current={from + i === count ? "step" : undefined}>
              <th scope="row">{from + i}</th>
              {[w, loss, ...(isBatch ? [wholeSlope] : []), slope, move].map((value, column) => (
                <td key={column}>
                  <ShownNumber value={value} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
