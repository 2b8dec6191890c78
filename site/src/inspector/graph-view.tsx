/** Both graphs side by side, the tree that says the same, and what is known of the selection. */
import type { JSX } from "preact";
import { t } from "../text/text.ts";
import { Button } from "../view/button.tsx";
import { Switch } from "../view/switch.tsx";
import { DetailPanel } from "./detail-panel.tsx";
import { GraphCanvas } from "./graph-canvas.tsx";
import { nameOf } from "./names.ts";
import { type LoadedTrace, graphView, marks, selected, setOpen } from "./store.ts";
import { TreeList } from "./tree-list.tsx";
import { type Level, openAt } from "./visible-graph.ts";

const levels: readonly Level[] = ["modules", "layers", "operations"];

export function GraphsView({ trace }: { readonly trace: LoadedTrace }): JSX.Element {
  const texts = t().inspector;
  return (
    <div class="inspector-graphs">
      <h2 class="visually-hidden">{texts.views.graph}</h2>
      <div class="inspector-line">
        <span>{texts.openLevel}</span>
        {levels.map((level) => (
          <Button key={level} onClick={() => setOpen(openAt(trace.model, level))}>
            {texts.levels[level]}
          </Button>
        ))}
        <Switch
          label={texts.showFolded}
          isOn={graphView.value.hasFolded}
          onChange={(hasFolded) => {
            graphView.value = { ...graphView.value, hasFolded };
          }}
        />
        <Legend />
      </div>
      <p id="inspector-graph-keys" class="hint">
        {texts.graphKeys}
      </p>
      <p class="visually-hidden" aria-live="polite">
        <Said trace={trace} />
      </p>
      <div class="inspector-panes">
        <TreeList trace={trace} />
        <GraphCanvas pass="forward" />
        <GraphCanvas pass="backward" />
        <DetailPanel trace={trace} />
      </div>
    </div>
  );
}

/** What is selected, and what belongs to it in the other graph. */
function Said({ trace }: { readonly trace: LoadedTrace }): JSX.Element | null {
  const id = selected.value;
  if (id === undefined) return null;
  const linked = [...marks.value.keys()].filter((one) => one !== id).map((one) => nameOf(trace.model, one));
  return <>{t().inspector.selectionText(nameOf(trace.model, id), linked.slice(0, 5).join(", "))}</>;
}

function Legend(): JSX.Element {
  const texts = t().inspector;
  return (
    <ul class="inspector-legend" aria-label={texts.legend}>
      <li>
        <span class="inspector-key inspector-selected" aria-hidden="true" /> {texts.legendSelected}
      </li>
      <li>
        <span class="inspector-key inspector-derivative" aria-hidden="true" /> {texts.legendDerivative}
      </li>
      <li>
        <span class="inspector-key inspector-gradient" aria-hidden="true" /> {texts.legendGradient}
      </li>
      <li>
        <span class="inspector-reads" aria-hidden="true">
          ▸n
        </span>{" "}
        {texts.legendReads}
      </li>
    </ul>
  );
}
