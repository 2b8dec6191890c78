/** Lesson 1: one neuron with two inputs, from its sum to what it cannot learn. */
import { factor } from "../kit/pieces.ts";
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { FormulaPart } from "../../view/formula.tsx";
import { formatNumber } from "../../view/number.ts";
import { Select } from "../../view/select.tsx";
import { Slider } from "../../view/slider.tsx";
import { Guide, type LessonProps, partOf } from "../kit/guide.tsx";
import { PlayBar } from "../kit/play-bar.tsx";
import { reportFailure, useLab, useNewest, usePlay } from "../kit/use-lab.ts";
import { Bend } from "./bend.tsx";
import type { ActivationCurve, NeuronActivation, NeuronInput, NeuronLab, NeuronLook, NeuronWeights } from "./lab.ts";
import { Broken, Facts, LossCurve, Pass, name, neuronTexts, runTexts, sumOf } from "../plane/parts.tsx";
import type { PlanePlace, PointSet } from "../plane/plane-set.ts";
import { Plane, PointSliders } from "../plane/plane.tsx";
import { type Run, startRun, useRun } from "../plane/run.ts";

/** They answer almost every point wrongly. */
const start: NeuronWeights = [-0.5, 1, -0.3];
const names = [name("w", 1), name("w", 2), name("b")];
const labels = ["w₁", "w₂", "b"] as const;
const activations: readonly NeuronActivation[] = ["sigmoid", "tanh", "relu"];

/** What the lesson can be at, by the number of the part. */
const parts = ["sum", "bend", "line", "train", "xor"] as const;

/** What was found, and for what. */
interface Looked {
  readonly asked: NeuronInput;
  readonly look: NeuronLook;
}

export function NeuronLesson(props: LessonProps): JSX.Element {
  const { isShown } = props;
  const part = partOf(props.part, parts.length);
  const at = parts[part] as (typeof parts)[number];
  const lab = useLab<NeuronLab>("neuron");
  const [point, setPoint] = useState<PlanePlace>([0.5, -0.4]);
  const [chosen, setChosen] = useState<NeuronActivation>("sigmoid");
  const [rate, setRate] = useState(0.2);
  const [points, setPoints] = useState<PointSet | undefined>(undefined);
  const [curve, setCurve] = useState<ActivationCurve | undefined>(undefined);

  const data = at === "xor" ? "xor" : "heaps";
  // Weights, steps and losses belong to the points that they were made on.
  const runs = { heaps: useRun(() => startRun(start)), xor: useRun(() => startRun(start)) };
  const { run, set: setRun, advance } = runs[data];
  // For the classes of the later parts it is the sigmoid.
  const activation = at === "bend" ? chosen : "sigmoid";
  const hasPoints = part >= 2;
  const canTrain = part >= 3;
  const weights = run.parameters as NeuronWeights;
  const input: NeuronInput = { weights, point, activation, data, rate };
  const look = useNewest(input, async (asked): Promise<Looked> => ({ asked, look: await lab.call("look", asked) }), [
    lab,
    run.parameters,
    point,
    activation,
    data,
    rate,
  ]);
  // What was asked for in another part is no answer in this one.
  const isOwn = look?.asked.activation === activation && look.asked.data === data;
  const told = isOwn ? look.look : undefined;
  const score = told?.score;
  const isBroken = !weights.every(Number.isFinite) || (told !== undefined && !Number.isFinite(told.score.loss));

  const step = (): Promise<boolean> =>
    advance((parameters) => lab.call("train", { ...input, weights: parameters as NeuronWeights }, 1));
  const { isPlaying, setPlaying } = usePlay(step, isShown);
  useEffect(() => {
    let isWanted = true;
    setPoints(undefined);
    setCurve(undefined);
    lab.call("points", data).then((set) => isWanted && setPoints(set), reportFailure);
    lab.call("curve", activation).then((drawn) => isWanted && setCurve(drawn), reportFailure);
    return () => {
      isWanted = false;
    };
  }, [lab, data, activation]);
  useEffect(() => setPlaying(false), [part]);
  const reset = (): void => {
    setPlaying(false);
    setRun(startRun(start));
  };

  const isRight = hasPoints && data === "heaps" && (score?.accuracy ?? 0) >= 0.95;
  const done: Readonly<Record<typeof at, boolean>> = {
    sum:
      at === "sum" &&
      told !== undefined &&
      Math.abs(told.z) <= 0.05 &&
      Math.max(Math.abs(weights[0]), Math.abs(weights[1])) > 0.5,
    bend: at === "bend" && activation === "sigmoid" && (told?.a ?? 0) > 0.95,
    line: at === "line" && run.isByHand && isRight,
    train: at === "train" && !run.isByHand && run.steps > 0 && isRight,
    xor: at === "xor" && run.steps >= 200,
  };
  const words = neuronTexts();
  return (
    <Guide {...props} parts={parts.map((id) => ({ ...words.parts[id], isDone: done[id] }))}>
      <div class="panel plane-room">
        {hasPoints || isBroken ? (
          <div class="plane-wide">
            {isBroken ? <Broken onReset={reset} /> : undefined}
            {canTrain ? (
              <PlayBar
                isPlaying={isPlaying}
                setPlaying={setPlaying}
                isDisabled={isBroken}
                onStep={() => void step().catch(reportFailure)}
                onReset={reset}
              />
            ) : undefined}
            {hasPoints ? <Facts run={run} score={score} /> : undefined}
          </div>
        ) : undefined}
        <div class="plane-side">
          <Plane
            label={words.plane[at === "sum" ? "z" : "a"]}
            values={at === "sum" ? told?.maps.z : told?.maps.a}
            middle={at !== "sum" && activation === "sigmoid" ? 0.5 : 0}
            limit={at === "sum" || activation === "relu" ? undefined : activation === "sigmoid" ? 0.5 : 1}
            set={hasPoints ? points : undefined}
            lines={hasPoints ? [{ weights, name: words.line }] : []}
            point={point}
            onPoint={setPoint}
          />
          <PointSliders point={point} onPoint={setPoint} />
          {canTrain ? <LossCurve run={run} /> : undefined}
        </div>
        <div class="plane-side">
          {canTrain ? (
            <Slider
              label={runTexts().rate}
              value={rate}
              min={0.01}
              max={10}
              scale="logarithmic"
              isOpen
              onInput={setRate}
            />
          ) : undefined}
          <Weights run={run} setRun={setRun} look={canTrain && !isBroken ? look : undefined} />
          {at === "bend" && told !== undefined ? (
            <Bend
              label={words.bend(formatNumber(told.a), formatNumber(told.z), formatNumber(told.slope))}
              curve={curve}
              z={told.z}
              a={told.a}
              slope={told.slope}
            />
          ) : undefined}
          {at === "bend" ? (
            <Select<NeuronActivation>
              label={words.activation}
              value={activation}
              options={activations.map((value) => ({ value, label: words.activations[value] }))}
              onChange={setChosen}
            />
          ) : undefined}
        </div>
        <div class="plane-wide plane-passes">
          <Sum input={look?.asked ?? input} z={look?.look.z} />
          {at === "sum" ? undefined : <Bent activation={activation} look={told} />}
          {at === "line" ? <LineOf weights={weights} /> : undefined}
        </div>
      </div>
    </Guide>
  );
}

interface WeightsProps {
  readonly run: Run;
  readonly setRun: (run: Run) => void;
  /** Where the gradients are shown. */
  readonly look: Looked | undefined;
}

/** A slider for each, and below it the gradient, the step, and the formula of the update. */
function Weights({ run, setRun, look }: WeightsProps): JSX.Element {
  const words = neuronTexts();
  return (
    <div class="plane-side" role="group" aria-label={words.weights}>
      {run.parameters.map((value, i) => (
        <div key={labels[i]}>
          <Slider
            label={labels[i] as string}
            value={Number(value.toFixed(3))}
            min={-5}
            max={5}
            step={0.05}
            isOpen
            onInput={(to) => setRun(startRun(run.parameters.toSpliced(i, 1, to), true))}
          />
          {look === undefined ? undefined : <Gradient at={i} {...look} />}
        </div>
      ))}
      {look === undefined ? undefined : <p class="hint">{words.legend}</p>}
    </div>
  );
}

function Gradient({ at, asked, look }: Looked & { readonly at: number }): JSX.Element {
  const { rate, weights } = asked;
  const words = neuronTexts();
  const label = labels[at] as string;
  const own = names[at] as FormulaPart;
  const slope: FormulaPart = { group: ["∂", name("L"), "/∂", own] };
  const gradient = look.score.gradients[at] as number;
  return (
    <>
      <Push gradient={gradient} asked={asked} at={at} />
      <Pass phase="backward" label={words.gradient(label)} lines={[[slope, " = ", { number: gradient }]]} />
      <Pass
        phase="update"
        label={words.update(label)}
        lines={[
          [own, " ← ", own, " − ", name("η"), " · ", slope],
          [
            "= ",
            { number: weights[at] },
            " − ",
            factor(rate),
            " · ",
            factor(gradient),
            " = ",
            { number: look.score.next[at] },
          ],
        ]}
      />
    </>
  );
}

/** From the slider's place: a gradient of 1 is half as long as the slider. */
function Push({
  gradient,
  asked,
  at,
}: {
  readonly gradient: number;
  readonly asked: NeuronInput;
  readonly at: number;
}): JSX.Element {
  const inside = (place: number): number => Math.max(4, Math.min(196, place));
  const from = inside(100 + 19 * (asked.weights[at] as number));
  const arrow = (length: number, y: number): string => {
    const end = inside(from + 100 * length);
    const side = length < 0 ? 3 : -3;
    const head = Math.abs(end - from) < 4 ? "" : `m${side} -2.5l${-side} 2.5l${side} 2.5`;
    return `M${from} ${y}H${end}${head}`;
  };
  return (
    <svg class="plane-push" viewBox="0 0 200 10" preserveAspectRatio="none" aria-hidden="true">
      <path d={arrow(gradient, 2.5)} vector-effect="non-scaling-stroke" />
      <path class="is-update" d={arrow(-asked.rate * gradient, 7.5)} vector-effect="non-scaling-stroke" />
    </svg>
  );
}

function Sum({ input, z }: { readonly input: NeuronInput; readonly z: number | undefined }): JSX.Element {
  const [[w1, w2, b], [x1, x2]] = [input.weights, input.point];
  const symbols = [name("w", 1), " · ", name("x", 1), " + ", name("w", 2), " · ", name("x", 2), " + ", name("b")];
  return (
    <Pass
      phase="forward"
      label={neuronTexts().sum}
      lines={[
        [name("z"), " = ", ...symbols],
        [
          "= ",
          ...sumOf(
            [
              [w1, x1],
              [w2, x2],
            ],
            b,
          ),
          " = ",
          { number: z },
        ],
      ]}
    />
  );
}

interface BentProps {
  readonly activation: NeuronActivation;
  readonly look: NeuronLook | undefined;
}

function Bent({ activation, look }: BentProps): JSX.Element {
  const sign = { sigmoid: "σ", tanh: "tanh", relu: "max" }[activation];
  const inside = (what: FormulaPart): FormulaPart[] => [`${sign}(${activation === "relu" ? "0, " : ""}`, what, ")"];
  const [a, z] = [name("a"), name("z")];
  return (
    <Pass
      phase="forward"
      label={neuronTexts().bent}
      lines={[
        [a, " = ", ...inside(z), " = ", ...inside({ number: look?.z }), " = ", { number: look?.a }],
        ["∂", a, "/∂", z, " = ", { number: look?.slope }],
      ]}
    />
  );
}

/** The line with its numbers put in. */
function LineOf({ weights: [w1, w2, b] }: { readonly weights: NeuronWeights }): JSX.Element {
  const line = [factor(w1), " · ", name("x", 1), " + ", factor(w2), " · ", name("x", 2), " + ", factor(b), " = 0"];
  return <Pass phase="loss" label={neuronTexts().lineOf} lines={[line]} />;
}
