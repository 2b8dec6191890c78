/** The loss over the weight with the steps on it, and the examples with what the model gives for this weight. */
import type { JSX } from "preact";
import { textsOf } from "../../text/text.ts";
import { descentEn } from "../../text/lessons/descent-en.ts";
import { descentZh } from "../../text/lessons/descent-zh.ts";
import { formatNumber } from "../../view/number.ts";
import type { Descent, Look, Sight } from "./lab.ts";
import { Plot, type Range, type Scale, arrow, lineOf } from "../kit/plot.tsx";

const texts = textsOf({ en: descentEn, zh: descentZh });

interface LossPlotProps {
  readonly sight: Sight;
  readonly descent: Descent;
  readonly count: number;
  /** Where a batch is only some of the examples: its own loss is drawn too. */
  readonly look: Look | undefined;
  readonly onStart: (w: number) => void;
}

export function LossPlot({ sight, descent, count, look, onStart }: LossPlotProps): JSX.Element {
  const { steps } = descent;
  const { w, loss, slope, move } = steps[count] as Descent["steps"][number];
  const next = steps[count + 1];
  const x: Range = [sight.w[0] as number, sight.w.at(-1) as number];
  const highest = Math.max(...sight.loss);
  const y: Range = [-0.06 * highest, 1.1 * highest];
  const isFinite = Number.isFinite(loss + slope);
  const isInside = w >= x[0] && w <= x[1];
  const said = texts().told(count, formatNumber(w), formatNumber(loss), formatNumber(slope), formatNumber(move));
  const drawing = (scale: Scale): JSX.Element => {
    const tangent = 0.14 * (x[1] - x[0]);
    const [left, top] = [scale.x(w), scale.y(loss)];
    const right = scale.x(w + move);
    return (
      <>
        <path class="descent-loss" d={lineOf(scale, sight.w, sight.loss)} />
        {look === undefined ? undefined : <path class="descent-batch" d={lineOf(scale, sight.w, look.loss)} />}
        <path
          class="descent-path"
          d={lineOf(
            scale,
            steps.slice(0, count + 1).map((step) => step.w),
            steps.slice(0, count + 1).map((step) => step.loss),
          )}
        />
        {steps.slice(0, count).map((step, i) => (
          <circle key={i} class="descent-past" r="2.5" cx={scale.x(step.w)} cy={scale.y(step.loss)} />
        ))}
        {isFinite ? (
          <>
            <path
              class="descent-slope"
              d={lineOf(scale, [w - tangent, w + tangent], [loss - slope * tangent, loss + slope * tangent])}
            />
            <path class="descent-move" d={arrow(left, top, right - left, 0)} />
            {next === undefined || !Number.isFinite(next.loss) ? undefined : (
              <path class="descent-fall" d={`M${right} ${top}L${scale.x(next.w)} ${scale.y(next.loss)}`} />
            )}
            <circle class="descent-here" r="6" cx={left} cy={top} />
          </>
        ) : undefined}
        {isInside ? undefined : (
          <text
            class="descent-outside"
            x={w < x[0] ? 4 : scale.width - 4}
            y={scale.height - 6}
            text-anchor={w < x[0] ? "start" : "end"}
          >
            {w < x[0] ? `◂ w = ${formatNumber(w)}` : `w = ${formatNumber(w)} ▸`}
          </text>
        )}
      </>
    );
  };
  return (
    <Plot label={said} x={x} y={y} xName={texts().weight} yName={texts().loss} height={280} onPlace={onStart}>
      {drawing}
    </Plot>
  );
}

export function ModelPlot({ sight, look }: { readonly sight: Sight; readonly look: Look }): JSX.Element {
  const { x, y } = sight;
  const room = 0.15 * (Math.max(...y) - Math.min(...y));
  const from = look.x[0] as number;
  const to = look.x.at(-1) as number;
  return (
    <Plot
      label={texts().examplesTold(formatNumber(look.w), sight.ground)}
      x={[from - 0.04 * (to - from), to + 0.04 * (to - from)]}
      y={[Math.min(0, ...y) - room, Math.max(...y) + room]}
      xName="x"
      yName={texts().target}
      height={280}
    >
      {(scale) => (
        <>
          <path class="descent-model" d={lineOf(scale, look.x, look.line)} />
          {x.map((each, i) => (
            <circle
              key={i}
              class={look.mask[i] === 1 ? "descent-example" : "descent-example descent-unused"}
              r="4.5"
              cx={scale.x(each)}
              cy={scale.y(y[i] as number)}
            />
          ))}
        </>
      )}
    </Plot>
  );
}
