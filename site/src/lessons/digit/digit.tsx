/** Lesson 7: a network for digits, from the pixels to the answer and back to the pixels. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { type DigitSet, digitSide as side } from "../../session/digit-data.ts";
import { fetchDigits } from "../../session/digits.ts";
import { digitEn } from "../../text/lessons/digit-en.ts";
import { digitZh } from "../../text/lessons/digit-zh.ts";
import { textsOf } from "../../text/text.ts";
import { Button, IconButton } from "../../view/button.tsx";
import { emptyDigit } from "../../view/digit-pad.tsx";
import { HeatMap, type HeatMapCell } from "../../view/heat-map.tsx";
import { formatShare } from "../../view/number.ts";
import { Select } from "../../view/select.tsx";
import { Guide, type LessonProps, partOf } from "../kit/guide.tsx";
import { Bars } from "../kit/bars.tsx";
import { TrainingPanel } from "../kit/training-panel.tsx";
import { useTraining } from "../kit/use-training.ts";
import { reportFailure, useLab, useNewest } from "../kit/use-lab.ts";
import type { DigitLab, DigitLook, DigitProgress } from "./lab.ts";
import { LayersView, OutputGradients, OwnView, PixelView, WeightsView } from "./views.tsx";

const texts = textsOf({ en: digitEn, zh: digitZh });
const stepsOfFrame = 4;
const digits = Array.from({ length: 10 }, (_, i) => String(i));
const pixels = side * side;

interface Loaded {
  readonly set: DigitSet;
  readonly tests: readonly number[];
}

function answerOf(look: DigitLook | undefined): number | undefined {
  const shares = look?.outputs[2];
  return shares === undefined ? undefined : shares.indexOf(Math.max(...shares));
}

export function DigitLesson(props: LessonProps): JSX.Element {
  const { isShown } = props;
  const text = texts();
  const part = partOf(props.part, Object.keys(text.parts).length);
  const lab = useLab<DigitLab>("digit");
  const [loaded, setLoaded] = useState<Loaded | undefined>(undefined);
  const [hasFailed, setFailed] = useState(false);
  const [tries, setTries] = useState(0);
  const [rate, setRate] = useState(0.003);
  const training = useTraining<DigitProgress>((steps) => lab.call("train", steps, rate), stepsOfFrame, isShown);
  const { progress } = training;
  const reset = (): void => training.begin(() => lab.call("reset"));
  useEffect(() => {
    if (part < 2) training.setPlaying(false);
  }, [part]);

  useEffect(() => {
    let isWanted = true;
    setFailed(false);
    const load = async (): Promise<void> => {
      const set = await fetchDigits();
      const { tests } = await lab.call("load", set);
      if (!isWanted) return;
      setLoaded({ set, tests });
      reset();
    };
    load().catch((error) => {
      if (isWanted) setFailed(true);
      else reportFailure(error);
    });
    return () => {
      isWanted = false;
    };
  }, [lab, tries]);

  // Which digit, as it was or with moved pixels, and which answer is wanted of it.
  const [place, setPlace] = useState(0);
  const [moved, setMoved] = useState<Float32Array | undefined>(undefined);
  const [choice, setChoice] = useState<number | undefined>(undefined);
  const number = loaded?.tests[place] ?? 0;
  const label = loaded?.set.labels[number] ?? 0;
  const wanted = choice ?? label;
  const picture =
    moved ??
    Float32Array.from(loaded?.set.images.subarray(number * pixels, (number + 1) * pixels) ?? [], (byte) => byte / 255);
  const [cell, setCell] = useState<HeatMapCell | undefined>(undefined);
  const [unit, setUnit] = useState<readonly [layer: number, unit: number] | undefined>(undefined);
  const [drawn, setDrawn] = useState(emptyDigit);
  const [said, setSaid] = useState<number | undefined>(undefined);

  const keys = [lab, progress, loaded, place, moved];
  const isReady = progress !== undefined;
  const look = useNewest(
    { picture, wanted },
    async (input) => (isReady ? lab.call("look", input.picture, input.wanted) : undefined),
    [...keys, wanted],
  );
  const chosenUnit = part === 3 ? ([0, unit?.[0] === 0 ? unit[1] : 0] as const) : unit;
  const told = useNewest(
    chosenUnit,
    async (chosen) => (isReady && chosen !== undefined ? lab.call("unit", picture, ...chosen) : undefined),
    [...keys, chosenUnit?.[0], chosenUnit?.[1]],
  );
  const pictures = useNewest(part, async (at) => (isReady && at === 3 ? lab.call("pictures") : undefined), [
    lab,
    progress,
    part,
  ]);
  const own = useNewest(
    drawn,
    async (ink) => {
      if (!isReady || ink === emptyDigit) return undefined;
      return lab.call("look", await lab.call("centred", Float32Array.from(ink)), 0);
    },
    [lab, progress, drawn],
  );

  // What was asked for of another digit, or for another answer, comes too late.
  const round = useRef(0);
  const putBack = (): void => {
    round.current++;
    setMoved(undefined);
  };
  const choosePlace = (to: number): void => {
    setPlace(to);
    putBack();
    setChoice(undefined);
  };
  const move = (): void => {
    const { current } = round;
    const take = (pixels: Float32Array): void => {
      if (current === round.current) setMoved(pixels);
    };
    lab.call("nudge", picture, wanted, 0.1).then(take, reportFailure);
  };

  const answer = answerOf(look);
  const [, , shares] = look?.outputs ?? [];
  const first = look?.outputs[0];
  const isMost = first !== undefined && unit?.[0] === 0 && first[unit[1]] === Math.max(...first);
  const done = [
    part === 0 && cell !== undefined && (picture[cell.row * side + cell.column] ?? 0) >= 0.9,
    part === 1 && unit?.[0] === 0 && first?.[unit[1]] === 0,
    (progress?.accuracy ?? 0) >= 0.9,
    part === 3 && isMost && first[unit[1]] !== 0,
    part === 4 && moved !== undefined && wanted !== label && answer === wanted,
    part === 5 && said !== undefined && drawn !== emptyDigit && answerOf(own) === said,
  ];
  const parts = Object.values(text.parts).map((each, i) => ({ ...each, isDone: done[i] }));

  if (loaded === undefined) {
    return (
      <Guide {...props} parts={parts}>
        {hasFailed ? (
          <section class="stopped" role="alert">
            <p>{text.noDigits}</p>
            <Button kind="main" onClick={() => setTries(tries + 1)}>
              {text.tryAgain}
            </Button>
          </section>
        ) : (
          <p class="loading">{text.loading}</p>
        )}
      </Guide>
    );
  }
  const { tests, set } = loaded;
  const bars = (
    <div>
      <h4>{text.answer}</h4>
      <Bars label={text.answer} names={digits} shares={shares} marked={wanted} />
      <p class="hint" aria-live={training.isPlaying ? "off" : "polite"}>
        {answer === undefined || answer < 0 ? "" : text.answers(answer)}
      </p>
    </div>
  );
  const shown = (
    <div class="live-picture">
      <HeatMap
        label={moved === undefined ? text.shown : text.changed}
        values={picture}
        rows={side}
        columns={side}
        scale="sequential"
        limit={1}
        {...(part === 0 ? { selected: cell, onSelect: setCell } : {})}
      />
    </div>
  );
  return (
    <Guide {...props} parts={parts}>
      <section class="panel live">
        {part < 2 ? undefined : (
          <TrainingPanel
            training={training}
            rate={rate}
            onRate={setRate}
            onReset={reset}
            isSmall={part > 2}
            facts={[[text.right, formatShare(progress?.accuracy)]]}
          />
        )}
        {part < 5 ? (
          <p class="actions">
            <IconButton
              icon="left"
              label={text.previous}
              onClick={() => choosePlace((place + tests.length - 1) % tests.length)}
            />
            <span aria-live="polite">{text.digit(place + 1, tests.length, label)}</span>
            <IconButton icon="right" label={text.next} onClick={() => choosePlace((place + 1) % tests.length)} />
          </p>
        ) : undefined}
        {part === 0 ? (
          <div class="live-row">
            {shown}
            <PixelView text={text} picture={picture} cell={cell} />
          </div>
        ) : part === 1 ? (
          <LayersView text={text} picture={shown} look={look} unit={unit} onUnit={setUnit} told={told} />
        ) : part === 2 ? (
          <div class="live-row">
            {shown}
            {bars}
          </div>
        ) : part === 3 ? (
          <WeightsView
            text={text}
            pictures={pictures}
            values={first}
            unit={chosenUnit?.[1] ?? 0}
            onUnit={(at) => setUnit([0, at])}
            told={told}
            picture={shown}
          />
        ) : part === 4 ? (
          <>
            <div class="live-row">
              {shown}
              <div class="live-picture">
                <HeatMap label={text.pixelGradient} values={look?.pixelGradients} rows={side} columns={side} />
                <p class="hint">{text.pixelGradient}</p>
              </div>
              {bars}
            </div>
            <Select
              label={text.wanted}
              value={String(wanted)}
              options={digits.map((value) => ({ value, label: value }))}
              onChange={(value) => {
                round.current++;
                setChoice(Number(value));
              }}
            />
            <p class="actions">
              <Button kind="backward" onClick={move} isDisabled={progress?.isFinite !== true}>
                {text.move}
              </Button>
              <Button icon="reset" onClick={putBack} isDisabled={moved === undefined}>
                {text.original}
              </Button>
            </p>
            <OutputGradients look={look} answer={answer} />
          </>
        ) : (
          <OwnView
            text={text}
            set={set}
            tests={tests}
            progress={progress}
            drawn={drawn}
            onDrawn={setDrawn}
            said={said}
            onSaid={setSaid}
            shares={own?.outputs[2]}
          />
        )}
      </section>
    </Guide>
  );
}
