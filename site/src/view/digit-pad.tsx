/** A field of 28 × 28 pixels to draw on: with mouse, pen or finger, or with arrow keys and the space bar. */
import type { JSX } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";

const side = 28;

export const emptyDigit: readonly number[] = new Array<number>(side * side).fill(0);

interface DigitPadProps {
  readonly label: string;
  /** How it is used by keyboard. */
  readonly hint: string;
  readonly pixels: readonly number[];
  readonly onChange: (pixels: readonly number[]) => void;
}

interface Cell {
  readonly column: number;
  readonly row: number;
}

/** A round brush: whole in the middle, half around it. */
function painted(pixels: readonly number[], { column, row }: Cell): number[] {
  const next = [...pixels];
  for (let y = row - 1; y <= row + 1; y++) {
    for (let x = column - 1; x <= column + 1; x++) {
      if (x < 0 || y < 0 || x >= side || y >= side) continue;
      const distance = Math.abs(x - column) + Math.abs(y - row);
      const ink = distance === 0 ? 1 : distance === 1 ? 0.6 : 0.2;
      const at = y * side + x;
      next[at] = Math.min(1, Math.max(next[at] as number, ink));
    }
  }
  return next;
}

export function DigitPad({ label, hint, pixels, onChange }: DigitPadProps): JSX.Element {
  const id = useId();
  const canvas = useRef<HTMLCanvasElement>(null);
  const last = useRef<Cell | undefined>(undefined);
  // What was drawn since the last render belongs to the stroke too.
  const now = useRef(pixels);
  now.current = pixels;
  const [cursor, setCursor] = useState<Cell>({ column: side / 2, row: side / 2 });
  const [hasFocus, setFocus] = useState(false);

  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext("2d");
    if (element === null || context === null || context === undefined) return;
    const style = getComputedStyle(element);
    const scale = element.width / side;
    context.fillStyle = style.getPropertyValue("--paper");
    context.fillRect(0, 0, element.width, element.height);
    context.fillStyle = style.getPropertyValue("--ink");
    pixels.forEach((ink, i) => {
      if (ink === 0) return;
      context.globalAlpha = ink;
      context.fillRect((i % side) * scale, Math.floor(i / side) * scale, scale, scale);
    });
    context.globalAlpha = 1;
    if (!hasFocus) return;
    context.strokeStyle = style.getPropertyValue("--focus");
    context.lineWidth = 2;
    context.strokeRect(cursor.column * scale, cursor.row * scale, scale, scale);
  });

  const paint = (cell: Cell): void => {
    now.current = painted(now.current, cell);
    onChange(now.current);
  };
  const cellOf = (event: PointerEvent): Cell => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const place = (at: number, size: number): number => Math.min(side - 1, Math.max(0, Math.floor((side * at) / size)));
    return { column: place(event.clientX - box.left, box.width), row: place(event.clientY - box.top, box.height) };
  };
  /** All cells on the way, as the pointer jumps. */
  const stroke = (to: Cell): void => {
    const from = last.current ?? to;
    const steps = Math.max(1, Math.abs(to.column - from.column), Math.abs(to.row - from.row));
    for (let i = 1; i <= steps; i++) {
      const between = (a: number, b: number): number => Math.round(a + ((b - a) * i) / steps);
      now.current = painted(now.current, { column: between(from.column, to.column), row: between(from.row, to.row) });
    }
    last.current = to;
    onChange(now.current);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const by: Readonly<Record<string, readonly [number, number]>> = {
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, -1],
      ArrowDown: [0, 1],
    };
    const move = by[event.key];
    if (move === undefined && event.key !== " ") return;
    event.preventDefault();
    event.stopPropagation();
    if (move === undefined) {
      paint(cursor);
      return;
    }
    const limit = (at: number): number => Math.min(side - 1, Math.max(0, at));
    const next = { column: limit(cursor.column + move[0]), row: limit(cursor.row + move[1]) };
    setCursor(next);
    if (event.shiftKey) paint(next);
  };
  return (
    <>
      <canvas
        ref={canvas}
        class="digit-pad"
        width={10 * side}
        height={10 * side}
        tabIndex={0}
        role="application"
        aria-label={label}
        aria-describedby={`${id}-keys`}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          last.current = undefined;
          stroke(cellOf(event));
        }}
        onPointerMove={(event) => {
          if (event.buttons !== 0) stroke(cellOf(event));
        }}
        onKeyDown={onKeyDown}
        onFocus={() => setFocus(true)}
        onBlur={() => setFocus(false)}
      />
      <p class="hint" id={`${id}-keys`}>
        {hint}
      </p>
    </>
  );
}
