/**
 * Loop kernels in C: loops around statements on vectors. The last vector of a row goes through the same instructions as
 * the others: it reads behind its row, and its spare lanes are neither stored nor folded. So the loop's body stands in
 * the text once, and results do not depend on where an element stands. Floor: codegen.
 */
import type { Scalar } from "../../ir/scalar.ts";
import { type Level, type LoopKernel, type Statement, laneLoop } from "../../schedule/kernel.ts";
import { Folds } from "./loop-folds.ts";
import { LoopAccesses, type Place, type StoreStatement, type VectorPlace } from "./loop-accesses.ts";
import { LoopWords, addsAtChosen, isTiled, lanesAreApart } from "./loop-arguments.ts";
import { type Spell, type Suffix, instruction, registerType, splat } from "./scalar.ts";
import type { CTarget } from "./target.ts";
import { CText } from "./text.ts";

/** Sums across go in blocks of so many elements, whose sums are then added: rounding errors stay small. */
const sumBlock = 4096;

/** Arithmetic instructions of a loop's body from which, and up to which, vectors are computed side by side. */
const sideLeast = 12;
const sideMost = 80;

/** Whether a kernel holds float64: then it has half as many lanes. */
function isWide(kernel: LoopKernel): boolean {
  const seen = new Set<Scalar>();
  const wide = (s: Scalar): boolean => {
    if (seen.has(s)) return false;
    seen.add(s);
    return s.dtype === "float64" || s.args.some(wide);
  };
  return (
    kernel.accesses.some((a) => a.dtype === "float64") ||
    kernel.levels.some((l) => [...l.row, ...l.loop].some((s) => scalarsOf(s).some(wide)))
  );
}

/** The computations that a statement starts from. */
function scalarsOf(s: Statement): Scalar[] {
  const second = s.kind === "store" ? s.index : s.position;
  return second === undefined ? [s.value] : [s.value, second];
}

/** A C function for a loop kernel, to stand behind the prelude of the target. */
export function loopSource(kernel: LoopKernel, name: string, target: CTarget): string {
  return new LoopWriter(kernel, target).source(name);
}

/** Names of values that are computed already: one for all vectors that are computed side by side, or one for each. */
type Known = Map<Scalar, readonly string[]>;

/** Vectors that are computed side by side, or what is the same in all lanes. */
type Places = readonly VectorPlace[] | "uniform";

class LoopWriter {
  readonly #kernel: LoopKernel;
  readonly #text = new CText();
  readonly #words: LoopWords;
  readonly #suffix: Suffix;
  readonly #lanes: number;
  /** Vectors that are computed side by side in loops that gain from it. */
  readonly #side: number;
  readonly #access: LoopAccesses;
  readonly #folds: Folds;
  /** Numbers of the call, in front of everything. */
  readonly #numbers: Known = new Map();

  constructor(kernel: LoopKernel, target: CTarget) {
    this.#kernel = kernel;
    const wide = isWide(kernel);
    this.#suffix = wide ? "h" : "v";
    this.#lanes = target.vectorBytes / (wide ? 8 : 4);
    // Without folds there is one loop, and nothing else to wait for: as many as the registers are good for.
    const isPlain = kernel.inner === 0 && kernel.levels.length === 1;
    this.#side = isPlain && target.isa === "avx512" ? 4 : 2;
    this.#words = new LoopWords(kernel);
    this.#access = new LoopAccesses(kernel, this.#suffix, this.#lanes);
    this.#folds = new Folds(kernel, this.#text, this.#suffix, this.#lanes);
  }

  source(name: string): string {
    const head = `void ${name}(const int64_t *args, int64_t from, int64_t to, char *workspace)`;
    this.#text.block(head, () => {
      this.#text.line("if (from >= to) return;");
      this.#kernel.extents.forEach((_, loop) => this.#text.line(`const int64_t e${loop} = args[${loop}];`));
      this.#access.declare(this.#text);
      this.#declareNumbers();
      if (this.#kernel.lanes === "across") this.#across();
      else if (addsAtChosen(this.#kernel)) this.#scatter();
      else this.#along();
    });
    return this.#text.toString();
  }

  #declareNumbers(): void {
    const visit = (s: Scalar, seen: Set<Scalar>): void => {
      if (seen.has(s)) return;
      seen.add(s);
      if (s.instruction === "argument") this.#define(s, this.#numbers, "uniform", () => this.#access.number(s));
      for (const arg of s.args) visit(arg, seen);
    };
    const seen = new Set<Scalar>();
    for (const level of this.#kernel.levels) {
      for (const s of [...level.row, ...level.loop]) for (const root of scalarsOf(s)) visit(root, seen);
    }
  }

  // Units.

  #across(): void {
    const outer = counters(0, this.#kernel.outer);
    this.#units(
      outer.map((name, loop) => [name, `e${loop}`]),
      () => {
        this.#access.starts(this.#text, outer, undefined);
        const inner = this.#innerLoops();
        for (const level of this.#kernel.levels) {
          this.#run(level.row, level.reload, "uniform", new Map(this.#numbers));
          if (level.loop.length === 0) continue;
          const active = this.#accessesOf(level.loop, level.reload);
          this.#folds.startAcross(level.loop);
          const rows = (): void => this.#loops(inner.slice(0, -1), active, () => this.#acrossLanes(level));
          if (inner.length > 1) this.#text.block("", rows);
          else rows();
          this.#folds.finishAcross(level.loop);
        }
      },
    );
  }

  #acrossLanes(level: Level): void {
    const extent = `e${laneLoop(this.#kernel)}`;
    const known = this.#hoist(level.loop, level.reload, this.#numbers);
    const side = this.#sideBySide(level.loop, level.reload, known);
    const body = (places: Places): void => this.#run(level.loop, level.reload, places, new Map(known));
    if (!this.#folds.sumsAcross(level.loop)) {
      this.#laneLoop("0", extent, side, body);
      return;
    }
    this.#text.block(`for (int64_t block = 0; block < ${extent}; block += ${sumBlock})`, () => {
      this.#text.line(`const int64_t stop = least(${extent}, block + ${sumBlock});`);
      this.#laneLoop("block", "stop", side, body);
      this.#folds.endBlock(level.loop);
    });
  }

  #along(): void {
    const lane = laneLoop(this.#kernel);
    const outer = counters(0, this.#kernel.outer);
    const digits: (readonly [string, string])[] = outer.map((name, loop) => [name, `e${loop}`]);
    const last = isTiled(this.#kernel) ? digits.length - 1 : digits.length;
    this.#text.line(`const int64_t size = args[${this.#words.laneBlock}], blocks = (e${lane} + size - 1) / size;`);
    digits.splice(last, 0, ["b", "blocks"]);
    this.#units(digits, () => {
      this.#text.line("const int64_t first = b * size, width = least(size, " + `e${lane} - first);`);
      if (this.#kernel.inner > 0 || this.#folds.any) this.#columns(outer);
      else {
        this.#access.starts(this.#text, outer, "first");
        const all = this.#kernel.levels.flatMap((l) => [...l.row, ...l.loop]);
        const known = this.#hoist(all, new Map(), this.#numbers);
        this.#laneLoop("0", "width", this.#sideBySide(all, new Map(), known), (places) => {
          for (const { row, loop, reload } of this.#kernel.levels) {
            this.#run(row, reload, places, new Map(known));
            this.#run(loop, reload, places, new Map(known));
          }
        });
      }
    });
  }

  /**
   * Columns that are folded, or computed from folds: rows are walked outside of lanes, so that memory is read as it lies.
   * The results of so many lanes stay in the workspace.
   */
  #columns(outer: readonly string[]): void {
    const most = this.#folds.columnLanes;
    this.#text.block(`for (int64_t part = 0; part < width; part += ${most})`, () => {
      this.#text.line(`const int64_t begin = first + part, count = least(${most}, width - part);`);
      this.#access.starts(this.#text, outer, "begin");
      const inner = this.#innerLoops();
      const lanes = (statements: readonly Statement[], reload: Level["reload"]): void => {
        const known = this.#hoist(statements, reload, this.#numbers);
        const side = this.#sideBySide(statements, reload, known);
        this.#laneLoop("0", "count", side, (places) => this.#run(statements, reload, places, new Map(known)));
      };
      for (const { row, loop, reload } of this.#kernel.levels) {
        if (row.length > 0) this.#text.block("", () => lanes(row, reload));
        if (loop.length === 0) continue;
        this.#folds.startColumns(loop);
        const active = this.#accessesOf(loop, reload);
        this.#text.block("", () => this.#loops(inner, active, () => lanes(loop, reload)));
      }
    });
  }

  /** Adding at chosen places: all rows one after the other, in a block of lanes if lanes do not meet. */
  #scatter(): void {
    const lane = laneLoop(this.#kernel);
    const outer = Array.from({ length: this.#kernel.outer }, (_, i) => i);
    const body = (first: string | undefined, width: string): void => {
      this.#access.starts(this.#text, [], first);
      const all = this.#kernel.accesses.map((_, a) => a);
      this.#loops(outer, all, () => {
        const level = this.#kernel.levels[0] as Level;
        const known = this.#hoist(level.loop, level.reload, this.#numbers);
        this.#laneLoop("0", width, 1, (places) => this.#run(level.loop, level.reload, places, new Map(known)));
      });
    };
    if (!lanesAreApart(this.#kernel)) {
      body(undefined, `e${lane}`);
      return;
    }
    this.#text.line(`const int64_t size = args[${this.#words.laneBlock}];`);
    this.#text.block("for (int64_t b = from; b < to; b++)", () => {
      this.#text.line(`const int64_t first = b * size, width = least(size, e${lane} - first);`);
      body("first", "width");
    });
  }

  /** Walks units from `from` to `to`; `digits` are counters with their extents, the last one is the fastest. */
  #units(digits: readonly (readonly [name: string, extent: string])[], body: () => void): void {
    const text = this.#text;
    if (digits.length === 0) {
      body();
      return;
    }
    const slowest = digits[0] as readonly [string, string];
    if (digits.length > 1) text.line("int64_t rest = from;");
    for (const [name, extent] of digits.slice(1).reverse()) {
      text.line(`int64_t ${name} = rest % ${extent};`);
      text.line(`rest /= ${extent};`);
    }
    text.line(`int64_t ${slowest[0]} = ${digits.length > 1 ? "rest" : "from"};`);
    text.block("for (int64_t unit = from; unit < to; unit++)", () => {
      body();
      for (const [name, extent] of digits.slice(1).reverse()) {
        text.line(`if (++${name} < ${extent}) continue;`);
        text.line(`${name} = 0;`);
      }
      text.line(`${slowest[0]}++;`);
    });
  }

  // Loops.

  #innerLoops(): number[] {
    const first = this.#kernel.outer + (this.#kernel.lanes === "along" ? 1 : 0);
    return Array.from({ length: this.#kernel.inner }, (_, i) => first + i);
  }

  /** Nested loops in which the `active` accesses move; `body` stands innermost. */
  #loops(loops: readonly number[], active: readonly number[], body: () => void): void {
    const loop = loops[0];
    if (loop === undefined) {
      body();
      return;
    }
    const before = this.#access.names;
    const names = [...before];
    for (const a of active) {
      names[a] = `p${a}_${loop}`;
      this.#text.line(`${this.#access.isCount(a) ? "int64_t " : "char *"}${names[a]} = ${before[a]};`);
    }
    this.#access.names = names;
    this.#text.block(`for (int64_t i${loop} = 0; i${loop} < e${loop}; i${loop}++)`, () => {
      this.#loops(loops.slice(1), active, body);
      for (const a of active) this.#text.line(`${names[a]} += ${this.#access.step(a, loop)};`);
    });
    this.#access.names = before;
  }

  /** A loop over vectors: `side` of them at a time, then one at a time. */
  #laneLoop(from: string, to: string, side: number, body: (places: readonly VectorPlace[]) => void): void {
    const text = this.#text;
    const lanes = this.#lanes;
    const one = (): void => {
      text.line(`const int64_t n = ${to} - i;`);
      body([{ lane: "i", left: "n" }]);
    };
    if (side === 1) {
      text.block(`for (int64_t i = ${from}; i < ${to}; i += ${lanes})`, one);
      return;
    }
    text.block("", () => {
      text.line(`int64_t i = ${from};`);
      text.block(`for (; i + ${side * lanes} <= ${to}; i += ${side * lanes})`, () => {
        body(Array.from({ length: side }, (_, c) => ({ lane: c === 0 ? "i" : `(i + ${c * lanes})`, left: lanes })));
      });
      text.block(`for (; i < ${to}; i += ${lanes})`, one);
    });
  }

  /**
   * How many vectors to compute side by side. Long chains of instructions that wait for each other gain from it; short
   * ones are as fast as memory anyway, and very long ones need too many registers.
   */
  #sideBySide(statements: readonly Statement[], reload: Level["reload"], known: Known): number {
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
    if (calls || count < sideLeast || count > sideMost) return 1;
    return this.#side;
  }

  // Statements.

  /** All values of the statements first, then all stores: a statement may overwrite what another one reads. */
  #run(statements: readonly Statement[], reload: Level["reload"], places: Places, here: Known): void {
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
  #hoist(statements: readonly Statement[], reload: Level["reload"], known: Known): Known {
    const here: Known = new Map(known);
    const fixed = new Map<Scalar, boolean>();
    const isFixed = (given: Scalar): boolean => {
      const s = reload.get(given) ?? given;
      let answer = fixed.get(s);
      if (answer === undefined) {
        answer = this.#access.sameInAllLanes(s) && !this.#folds.isRunning(s) && s.args.every(isFixed);
        fixed.set(s, answer);
      }
      return answer;
    };
    const visited = new Set<Scalar>();
    const visit = (given: Scalar): void => {
      const s = reload.get(given) ?? given;
      if (visited.has(s)) return;
      visited.add(s);
      if (!isFixed(s)) s.args.forEach(visit);
      else if (s.instruction !== "const" && s.name !== "row") this.#evaluate(s, reload, "uniform", here);
    };
    statements.flatMap(scalarsOf).forEach(visit);
    return here;
  }

  /** Accesses that statements use. */
  #accessesOf(statements: readonly Statement[], reload: Level["reload"]): number[] {
    const found = new Set<number>();
    const seen = new Set<Scalar>();
    const visit = (given: Scalar): void => {
      const s = reload.get(given) ?? given;
      if (seen.has(s)) return;
      seen.add(s);
      if ((s.instruction === "load" && s.name !== "row") || s.instruction === "index") found.add(s.value);
      s.args.forEach(visit);
    };
    for (const s of statements) {
      if (s.kind === "store") found.add(s.access);
      scalarsOf(s).forEach(visit);
    }
    return [...found];
  }

  /** Defines a value, at each place what `expression` gives for it. */
  #define(s: Scalar, here: Known, places: Places, expression: (place: Place, i: number) => string): readonly string[] {
    const base = this.#text.name("v");
    const all = places === "uniform" ? (["uniform"] as const) : places;
    const names = all.map((place, i) => {
      const name = all.length === 1 ? base : `${base}${"abcd"[i]}`;
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
}

/** The names of the counters of some loops. */
function counters(from: number, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `i${from + i}`);
}
