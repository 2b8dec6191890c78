/** Four optimisers on landscapes over two weights. */
import "../descent/descent.css";
import "./optimizers.css";
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { optimizersEn } from "../../text/lessons/optimizers-en.ts";
import { optimizersZh } from "../../text/lessons/optimizers-zh.ts";
import { textsOf } from "../../text/text.ts";
import { Button } from "../../view/button.tsx";
import { Curve } from "../../view/curve.tsx";
import { Formula } from "../../view/formula.tsx";
import { formatNumber } from "../../view/number.ts";
import { Select } from "../../view/select.tsx";
import { ShownNumber } from "../../view/shown-number.tsx";
import { Slider } from "../../view/slider.tsx";
import { useSteps } from "../kit/use-steps.ts";
import { Guide, type LessonProps, partOf } from "../kit/guide.tsx";
import { PlayBar } from "../kit/play-bar.tsx";
import { useLab, useNewest } from "../kit/use-lab.ts";
import { type LandName, type OptimizerName, landNames, mostSteps, optimizerNames } from "./constants.ts";
import type { Land, OptimizersLab, Pair, Run, RunChoice } from "./lab.ts";
import { LandMap, Mark, optimizerColor, stepAt } from "./land-map.tsx";
import { ruleOf } from "./rules.ts";

const texts = textsOf({ en: optimizersEn, zh: optimizersZh });

const weightNames = ["w₁", "w₂"] as const;
type WeightName = (typeof weightNames)[number];

type Tuning = Pick<RunChoice, "rate" | "keep" | "keepSquares">;

interface Setting {
  readonly start: Pair;
  readonly count: number;
  readonly tuning: Readonly<Record<OptimizerName, Tuning>>;
}

function settingOf(start: Pair, ...rates: readonly [number, number, number, number]): Setting {
  const [sgd, momentum, rmsprop, adam] = rates;
  return {
    start,
    count: 0,
    tuning: {
      sgd: { rate: sgd, keep: 0, keepSquares: 0 },
      momentum: { rate: momentum, keep: 0.9, keepSquares: 0 },
      rmsprop: { rate: rmsprop, keep: 0, keepSquares: 0.9 },
      adam: { rate: adam, keep: 0.9, keepSquares: 0.999 },
    },
  };
}

/** How each landscape is at first. */
const given: Readonly<Record<LandName, Setting>> = {
  ravine: settingOf([-1.8, 1.2], 0.02, 0.01, 0.05, 0.1),
  plateau: settingOf([-3.5, -2], 1, 0.3, 0.05, 0.2),
  saddle: settingOf([-1.6, 1.5], 0.01, 0.02, 0.05, 0.1),
  bend: settingOf([-1.6, -1], 0.01, 0.005, 0.02, 0.1),
};

interface Scene {
  /** Undefined: the reader chooses. */
  readonly land: LandName | undefined;
  readonly shown: readonly OptimizerName[];
  /** Steps that the last of them may need. */
  readonly most: number;
}

const scenes: readonly Scene[] = [
  { land: "ravine", shown: ["sgd"], most: 70 },
  { land: "ravine", shown: ["sgd", "momentum"], most: 30 },
  { land: "plateau", shown: ["sgd", "rmsprop"], most: 80 },
  { land: "bend", shown: ["momentum", "rmsprop", "adam"], most: 80 },
  { land: undefined, shown: optimizerNames, most: mostSteps },
];

/** The first step from which on a run stays at the bottom, once it is shown. */
function arrivedBy(run: Run | undefined, count: number): number | undefined {
  return run?.arrived !== undefined && run.arrived <= count ? run.arrived : undefined;
}

export function OptimizersLesson(props: LessonProps): JSX.Element {
  const all = texts();
  const part = partOf(props.part, scenes.length);
  const scene = scenes[part] as Scene;
  const [free, setFree] = useState<LandName>("saddle");
  const name = scene.land ?? free;
  const [settings, setSettings] = useState(given);
  const setting = settings[name];
  const set = (change: Partial<Setting>): void =>
    setSettings((known) => ({ ...known, [name]: { ...known[name], ...change } }));
  const [weight, setWeight] = useState<WeightName>("w₁");
  const [picked, setPicked] = useState<OptimizerName | undefined>(undefined);
  const chosen = picked !== undefined && scene.shown.includes(picked) ? picked : (scene.shown.at(-1) as OptimizerName);

  const lab = useLab<OptimizersLab>("optimizers");
  const { start, tuning } = setting;
  const choices = scene.shown.map((optimizer): RunChoice => ({ land: name, start, optimizer, ...tuning[optimizer] }));
  const found = useNewest(name, (input) => lab.call("land", input), [lab, name]);
  const computed = useNewest(choices, (input) => lab.call("runs", input), [lab, JSON.stringify(choices)]);
  const land = found?.land === name ? found : undefined;
  const isCurrent =
    computed?.length === choices.length &&
    computed.every(({ land: of, optimizer }, i) => of === name && optimizer === scene.shown[i]);
  const runs = isCurrent ? computed : [];
  const last = Math.max(0, ...runs.map(({ steps }) => steps.length - 1));
  const count = Math.min(setting.count, last);
  const steps = useSteps(count, last, (to) => set({ count: to }), props.isShown);
  useEffect(() => steps.setPlaying(false), [part, name]);

  const runOf = (optimizer: OptimizerName): Run | undefined => runs.find((run) => run.optimizer === optimizer);
  const main = runOf(scene.shown.at(-1) as OptimizerName);
  const arrived = arrivedBy(main, count);
  const sgd = arrivedBy(runOf("sgd"), count);
  const isGiven = main?.start.every((value, i) => value === given[name].start[i]) === true;
  const isReached =
    arrived !== undefined &&
    (scene.land === undefined
      ? sgd !== undefined && sgd < arrived && (main?.steps[0]?.loss ?? 0) > 0.3
      : isGiven && arrived <= scene.most);

  return (
    <Guide {...props} parts={all.parts.map((each, at) => ({ ...each, isDone: at === part && isReached }))}>
      <section class="panel descent-live" aria-label={all.live}>
        {scene.land === undefined ? (
          <Select
            label={all.land}
            value={free}
            options={landNames.map((value) => ({ value, label: all.lands[value] }))}
            hint={all.about[free]}
            onChange={setFree}
          />
        ) : (
          <p class="hint">{all.about[name]}</p>
        )}
        {land === undefined || runs.length === 0 ? (
          <p class="loading">{all.computing}</p>
        ) : (
          <>
            <Live
              land={land}
              runs={runs}
              count={count}
              chosen={chosen}
              onStart={(w1, w2) => set({ start: [w1, w2], count: 0 })}
            />
            <PlayBar {...steps}>
              <Button onClick={() => set({ start: given[name].start, count: 0 })}>{all.givenStart}</Button>
            </PlayBar>
            <div class="descent-controls">
              {scene.shown.map((optimizer) => (
                <Tunings
                  key={optimizer}
                  optimizer={optimizer}
                  tuning={tuning[optimizer]}
                  onChange={(change) =>
                    set({ tuning: { ...tuning, [optimizer]: { ...tuning[optimizer], ...change } } })
                  }
                />
              ))}
            </div>
            <div class="descent-controls">
              {weightNames.map((label, i) => (
                <Slider
                  key={label}
                  label={all.start(label)}
                  value={start[i] as number}
                  min={-land.reach}
                  max={land.reach}
                  step={0.05}
                  onInput={(to) => set({ start: i === 0 ? [to, start[1]] : [start[0], to], count: 0 })}
                />
              ))}
              <Slider
                label={all.shownSteps}
                value={count}
                min={0}
                max={Math.max(1, last)}
                isWhole
                onInput={(to) => set({ count: to })}
              />
            </div>
            <Standings runs={runs} count={count} />
            <Rule runs={runs} count={count} chosen={chosen} onChoose={setPicked} weight={weight} onWeight={setWeight} />
            <Curve
              label={all.losses}
              x={Array.from({ length: count + 1 }, (_, i) => i)}
              xLabel={all.step}
              isLogarithmic
              series={runs.map((run) => ({
                label: all.optimizers[run.optimizer],
                values: run.steps.slice(0, count + 1).map(({ loss }) => loss),
                color: optimizerColor(run.optimizer),
              }))}
            />
          </>
        )}
      </section>
    </Guide>
  );
}

interface LiveProps {
  readonly land: Land;
  readonly runs: readonly Run[];
  readonly count: number;
  readonly chosen: OptimizerName;
  readonly onStart: (w1: number, w2: number) => void;
}

function Live(props: LiveProps): JSX.Element {
  const all = texts();
  const { runs, count } = props;
  const places = runs.map((run) => {
    const { w, loss } = stepAt(run, count);
    return all.toldOne(all.optimizers[run.optimizer], formatNumber(w[0]), formatNumber(w[1]), formatNumber(loss));
  });
  return (
    <div class="optimizer-map">
      <LandMap {...props} label={all.told(count, places.join(all.and))} />
      <p class="hint">{all.legend}</p>
    </div>
  );
}

function Standings({ runs, count }: { readonly runs: readonly Run[]; readonly count: number }): JSX.Element {
  const all = texts();
  const stateOf = (run: Run): string => {
    const arrived = arrivedBy(run, count);
    const last = run.steps.length - 1;
    if (arrived !== undefined) return all.atStep(arrived);
    if (count < last) return all.notYet;
    return run.isBroken ? all.diverged(last) : all.never(last);
  };
  const broken = runs.filter((run) => run.isBroken && count >= run.steps.length - 1);
  return (
    <>
      <div class="step-table" role="region" aria-label={all.table} tabIndex={0}>
        <table>
          <caption class="visually-hidden">{all.table}</caption>
          <thead>
            <tr>
              {[all.optimizer, "w₁", "w₂", "L", all.bottom].map((head) => (
                <th key={head} scope="col">
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {runs.map((run) => {
              const { w, loss } = stepAt(run, count);
              return (
                <tr key={run.optimizer}>
                  <th scope="row">
                    <Mark name={run.optimizer} /> {all.optimizers[run.optimizer]}
                  </th>
                  {[...w, loss].map((value, i) => (
                    <td key={i}>
                      <ShownNumber value={value} />
                    </td>
                  ))}
                  <td>{stateOf(run)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      <p class="hint hint-problem" role="status">
        {broken.length === 0
          ? undefined
          : all.hasDiverged(broken.map(({ optimizer }) => all.optimizers[optimizer]).join(all.and))}
      </p>
    </>
  );
}

interface TuningsProps {
  readonly optimizer: OptimizerName;
  readonly tuning: Tuning;
  readonly onChange: (change: Partial<Tuning>) => void;
}

function Tunings({ optimizer, tuning, onChange }: TuningsProps): JSX.Element {
  const all = texts();
  const { rate, keep, keepSquares } = tuning;
  const keepLabel = optimizer === "momentum" ? all.momentumKeep : optimizer === "adam" ? all.adamKeep : undefined;
  const squaresLabel =
    optimizer === "rmsprop" ? all.rmspropKeepSquares : optimizer === "adam" ? all.adamKeepSquares : undefined;
  return (
    <fieldset class="optimizer-tuning">
      <legend>
        <Mark name={optimizer} /> {all.optimizers[optimizer]}
      </legend>
      <Slider
        label={all.rate}
        value={rate}
        min={0.001}
        max={10}
        scale="logarithmic"
        onInput={(to) => onChange({ rate: to })}
      />
      {keepLabel === undefined ? undefined : (
        <Slider
          label={keepLabel}
          value={keep}
          min={0}
          max={0.99}
          step={0.01}
          onInput={(to) => onChange({ keep: to })}
        />
      )}
      {squaresLabel === undefined ? undefined : (
        <Slider
          label={squaresLabel}
          value={keepSquares}
          min={0}
          max={0.999}
          step={0.001}
          onInput={(to) => onChange({ keepSquares: to })}
        />
      )}
    </fieldset>
  );
}

interface RuleProps {
  readonly runs: readonly Run[];
  readonly count: number;
  readonly chosen: OptimizerName;
  readonly onChoose: (optimizer: OptimizerName) => void;
  readonly weight: WeightName;
  readonly onWeight: (weight: WeightName) => void;
}

function Rule({ runs, count, chosen, onChoose, weight, onWeight }: RuleProps): JSX.Element {
  const all = texts();
  const run = runs.find(({ optimizer }) => optimizer === chosen) as Run;
  return (
    <>
      <h4>{all.next(count + 1)}</h4>
      <div class="descent-controls">
        {runs.length === 1 ? undefined : (
          <Select
            label={all.optimizer}
            value={chosen}
            options={runs.map(({ optimizer }) => ({ value: optimizer, label: all.optimizers[optimizer] }))}
            onChange={onChoose}
          />
        )}
        <Select
          label={all.weight}
          value={weight}
          options={weightNames.map((value) => ({ value, label: value }))}
          onChange={onWeight}
        />
      </div>
      {count >= run.steps.length - 1 ? (
        <p class="hint">{all.over}</p>
      ) : (
        <Formula label={all.next(count + 1)} lines={ruleOf(run, count, weight === "w₁" ? 0 : 1)} notes={all.notes} />
      )}
    </>
  );
}
