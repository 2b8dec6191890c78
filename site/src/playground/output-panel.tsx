/** What the network gives: a picture over the plane of two inputs, answers to a drawn digit, letters, or a table. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { SessionInfo } from "../session/protocol.ts";
import { t } from "../text/text.ts";
import { Button } from "../view/button.tsx";
import { HeatMap, type HeatMapPoint } from "../view/heat-map.tsx";
import { formatNumber, formatShare } from "../view/number.ts";
import { DigitPad, emptyDigit } from "../view/digit-pad.tsx";
import { exampleNumbers } from "./formulas.ts";
import type { Room } from "./room.ts";
import { inputsOf } from "./step-reading.ts";

export function OutputPanel({ room }: { readonly room: Room }): JSX.Element {
  const texts = t().playground.output;
  const info = room.info.value;
  const { kind } = room.config.value.data;
  return (
    <section class="panel output" aria-label={texts.label}>
      <h2>{texts.label}</h2>
      {info === undefined ? (
        <p class="hint">{t().playground.step.noNetwork}</p>
      ) : info.points !== undefined ? (
        <Plane room={room} info={info} points={info.points} />
      ) : kind === "digits" ? (
        <DigitAnswer room={room} info={info} />
      ) : info.task === "letters" ? (
        <Writer room={room} />
      ) : (
        <AnswerTable room={room} info={info} />
      )}
    </section>
  );
}

interface PlaneProps {
  readonly room: Room;
  readonly info: SessionInfo;
  readonly points: NonNullable<SessionInfo["points"]>;
}

/** The picture over the plane, with the data. The example that is followed is framed. */
function Plane({ room, info, points }: PlaneProps): JSX.Element {
  const texts = t().playground.output;
  const maps = room.maps.value;
  const shown = room.shown.value;
  const isNumbers = info.task === "numbers";
  const classes = Math.max(2, info.outputs.length);
  const marks = points.map(
    ({ x, y, target, isTest }): HeatMapPoint => ({
      x: (x + 1) / 2,
      y: (1 - y) / 2,
      kind: isNumbers ? 0 : target,
      value: isNumbers ? target : undefined,
      isHollow: isTest,
    }),
  );
  const resolution = maps?.resolution ?? 1;
  const cellOf = (share: number): number => Math.min(resolution - 1, Math.max(0, Math.floor(share * resolution)));
  const [x, y] = (shown === undefined ? undefined : inputsOf(shown.step, shown.sample)) ?? [];
  const pick = (left: number, top: number): void => {
    if (shown === undefined) return;
    let [nearest, least] = [0, Infinity];
    for (let n = 0; n < shown.step.samples; n++) {
      const [u = NaN, v = NaN] = inputsOf(shown.step, n) ?? [];
      const distance = (u - (2 * left - 1)) ** 2 + (v - (1 - 2 * top)) ** 2;
      if (distance < least) [nearest, least] = [n, distance];
    }
    room.sample.value = nearest;
  };
  const scale =
    isNumbers || maps === undefined
      ? {}
      : classes > 2
        ? { scale: "sequential" as const, middle: 0, limit: classes - 1 }
        : { middle: 0.5, limit: 0.5 };
  return (
    <>
      <HeatMap
        label={texts.plane}
        values={maps?.output}
        rows={resolution}
        columns={resolution}
        isSmooth={classes === 2 || isNumbers}
        points={marks}
        xLabel={info.inputs[0]}
        yLabel={info.inputs[1]}
        onPlace={pick}
        selected={
          x === undefined || y === undefined ? undefined : { row: cellOf((1 - y) / 2), column: cellOf((x + 1) / 2) }
        }
        {...scale}
      />
      <p class="hint">{texts.planeHint}</p>
    </>
  );
}

interface AnswerProps {
  readonly room: Room;
  readonly info: SessionInfo;
}

function DigitAnswer({ room, info }: AnswerProps): JSX.Element {
  const texts = t().playground.output;
  const [pixels, setPixels] = useState(emptyDigit);
  const [answer, setAnswer] = useState<readonly number[] | undefined>(undefined);
  const ask = async (): Promise<void> => setAnswer(await room.predict(pixels));
  return (
    <>
      <DigitPad label={texts.digitPad} hint={t().playground.data.padKeys} pixels={pixels} onChange={setPixels} />
      <p class="actions">
        <Button kind="main" onClick={() => void ask()}>
          {texts.askDigit}
        </Button>
        <Button
          onClick={() => {
            setPixels(emptyDigit);
            setAnswer(undefined);
          }}
        >
          {texts.clear}
        </Button>
      </p>
      {answer === undefined ? undefined : <Shares names={info.outputs} shares={answer} />}
    </>
  );
}

/** Probabilities as bars. */
function Shares({
  names,
  shares,
}: {
  readonly names: readonly string[];
  readonly shares: readonly number[];
}): JSX.Element {
  const most = Math.max(...shares);
  return (
    <ol class="answer-bars" aria-live="polite">
      {shares.map((share, i) => (
        <li key={i} class={share === most ? "is-most" : undefined}>
          <span>{names[i]}</span>
          <span class="answer-bar" style={`width:${Math.max(0, Math.min(100, 60 * share))}%`} aria-hidden="true" />
          <span>{formatShare(share)}</span>
        </li>
      ))}
    </ol>
  );
}

const lettersToWrite = 40;

function Writer({ room }: { readonly room: Room }): JSX.Element {
  const texts = t().playground.output;
  const [start, setStart] = useState(() => Array.from(room.config.value.data.text ?? "")[0] ?? "");
  const [written, setWritten] = useState<string | undefined>(undefined);
  const write = async (): Promise<void> => setWritten(await room.write(start, lettersToWrite));
  return (
    <>
      <label class="field">
        <span class="field-label">{texts.start}</span>
        <input type="text" value={start} onInput={(event) => setStart(event.currentTarget.value)} />
      </label>
      <p class="actions">
        <Button kind="main" onClick={() => void write()}>
          {texts.write(lettersToWrite)}
        </Button>
      </p>
      <p class="written" aria-live="polite">
        {written === undefined ? undefined : (
          <>
            <b>{start}</b>
            {written}
          </>
        )}
      </p>
    </>
  );
}

const mostExamples = 20;

/** Outputs beside targets, for the examples of the batch. */
function AnswerTable({ room }: AnswerProps): JSX.Element {
  const texts = t().playground.output;
  const shown = room.shown.value;
  if (shown === undefined) return <p class="hint">{t().playground.detail.whileRunning}</p>;
  const { step } = shown;
  const rows = Array.from({ length: Math.min(step.samples, mostExamples) }, (_, n) => exampleNumbers(step, n));
  return (
    <div class="table-scroll" tabIndex={0} role="region" aria-label={texts.table}>
      <table>
        <caption>{texts.table}</caption>
        <thead>
          <tr>
            <th scope="col">{texts.example}</th>
            <th scope="col">{texts.given}</th>
            <th scope="col">{texts.wanted}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ outputs, targets }, n) => (
            <tr key={n} class={n === shown.sample ? "is-chosen" : undefined}>
              <th scope="row">
                <button
                  type="button"
                  class="plain-button"
                  onClick={() => {
                    room.sample.value = n;
                  }}
                >
                  {n + 1}
                </button>
              </th>
              <td>{outputs?.map((value) => formatNumber(value)).join("  ") ?? "–"}</td>
              <td>{targets.map((value) => formatNumber(value)).join("  ")}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
