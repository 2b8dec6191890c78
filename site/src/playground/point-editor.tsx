/** The learner's own points: a click or Enter sets one of the chosen class, Delete takes the nearest away. */
import type { JSX } from "preact";
import { useId, useState } from "preact/hooks";
import type { DrawnPoint } from "../session/config.ts";
import { t } from "../text/text.ts";
import { Button } from "../view/button.tsx";
import { kindColor } from "../view/colors.ts";
import { formatNumber } from "../view/number.ts";
import { theme } from "../view/theme.ts";

interface PointEditorProps {
  readonly points: readonly DrawnPoint[];
  readonly onChange: (points: readonly DrawnPoint[]) => void;
}

const classes = [0, 1, 2, 3] as const;
const size = 240;
/** One press of an arrow key. */
const stride = 0.1;
const mostPoints = 500;

export function PointEditor({ points, onChange }: PointEditorProps): JSX.Element {
  const texts = t().playground.data;
  const id = useId();
  const [label, setLabel] = useState(0);
  const [cursor, setCursor] = useState<readonly [x: number, y: number]>([0, 0]);
  const [hasFocus, setFocus] = useState(false);
  const colors = theme.value;
  const left = (x: number): number => ((x + 1) / 2) * size;
  const top = (y: number): number => ((1 - y) / 2) * size;

  const add = (x: number, y: number): void => {
    if (points.length < mostPoints) onChange([...points, { x: hundredths(x), y: hundredths(y), label }]);
  };
  const onClick = (event: MouseEvent): void => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    add((2 * (event.clientX - box.left)) / box.width - 1, 1 - (2 * (event.clientY - box.top)) / box.height);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const [x, y] = cursor;
    const by: Readonly<Record<string, readonly [number, number]>> = {
      ArrowLeft: [-stride, 0],
      ArrowRight: [stride, 0],
      ArrowUp: [0, stride],
      ArrowDown: [0, -stride],
    };
    const move = by[event.key];
    const isAdding = event.key === "Enter" || event.key === " ";
    const isTaking = event.key === "Delete" || event.key === "Backspace";
    if (move === undefined && !isAdding && !isTaking) return;
    event.preventDefault();
    event.stopPropagation();
    if (move !== undefined) setCursor([hundredths(x + move[0]), hundredths(y + move[1])]);
    else if (isAdding) add(x, y);
    else onChange(withoutNearest(points, x, y));
  };
  return (
    <div class="point-editor">
      <fieldset class="choices">
        <legend>{texts.pointClass}</legend>
        {classes.map((each) => (
          <label key={each}>
            <input type="radio" name={id} checked={label === each} onChange={() => setLabel(each)} />
            <svg width="14" height="14" viewBox="-7 -7 14 14" aria-hidden="true">
              <PointShape label={each} color={kindColor(each, colors)} />
            </svg>
            {texts.className(each)}
          </label>
        ))}
      </fieldset>
      <svg
        class="point-pad"
        viewBox={`0 0 ${size} ${size}`}
        tabIndex={0}
        role="application"
        aria-label={texts.pointPad(points.length)}
        aria-describedby={`${id}-keys`}
        onClick={onClick}
        onKeyDown={onKeyDown}
        onFocus={() => setFocus(true)}
        onBlur={() => setFocus(false)}
      >
        <path class="pad-axes" d={`M${size / 2} 0V${size}M0 ${size / 2}H${size}`} />
        {points.map((point, i) => (
          <g key={i} transform={`translate(${left(point.x)} ${top(point.y)})`}>
            <PointShape label={point.label} color={kindColor(point.label, colors)} />
          </g>
        ))}
        {hasFocus ? (
          <path
            class="pad-cursor"
            d={`M${left(cursor[0]) - 8} ${top(cursor[1])}h16M${left(cursor[0])} ${top(cursor[1]) - 8}v16`}
          />
        ) : undefined}
      </svg>
      <p class="visually-hidden" aria-live="polite">
        {hasFocus ? texts.cursorAt(formatNumber(cursor[0]), formatNumber(cursor[1])) : ""}
      </p>
      <p class="hint" id={`${id}-keys`}>
        {texts.pointKeys}
      </p>
      <p class="actions">
        <Button isDisabled={points.length === 0} onClick={() => onChange(points.slice(0, -1))}>
          {texts.undoPoint}
        </Button>
        <Button icon="trash" isDisabled={points.length === 0} onClick={() => onChange([])}>
          {texts.clearPoints}
        </Button>
      </p>
    </div>
  );
}

/** Each class has a form of its own beside its colour. */
function PointShape({ label, color }: { readonly label: number; readonly color: string }): JSX.Element {
  if (label === 0) return <circle r="5" fill={color} />;
  const shapes = ["M-5 -5H5V5H-5Z", "M0 -6L6 5H-6Z", "M0 -6L6 0L0 6L-6 0Z"];
  return <path d={shapes[(label - 1) % shapes.length] as string} fill={color} />;
}

function hundredths(x: number): number {
  return Math.round(100 * Math.min(1, Math.max(-1, x))) / 100;
}

function withoutNearest(points: readonly DrawnPoint[], x: number, y: number): readonly DrawnPoint[] {
  const distances = points.map((point) => (point.x - x) ** 2 + (point.y - y) ** 2);
  const nearest = distances.indexOf(Math.min(...distances));
  return nearest < 0 ? points : points.toSpliced(nearest, 1);
}
