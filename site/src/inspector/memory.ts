/** What is kept for the backward pass, by module. */
import { type Group, type GraphModel } from "./graph-model.ts";

export interface MemoryRow {
  readonly group: Group;
  /** Bytes of results that exist only because the backward pass reads them. */
  readonly kept: number;
  /** Bytes of parameters, buffers and data that it reads: they are there anyway. */
  readonly read: number;
  /** Number of results. */
  readonly tensors: number;
  /** The operation of the largest result. */
  readonly largest: number | undefined;
}

/** By group with operations of its own that are read, the most first. */
export function memoryRows(model: GraphModel): MemoryRow[] {
  const rows = new Map<Group, { kept: number; read: number; tensors: number; largest: number | undefined }>();
  model.operations.forEach(({ keptBytes, inputs }, at) => {
    if (keptBytes === 0 || model.foldOf[at] === "constant") return;
    const group = model.groupOf[at] as Group;
    const row = rows.get(group) ?? { kept: 0, read: 0, tensors: 0, largest: undefined };
    rows.set(group, row);
    if (inputs.length === 0) {
      row.read += keptBytes;
      return;
    }
    row.kept += keptBytes;
    row.tensors++;
    const most = row.largest === undefined ? 0 : (model.operations[row.largest]?.keptBytes ?? 0);
    if (keptBytes > most) row.largest = at;
  });
  return [...rows].map(([group, row]) => ({ group, ...row })).sort((a, b) => b.kept - a.kept || b.read - a.read);
}
