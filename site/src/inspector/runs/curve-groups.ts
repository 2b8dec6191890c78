/** Scalars that belong in one drawing. */

/** Names by what they tell: "train/loss" and "val/loss" are losses. What belongs to no part of the data is by itself. */
export function groupsOf(names: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>();
  for (const name of names) {
    const group = name.replace(/^(batch|train|val|valid|validation|test)\//, "");
    groups.set(group, [...(groups.get(group) ?? []), name]);
  }
  // Losses first, then what is of several parts of the data.
  const rank = ([group, all]: readonly [string, readonly string[]]): number =>
    group.endsWith("loss") ? 0 : all.some((name) => name !== group) ? 1 : 2;
  return new Map([...groups].sort((a, b) => rank(a) - rank(b)));
}
