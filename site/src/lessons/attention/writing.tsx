/** The text that is trained on, and what the network writes. */
import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import type { attentionEn } from "../../text/lessons/attention-en.ts";
import type { CallClient } from "../../worker/calls.ts";
import { Button } from "../../view/button.tsx";
import { Slider } from "../../view/slider.tsx";
import { Bars } from "../kit/bars.tsx";
import type { TrainingProgress } from "../kit/use-training.ts";
import { reportFailure, useNewest, usePlay } from "../kit/use-lab.ts";
import type { AttentionLab } from "./lab.ts";

type Text = typeof attentionEn;
const leastLetters = 8;
const mostLetters = 400;
const atOnce = 12;
const mostWritten = 200;
const mostBars = 8;

/** Spaces and ends of lines can be seen. */
export function shownLetter(letter: string): string {
  return letter === " " ? "␣" : letter === "\n" ? "⏎" : letter;
}

interface TextEditorProps {
  readonly text: Text;
  readonly value: string;
  readonly onUse: (value: string) => void;
}

export function TextEditor({ text, value, onUse }: TextEditorProps): JSX.Element {
  const [draft, setDraft] = useState(value);
  const letters = Array.from(draft);
  const isGood = letters.length >= leastLetters && letters.length <= mostLetters && new Set(letters).size > 1;
  return (
    <>
      <label class="field">
        <span class="field-label">{text.text}</span>
        <textarea
          rows={3}
          value={draft}
          aria-invalid={!isGood}
          onInput={(event) => setDraft(event.currentTarget.value)}
        />
      </label>
      {isGood ? undefined : (
        <p class="hint hint-problem" role="alert">
          {text.badText(leastLetters, mostLetters)}
        </p>
      )}
      <p class="actions">
        <Button onClick={() => onUse(draft)} isDisabled={!isGood || draft === value}>
          {text.useText}
        </Button>
      </p>
    </>
  );
}

interface WriterProps {
  readonly text: Text;
  readonly lab: CallClient<AttentionLab>;
  /** Letters that the network knows. */
  readonly names: readonly string[];
  readonly progress: TrainingProgress | undefined;
  /** What is written on from, at first. */
  readonly first: string;
  readonly isShown: boolean;
  readonly onWritten: (written: string) => void;
}

export function Writer({ text, lab, names, progress, first, isShown, onWritten }: WriterProps): JSX.Element {
  const [start, setStart] = useState(first);
  const [temperature, setTemperature] = useState(0.5);
  const [written, setWritten] = useState<readonly string[]>([]);
  const left = useRef(0);
  const letters = Array.from(start);
  const stranger = letters.find((letter) => !names.includes(letter));
  const isReady = progress !== undefined && letters.length > 0 && stranger === undefined;
  const line = [...letters, ...written];
  // A letter that comes when all was begun again is of the line before.
  const round = useRef(0);
  const isAdding = useRef(false);
  const add = async (): Promise<void> => {
    if (isAdding.current) return;
    const { current } = round;
    isAdding.current = true;
    try {
      const letter = await lab.call("write", line, temperature);
      if (letter === undefined || current !== round.current) return;
      const next = [...written, letter].slice(-mostWritten);
      setWritten(next);
      onWritten(next.join(""));
    } finally {
      isAdding.current = false;
    }
  };
  const { isPlaying, setPlaying } = usePlay(async () => {
    if (!isReady || left.current-- <= 0) return false;
    await add();
    return left.current > 0;
  }, isShown);
  const ahead = useNewest(
    isReady ? line : undefined,
    async (from) => (from === undefined ? undefined : lab.call("chances", from, temperature)),
    [lab, progress, start, written, temperature, isReady],
  );
  const likeliest = (ahead?.letters ?? [])
    .map((letter, i) => ({ letter, share: ahead?.shares[i] as number }))
    .sort((a, b) => b.share - a.share)
    .slice(0, mostBars);
  const clear = (): void => {
    round.current++;
    setPlaying(false);
    setWritten([]);
  };
  return (
    <>
      <label class="field">
        <span class="field-label">{text.start}</span>
        <input
          type="text"
          value={start}
          aria-invalid={letters.length === 0 || stranger !== undefined}
          onInput={(event) => {
            setStart(event.currentTarget.value);
            clear();
          }}
        />
      </label>
      {progress === undefined || isReady ? undefined : (
        <p class="hint hint-problem" role="alert">
          {stranger === undefined ? text.empty : text.unknown(shownLetter(stranger))}
        </p>
      )}
      <Slider label={text.temperature} value={temperature} min={0} max={3} step={0.1} onInput={setTemperature} />
      <p class="actions">
        <Button
          kind="main"
          isDisabled={!isReady || isPlaying}
          onClick={() => {
            left.current = atOnce;
            setPlaying(true);
          }}
        >
          {text.many}
        </Button>
        <Button icon="stepForward" isDisabled={!isReady || isPlaying} onClick={() => void add().catch(reportFailure)}>
          {text.one}
        </Button>
        <Button icon="reset" isDisabled={written.length === 0} onClick={clear}>
          {text.clear}
        </Button>
      </p>
      <div class="live-row">
        <div>
          <h4>{text.written}</h4>
          <p class="written-letters" aria-live={isPlaying ? "off" : "polite"}>
            {start}
            <b>{written.join("")}</b>
          </p>
        </div>
        <div>
          <h4>{text.chances}</h4>
          <Bars
            label={text.chances}
            names={likeliest.map(({ letter }) => shownLetter(letter))}
            shares={likeliest.map(({ share }) => share)}
          />
        </div>
      </div>
    </>
  );
}
