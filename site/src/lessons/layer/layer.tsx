/** Lesson 2: a hidden layer before an output, from the lines of its units to the backward pass through it. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Button } from "../../view/button.tsx";
import { type DiagramLayer, type DiagramSelection, NetworkDiagram } from "../../view/network-diagram.tsx";
import { subscript } from "../../view/number.ts";
import type { StepSize } from "../../view/phase.ts";
import { PhaseBar } from "../../view/phase-bar.tsx";
import { Slider } from "../../view/slider.tsx";
import { Switch } from "../../view/switch.tsx";
import { Guide, type LessonProps, partOf } from "../kit/guide.tsx";
import { Broken, Facts, LossCurve, runTexts } from "../plane/parts.tsx";
import { type PlaneLine, type PlanePlace, type PointSet, resolution } from "../plane/plane-set.ts";
import { Plane, PointSliders } from "../plane/plane.tsx";
import { startRun, useRun } from "../plane/run.ts";
import { PlayBar } from "../kit/play-bar.tsx";
import { reportFailure, useLab, useNewest, usePlay } from "../kit/use-lab.ts";
import { LookFormulas, StepFormulas } from "./formulas.tsx";
import type { LayerInput, LayerLab, LayerLook, LayerStep } from "./lab.ts";
import { after, before, diagramPhase, known, moments } from "./moments.ts";
import { layerTexts, unitPlaces } from "./names.ts";

const parts = ["lines", "add", "straight", "circle", "back"] as const;
const mostUnits = 8;
/** Steps between two pictures. */
const stepsAtOnce = 5;
/** Milliseconds that a moment of a step is shown while it is played. */
const momentTime = 900;

interface Looked {
  readonly asked: LayerInput;
  readonly look: LayerLook;
}

interface Stepped {
  readonly asked: LayerInput;
  readonly step: LayerStep;
}

export function LayerLesson(props: LessonProps): JSX.Element {
  const { isShown } = props;
  const part = partOf(props.part, parts.length);
  const id = parts[part] as (typeof parts)[number];
  const lab = useLab<LayerLab>("layer");
  const data = id === "circle" || id === "back" ? "circle" : "xor";
  const runs = { xor: useRun(() => startRun([])), circle: useRun(() => startRun([])) };
  const { run, set: setRun, advance } = runs[data];
  const [units, setUnits] = useState(2);
  const [seed, setSeed] = useState(1);
  const [isWantedBent, setBent] = useState(true);
  const [rate, setRate] = useState(1);
  const [point, setPoint] = useState<PlanePlace>([0.3, 0.5]);
  const [unit, setUnit] = useState(0);
  const [points, setPoints] = useState<PointSet | undefined>(undefined);
  /** The moment of the step, and whether a unit was chosen in this part. */
  const [at, setAt] = useState(-1);
  const [hasChosen, setChosen] = useState(false);

  const isBent = id !== "straight" || isWantedBent;
  const isBack = id === "back";
  const input: LayerInput = { units, isBent, data, parameters: run.parameters, point, rate };
  // Parameters of another number of units are on their way out.
  const isReady = run.parameters.length === 4 * units + 1;
  const keys = [lab, run.parameters, point, isBent, data, units, rate];
  const looked = useNewest(
    isReady ? input : undefined,
    async (asked): Promise<Looked | undefined> => asked && { asked, look: await lab.call("look", asked) },
    keys,
  );
  const stepped = useNewest(
    isReady && isBack ? input : undefined,
    async (asked): Promise<Stepped | undefined> => asked && { asked, step: await lab.call("step", asked) },
    [...keys, isBack],
  );
  const isOfThese = (asked: LayerInput | undefined): boolean =>
    asked?.units === units && asked.data === data && asked.isBent === isBent;
  const look = isOfThese(looked?.asked) ? looked : undefined;
  const step =
    isBack && isOfThese(stepped?.asked) && stepped?.asked.parameters === run.parameters ? stepped : undefined;
  const score = look?.look.score;
  const isBroken = !run.parameters.every(Number.isFinite) || (score !== undefined && !Number.isFinite(score.loss));

  const train = (steps: number): Promise<boolean> =>
    isReady ? advance((parameters) => lab.call("train", { ...input, parameters }, steps)) : Promise.resolve(true);
  const go = (to: number): void => {
    if (to < moments.length) setAt(to);
    if (to < moments.length || step === undefined) return;
    // The next step begins with what the update left.
    setRun(startRun(step.step.next));
    setAt(0);
  };
  const frame = async (): Promise<boolean> => {
    if (!isBack) return train(stepsAtOnce);
    go(at + 1);
    await new Promise((resolve) => setTimeout(resolve, momentTime));
    return at + 1 !== known.update;
  };
  const { isPlaying, setPlaying } = usePlay(frame, isShown);

  useEffect(() => {
    let isWanted = true;
    setPoints(undefined);
    lab.call("points", data).then((set) => isWanted && setPoints(set), reportFailure);
    return () => {
      isWanted = false;
    };
  }, [lab, data]);
  useEffect(() => {
    setPlaying(false);
    setChosen(false);
    setAt(-1);
  }, [part]);
  useEffect(() => setAt(-1), [point, units]);
  const begin = async (count: number, from: number): Promise<void> => {
    const parameters = await lab.call("start", count, from);
    setUnits(count);
    setSeed(from);
    setUnit((chosen) => Math.min(chosen, count - 1));
    setAt(-1);
    for (const each of Object.values(runs)) each.set(startRun(parameters));
  };
  // What was trained with the other function is no training of this one.
  const bend = (isOn: boolean): void => {
    setPlaying(false);
    setBent(isOn);
    setRun(startRun(run.parameters));
  };
  const restart = (count: number, from: number): void => {
    setPlaying(false);
    begin(count, from).catch(reportFailure);
  };
  // Also where the lab had to begin again; what was trained stays.
  useEffect(() => {
    if (!isReady) restart(units, seed);
  }, [lab]);

  const seen = useRef({ unit: -1, isBelow: false, isAbove: false });
  const h = look?.look.hidden[unit] ?? 0;
  if (id === "lines" && look !== undefined) {
    if (seen.current.unit !== unit) seen.current = { unit, isBelow: false, isAbove: false };
    if (h < 0) seen.current.isBelow = true;
    if (h > 0) seen.current.isAbove = true;
  }
  const isRight = run.steps > 0 && (score?.accuracy ?? 0) >= 0.95;
  const shares = step?.step.gradients.hidden.map(Math.abs) ?? [];
  const done: Readonly<Record<typeof id, boolean>> = {
    lines: id === "lines" && hasChosen && seen.current.isBelow && seen.current.isAbove,
    add: id === "add" && isRight && (score?.accuracy ?? 0) > 0.95,
    straight: id === "straight" && !isBent && units > 1 && run.steps >= 300,
    circle: id === "circle" && isRight && units <= 3,
    back: isBack && hasChosen && at >= known.shares && shares[unit] === Math.max(...shares),
  };
  const select = (selection: DiagramSelection): void => {
    const { layer, unit: to } = selection;
    if (layer === 0) return;
    const chosen = layer === 1 ? to : selection.kind === "edge" ? selection.from : undefined;
    if (chosen === undefined) return;
    setChosen(true);
    if (chosen !== unit) seen.current.unit = -1;
    setUnit(chosen);
  };
  const texts = layerTexts();
  return (
    <Guide {...props} parts={parts.map((each) => ({ ...texts.parts[each], isDone: done[each] }))}>
      <div class="panel plane-room">
        <div class="plane-wide">
          <NetworkDiagram
            label={texts.network}
            layers={layersOf(look, step, at, isBack)}
            mapResolution={resolution}
            selection={{ kind: "unit", layer: 1, unit }}
            onSelect={select}
            loss={isBack ? { label: "L", value: at >= known.loss ? step?.step.loss : undefined } : undefined}
            phase={isBack ? diagramPhase(at) : undefined}
          />
          {isBack ? (
            <PhaseBar
              place={
                at < 0 ? undefined : { ...(moments[at] as (typeof moments)[number]), text: texts.moments[at] ?? "" }
              }
              isPlaying={isPlaying}
              onPlay={() => setPlaying(true)}
              onPause={() => setPlaying(false)}
              onStep={(size: StepSize) => go(after(at, size))}
              onBack={(size: StepSize) => setAt(before(at, size))}
              canGoBack={at >= 0}
              isDisabled={stepped === undefined || isBroken}
            />
          ) : undefined}
          {isBroken ? <Broken onReset={() => restart(units, seed)} /> : undefined}
          {id === "lines" || isBack ? undefined : (
            <>
              <PlayBar
                isPlaying={isPlaying}
                setPlaying={setPlaying}
                isDisabled={isBroken || !isReady}
                onStep={() => void train(1).catch(reportFailure)}
                onReset={() => restart(units, seed)}
              >
                <Button onClick={() => restart(units, seed + 1)}>{texts.otherStart}</Button>
              </PlayBar>
              <Facts run={run} score={score} />
            </>
          )}
        </div>
        <div class="plane-side">
          <Plane
            label={texts.plane}
            values={look?.look.maps.p}
            middle={0.5}
            limit={0.5}
            set={points}
            lines={look === undefined ? [] : linesOf(look, unit)}
            point={step?.step.input ?? point}
            onPoint={setPoint}
          />
          <PointSliders point={point} onPoint={setPoint} />
        </div>
        <div class="plane-side">
          <Slider
            label={texts.units}
            value={units}
            min={1}
            max={mostUnits}
            isWhole
            onInput={(count) => restart(count, seed)}
          />
          {id === "straight" ? <Switch label={texts.isBent} isOn={isBent} onChange={bend} /> : undefined}
          {id === "lines" ? undefined : (
            <Slider
              label={runTexts().rate}
              value={rate}
              min={0.01}
              max={100}
              scale="logarithmic"
              isOpen
              onInput={setRate}
            />
          )}
          {id === "lines" || isBack ? undefined : <LossCurve run={run} />}
        </div>
        <div class="plane-wide plane-passes">
          {isBack ? (
            <StepFormulas {...(step ?? { asked: input, step: undefined })} unit={unit} at={at} />
          ) : (
            <LookFormulas {...(look ?? { asked: input, look: undefined })} unit={unit} hasOutput={id !== "lines"} />
          )}
        </div>
      </div>
    </Guide>
  );
}

function linesOf({ asked: { units, parameters }, look }: Looked, chosen: number): PlaneLine[] {
  if (look.line !== undefined) {
    const [w1 = NaN, w2 = NaN, b = NaN] = look.line;
    return [{ weights: [w1, w2, b], name: "p = 0.5" }];
  }
  return Array.from({ length: units }, (_, unit) => {
    const { w1, w2, b } = unitPlaces(units, unit);
    return {
      weights: [parameters[w1] as number, parameters[w2] as number, parameters[b] as number] as const,
      name: `h${subscript(unit + 1)}`,
      isFaint: unit !== chosen,
    };
  });
}

/** The diagram: what is there for the ring, or of a step what is known at its moment. */
function layersOf(
  looked: Looked | undefined,
  stepped: Stepped | undefined,
  at: number,
  isBack: boolean,
): readonly DiagramLayer[] {
  const { layers: words, bent, straight } = layerTexts();
  const asked = (isBack ? stepped : looked)?.asked;
  const units = asked?.units ?? looked?.asked.units ?? 1;
  const step = stepped?.step;
  const look = isBack ? undefined : looked?.look;
  const from = <T,>(moment: number, value: T | undefined): T | undefined => (at >= moment ? value : undefined);
  const parameters = from(known.update, step?.next) ?? asked?.parameters;
  const gradients = step?.gradients;
  const place = isBack ? step?.input : asked?.point;
  const hidden = isBack ? from(known.hidden, step?.hidden) : look?.hidden;
  return [
    { label: words.input, units: [0, 1].map((i) => ({ label: `x${subscript(i + 1)}`, value: place?.[i] })) },
    {
      label: words.hidden,
      note: asked?.isBent === false ? straight : bent,
      units: Array.from({ length: units }, (_, unit) => ({
        label: `h${subscript(unit + 1)}`,
        value: hidden?.[unit],
        gradient: from(known.shares, gradients?.hidden[unit]),
        bias: parameters?.[2 * units + unit],
        map: look?.maps.hidden[unit],
      })),
      weights: parameters?.slice(0, 2 * units),
      gradients: from(known.weights, gradients?.parameters.slice(0, 2 * units)),
    },
    {
      label: words.output,
      note: "σ",
      middle: 0.5,
      units: [
        {
          // The backward pass begins at z: p and the logarithm of the loss are one operation.
          label: isBack ? "z" : "p",
          value: isBack ? from(known.output, step?.z) : look?.p,
          gradient: from(known.outputGradient, gradients?.z),
          bias: parameters?.[4 * units],
          map: look?.maps.p,
        },
      ],
      weights: parameters?.slice(3 * units, 4 * units),
      gradients: from(known.outputGradient, gradients?.parameters.slice(3 * units, 4 * units)),
    },
  ];
}
