/**
 * The levels of a loop kernel while it is made: folds divide it, and what depends on a fold runs in the level after it.
 * Floor: schedule.
 */
import type { Scalar } from "../ir/scalar.ts";
import { type Statement, scalarsOf } from "./kernel.ts";

export class Levels {
  /** By number: the level in which it is summed up, and whether it is read while that goes on. */
  readonly accumulators: { readonly level: number; readonly running: boolean }[] = [];
  /** `row`: once for each row, in front of what goes along it. */
  readonly statements: { readonly level: number; readonly row: boolean; readonly statement: Statement }[] = [];
  readonly #known = new Map<Scalar, number>();

  /** How many folds must be over before a computation can start. */
  of(s: Scalar): number {
    let level = this.#known.get(s);
    if (level === undefined) {
      if (s.instruction === "load" && s.name === "row") {
        const a = this.accumulators[s.value] as (typeof this.accumulators)[number];
        level = a.running ? a.level : a.level + 1;
      } else level = s.args.reduce((most, arg) => Math.max(most, this.of(arg)), 0);
      this.#known.set(s, level);
    }
    return level;
  }

  /** Whether statements or results of later levels need a computation, not by way of what is read back (`again`). */
  isUsedAfter(s: Scalar, level: number, again: ReadonlyMap<Scalar, number>, results: readonly Scalar[]): boolean {
    const isUsedAt = (root: Scalar, at: number): boolean => {
      const seen = new Set<Scalar>();
      const reaches = (x: Scalar): boolean => {
        if (x === s) return true;
        if (seen.has(x) || (again.get(x) ?? at) < at) return false;
        seen.add(x);
        return x.args.some(reaches);
      };
      return reaches(root);
    };
    const byStatement = this.statements.some(
      ({ level: at, row, statement }) => !row && at > level && scalarsOf(statement).some((root) => isUsedAt(root, at)),
    );
    return byStatement || results.some((x) => x !== s && this.of(x) > level && isUsedAt(x, this.of(x)));
  }
}

/** About how many instructions a computation takes, each once. */
export function costOf(s: Scalar): number {
  const seen = new Set<Scalar>();
  const count = (x: Scalar): number => {
    if (seen.has(x) || x.instruction === "const" || x.instruction === "argument") return 0;
    seen.add(x);
    const own = x.instruction === "call" ? 40 : x.instruction === "div" || x.instruction === "sqrt" ? 4 : 1;
    return x.args.reduce((sum, arg) => sum + count(arg), own);
  };
  return count(s);
}
