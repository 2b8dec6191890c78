/** Room 3: what a program's training did: runs, and one step of them from its trace. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { t } from "../text/text.ts";
import { Button } from "../view/button.tsx";
import { formatCount, formatNumber } from "../view/number.ts";
import { Select } from "../view/select.tsx";
import { useShortcuts } from "../view/shortcuts.ts";
import { Tabs } from "../view/tabs.tsx";
import { CompareView } from "./compare-view.tsx";
import { GraphsView } from "./graph-view.tsx";
import { HealthView } from "./health-view.tsx";
import "./inspector.css";
import { MemoryView } from "./memory-view.tsx";
import { OpenButton, OpenPanel, OpenState } from "./open-panel.tsx";
import { droppedFiles } from "./runs/dropped-runs.ts";
import { Connection, OpenRuns, RunListView } from "./runs/run-list-view.tsx";
import { RunView } from "./runs/run-view.tsx";
import { api, go, openAll, openRuns, runTabs, shownRun } from "./runs/runs-store.ts";
import { type LoadedTrace, type RoomView, closeTrace, current, loaded, roomView, show } from "./store.ts";
import { TimeView } from "./time-view.tsx";

const views: readonly RoomView[] = ["graph", "health", "memory", "time", "compare"];

export function Inspector({ isShown }: { readonly isShown: boolean }): JSX.Element {
  const [isOver, setOver] = useState(false);
  const trace = current.value;
  const run = shownRun.value;
  const traceKeys = views.map((view) => ({
    label: () => t().inspector.views[view],
    run: () => {
      roomView.value = view;
    },
  }));
  const runKeys = runTabs.map((tab) => ({ label: () => t().inspector.runs.tabs[tab], run: () => go({ tab }) }));
  useShortcuts(
    (trace === undefined ? runKeys : traceKeys).map((one, i) => ({ ...one, key: String(i + 1) })),
    isShown && (trace !== undefined || run !== undefined),
  );
  const hasFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") === true;
  return (
    <div
      class={`inspector${isOver ? " inspector-over" : ""}`}
      onDragOver={(event) => {
        if (!hasFiles(event)) return;
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={(event) => {
        if (event.relatedTarget === null || !event.currentTarget.contains(event.relatedTarget as Node)) setOver(false);
      }}
      onDrop={(event) => {
        if (!hasFiles(event)) return;
        event.preventDefault();
        setOver(false);
        if (event.dataTransfer !== null) void droppedFiles(event.dataTransfer).then(openAll);
      }}
    >
      <OpenState />
      <Connection />
      {trace !== undefined ? (
        <Opened trace={trace} />
      ) : run !== undefined ? (
        <RunView key={run.number} run={run} />
      ) : (
        <First />
      )}
    </div>
  );
}

/** Runs of a server, and what can be opened. */
function First(): JSX.Element {
  const texts = t().inspector.runs;
  const last = loaded.value.at(-1);
  return (
    <>
      {api === undefined ? undefined : <RunListView />}
      <OpenRuns />
      {last === undefined ? undefined : (
        <p>
          <Button onClick={() => show(last)}>{texts.tracesOpen(loaded.value.length)}</Button>
        </p>
      )}
      <OpenPanel />
    </>
  );
}

function Opened({ trace }: { readonly trace: LoadedTrace }): JSX.Element {
  const texts = t().inspector;
  const all = loaded.value;
  const run = shownRun.value;
  return (
    <>
      <header class="inspector-head">
        {run === undefined && api === undefined && openRuns.value.length === 0 ? undefined : (
          <Button icon="left" onClick={() => show(undefined)}>
            {run === undefined ? texts.runs.back : texts.runs.backTo(run.name)}
          </Button>
        )}
        <Select
          label={texts.traceLabel}
          isLabelHidden
          value={String(trace.number)}
          options={all.map(({ number, fileName }, i) => ({ value: String(number), label: `${i + 1}. ${fileName}` }))}
          onChange={(value) => show(all.find(({ number }) => number === Number(value)))}
        />
        <Summary trace={trace} />
        <OpenButton />
        <Button onClick={() => closeTrace(trace)}>{texts.closeFile}</Button>
      </header>
      <Tabs
        label={texts.viewsLabel}
        current={roomView.value}
        onSelect={(view) => {
          roomView.value = view;
        }}
        tabs={[
          { id: "graph", label: texts.views.graph, content: () => <GraphsView trace={trace} /> },
          {
            id: "health",
            label:
              trace.findings.length === 0 ? texts.views.health : `${texts.views.health} (${trace.findings.length})`,
            content: () => <HealthView trace={trace} />,
          },
          { id: "memory", label: texts.views.memory, content: () => <MemoryView trace={trace} /> },
          { id: "time", label: texts.views.time, content: () => <TimeView trace={trace} /> },
          { id: "compare", label: texts.views.compare, content: () => <CompareView /> },
        ]}
      />
    </>
  );
}

function Summary({ trace }: { readonly trace: LoadedTrace }): JSX.Element {
  const texts = t().inspector;
  const { model, optimizer, step, lossValue, device, operations, date } = trace.outline;
  const parts = [
    model,
    optimizer === "" ? texts.noOptimizer : optimizer,
    ...(step === undefined ? [] : [texts.stepNumber(formatCount(step))]),
    texts.lossValue(formatNumber(lossValue, 6)),
    texts.operationCount(operations.length),
    device,
    date,
  ];
  return <p class="inspector-summary">{parts.join(" · ")}</p>;
}
