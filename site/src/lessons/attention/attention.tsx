/** Lesson 8: attention in a GPT of one block that reads a short text. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { attentionEn } from "../../text/lessons/attention-en.ts";
import { attentionZh } from "../../text/lessons/attention-zh.ts";
import { textsOf } from "../../text/text.ts";
import { formatNumber } from "../../view/number.ts";
import { Slider } from "../../view/slider.tsx";
import { Switch } from "../../view/switch.tsx";
import { Guide, type LessonProps, partOf } from "../kit/guide.tsx";
import { TrainingPanel } from "../kit/training-panel.tsx";
import { useTraining } from "../kit/use-training.ts";
import { useLab, useNewest } from "../kit/use-lab.ts";
import type { AttentionLab, AttentionLook, AttentionPlace } from "./lab.ts";
import { LetterRow } from "./letter-row.tsx";
import { context, width } from "./sizes.ts";
import { MapView, ScoresView, Strips, VectorsView } from "./views.tsx";
import { TextEditor, Writer, shownLetter } from "./writing.tsx";

const texts = textsOf({ en: attentionEn, zh: attentionZh });
const stepsOfFrame = 2;
/** Letters that the network reads before it goes on by itself, and how many it adds. */
const startLetters = 12;
const goOnLetters = 10;

export function AttentionLesson(props: LessonProps): JSX.Element {
  const { isShown } = props;
  const part = partOf(props.part, Object.keys(texts().parts).length);
  const t = texts();
  const lab = useLab<AttentionLab>("attention");
  const [text, setText] = useState(t.firstText);
  const [rate, setRate] = useState(0.003);
  const training = useTraining((steps) => lab.call("train", steps, rate), stepsOfFrame, isShown);
  const { progress } = training;
  const begin = (): void => training.begin(() => lab.call("start", text));
  useEffect(begin, [lab, text]);
  useEffect(() => {
    if (part < 3) training.setPlaying(false);
  }, [part]);
  // The other language has another text, unless something was done with this one.
  useEffect(() => {
    const isOurs = text === attentionEn.firstText || text === attentionZh.firstText;
    if (isOurs && (progress?.step ?? 0) === 0) setText(t.firstText);
  }, [t]);

  const letters = Array.from(text);
  const length = Math.min(context, letters.length - 1);
  const [from, setFrom] = useState(0);
  const begins = Math.min(from, letters.length - 1 - length);
  const seen = letters.slice(begins, begins + length);
  const [chosen, setAt] = useState(10);
  /** Places of the first part's letters that were chosen. */
  const visited = useRef(new Set<number>());
  const [chosenIn, setChosenIn] = useState(0);
  const [looked, setTo] = useState(0);
  const at = Math.min(chosen, length - 1);
  const to = Math.min(looked, length - 1);
  const [head, setHead] = useState(0);
  const [isCausal, setCausal] = useState(true);
  const [wasOff, setOff] = useState(false);
  const [isWritten, setWritten] = useState(false);
  const choose = (place: number): void => {
    if (part === 0) visited.current.add(at).add(place);
    setAt(place);
    setChosenIn(part);
  };

  const place: AttentionPlace | undefined =
    progress === undefined
      ? undefined
      : {
          line: seen,
          next: letters.slice(begins + 1, begins + 1 + length),
          at,
          to,
          head,
          isCausal: isCausal || part !== 2,
        };
  const keys = [lab, text, progress, begins, at, to, head, place?.isCausal];
  const newest = useNewest<AttentionPlace | undefined, AttentionLook | undefined>(
    place,
    async (wanted) => (wanted === undefined ? undefined : lab.call("look", wanted)),
    keys,
  );
  // A text that was just taken may be shorter.
  const look = newest?.place.line.length === length ? newest : undefined;
  const start = Math.min(startLetters, length);
  const added = Math.min(goOnLetters, letters.length - begins - start);
  const gone = useNewest(
    place?.line.slice(0, start),
    async (line) => {
      if (line === undefined || part !== 3) return undefined;
      const all = [...line];
      while (all.length < start + added) {
        const letter = await lab.call("write", all, 0);
        if (letter === undefined) return undefined;
        all.push(letter);
      }
      return { after: line.join(""), added: all.slice(start).join("") };
    },
    [lab, text, progress, begins, part],
  );
  const after = seen.slice(0, start).join("");
  const goesOn = gone?.after === after ? gone.added : undefined;
  const inText = letters.slice(begins + start, begins + start + added).join("");

  // All of one look: what is chosen may be a moment ahead of it.
  const then = look?.place;
  const rowAt = then === undefined ? 0 : (then.head * length + then.at) * length;
  const row = look?.weights.subarray(rowAt, rowAt + length);
  const isLargest = row !== undefined && then !== undefined && row[then.to] === Math.max(...row) && then.to < then.at;
  const own = look?.lengths[then?.at ?? 0] ?? 0;
  const isPulled = own > 0 && (look?.lengths.subarray(0, then?.at) ?? []).some((each) => each >= own / 2);
  const loss = training.points.losses.at(-1) ?? Infinity;
  const done = [
    part === 0 && [...visited.current].some((place) => place !== at && seen[place] === seen[at]),
    part === 1 && (then?.at ?? 0) >= 5 && isLargest,
    part === 2 && wasOff && isCausal,
    loss < 0.2 && goesOn === inText,
    part === 4 && chosenIn === 4 && (progress?.step ?? 0) > 0 && isPulled,
    isWritten,
  ];
  const parts = Object.values(t.parts).map((each, i) => ({ ...each, isDone: done[i] }));
  const shown = seen.map(shownLetter);
  const map = (isFirst: boolean, which: number): JSX.Element => (
    <MapView
      label={(isFirst ? t.mapBefore : t.map)(which + 1)}
      weights={isFirst ? look?.firstWeights : look?.weights}
      head={which}
      letters={shown}
      isCausal={place?.isCausal ?? true}
      selected={{ row: at, column: to }}
      onSelect={(cell) => {
        choose(cell.row);
        setTo(cell.column);
      }}
    />
  );
  return (
    <Guide {...props} parts={parts}>
      <section class="panel live">
        {part < 3 ? undefined : (
          <TrainingPanel training={training} rate={rate} onRate={setRate} onReset={begin} isSmall={part > 3} />
        )}
        {part === 5 ? undefined : (
          <>
            {part === 3 ? undefined : <LetterRow label={t.line} letters={shown} chosen={at} onChoose={choose} />}
            {letters.length - 1 > length ? (
              <Slider
                label={t.seen}
                value={begins + 1}
                min={1}
                max={letters.length - length}
                isWhole
                onInput={(value) => setFrom(value - 1)}
              />
            ) : undefined}
          </>
        )}
        {part === 0 ? (
          <VectorsView text={t} look={look} />
        ) : part === 1 ? (
          <ScoresView
            text={t}
            look={look}
            letters={shown}
            at={at}
            to={to}
            onTo={setTo}
            head={head}
            onHead={setHead}
            row={row}
          />
        ) : part === 2 ? (
          <>
            <Switch
              label={t.mask}
              isOn={isCausal}
              onChange={(isOn) => {
                setCausal(isOn);
                if (!isOn) setOff(true);
              }}
            />
            <div class="live-row">
              {map(false, 0)}
              {map(false, 1)}
            </div>
          </>
        ) : part === 3 ? (
          <>
            <p aria-live={training.isPlaying ? "off" : "polite"}>
              {t.goesOn(after)} <b class="written-letters">{goesOn ?? "…"}</b>
              {` (${t.inText} `}
              <span class="written-letters">{inText}</span>)
            </p>
            <div class="live-row">
              {map(true, 0)}
              {map(false, 0)}
              {map(true, 1)}
              {map(false, 1)}
            </div>
          </>
        ) : part === 4 ? (
          <>
            <p>
              {t.lossAt(shownLetter(then?.line[then.at] ?? ""), shownLetter(then?.next[then.at] ?? ""))}
              {": "}
              <b>{`L = ${formatNumber(look?.loss)}`}</b>
            </p>
            {progress?.step === 0 ? <p class="hint">{t.trainFirst}</p> : undefined}
            <LetterRow label={t.lengths} letters={shown} values={look?.lengths} kind="backward" marked={then?.at} />
            <Strips
              label={t.gradients}
              names={shown}
              rowNames={shown.map((letter, i) => t.letter(i + 1, letter))}
              values={look?.gradients}
              columns={width}
              height={13}
            />
            <p class="hint">{t.gradients}</p>
          </>
        ) : (
          <Writer
            key={text}
            text={t}
            lab={lab}
            names={letters}
            progress={progress}
            first={seen.slice(0, 4).join("")}
            isShown={isShown}
            onWritten={(written) => {
              const [all, last] = [text.replaceAll("\n", " "), Array.from(written).slice(-12).join("")];
              if (Array.from(written).length >= 12 && all.includes(last.replaceAll("\n", " "))) setWritten(true);
            }}
          />
        )}
        {part === 0 || part === 3 ? <TextEditor key={text} text={t} value={text} onUse={setText} /> : undefined}
      </section>
    </Guide>
  );
}
