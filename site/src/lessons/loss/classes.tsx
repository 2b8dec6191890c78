/** What an answer to a question of two classes costs: cross-entropy beside the square. */
import type { JSX } from "preact";
import { Button } from "../../view/button.tsx";
import { Curve } from "../../view/curve.tsx";
import { Formula } from "../../view/formula.tsx";
import { Slider } from "../../view/slider.tsx";
import { entropyLines, squareLines } from "./formulas.ts";
import type { ScoreCurves, ScoreReading } from "./lab.ts";
import { texts } from "./texts.ts";

interface ClassesProps {
  readonly z: number;
  readonly y: number;
  readonly onScore: (z: number) => void;
  readonly onClass: (y: number) => void;
  readonly reading: ScoreReading | undefined;
  readonly curves: ScoreCurves | undefined;
}

const noCurves: ScoreCurves = { z: [], loss: [], square: [] };

export function Classes({ z, y, onScore, onClass, reading, curves = noCurves }: ClassesProps): JSX.Element {
  const words = texts();
  return (
    <>
      <section class="panel loss-panel" aria-label={words.answer}>
        <div class="actions" role="group" aria-label={words.rightClass}>
          {[1, 0].map((each) => (
            <Button key={each} isPressed={y === each} onClick={() => onClass(each)}>
              {words.classIs(each)}
            </Button>
          ))}
        </div>
        <Slider label={words.score} value={z} min={-8} max={8} step={0.1} isOpen onInput={onScore} />
        {reading === undefined ? undefined : (
          <>
            <Formula label={words.entropy} lines={entropyLines(reading)} />
            <p class="hint">{words.squareBeside}</p>
            <Formula label={words.square} lines={squareLines(reading)} />
          </>
        )}
      </section>
      <section class="panel" aria-label={words.scoreCurve}>
        <Curve
          label={words.scoreCurve}
          x={curves.z}
          xLabel="z"
          at={z}
          isScrubbed
          onPick={onScore}
          height={200}
          series={[
            { label: words.entropy, values: curves.loss, color: "var(--forward)" },
            { label: words.square, values: curves.square, color: "var(--muted)" },
          ]}
        />
      </section>
    </>
  );
}
