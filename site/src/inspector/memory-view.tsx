/** Bytes that are kept for the backward pass, by module. */
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { t } from "../text/text.ts";
import { formatCount, formatShare } from "../view/number.ts";
import { type Column, DataTable } from "./data-table.tsx";
import { operationName } from "./graph-model.ts";
import { type MemoryRow, memoryRows } from "./memory.ts";
import { groupName } from "./names.ts";
import { type LoadedTrace, roomView, select } from "./store.ts";
import { operationId, shapeText } from "./visible-graph.ts";

export function MemoryView({ trace }: { readonly trace: LoadedTrace }): JSX.Element {
  const texts = t().inspector;
  const rows = useMemo(() => memoryRows(trace.model), [trace]);
  const total = rows.reduce((sum, { kept }) => sum + kept, 0);
  const read = rows.reduce((sum, row) => sum + row.read, 0);
  const most = rows[0]?.kept ?? 0;
  const goTo = (id: string): void => {
    roomView.value = "graph";
    select(id);
  };
  const columns: readonly Column<MemoryRow>[] = [
    {
      id: "module",
      label: texts.factModule,
      order: ({ group }) => groupName(group),
      cell: ({ group }) => (
        <button type="button" class="inspector-link" onClick={() => goTo(group.id)}>
          {groupName(group)}
        </button>
      ),
    },
    { id: "type", label: texts.factType, order: ({ group }) => group.type, cell: ({ group }) => group.type },
    {
      id: "kept",
      label: texts.keptBytes,
      isNumber: true,
      order: ({ kept }) => kept,
      cell: ({ kept }) => (
        <span class="inspector-barred">
          <span class="inspector-bar" style={`width:${most > 0 ? (100 * kept) / most : 0}%`} aria-hidden="true" />
          {formatCount(kept)}
        </span>
      ),
    },
    {
      id: "share",
      label: texts.share,
      isNumber: true,
      order: ({ kept }) => kept,
      cell: ({ kept }) => formatShare(total > 0 ? kept / total : 0),
    },
    {
      id: "tensors",
      label: texts.tensors,
      isNumber: true,
      order: ({ tensors }) => tensors,
      cell: ({ tensors }) => formatCount(tensors),
    },
    {
      id: "largest",
      label: texts.largestTensor,
      order: ({ largest }) => (largest === undefined ? undefined : trace.model.operations[largest]?.keptBytes),
      cell: ({ largest }) => {
        const operation = largest === undefined ? undefined : trace.model.operations[largest];
        return largest === undefined || operation === undefined ? undefined : (
          <button type="button" class="inspector-link" onClick={() => goTo(operationId(largest))}>
            {operationName(operation)} {shapeText(operation.shape)}
          </button>
        );
      },
    },
    {
      id: "read",
      label: texts.readBytes,
      isNumber: true,
      order: (row) => row.read,
      cell: (row) => formatCount(row.read),
    },
  ];
  return (
    <section class="inspector-page">
      <h2>{texts.views.memory}</h2>
      <p>{texts.memoryTotal(formatCount(total), formatCount(read))}</p>
      <p class="inspector-muted">{texts.memoryAbout}</p>
      <DataTable
        key={trace.number}
        caption={texts.memoryCaption}
        columns={columns}
        rows={rows}
        keyOf={({ group }) => group.id}
        sorted={{ by: "kept", isDown: true }}
      />
    </section>
  );
}
