/**
 * The values of a loop kernel's statements in C: each computation is a line with a name. At a time one vector of lanes is
 * computed, or several side by side, or what is the same in all lanes. Floor: codegen.
 */
import type { Scalar } from "../../../ir/scalar.ts";
import {
  type Access,
  type Level,
  type LoopKernel,
  type Statement,
  fixedScalars,
  scalarsOf,
} from "../../../schedule/kernel.ts";
import type { LoopAccesses, Place, StoreStatement, VectorPlace } from "./accesses.ts";
import type { Folds } from "./folds.ts";
import { type Spell, type Suffix, instruction, registerType, splat } from "../scalar.ts";
import type { CText } from "../text.ts";

/** Names of values that are computed already: one for all vectors that are computed side by side, or one for each. */
export type Known = Map<Scalar, readonly string[]>;

/** Vectors that are computed side by side, or what is the same in all lanes. */
export type Places = readonly VectorPlace[] | "uniform";

/** Arithmetic instructions of a loop's body from which, and up to which, vectors are computed side by side. */
const sideLeast = 12;
const sideMost = 80;
/** Up to which more than four are. */
const sideWide = 30;

/** What computations read, write and fold, and where their text goes. */
export interface ValueContext {
  readonly kernel: LoopKernel;
  readonly text: CText;
  readonly suffix: Suffix;
  readonly lanes: number;
  readonly access: LoopAccesses;
  readonly folds: Folds;
}

export class LoopValues {
  readonly #kernel: LoopKernel;
  readonly #text: CText;
  readonly #suffix: Suffix;
  readonly #lanes: number;
  readonly #access: LoopAccesses;
  readonly #folds: Folds;

  constructor({ kernel, text, suffix, lanes, access, folds }: ValueContext) {
    this.#kernel = kernel;
    this.#text = text;
    this.#suffix = suffix;
    this.#lanes = lanes;
    this.#access = access;
    this.#folds = folds;
  }

  /** The numbers of the call. */
  numbers(): Known {
    const known: Known = new Map();
    const seen = new Set<Scalar>();
    const visit = (s: Scalar): void => {
      if (seen.has(s)) return;
      seen.add(s);
      if (s.instruction === "argument") this.#define(s, known, "uniform", () => this.#access.number(s));
      s.args.forEach(visit);
    };
    for (const level of this.#kernel.levels) [...level.row, ...level.loop].flatMap(scalarsOf).forEach(visit);
    return known;
  }

  /** All values of the statements first, then all stores: a statement may overwrite what another one reads. */
  run(statements: readonly Statement[], reload: Level["reload"], places: Places, here: Known): void {
    for (const s of statements) {
      if (s.kind !== "fold" || places === "uniform") continue;
      const values = this.#evaluate(s.value, reload, places, here);
      const positions = s.position === undefined ? [] : this.#evaluate(s.position, reload, places, here);
      this.#folds.step(s, values, positions, places);
    }
    const stores = statements.filter((s): s is StoreStatement => s.kind === "store");
    const names = stores.map((s) => ({
      s,
      values: this.#evaluate(s.value, reload, places, here),
      indices: s.index === undefined ? undefined : this.#evaluate(s.index, reload, places, here),
    }));
    const at = (list: readonly string[], i: number): string => list[i % list.length] as string;
    const all = places === "uniform" ? (["uniform"] as const) : places;
    all.forEach((place, i) => {
      const list = names.map(({ s, values, indices }) => ({
        s,
        value: at(values, i),
        index: indices === undefined ? undefined : at(indices, i),
      }));
      this.#access.stores(this.#text, list, place);
    });
  }

  /** Computes in front of a lane loop all that is the same in all its lanes. */
  hoist(statements: readonly Statement[], reload: Level["reload"], known: Known): Known {
    const here: Known = new Map(known);
    const isFixed = (s: Scalar): boolean => this.#access.sameInAllLanes(s) && !this.#folds.isRunning(s);
    for (const s of fixedScalars(statements, reload, isFixed)) this.#evaluate(s, reload, "uniform", here);
    return here;
  }

  /** Defines a value, at each place what `expression` gives for it. */
  #define(s: Scalar, here: Known, places: Places, expression: (place: Place, i: number) => string): readonly string[] {
    const base = this.#text.name("v");
    const all = places === "uniform" ? (["uniform"] as const) : places;
    const names = all.map((place, i) => {
      const name = all.length === 1 ? base : `${base}${"abcdefgh"[i]}`;
      this.#text.line(`const ${registerType(s.dtype, this.#suffix)} ${name} = ${expression(place, i)};`);
      return name;
    });
    here.set(s, names);
    return names;
  }

  /** The names of a computation's value, or a constant; computes each thing once. */
  #evaluate(given: Scalar, reload: Level["reload"], places: Places, here: Known): readonly string[] {
    const s = reload.get(given) ?? given;
    if (s.instruction === "const") return [instruction(s, this.#suffix, () => "")];
    const known = here.get(s);
    if (known !== undefined) return known;
    if (s.instruction === "load" && s.name === "row") {
      const results = this.#folds.result(s.value, places === "uniform" ? [] : places);
      if (results.every((result) => /^\w+$/.test(result))) return results;
      return this.#define(s, here, places, (_, i) => results[i] as string);
    }
    const args = new Map(s.args.map((arg) => [arg, this.#evaluate(arg, reload, places, here)]));
    const nameAt = (i: number): Spell => {
      return (arg) => {
        const names = args.get(arg) as readonly string[];
        return names[i % names.length] as string;
      };
    };
    if (s.instruction === "call") return this.#call(s, here, places, nameAt(0));
    return this.#define(s, here, places, (place, i) => {
      if (s.instruction === "load") return this.#access.load(s, place, nameAt(i));
      if (s.instruction === "index") return this.#access.index(s, place);
      return instruction(s, this.#suffix, nameAt(i));
    });
  }

  /** A function of single numbers, lane by lane. */
  #call(s: Scalar, here: Known, places: Places, name: Spell): readonly string[] {
    const args = s.args.map(name);
    const one = (lane: string): string => `host_${s.name}(${args.map((arg) => `${arg}[${lane}]`).join(", ")})`;
    if (places === "uniform") return this.#define(s, here, places, () => splat("float64", "h", one("0")));
    const result = this.#text.name("v");
    const left = (places[0] as VectorPlace).left;
    this.#text.line(`f64v ${result} = {};`);
    this.#text.line(`for (int l = 0; l < ${this.#lanes} && l < ${left}; l++) ${result}[l] = ${one("l")};`);
    here.set(s, [result]);
    return [result];
  }

  /** Of known values those that do not come from memory that the kernel writes. */
  lasting(known: Known): Known {
    const written = new Set<number>();
    for (const level of this.#kernel.levels) {
      for (const s of [...level.row, ...level.loop]) {
        if (s.kind === "store") written.add((this.#kernel.accesses[s.access] as Access).buffer);
      }
    }
    const answers = new Map<Scalar, boolean>();
    const lasts = (s: Scalar): boolean => {
      let answer = answers.get(s);
      if (answer === undefined) {
        const isMemory = s.instruction === "load" && s.name !== "row";
        const { buffer } = (isMemory ? this.#kernel.accesses[s.value] : undefined) ?? { buffer: -1 };
        answer = !written.has(buffer) && s.args.every(lasts);
        answers.set(s, answer);
      }
      return answer;
    };
    return new Map([...known].filter(([s]) => lasts(s)));
  }

  /**
   * How many vectors to compute side by side: `most`, fewer, or one. Long chains of instructions that wait for each other gain from it;
   * those shorter than `least` do not, and very long ones need too many registers.
   */
  sideBySide(
    statements: readonly Statement[],
    reload: Level["reload"],
    known: Known,
    most: number,
    least = sideLeast,
  ): number {
    const seen = new Set<Scalar>();
    let count = 0;
    let calls = false;
    const visit = (given: Scalar): void => {
      const s = reload.get(given) ?? given;
      if (seen.has(s) || known.has(s) || s.instruction === "const") return;
      seen.add(s);
      if (s.instruction === "call" || (s.args.length === 1 && s.instruction === "load")) calls = true;
      if (s.args.length > 0) count++;
      s.args.forEach(visit);
    };
    statements.flatMap(scalarsOf).forEach(visit);
    if (calls || count < least || count > sideMost) return 1;
    return count > sideWide ? Math.min(most, 4) : most;
  }
}
