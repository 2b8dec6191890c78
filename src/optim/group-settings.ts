/**
 * Settings of a group of parameters, with an eye on their changes: some change the graph of a step. Their checks are in
 * settings.ts. Floor: optim.
 */
import { structureChanged } from "../tensor/capture.ts";

/** Settings that are not undefined, over others. */
export function overlay<S extends object>(standard: S, own: Partial<S> | undefined): S {
  const merged = { ...standard };
  for (const key in own) if (own[key] !== undefined) merged[key] = own[key] as S[Extract<keyof S, string>];
  return merged;
}

/** Whether a graph is being built by an `update` that may use any setting as it is. */
let isAsking = false;

/** Builds a graph with `update`: the settings that it reads are part of the graph from now on. */
export function noteReads<T>(update: () => T): T {
  isAsking = true;
  try {
    return update();
  } finally {
    isAsking = false;
  }
}

/** Whether a setting is not 0 or false, in an `update` that uses it in no other way: only that is part of the graph. */
export function has<S extends object>(group: S, key: keyof S): boolean {
  const before = isAsking;
  isAsking = false;
  const value = group[key];
  isAsking = before;
  return Boolean(value);
}

/**
 * Settings whose changes are seen: a step has another graph where a setting becomes 0 or false or no longer is, and for
 * another value of one that is a part of it. Rates and the like are read at each step.
 */
export function watched<S extends object>(settings: S): S {
  const group = {} as S;
  for (const key of Object.keys(settings) as (keyof S & string)[]) {
    let value = settings[key];
    let isPart = false;
    Object.defineProperty(group, key, {
      enumerable: true,
      configurable: true,
      get: () => {
        isPart ||= isAsking;
        return value;
      },
      set: (to: typeof value) => {
        const isOther = isPart ? to !== value : key !== "lr" && Boolean(to) !== Boolean(value);
        value = to;
        if (isOther) structureChanged(`${key} of an optimiser changed`);
      },
    });
  }
  return group;
}
