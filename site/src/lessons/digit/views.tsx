/** What the parts of the lesson of digits show. All numbers are those of the lab. */
import "./digit.css";
import type { ComponentChildren, JSX } from "preact";
import { type DigitSet, digitSide as side } from "../../session/digit-data.ts";
import type { digitEn } from "../../text/lessons/digit-en.ts";
import { t } from "../../text/text.ts";
import { Button } from "../../view/button.tsx";
import { DigitPad, emptyDigit } from "../../view/digit-pad.tsx";
import { Formula, type FormulaPart } from "../../view/formula.tsx";
import { HeatMap, type HeatMapCell } from "../../view/heat-map.tsx";
import { formatNumber, subscript } from "../../view/number.ts";
import { Select } from "../../view/select.tsx";
import { factor } from "../kit/pieces.ts";
import { Bars } from "../kit/bars.tsx";
import type { DigitLook, DigitProgress, DigitUnit } from "./lab.ts";

type Text = typeof digitEn;
const pixels = side * side;
const digits = Array.from({ length: 10 }, (_, i) => String(i));
/** Pixels on each side of the chosen one. */
const around = 3;
const mostWrong = 12;
const letters = ["h", "g", "p"];

/** Outputs are called after their digit, from 0. */
function indexOf(layer: number, unit: number): string {
  return String(layer === 2 ? unit : unit + 1);
}

export function PixelView(props: {
  readonly text: Text;
  readonly picture: Float32Array;
  readonly cell: HeatMapCell | undefined;
}): JSX.Element {
  const { text, picture, cell } = props;
  if (cell === undefined) return <p class="hint">{text.noPixel}</p>;
  const at = cell.row * side + cell.column;
  const from = (place: number): number => Math.min(side - 2 * around - 1, Math.max(0, place - around));
  const [top, left] = [from(cell.row), from(cell.column)];
  const places = Array.from({ length: 2 * around + 1 }, (_, i) => i);
  return (
    <div style="--least:270px" aria-live="polite">
      <Formula
        label={text.pixel(cell.row + 1, cell.column + 1)}
        lines={[
          [`${text.pixel(cell.row + 1, cell.column + 1)}: `],
          [{ name: "x", sub: String(at + 1) }, " = ", { number: picture[at] }],
        ]}
      />
      <HeatMap
        label={text.zoom}
        values={places.flatMap((y) => places.map((x) => picture[(top + y) * side + left + x] as number))}
        rows={places.length}
        columns={places.length}
        rowNames={places.map((y) => text.row(top + y + 1))}
        columnNames={places.map((x) => text.column(left + x + 1))}
        scale="sequential"
        limit={1}
        hasNumbers
        selected={{ row: cell.row - top, column: cell.column - left }}
      />
    </div>
  );
}

interface LayersProps {
  readonly text: Text;
  /** The digit itself. */
  readonly picture: ComponentChildren;
  readonly look: DigitLook | undefined;
  readonly unit: readonly [layer: number, unit: number] | undefined;
  readonly onUnit: (unit: readonly [layer: number, unit: number]) => void;
  readonly told: DigitUnit | undefined;
}

export function LayersView({ text, picture, look, unit, onUnit, told }: LayersProps): JSX.Element {
  return (
    <>
      <div class="live-row">
        {picture}
        {[0, 1].map((layer) => (
          <div key={layer} style="--least:160px">
            <h4>{text.layer[layer]}</h4>
            <HeatMap
              label={text.layer[layer] as string}
              values={look?.outputs[layer]}
              rows={4}
              columns={4}
              scale="sequential"
              width={176}
              height={176}
              hasNumbers
              selected={unit?.[0] === layer ? { row: Math.floor(unit[1] / 4), column: unit[1] % 4 } : undefined}
              onSelect={({ row, column }) => onUnit([layer, 4 * row + column])}
            />
          </div>
        ))}
        <div>
          <h4>{text.layer[2]}</h4>
          <Bars
            label={text.answer}
            names={digits}
            shares={look?.outputs[2]}
            chosen={unit?.[0] === 2 ? unit[1] : undefined}
            onChoose={(at) => onUnit([2, at])}
          />
        </div>
      </div>
      {look === undefined || told === undefined ? undefined : <UnitFormula text={text} look={look} told={told} />}
    </>
  );
}

interface UnitFormulaProps {
  readonly text: Text;
  readonly look: DigitLook;
  readonly told: DigitUnit;
}

function UnitFormula({ text, look, told }: UnitFormulaProps): JSX.Element {
  const { layer, unit: at } = told;
  const index = indexOf(layer, at);
  const name = letters[layer] as string;
  const input = ["x", "h", "g"][layer] as string;
  const largest = Array.from(told.products.keys())
    .sort((a, b) => Math.abs(told.products[b] as number) - Math.abs(told.products[a] as number))
    .slice(0, 2)
    .sort((a, b) => a - b);
  const z: FormulaPart = { name: "z", sub: index };
  const sum = { number: look.sums[layer]?.[at] };
  const output = { number: look.outputs[layer]?.[at] };
  const shown: FormulaPart = { name, sub: index };
  return (
    <div>
      <Formula
        label={text.unitFormula(`${name}${subscript(Number(index))}`)}
        lines={[
          [
            z,
            " = ",
            ...largest.flatMap((j): FormulaPart[] => [
              { name: "w", sub: String(j + 1) },
              " · ",
              { name: input, sub: String(j + 1) },
              " + ",
            ]),
            "… + ",
            { name: "b" },
          ],
          [
            z,
            " = ",
            ...largest.flatMap((j): FormulaPart[] => [
              factor(told.weights[j]),
              " · ",
              { number: told.inputs[j] },
              " + ",
            ]),
            "… + ",
            factor(told.bias),
            " = ",
            sum,
          ],
          layer === 2
            ? [
                shown,
                " = e^",
                z,
                " / Σ e^z = ",
                { number: look.powers[at] },
                " / ",
                { number: look.total },
                " = ",
                output,
              ]
            : [shown, " = max(0, ", z, ") = max(0, ", sum, ") = ", output],
        ]}
      />
      <p class="hint">{text.formulaHint}</p>
    </div>
  );
}

interface WeightsProps {
  readonly text: Text;
  readonly pictures: Float32Array | undefined;
  /** Of the first layer, for the digit that is shown. */
  readonly values: Float32Array | undefined;
  readonly unit: number;
  readonly onUnit: (unit: number) => void;
  readonly told: DigitUnit | undefined;
  /** The digit itself. */
  readonly picture: ComponentChildren;
}

export function WeightsView({ text, pictures, values, unit, onUnit, told, picture }: WeightsProps): JSX.Element {
  const nameOf = (at: number): string => `h${subscript(at + 1)}`;
  const large = (label: string, shown: Float32Array | undefined): JSX.Element => (
    <div class="live-picture">
      <h4>{label}</h4>
      <HeatMap label={label} values={shown?.length === pixels ? shown : undefined} rows={side} columns={side} />
    </div>
  );
  return (
    <>
      <div class="digit-pictures">
        {Array.from(values ?? new Float32Array(16), (value, at) => (
          <div key={at}>
            <HeatMap
              label={text.unitPicture(nameOf(at))}
              values={pictures?.subarray(at * pixels, (at + 1) * pixels)}
              rows={side}
              columns={side}
            />
            <Button isPressed={at === unit} onClick={() => onUnit(at)}>
              {`${nameOf(at)} ${values === undefined ? formatNumber(undefined) : formatNumber(value, 3)}`}
            </Button>
          </div>
        ))}
      </div>
      <div class="live-row live-bottom">
        {picture}
        {large(text.unitPicture(nameOf(unit)), told?.weights)}
        {large(text.products(nameOf(unit)), told?.products)}
      </div>
    </>
  );
}

/** ∂L/∂z = p − y of the answer and of the wanted digit. */
export function OutputGradients(props: {
  readonly look: DigitLook | undefined;
  readonly answer: number | undefined;
}): JSX.Element | null {
  const { look, answer } = props;
  if (look === undefined || answer === undefined || answer < 0) return null;
  const { wanted } = look;
  const [, , shares] = look.outputs;
  const [, , gradients] = look.sumGradients;
  return (
    <Formula
      lines={[
        [
          { name: "L" },
          " = −log ",
          { name: "p", sub: String(wanted) },
          " = −log ",
          { number: shares?.[wanted] },
          " = ",
          { number: look.loss },
        ],
        ...[...new Set([wanted, answer])].map((k): FormulaPart[] => [
          "∂",
          { name: "L" },
          "/∂",
          { name: "z", sub: String(k) },
          " = ",
          { name: "p", sub: String(k) },
          " − ",
          { name: "y", sub: String(k) },
          " = ",
          { number: shares?.[k] },
          ` − ${k === wanted ? 1 : 0} = `,
          { number: gradients?.[k] },
        ]),
      ]}
    />
  );
}

interface OwnProps {
  readonly text: Text;
  readonly set: DigitSet;
  readonly tests: readonly number[];
  readonly progress: DigitProgress | undefined;
  readonly drawn: readonly number[];
  readonly onDrawn: (drawn: readonly number[]) => void;
  readonly said: number | undefined;
  readonly onSaid: (digit: number | undefined) => void;
  readonly shares: Float32Array | undefined;
}

export function OwnView(props: OwnProps): JSX.Element {
  const { text, set, tests, progress, drawn, onDrawn, said, onSaid, shares } = props;
  const wrong = tests.flatMap((n, i) => {
    const answer = progress?.answers[i];
    return answer === undefined || answer === set.labels[n] ? [] : [{ n, answer }];
  });
  return (
    <>
      {progress?.step === 0 ? <p class="hint">{text.untrained}</p> : undefined}
      <h4>{text.wrong(wrong.length)}</h4>
      <ul class="digit-pictures digit-wrong">
        {wrong.slice(0, mostWrong).map(({ n, answer }) => (
          <li key={n}>
            <HeatMap
              label={text.wrongOne(set.labels[n] as number, answer)}
              values={set.images.subarray(n * pixels, (n + 1) * pixels)}
              rows={side}
              columns={side}
              scale="sequential"
              limit={255}
            />
            <span class="hint" aria-hidden="true">
              {text.wrongOne(set.labels[n] as number, answer)}
            </span>
          </li>
        ))}
      </ul>
      <div class="live-row">
        <div>
          <DigitPad label={text.pad} hint={t().playground.data.padKeys} pixels={drawn} onChange={onDrawn} />
          <Select
            label={text.itIs}
            value={said === undefined ? "" : String(said)}
            options={["", ...digits].map((value) => ({ value, label: value === "" ? text.unsaid : value }))}
            onChange={(value) => onSaid(value === "" ? undefined : Number(value))}
          />
          <p class="actions">
            <Button
              icon="trash"
              onClick={() => {
                onDrawn(emptyDigit);
                onSaid(undefined);
              }}
            >
              {text.clear}
            </Button>
          </p>
        </div>
        <div>
          <h4>{text.answer}</h4>
          <Bars label={text.answer} names={digits} shares={shares} marked={said} />
        </div>
      </div>
    </>
  );
}
