/** Where the time of the step went: bars by module, and a table of kernels. */
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import type { TracePhase } from "twopass/inspect";
import { t } from "../text/text.ts";
import { formatCount, formatNumber, formatShare } from "../view/number.ts";
import { type Column, DataTable } from "./data-table.tsx";
import { groupId } from "./graph-model.ts";
import { type KernelRow, type TimeBar, kernelRows, timeBars, totalTime } from "./kernel-time.ts";
import { type LoadedTrace, roomView, select } from "./store.ts";

const phases: readonly TracePhase[] = ["forward", "backward", "update"];
const barHeight = 24;
/** Share of all time below which a bar cannot be seen. */
const leastShare = 0.0005;

export function TimeView({ trace }: { readonly trace: LoadedTrace }): JSX.Element {
  const texts = t().inspector;
  const { kernels } = trace.outline;
  const rows = useMemo(() => kernelRows(kernels), [kernels]);
  if (kernels.length === 0) {
    return (
      <section class="inspector-page">
        <h2>{texts.views.time}</h2>
        <p>{texts.noKernels}</p>
      </section>
    );
  }
  const number = (
    id: string,
    label: string,
    order: (row: KernelRow) => number | undefined,
    show: (amount: number) => string = (amount) => formatNumber(amount, 3),
  ): Column<KernelRow> => ({
    id,
    label,
    isNumber: true,
    order,
    cell: (row) => {
      const amount = order(row);
      return amount === undefined ? "" : show(amount);
    },
  });
  const columns: readonly Column<KernelRow>[] = [
    number("place", texts.place, ({ place }) => place + 1, formatCount),
    {
      id: "module",
      label: texts.factModule,
      order: ({ path }) => path,
      cell: ({ path }) => <ModuleLink path={path} trace={trace} />,
    },
    { id: "label", label: texts.kernel, order: ({ label }) => label, cell: ({ label }) => label },
    { id: "kind", label: texts.kernelKind, order: ({ kernel }) => kernel.kind, cell: ({ kernel }) => kernel.kind },
    {
      id: "phase",
      label: texts.factPhase,
      order: ({ kernel }) => phases.indexOf(kernel.phase),
      cell: ({ kernel: { phase } }) => (
        <>
          <span class={`inspector-phase inspector-${phase}`} aria-hidden="true">
            {texts.phaseLetters[phase]}
          </span>{" "}
          {texts.phases[phase]}
        </>
      ),
    },
    number("time", texts.milliseconds, ({ kernel }) => kernel.milliseconds),
    number("share", texts.share, ({ share }) => share, formatShare),
    number("gflops", "GFLOP/s", ({ gflops }) => gflops),
    number("gigabytes", "GB/s", ({ gigabytes }) => gigabytes),
  ];
  return (
    <section class="inspector-page">
      <h2>{texts.views.time}</h2>
      <PhaseTimes trace={trace} />
      <FlameBars trace={trace} />
      <DataTable
        key={trace.number}
        caption={texts.kernelCaption}
        columns={columns}
        rows={rows}
        keyOf={({ place }) => String(place)}
        sorted={{ by: "time", isDown: true }}
      />
    </section>
  );
}

function PhaseTimes({ trace }: { readonly trace: LoadedTrace }): JSX.Element {
  const texts = t().inspector;
  const { kernels, device } = trace.outline;
  const total = totalTime(kernels);
  return (
    <>
      <p>{texts.timeTotal(formatNumber(total), formatCount(kernels.length), device)}</p>
      <ul class="inspector-phases">
        {phases.map((phase) => {
          const time = totalTime(kernels.filter((kernel) => kernel.phase === phase));
          return (
            <li key={phase}>
              <span class={`inspector-phase inspector-${phase}`} aria-hidden="true">
                {texts.phaseLetters[phase]}
              </span>{" "}
              {texts.phaseTime(texts.phases[phase], formatNumber(time, 3), formatShare(total > 0 ? time / total : 0))}
            </li>
          );
        })}
      </ul>
    </>
  );
}

/** Below each bar stand its parts. The colours of the phases are in the order forward, backward, update. */
function FlameBars({ trace }: { readonly trace: LoadedTrace }): JSX.Element {
  const texts = t().inspector;
  const bars = useMemo(() => timeBars(trace.outline.kernels), [trace]);
  const total = Math.max(Number.MIN_VALUE, bars[0]?.milliseconds ?? 0);
  const shown = bars.filter(({ milliseconds }) => milliseconds / total > leastShare);
  const depth = shown.reduce((most, bar) => Math.max(most, bar.depth), 0);
  const describe = (bar: TimeBar): string =>
    texts.barText(
      bar.path === "" ? texts.modelName : bar.path,
      formatNumber(bar.milliseconds, 3),
      formatShare(bar.milliseconds / total),
      phases.map((phase) => `${texts.phases[phase]} ${formatNumber(bar.phases[phase], 3)}`).join(", "),
    );
  return (
    <figure class="inspector-flame">
      <figcaption>{texts.flameCaption}</figcaption>
      <ul style={`height:${(depth + 1) * barHeight}px`}>
        {shown.map((bar) => (
          <li
            key={bar.path}
            style={`left:${(100 * bar.from) / total}%;width:${(100 * bar.milliseconds) / total}%;top:${bar.depth * barHeight}px`}
          >
            <button
              type="button"
              title={describe(bar)}
              aria-label={describe(bar)}
              onClick={() => goToModule(trace, bar.path)}
            >
              <span class="inspector-flame-name">{bar.path === "" ? texts.modelName : bar.name}</span>
              <span class="inspector-flame-phases" aria-hidden="true">
                {phases.map((phase) => (
                  <span key={phase} class={`inspector-flame-${phase}`} style={`flex-grow:${bar.phases[phase]}`} />
                ))}
              </span>
            </button>
          </li>
        ))}
      </ul>
    </figure>
  );
}

function goToModule(trace: LoadedTrace, path: string): void {
  const id = groupId(path);
  if (!trace.model.groups.has(id)) return;
  roomView.value = "graph";
  select(id);
}

function ModuleLink({ path, trace }: { readonly path: string; readonly trace: LoadedTrace }): JSX.Element | null {
  if (path === "") return null;
  return trace.model.groups.has(groupId(path)) ? (
    <button type="button" class="inspector-link" onClick={() => goToModule(trace, path)}>
      {path}
    </button>
  ) : (
    <>{path}</>
  );
}
