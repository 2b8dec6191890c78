/** Two steps, or two runs, side by side. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { t } from "../text/text.ts";
import { formatNumber } from "../view/number.ts";
import { Select } from "../view/select.tsx";
import { ShownNumber } from "../view/shown-number.tsx";
import { type CompareRow, type Comparison, type Pair, distance, quantities, ratioOf } from "./compare.ts";
import { type Column, DataTable } from "./data-table.tsx";
import { OpenButton } from "./open-panel.tsx";
import { type LoadedTrace, client, compared, current, loaded } from "./store.ts";

export function CompareView(): JSX.Element {
  const texts = t().inspector;
  const chosen = compared.value;
  const setChosen = (next: typeof chosen): void => {
    compared.value = next;
  };
  const [comparison, setComparison] = useState<Comparison | undefined>(undefined);
  const all = loaded.value;
  const find = (number: number | undefined): LoadedTrace | undefined => all.find((one) => one.number === number);
  // Unless chosen otherwise the one that is shown beside the one before it.
  const b = find(chosen.b) ?? current.value;
  const a = find(chosen.a) ?? all.findLast((one) => one !== b);
  const [left, right] = [a?.number, b?.number];
  useEffect(() => {
    setComparison(undefined);
    if (left === undefined || right === undefined) return undefined;
    let isWanted = true;
    void client()
      .call("compare", left, right)
      .then((found) => isWanted && setComparison(found));
    return () => {
      isWanted = false;
    };
  }, [left, right]);

  const options = all.map(({ number, fileName }, i) => ({ value: String(number), label: `${i + 1}. ${fileName}` }));
  return (
    <section class="inspector-page">
      <h2>{texts.views.compare}</h2>
      {a === undefined || b === undefined ? (
        <>
          <p>{texts.needsTwo}</p>
          <OpenButton />
        </>
      ) : (
        <>
          <div class="inspector-line">
            <Select
              label={texts.first}
              value={String(a.number)}
              options={options}
              onChange={(value) => setChosen({ a: Number(value), b: b.number })}
            />
            <Select
              label={texts.second}
              value={String(b.number)}
              options={options}
              onChange={(value) => setChosen({ a: a.number, b: Number(value) })}
            />
            <OpenButton />
          </div>
          <LossLine a={a} b={b} />
          {comparison === undefined ? <p aria-live="polite">{texts.comparing}</p> : <Found comparison={comparison} />}
        </>
      )}
    </section>
  );
}

function LossLine({ a, b }: { readonly a: LoadedTrace; readonly b: LoadedTrace }): JSX.Element {
  const texts = t().inspector;
  return (
    <p>
      {texts.lossOf(
        formatNumber(a.outline.lossValue, 6),
        formatNumber(b.outline.lossValue, 6),
        formatNumber(b.outline.lossValue - a.outline.lossValue, 3),
      )}
    </p>
  );
}

function Found({ comparison }: { readonly comparison: Comparison }): JSX.Element {
  const texts = t().inspector;
  const columns: Column<CompareRow>[] = [
    {
      id: "path",
      label: texts.factModule,
      order: ({ path }) => path,
      cell: ({ path, kind }) => (
        <>
          {path === "" ? texts.modelName : path} <span class="inspector-muted">{texts.compareKinds[kind]}</span>
        </>
      ),
    },
    {
      id: "difference",
      label: texts.difference,
      isNumber: true,
      order: ({ difference }) => difference,
      cell: ({ difference }) => factor(difference),
    },
    ...quantities.flatMap((name): Column<CompareRow>[] => [
      {
        id: `${name} a`,
        label: texts.quantityOf(texts.quantities[name], texts.first),
        isNumber: true,
        order: ({ norms }) => norms[name].a,
        cell: ({ norms }) => <ShownNumber value={norms[name].a} />,
      },
      {
        id: `${name} b`,
        label: texts.quantityOf(texts.quantities[name], texts.second),
        isNumber: true,
        order: ({ norms }) => norms[name].b,
        cell: ({ norms }) => <ShownNumber value={norms[name].b} />,
      },
      {
        id: `${name} ratio`,
        label: texts.ratio,
        isNumber: true,
        order: ({ norms }) => distance(norms[name]),
        cell: ({ norms }) => ratio(norms[name]),
      },
    ]),
  ];
  const { rows, structure } = comparison;
  return (
    <>
      <h3>{texts.structure}</h3>
      {structure.length === 0 ? (
        <p>{texts.sameStructure}</p>
      ) : (
        <ul class="inspector-structure" tabIndex={0} aria-label={texts.structure}>
          {structure.map(({ kind, path, a, b }) => (
            <li key={`${kind} ${path}`}>
              <b>{texts.structureKinds[kind]}</b> {path} <code>{a === undefined || a === "" ? texts.none : a}</code> →{" "}
              <code>{b === undefined || b === "" ? texts.none : b}</code>
            </li>
          ))}
        </ul>
      )}
      <h3>{texts.norms}</h3>
      <p class="inspector-muted">{texts.compareAbout}</p>
      <DataTable
        caption={texts.compareCaption}
        columns={columns}
        rows={rows}
        keyOf={({ kind, path }) => `${kind} ${path}`}
        sorted={{ by: "difference", isDown: true }}
      />
    </>
  );
}

function ratio(pair: Pair): string {
  const found = ratioOf(pair);
  return found === undefined ? "" : `×${formatNumber(found, 3)}`;
}

/** A distance of 1 is a factor of 2, whichever way. */
function factor(difference: number): string {
  return `×${formatNumber(2 ** difference, 3)}`;
}
