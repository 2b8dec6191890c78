/**
 * What the library does not have yet, with the reason, by section and PyTorch's name. An entry whose name has become
 * available fails the run, and so does a name that is neither available nor listed.
 */
export const skipLists = ["ops", "modules", "optim", "training"] as const;
export type SkipList = (typeof skipLists)[number];

/** Something that a case needs and the library lacks. */
export interface Missing {
  readonly list: SkipList;
  /** PyTorch's name. */
  readonly name: string;
  /** What would have to be there. */
  readonly needs: string;
}

/** Names separated by white space, all for one reason. */
function list(reasons: Readonly<Record<string, string>>): Map<string, string> {
  const all = new Map<string, string>();
  for (const [reason, names] of Object.entries(reasons)) {
    for (const name of names.trim().split(/\s+/)) {
      if (all.has(name)) throw new Error(`skips.ts lists ${name} twice`);
      all.set(name, reason);
    }
  }
  return all;
}

export const skips: Readonly<Record<SkipList, ReadonlyMap<string, string>>> = {
  ops: list({}),
  modules: list({}),
  optim: list({}),
  training: list({}),
};
