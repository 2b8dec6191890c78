/** What groups and operations are called in the language that is shown. */
import { computed } from "@preact/signals";
import { t } from "../text/text.ts";
import { type Group, type GraphModel, lossGroup, operationName, updateGroup } from "./graph-model.ts";
import { operationOf } from "./visible-graph.ts";

const names = computed<Readonly<Record<string, string>>>(() => {
  const { lossName, updateName } = t().inspector;
  return { [lossGroup]: lossName, [updateGroup]: updateName };
});

/** By id of a group that has no path. */
export function groupNames(): Readonly<Record<string, string>> {
  return names.value;
}

export function groupName({ id, path }: Group): string {
  return groupNames()[id] ?? (path === "" ? t().inspector.modelName : path);
}

/** Of an operation or group by its id. */
export function nameOf(model: GraphModel, id: string): string {
  const at = operationOf(id);
  if (at === undefined) {
    const group = model.groups.get(id);
    return group === undefined ? id : groupName(group);
  }
  const operation = model.operations[at];
  return operation === undefined ? id : operationName(operation);
}
