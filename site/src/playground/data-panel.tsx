/** The data to learn from: a set that is made, the learner's own points, table, digits, or a line of text. */
import type { JSX } from "preact";
import { useId, useState } from "preact/hooks";
import { type DataConfig, type DataKind, type LossName, dataKinds } from "../session/config.ts";
import { t } from "../text/text.ts";
import { Button } from "../view/button.tsx";
import { Select } from "../view/select.tsx";
import { Slider } from "../view/slider.tsx";
import { DigitPad, emptyDigit } from "../view/digit-pad.tsx";
import { Disclosure } from "./disclosure.tsx";
import { PointEditor } from "./point-editor.tsx";
import type { Room } from "./room.ts";

const made: readonly DataKind[] = ["xor", "circle", "gauss", "spiral", "moons", "wave", "plane"];
const ofNumbers: readonly DataKind[] = ["wave", "plane"];

/** What a kind of data begins with, so that there is something to learn at once. */
const beginnings: Partial<Record<DataKind, Partial<DataConfig>>> = {
  points: {
    points: [
      { x: -0.5, y: -0.5, label: 0 },
      { x: 0.5, y: 0.5, label: 0 },
      { x: -0.5, y: 0.5, label: 1 },
      { x: 0.5, y: -0.5, label: 1 },
    ],
  },
  csv: {
    csv: "height,weight,animal\n24,4,cat\n26,5,cat\n23,3.6,cat\n25,4.4,cat\n55,22,dog\n62,31,dog\n48,18,dog\n58,27,dog\n",
  },
  text: { text: "the cat sat on the mat" },
};

const largestFile = 2 ** 20;

export function DataPanel({ room }: { readonly room: Room }): JSX.Element {
  const texts = t().playground.data;
  const config = room.config.value;
  const { data } = config;
  const set = (to: Partial<DataConfig>): void => {
    room.config.value = { ...room.config.value, data: { ...room.config.value.data, ...to } };
  };
  const choose = (kind: DataKind): void => {
    room.config.value = {
      ...config,
      loss: lossFor(kind, data.kind, config.loss),
      data: { ...beginnings[kind], ...data, kind },
    };
  };
  return (
    <div class="setup">
      <Select<DataKind>
        label={texts.kind}
        value={data.kind}
        options={dataKinds.map((value) => ({ value, label: texts.kinds[value], group: groupOf(value) }))}
        hint={texts.kindHints[data.kind]}
        onChange={choose}
      />
      {made.includes(data.kind) ? (
        <>
          <Slider label={texts.size} value={data.size} min={4} max={1000} isWhole onInput={(size) => set({ size })} />
          <Slider
            label={texts.noise}
            value={data.noise}
            min={0}
            max={0.5}
            step={0.01}
            onInput={(noise) => set({ noise })}
          />
        </>
      ) : undefined}
      {data.kind === "points" ? (
        <PointEditor points={data.points ?? []} onChange={(points) => set({ points })} />
      ) : undefined}
      {data.kind === "csv" ? <CsvEditor data={data} onChange={set} /> : undefined}
      {data.kind === "digits" ? <DigitEditor data={data} onChange={set} /> : undefined}
      {data.kind === "text" ? <LineEditor data={data} onChange={set} /> : undefined}
      <Slider
        label={texts.testShare}
        value={data.testShare}
        min={0}
        max={0.9}
        step={0.05}
        hint={texts.testHint}
        onInput={(testShare) => set({ testShare })}
      />
      <Sizes room={room} />
    </div>
  );
}

function groupOf(kind: DataKind): string {
  const { groups } = t().playground.data;
  return ofNumbers.includes(kind) ? groups.numbers : made.includes(kind) ? groups.classes : groups.own;
}

/** Numbers need a loss of numbers; classes that come after them get the one of classes again. */
function lossFor(kind: DataKind, before: DataKind, loss: LossName): LossName {
  if (ofNumbers.includes(kind)) return loss === "crossEntropy" ? "mse" : loss;
  return ofNumbers.includes(before) ? "crossEntropy" : loss;
}

function Sizes({ room }: { readonly room: Room }): JSX.Element | null {
  const info = room.info.value;
  return info === undefined ? null : <p class="hint">{t().playground.data.sizes(info.trainSize, info.testSize)}</p>;
}

interface EditorProps {
  readonly data: DataConfig;
  readonly onChange: (to: Partial<DataConfig>) => void;
}

function CsvEditor({ data, onChange }: EditorProps): JSX.Element {
  const texts = t().playground.data;
  const id = useId();
  const [note, setNote] = useState<string | undefined>(undefined);
  const csv = data.csv ?? "";
  const names = namesOf(csv);
  /** A column that the table has not is not what is to be predicted. */
  const take = (text: string): void => {
    const known = namesOf(text);
    const isKept = data.target === undefined || known.includes(data.target);
    onChange(isKept ? { csv: text } : { csv: text, target: known.at(-1) ?? "" });
  };
  const read = async (file: File | undefined): Promise<void> => {
    if (file === undefined) return;
    if (file.size > largestFile) setNote(texts.fileTooLarge);
    else {
      setNote(undefined);
      take(await file.text());
    }
  };
  const target = data.target !== undefined && names.includes(data.target) ? data.target : (names.at(-1) ?? "");
  return (
    <>
      <label class="field" for={`${id}-file`}>
        <span class="field-label">{texts.csvFile}</span>
        <input
          id={`${id}-file`}
          type="file"
          accept=".csv,.tsv,text/csv,text/plain"
          onChange={(event) => void read(event.currentTarget.files?.[0])}
        />
      </label>
      <label class="field" for={`${id}-text`}>
        <span class="field-label">{texts.csvText}</span>
        <textarea
          id={`${id}-text`}
          rows={6}
          spellcheck={false}
          value={csv}
          onInput={(event) => take(event.currentTarget.value)}
        />
      </label>
      {note === undefined ? undefined : (
        <p class="hint hint-problem" role="alert">
          {note}
        </p>
      )}
      {names.length > 1 ? (
        <Select
          label={texts.csvTarget}
          value={target}
          options={names.map((name) => ({ value: name, label: name }))}
          onChange={(name) => onChange({ target: name })}
        />
      ) : undefined}
      <p class="hint">{texts.csvHint}</p>
    </>
  );
}

/** The names in the first line of a table. */
function namesOf(csv: string): string[] {
  const [line = ""] = csv.split(/\r?\n/, 1);
  return line.split(/[,;\t]/).map((name) => name.trim().replace(/^"(.*)"$/, "$1"));
}

const labels = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"] as const;

function DigitEditor({ data, onChange }: EditorProps): JSX.Element {
  const texts = t().playground.data;
  const [pixels, setPixels] = useState(emptyDigit);
  const [label, setLabel] = useState<(typeof labels)[number]>("0");
  const digits = data.digits ?? [];
  const isEmpty = pixels.every((ink) => ink === 0);
  return (
    <Disclosure summary={texts.ownDigits(digits.length)}>
      {() => (
        <>
          <DigitPad label={texts.digitPad} hint={t().playground.data.padKeys} pixels={pixels} onChange={setPixels} />
          <Select
            label={texts.digitLabel}
            value={label}
            options={labels.map((value) => ({ value, label: value }))}
            onChange={setLabel}
          />
          <p class="actions">
            <Button
              isDisabled={isEmpty}
              onClick={() => {
                onChange({ digits: [...digits, { pixels, label: Number(label) }] });
                setPixels(emptyDigit);
              }}
            >
              {texts.addDigit}
            </Button>
            <Button isDisabled={isEmpty} onClick={() => setPixels(emptyDigit)}>
              {texts.clearPad}
            </Button>
            <Button isDisabled={digits.length === 0} onClick={() => onChange({ digits: [] })}>
              {texts.removeDigits}
            </Button>
          </p>
        </>
      )}
    </Disclosure>
  );
}

function LineEditor({ data, onChange }: EditorProps): JSX.Element {
  const texts = t().playground.data;
  const id = useId();
  return (
    <label class="field" for={id}>
      <span class="field-label">{texts.line}</span>
      <textarea
        id={id}
        rows={3}
        value={data.text ?? ""}
        onInput={(event) => onChange({ text: event.currentTarget.value })}
      />
    </label>
  );
}
