/** Lesson 3: how errors become one number, by lines through points and by answers of a class. */
import "./loss.css";
import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { t } from "../../text/text.ts";
import { Button } from "../../view/button.tsx";
import { kindColor } from "../../view/colors.ts";
import { Curve } from "../../view/curve.tsx";
import { Formula } from "../../view/formula.tsx";
import { formatNumber } from "../../view/number.ts";
import { ShownNumber } from "../../view/shown-number.tsx";
import { Slider } from "../../view/slider.tsx";
import { theme } from "../../view/theme.ts";
import { Guide, type LessonProps, partOf } from "../kit/guide.tsx";
import { PlayBar } from "../kit/play-bar.tsx";
import { reportFailure, useLab, useNewest, usePlay } from "../kit/use-lab.ts";
import { Classes } from "./classes.tsx";
import { errorLines, meanLines, slopeLines } from "./formulas.ts";
import type { FittedLine, Line, LossLab, Point } from "./lab.ts";
import { Plot, type PlotLine, plotEnds } from "./plot.tsx";
import { ends, fits } from "./settings.ts";
import { texts } from "./texts.ts";

const startPoints: readonly Point[] = [-0.8, 0.5, 0.8, 2.1, 2.4].map((y, i) => ({ x: i - 2, y }));
const startLine: Line = { w: -0.5, b: 0.5 };
const valleyStart = -1.5;
/** What the tasks ask for; the texts name the same numbers. */
const goals = { error: 0.1, loss: 0.1, difference: 0.3, slope: 0.1, cost: 5 } as const;
/** Steps without a move of a point before trained lines count as settled. */
const settling = 150;
/** Beyond it a line is running away. */
const farthest = 1e6;
const dashes = ["", "7 4", "2 3"];

/** Lines in training. */
interface Training {
  readonly lines: readonly Line[];
  readonly steps: number;
  /** Steps since a point was moved. */
  readonly still: number;
}

export function LossLesson(props: LessonProps): JSX.Element {
  const words = texts();
  const part = partOf(props.part, words.parts.length);
  const lab = useLab<LossLab>("loss");
  const [moved, setPoints] = useState(startPoints);
  // The first two parts are about the points as they were.
  const points = part < 2 ? startPoints : moved;
  const [chosen, setChosen] = useState(3);
  const [ownLine, setLine] = useState(startLine);
  // The valley is begun beside its bottom, wherever the line was left.
  const [valleyW, setValleyW] = useState(valleyStart);
  const [rate, setRate] = useState(0.05);
  const [training, setTraining] = useState<Training | undefined>(undefined);
  const [z, setZ] = useState(1);
  const [y, setY] = useState(1);

  const isTrained = part === 2;
  const isValley = part === 3;
  const line = useMemo(() => (isValley ? { ...ownLine, w: valleyW } : ownLine), [isValley, ownLine, valleyW]);
  const begun = training ?? { lines: fits.map(() => line), steps: 0, still: 0 };
  const newest = useNewest(
    { line, points },
    async (asked) => ({ ...asked, reading: await lab.call("read", asked.line, asked.points) }),
    [lab, line, points],
  );
  const reading = newest?.reading;
  // Tasks are done by what is shown, not by what was left a moment ago.
  const current = newest?.line === line && newest.points === points ? newest.reading : undefined;
  const fitted = useNewest(
    { lines: begun.lines, points },
    async (asked) => (isTrained ? lab.call("train", asked.lines, asked.points, 0, 0) : undefined),
    [lab, isTrained, training, line, points],
  );
  const valley = useNewest(
    { line, points },
    async (asked) => (isValley ? lab.call("valley", asked.line, asked.points) : undefined),
    [lab, isValley, line, points],
  );
  const score = useNewest({ z, y }, (asked) => lab.call("score", asked.z, asked.y), [lab, z, y]);
  const curves = useNewest(y, (asked) => lab.call("scores", asked), [lab, y]);

  // Which training it is, and whether a step of it is under way: what was asked for before a new beginning is too late.
  const run = useRef({ round: 0, isBusy: false });
  const begin = (): void => {
    run.current.round++;
    setTraining(undefined);
  };
  const train = async (): Promise<boolean> => {
    const { current } = run;
    if (current.isBusy) return true;
    current.isBusy = true;
    const { round } = current;
    try {
      const lines = await lab.call("train", begun.lines, points, rate, 1);
      if (round !== current.round) return false;
      setTraining((last) => ({ lines, steps: (last?.steps ?? 0) + 1, still: (last?.still ?? 0) + 1 }));
      return !lines.some(isLost);
    } finally {
      current.isBusy = false;
    }
  };
  const { isPlaying, setPlaying } = usePlay(train, props.isShown && isTrained);
  useEffect(() => setPlaying(false), [part]);
  const lost = fits.filter((_, i) => isLost(begun.lines[i] as Line));

  const move = (at: number, to: number): void => {
    setPoints((all) => all.map((point, i) => (i === at ? { ...point, y: to } : point)));
    setTraining((last) => (last === undefined ? last : { ...last, still: 0 }));
  };
  const [mse, mae] = fitted ?? [];
  const done = [
    part === 0 && Math.abs(current?.errors[chosen] ?? 1) <= goals.error,
    part === 1 && (current?.loss ?? 1) <= goals.loss,
    begun.still >= settling &&
      mse !== undefined &&
      mae !== undefined &&
      isSettled(mse) &&
      Math.abs(mse.w - mae.w) > goals.difference,
    isValley && Math.abs(current?.slopeW ?? 1) <= goals.slope,
    (score?.loss ?? 0) > goals.cost,
  ];

  const lineOf = (name: string, { w, b }: Line, kind?: number): PlotLine => ({
    name,
    w,
    b,
    color: kind === undefined ? "var(--forward)" : kindColor(kind, theme.value),
    dash: dashes[kind ?? 0] as string,
  });
  const lines = isTrained
    ? begun.lines.map((each, i) => lineOf(words.fits[fits[i] as keyof typeof words.fits], each, i))
    : [lineOf("ŷ", line)];
  const label = isTrained
    ? words.plotOfLines(
        lines.map(({ name, w, b }) => words.line(name, formatNumber(w), formatNumber(b))).join(t().view.comma),
      )
    : words.plot(formatNumber(line.w), formatNumber(line.b));
  const point = points[chosen] as Point;

  return (
    <Guide {...props} parts={words.parts.map((one, i) => ({ ...one, isDone: done[i] }))}>
      {part === 4 ? (
        <Classes z={z} y={y} onScore={setZ} onClass={setY} reading={score} curves={curves} />
      ) : (
        <>
          <section class="panel loss-plot" aria-label={words.drawing}>
            <Plot
              label={label}
              points={points}
              chosen={chosen}
              onChoose={setChosen}
              onMove={part < 2 ? undefined : move}
              lines={lines}
              reading={isTrained ? undefined : reading}
              hasSquares={part > 0}
            />
            <div class="loss-controls">
              {isTrained ? (
                <FitTable lines={begun.lines} fitted={fitted} steps={begun.steps} />
              ) : (
                (["w", "b"] as const).map((name) => (
                  <Slider
                    key={name}
                    label={words.sliders[name]}
                    value={line[name]}
                    min={-ends.w}
                    max={ends.w}
                    step={0.05}
                    onInput={(value) => {
                      if (isValley && name === "w") setValleyW(value);
                      else setLine((last) => ({ ...last, [name]: value }));
                      begin();
                    }}
                  />
                ))
              )}
              {part < 2 ? undefined : (
                <Slider
                  label={words.pointY(chosen + 1, formatNumber(point.x))}
                  value={point.y}
                  min={plotEnds.bottom}
                  max={plotEnds.top}
                  step={0.1}
                  onInput={(to) => move(chosen, to)}
                />
              )}
              {isTrained ? (
                <Slider label={words.rate} value={rate} min={0.001} max={1} scale="logarithmic" onInput={setRate} />
              ) : undefined}
              {part < 2 ? undefined : (
                <Button
                  onClick={() => {
                    setPoints(startPoints);
                    setTraining((last) => (last === undefined ? last : { ...last, still: 0 }));
                  }}
                >
                  {words.pointsBack}
                </Button>
              )}
            </div>
          </section>
          {isTrained ? (
            <section class="panel loss-panel" aria-label={words.training}>
              <PlayBar
                isPlaying={isPlaying}
                setPlaying={setPlaying}
                onStep={() => void train().catch(reportFailure)}
                onReset={begin}
              />
              {lost.length === 0 ? undefined : (
                <p class="hint hint-problem" role="alert">
                  {words.lost(lost.map((fit) => words.fits[fit]).join(words.and))}
                </p>
              )}
            </section>
          ) : newest === undefined || reading === undefined ? undefined : (
            <section class="panel" aria-label={words.formula}>
              {part === 0 ? (
                <Formula label={words.error} lines={errorLines(newest.line, newest.points, chosen, reading)} />
              ) : (
                <Formula label={words.mean} lines={meanLines(reading)} />
              )}
              {isValley ? <Formula label={words.slope} lines={slopeLines(newest.points, reading)} /> : undefined}
            </section>
          )}
          {isValley && valley !== undefined ? (
            <section class="panel" aria-label={words.valley}>
              <Curve
                label={words.valley}
                x={valley.w}
                xLabel="w"
                at={line.w}
                isScrubbed
                height={200}
                onPick={setValleyW}
                series={[
                  { label: "L", values: valley.loss, color: "var(--loss)" },
                  {
                    label: words.tangent,
                    values: valley.tangent.map((value, i) =>
                      Math.abs((valley.w[i] as number) - line.w) < 0.8 ? value : undefined,
                    ),
                    color: "var(--backward)",
                  },
                ]}
              />
            </section>
          ) : undefined}
        </>
      )}
    </Guide>
  );
}

/** Such a line cannot be trained further. */
function isLost({ w, b }: Line): boolean {
  return !(Math.abs(w) < farthest && Math.abs(b) < farthest);
}

function isSettled({ slopeW, slopeB }: FittedLine): boolean {
  return Math.abs(slopeW) < 0.05 && Math.abs(slopeB) < 0.05;
}

interface FitTableProps {
  readonly lines: readonly Line[];
  readonly fitted: readonly FittedLine[] | undefined;
  readonly steps: number;
}

function FitTable({ lines, fitted, steps }: FitTableProps): JSX.Element {
  const words = texts();
  return (
    <table class="loss-table">
      <caption class="hint">{words.steps(steps)}</caption>
      <thead>
        <tr>
          <td />
          <th scope="col">w</th>
          <th scope="col">b</th>
          <th scope="col">{words.loss}</th>
        </tr>
      </thead>
      <tbody>
        {fits.map((fit, i) => (
          <tr key={fit}>
            <th scope="row">
              <svg class="legend-line" width="24" height="8" aria-hidden="true">
                <line
                  x1="0"
                  x2="24"
                  y1="4"
                  y2="4"
                  stroke={kindColor(i, theme.value)}
                  stroke-width="2.5"
                  stroke-dasharray={dashes[i]}
                />
              </svg>
              {words.fits[fit]}
            </th>
            <td>
              <ShownNumber value={lines[i]?.w} />
            </td>
            <td>
              <ShownNumber value={lines[i]?.b} />
            </td>
            <td>
              <ShownNumber value={fitted?.[i]?.loss} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
