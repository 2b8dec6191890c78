/** The steps of a run of which there is a trace. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { t } from "../../text/text.ts";
import { Button } from "../../view/button.tsx";
import { formatCount } from "../../view/number.ts";
import { Select } from "../../view/select.tsx";
import { type OpenRun, openSteps } from "./runs-store.ts";

export function RunTracesView({ run }: { readonly run: OpenRun }): JSX.Element {
  const { runs: texts, first, second, stepNumber } = t().inspector;
  const { traces } = run.outline.value;
  const [chosen, setChosen] = useState<readonly [number | undefined, number | undefined]>([undefined, undefined]);
  if (traces.length === 0) return <p>{texts.noTraces}</p>;
  const a = chosen[0] ?? (traces[0] as number);
  const b = chosen[1] ?? (traces.at(-1) as number);
  const options = traces.map((step) => ({ value: String(step), label: stepNumber(formatCount(step)) }));
  return (
    <>
      <h3>{texts.traces}</h3>
      <ul class="runs-steps" aria-label={texts.traces} tabIndex={0}>
        {traces.map((step) => (
          <li key={step}>
            <Button onClick={() => void openSteps(run, [step])}>{stepNumber(formatCount(step))}</Button>
          </li>
        ))}
      </ul>
      {traces.length < 2 ? undefined : (
        <>
          <h3>{texts.compareSteps}</h3>
          <div class="inspector-line runs-bottom">
            <Select
              label={first}
              value={String(a)}
              options={options}
              onChange={(value) => setChosen([Number(value), b])}
            />
            <Select
              label={second}
              value={String(b)}
              options={options}
              onChange={(value) => setChosen([a, Number(value)])}
            />
            <Button isDisabled={a === b} onClick={() => void openSteps(run, [a, b])}>
              {texts.compareSteps}
            </Button>
          </div>
        </>
      )}
    </>
  );
}
