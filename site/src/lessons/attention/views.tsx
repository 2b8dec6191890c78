/** What the parts of the lesson of attention show. All numbers are those of the lab. */
import type { JSX } from "preact";
import type { attentionEn } from "../../text/lessons/attention-en.ts";
import { Formula, type FormulaPart } from "../../view/formula.tsx";
import { HeatMap, type HeatMapCell } from "../../view/heat-map.tsx";
import { Select } from "../../view/select.tsx";
import { factor } from "../kit/pieces.ts";
import type { AttentionLook } from "./lab.ts";
import { LetterRow } from "./letter-row.tsx";
import { depth, heads, width } from "./sizes.ts";

type Text = typeof attentionEn;

interface StripsProps {
  readonly label: string;
  /** Beside the rows. */
  readonly names: readonly string[];
  /** As they are read; default: those beside the rows. */
  readonly rowNames?: readonly string[] | undefined;
  readonly values: ArrayLike<number> | undefined;
  readonly columns: number;
  /** Of a row; default 30. */
  readonly height?: number | undefined;
}

/** Vectors as rows of colours, with their names. */
export function Strips({ label, names, rowNames = names, values, columns, height = 30 }: StripsProps): JSX.Element {
  return (
    <div class="strips">
      <div class="strip-names" aria-hidden="true">
        {names.map((name, i) => (
          <span key={i} style={`line-height:${height}px`}>
            {name}
          </span>
        ))}
      </div>
      <HeatMap
        label={label}
        values={values}
        rows={names.length}
        columns={columns}
        height={height * names.length}
        rowNames={rowNames}
      />
    </div>
  );
}

export function VectorsView({
  text,
  look,
}: {
  readonly text: Text;
  readonly look: AttentionLook | undefined;
}): JSX.Element {
  return (
    <>
      <Strips
        label={text.vectors}
        names={[text.ofLetter, text.ofPlace, text.sum]}
        values={look?.vectors}
        columns={width}
      />
      <Formula
        label={text.sum}
        lines={[0, 1].map((i) => [
          { name: "x", sub: String(i + 1) },
          " = ",
          { name: "e", sub: String(i + 1) },
          " + ",
          { name: "p", sub: String(i + 1) },
          " = ",
          { number: look?.vectors[i] },
          " + ",
          factor(look?.vectors[width + i]),
          " = ",
          { number: look?.vectors[2 * width + i] },
        ])}
      />
    </>
  );
}

interface ScoresProps {
  readonly text: Text;
  readonly look: AttentionLook | undefined;
  readonly letters: readonly string[];
  readonly at: number;
  readonly to: number;
  readonly onTo: (to: number) => void;
  readonly head: number;
  readonly onHead: (head: number) => void;
  /** Weights of the chosen letter. */
  readonly row: Float32Array | undefined;
}

export function ScoresView({ text, look, letters, at, to, onTo, head, onHead, row }: ScoresProps): JSX.Element {
  // What the formula tells is that of the numbers that are there, which come a moment later.
  const [from, seen] = [look?.place.at ?? at, look?.place.to ?? to];
  const pair = `${from + 1},${seen + 1}`;
  const a: FormulaPart = { name: "a", sub: pair };
  const s: FormulaPart = { name: "s", sub: pair };
  const product = (i: number): FormulaPart[] => [factor(look?.query[i]), " · ", factor(look?.key[i])];
  return (
    <>
      <Select
        label={text.head}
        value={String(head)}
        options={Array.from({ length: heads }, (_, i) => ({ value: String(i), label: String(i + 1) }))}
        onChange={(value) => onHead(Number(value))}
      />
      <LetterRow label={text.to} letters={letters} values={row} chosen={to} onChoose={onTo} marked={at} />
      {seen > from ? (
        <p class="hint">{text.hidden}</p>
      ) : (
        <Formula
          label={text.score}
          lines={[
            [s, " = ", { name: "q", sub: String(from + 1) }, " · ", { name: "k", sub: String(seen + 1) }, " / √16"],
            [s, " = (", ...product(0), " + ", ...product(1), " + … ) / 4"],
            [s, " = ", { number: look?.products[seen] }, " / 4 = ", { number: look?.scores[seen] }],
            [
              a,
              " = e^",
              s,
              " / Σ e^s = ",
              { number: look?.powers[seen] },
              " / ",
              { number: look?.total },
              " = ",
              { number: row?.[seen] },
            ],
          ]}
        />
      )}
      <Strips
        label={text.queryKey}
        names={["q", "k"]}
        values={look === undefined ? undefined : [...look.query, ...look.key]}
        columns={depth}
      />
      <p class="hint">{text.queryKey}</p>
      <Strips label={text.taken} names={["Σ a v"]} values={look?.taken} columns={depth} />
      <p class="hint">{text.taken}</p>
    </>
  );
}

interface MapProps {
  readonly label: string;
  readonly weights: Float32Array | undefined;
  readonly head: number;
  readonly letters: readonly string[];
  readonly isCausal: boolean;
  readonly selected: HeatMapCell;
  readonly onSelect: (cell: HeatMapCell) => void;
}

/** Weights of one head; what the mask hides is no number. */
export function MapView({ label, weights, head, letters, isCausal, selected, onSelect }: MapProps): JSX.Element {
  const n = letters.length;
  const names = letters.map((letter, i) => `${i + 1} ${letter}`);
  const own = weights?.slice(head * n * n, (head + 1) * n * n);
  return (
    <div style="--least:230px">
      <h4>{label}</h4>
      <HeatMap
        label={label}
        values={own?.map((weight, i) => (isCausal && i % n > Math.floor(i / n) ? NaN : weight))}
        rows={n}
        columns={n}
        scale="sequential"
        limit={1}
        rowNames={names}
        columnNames={names}
        selected={selected}
        onSelect={onSelect}
      />
    </div>
  );
}
