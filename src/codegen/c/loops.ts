/**
 * Loop kernels in C: loops around statements on vectors. The last vector of a row goes through the same instructions as
 * the others: it reads behind its row, and its spare lanes are neither stored nor folded. So the loop's body stands in
 * the text once, and results do not depend on where an element stands. Floor: codegen.
 */
import type { Scalar } from "../../ir/scalar.ts";
import { type Level, type LoopKernel, type Statement, laneLoop } from "../../schedule/kernel.ts";
import { Folds } from "./loop-folds.ts";
import { LoopAccesses, type Place, type StoreStatement } from "./loop-accesses.ts";
import { LoopWords, addsAtChosen, isTiled, lanesAreApart } from "./loop-arguments.ts";
import { type Suffix, instruction, registerType, splat } from "./scalar.ts";
import type { CTarget } from "./target.ts";
import { CText } from "./text.ts";

/** Sums across go in blocks of so many elements, whose sums are then added: rounding errors stay small. */
const sumBlock = 4096;

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

/** Names of values that are computed already. */
type Known = Map<Scalar, string>;

class LoopWriter {
  readonly #kernel: LoopKernel;
  readonly #text = new CText();
  readonly #words: LoopWords;
  readonly #suffix: Suffix;
  readonly #lanes: number;
  readonly #access: LoopAccesses;
  readonly #folds: Folds;
  /** Numbers of the call, in front of everything. */
  readonly #numbers: Known = new Map();

  constructor(kernel: LoopKernel, target: CTarget) {
    this.#kernel = kernel;
    const wide = isWide(kernel);
    this.#suffix = wide ? "h" : "v";
    this.#lanes = target.vectorBytes / (wide ? 8 : 4);
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
      if (s.instruction === "argument") this.#define(s, this.#access.number(s), this.#numbers);
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
    const body = (): void => this.#run(level.loop, level.reload, "lanes", new Map(known));
    if (!this.#folds.sumsAcross(level.loop)) {
      this.#laneLoop("0", extent, body);
      return;
    }
    this.#text.block(`for (int64_t block = 0; block < ${extent}; block += ${sumBlock})`, () => {
      this.#text.line(`const int64_t stop = least(${extent}, block + ${sumBlock});`);
      this.#laneLoop("block", "stop", body);
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
        this.#laneLoop("0", "width", () => {
          for (const { row, loop, reload } of this.#kernel.levels) {
            this.#run(row, reload, "lanes", new Map(known));
            this.#run(loop, reload, "lanes", new Map(known));
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
        if (statements.length === 0) return;
        const known = this.#hoist(statements, reload, this.#numbers);
        this.#laneLoop("0", "count", () => this.#run(statements, reload, "lanes", new Map(known)));
      };
      for (const { row, loop, reload } of this.#kernel.levels) {
        this.#text.block("", () => lanes(row, reload));
        this.#folds.startColumns(loop);
        this.#text.block("", () =>
          this.#loops(inner, this.#accessesOf(loop, reload), () => lanes(loop, reload)),
        );
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
        this.#laneLoop("0", width, () => this.#run(level.loop, level.reload, "lanes", new Map(known)));
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

  #laneLoop(from: string, to: string, body: () => void): void {
    this.#text.block(`for (int64_t i = ${from}; i < ${to}; i += ${this.#lanes})`, () => {
      this.#text.line(`const int64_t n = ${to} - i;`);
      body();
    });
  }

  // Statements.

  /** All values of the statements first, then all stores: a statement may overwrite what another one reads. */
  #run(statements: readonly Statement[], reload: Level["reload"], place: Place, here: Known): void {
    for (const s of statements) {
      if (s.kind !== "fold") continue;
      const value = this.#evaluate(s.value, reload, place, here);
      const position = s.position === undefined ? undefined : this.#evaluate(s.position, reload, place, here);
      this.#folds.step(s, value, position);
    }
    const stores = statements.filter((s): s is StoreStatement => s.kind === "store");
    const values = stores.map((s) => ({
      s,
      value: this.#evaluate(s.value, reload, place, here),
      index: s.index === undefined ? undefined : this.#evaluate(s.index, reload, place, here),
    }));
    this.#access.stores(this.#text, values, place);
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

  #define(s: Scalar, expression: string, here: Known): string {
    const name = this.#text.name("v");
    this.#text.line(`const ${registerType(s.dtype, this.#suffix)} ${name} = ${expression};`);
    here.set(s, name);
    return name;
  }

  /** The name of a computation's value, or a constant; computes each thing once. */
  #evaluate(given: Scalar, reload: Level["reload"], place: Place, here: Known): string {
    const s = reload.get(given) ?? given;
    if (s.instruction === "const") return instruction(s, this.#suffix, () => "");
    const known = here.get(s);
    if (known !== undefined) return known;
    if (s.instruction === "load" && s.name === "row") {
      const result = this.#folds.result(s.value);
      return /^\w+$/.test(result) ? result : this.#define(s, result, here);
    }
    const name = (arg: Scalar): string => this.#evaluate(arg, reload, place, here);
    for (const arg of s.args) name(arg);
    if (s.instruction === "call") return this.#call(s, place, name, here);
    if (s.instruction === "load") return this.#define(s, this.#access.load(s, place, name), here);
    if (s.instruction === "index") return this.#define(s, this.#access.index(s, place), here);
    return this.#define(s, instruction(s, this.#suffix, name), here);
  }

  /** A function of single numbers, lane by lane. */
  #call(s: Scalar, place: Place, name: (arg: Scalar) => string, here: Known): string {
    const args = s.args.map(name);
    const one = (lane: string): string => `host_${s.name}(${args.map((arg) => `${arg}[${lane}]`).join(", ")})`;
    if (place === "uniform") return this.#define(s, splat("float64", "h", one("0")), here);
    const result = this.#text.name("v");
    this.#text.line(`f64v ${result} = {};`);
    this.#text.line(`for (int l = 0; l < ${this.#lanes} && l < n; l++) ${result}[l] = ${one("l")};`);
    here.set(s, result);
    return result;
  }
}

/** The names of the counters of some loops. */
function counters(from: number, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `i${from + i}`);
}

