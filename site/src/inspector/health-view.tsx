/** What is not well in the step, worst first. */
import type { JSX } from "preact";
import { t } from "../text/text.ts";
import { Button } from "../view/button.tsx";
import { FindingText } from "./finding-text.tsx";
import { type LoadedTrace, roomView, select, selectParameter } from "./store.ts";
import { operationId } from "./visible-graph.ts";

export function HealthView({ trace }: { readonly trace: LoadedTrace }): JSX.Element {
  const texts = t().inspector;
  const captured = trace.findings.length;
  return (
    <section class="inspector-page">
      <h2>{texts.views.health}</h2>
      <p class="inspector-muted">{texts.healthAbout}</p>
      {captured === 0 ? (
        <p>{texts.healthy}</p>
      ) : (
        <ol class="inspector-findings">
          {trace.findings.map((finding) => {
            const { kind, operation, path } = finding;
            return (
              <li key={`${kind} ${operation ?? ""} ${path}`}>
                <FindingText finding={finding} trace={trace} />
                <Button
                  onClick={() => {
                    roomView.value = "graph";
                    if (operation === undefined) selectParameter(path);
                    else select(operationId(operation));
                  }}
                >
                  {texts.showInGraph}
                </Button>
              </li>
            );
          })}
        </ol>
      )}
    </section>
  );
}
