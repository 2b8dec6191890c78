/** A run: where in it one is, and its views. */
import type { JSX } from "preact";
import { t } from "../../text/text.ts";
import { Button } from "../../view/button.tsx";
import { formatShare } from "../../view/number.ts";
import { Tabs } from "../../view/tabs.tsx";
import { client } from "../store.ts";
import { CurvesView } from "./curves-view.tsx";
import { DistributionsView } from "./distributions-view.tsx";
import { GradientsView } from "./gradients-view.tsx";
import { RunCompareView } from "./run-compare-view.tsx";
import { RunState } from "./run-list-view.tsx";
import { RunTracesView } from "./run-traces-view.tsx";
import "./runs.css";
import { type OpenRun, closeRun, go, place, runTabs, showRun } from "./runs-store.ts";
import { Scrubber } from "./scrubber.tsx";
import { useAnswer } from "./use-answer.ts";

export function RunView({ run }: { readonly run: OpenRun }): JSX.Element {
  const texts = t().inspector.runs;
  const { version } = run.outline.value;
  const { tab, at } = place.value;
  const moment = useAnswer("", [version, at], () => client().call("moment", run.number, at));
  const contents = {
    curves: () => <CurvesView run={run} />,
    gradients: () => <GradientsView run={run} moment={moment} />,
    distributions: () => <DistributionsView run={run} />,
    traces: () => <RunTracesView run={run} />,
    compare: () => <RunCompareView run={run} />,
  };
  return (
    <>
      <header class="inspector-head">
        <Button icon="left" onClick={() => showRun(undefined)}>
          {texts.back}
        </Button>
        <Summary run={run} />
        <Button onClick={() => closeRun(run)}>{texts.close}</Button>
      </header>
      <Troubles run={run} />
      <Scrubber run={run} moment={moment} />
      <Tabs
        label={texts.views}
        current={tab}
        onSelect={(next) => go({ tab: next })}
        tabs={runTabs.map((id) => ({
          id,
          label: texts.tabs[id],
          content: () => (
            <section class="inspector-page">
              <h2 class="visually-hidden">{texts.tabs[id]}</h2>
              {contents[id]()}
            </section>
          ),
        }))}
      />
    </>
  );
}

function Summary({ run }: { readonly run: OpenRun }): JSX.Element {
  const texts = t().inspector.runs;
  const { model, optimizer, device, date, isRunning, records } = run.outline.value;
  const parts = [model, optimizer, device, texts.begun(date), texts.recordCount(records)];
  return (
    <p class="inspector-summary">
      <b>
        <code>{run.name}</code>
      </b>{" "}
      <RunState isRunning={isRunning} /> · {parts.join(" · ")}
    </p>
  );
}

/** What is not read, or not yet. */
function Troubles({ run }: { readonly run: OpenRun }): JSX.Element {
  const texts = t().inspector.runs;
  const { readShare, failure, keptEvery, problems, problemCount } = run.outline.value;
  return (
    <div aria-live="polite">
      {readShare === undefined ? undefined : <p>{texts.readShare(formatShare(readShare))}</p>}
      {keptEvery === 1 ? undefined : <p>{texts.keptEvery(keptEvery)}</p>}
      {failure === undefined ? undefined : (
        <p class="runs-lost">
          {texts.failed} <code>{failure}</code>
        </p>
      )}
      {problemCount === 0 ? undefined : (
        <details class="inspector-problem">
          <summary>{texts.damaged(problemCount)}</summary>
          <ul>
            {problems.map((problem) => (
              <li key={problem}>
                <code>{problem}</code>
              </li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}
