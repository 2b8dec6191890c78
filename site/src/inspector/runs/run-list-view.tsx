/** The first view beside a server: its runs, as they grow. */
import type { JSX } from "preact";
import { t } from "../../text/text.ts";
import { Button } from "../../view/button.tsx";
import { formatCount } from "../../view/number.ts";
import { ShownNumber } from "../../view/shown-number.tsx";
import { type Column, DataTable } from "../data-table.tsx";
import type { RunRow } from "./run-calls.ts";
import { api, go, openRuns, rows, showRun } from "./runs-store.ts";
import { Spark } from "./spark.tsx";

/** How a run is recorded. The names are those of the library, in every language. */
const example = `import { watch } from "twopass/inspect";
import { RunFolder } from "twopass/inspect/node";

watch(trainer, new RunFolder("runs/first"));
await trainer.fit(loader);`;

export function Example({ label }: { readonly label: string }): JSX.Element {
  return (
    <>
      <p>{label}</p>
      <pre tabIndex={0} aria-label={label}>
        <code>{example}</code>
      </pre>
    </>
  );
}

/** Running or not: a sign and a word. */
export function RunState({ isRunning }: { readonly isRunning: boolean | undefined }): JSX.Element {
  const texts = t().inspector.runs;
  const word = isRunning === undefined ? texts.fromFiles : isRunning ? texts.running : texts.finished;
  return (
    <span class={isRunning === true ? "runs-running" : "runs-finished"}>
      <span aria-hidden="true">{isRunning === true ? "▶" : "■"}</span> {word}
    </span>
  );
}

export function Connection(): JSX.Element | null {
  const texts = t().inspector.runs;
  const told = rows.value;
  if (api === undefined) return null;
  return (
    <div aria-live="polite">
      {told?.isConnected === true ? undefined : (
        <p class="runs-lost">{told === undefined || told.folder === "" ? texts.connecting : texts.lost}</p>
      )}
    </div>
  );
}

export function RunListView(): JSX.Element {
  const texts = t().inspector.runs;
  const told = rows.value;
  const number = (id: string, label: string, order: (row: RunRow) => number | undefined): Column<RunRow> => ({
    id,
    label,
    isNumber: true,
    order,
    cell: (row) => {
      const amount = order(row);
      return amount === undefined ? "" : formatCount(amount);
    },
  });
  const word = (id: "model" | "optimizer" | "device"): Column<RunRow> => ({
    id,
    label: texts[id],
    order: (row) => row[id],
    cell: (row) => <code>{row[id]}</code>,
  });
  const columns: readonly Column<RunRow>[] = [
    {
      id: "path",
      label: texts.name,
      order: ({ path }) => path,
      cell: ({ path }) => (
        <button type="button" class="inspector-link" onClick={() => go({ path, tab: "curves", at: undefined })}>
          <code>{path}</code>
        </button>
      ),
    },
    {
      id: "state",
      label: texts.state,
      order: ({ isRunning }) => (isRunning ? 0 : 1),
      cell: ({ isRunning }) => <RunState isRunning={isRunning} />,
    },
    number("step", texts.step, ({ step }) => step),
    number("epoch", texts.epochsDone, ({ epoch }) => epoch),
    {
      id: "loss",
      label: texts.lastLoss,
      isNumber: true,
      order: ({ loss }) => loss,
      cell: ({ loss }) => <ShownNumber value={loss} />,
    },
    {
      id: "curve",
      label: texts.curve,
      order: ({ lossName }) => lossName,
      cell: ({ lossName, curve }) => <Spark label={lossName} points={curve} />,
    },
    word("model"),
    word("optimizer"),
    word("device"),
  ];
  return (
    <section class="inspector-page runs-list">
      <h2>{texts.list}</h2>
      {told === undefined || told.folder === "" ? undefined : told.runs.length === 0 ? (
        <Example label={texts.noRuns} />
      ) : (
        <DataTable
          caption={texts.listAbout(told.folder)}
          columns={columns}
          rows={told.runs}
          keyOf={({ path }) => path}
        />
      )}
      {told?.unreadable.map(({ path, problem }) => (
        <div key={path} class="inspector-problem">
          <b>{t().inspector.cannotOpen(path)}</b>
          <p>
            <code>{problem}</code>
          </p>
        </div>
      ))}
    </section>
  );
}

/** Runs that are open: a way back to those that no list has. */
export function OpenRuns(): JSX.Element | null {
  const dropped = openRuns.value.filter(({ path }) => path === undefined);
  if (dropped.length === 0) return null;
  return (
    <section class="inspector-line" aria-label={t().inspector.runs.opened}>
      {dropped.map((run) => (
        <Button key={run.number} onClick={() => showRun(run)}>
          <code>{run.name}</code>
        </Button>
      ))}
    </section>
  );
}
