/**
 * Loop kernels in C: loops around statements on vectors. The last vector of a row goes through the same instructions as
 * the others: it reads behind its row, and its spare lanes are neither stored nor folded. So results do not depend on
 * where an element stands, nor on how many vectors are computed side by side. Floor: codegen.
 */
import {
  type Level,
  type LoopKernel,
  type Statement,
  accessesOf,
  holdsFloat64,
  laneLoop,
  loadsOf,
} from "../../../schedule/kernel.ts";
import { Folds } from "./folds.ts";
import { LoopAccesses, type VectorPlace } from "./accesses.ts";
import { scatters, scattersAlongLanes } from "../../../schedule/split.ts";
import { LoopWords, isTiled } from "./arguments.ts";
import { Streams } from "./streams.ts";
import { type Known, LoopValues } from "./values.ts";
import type { Suffix } from "../scalar.ts";
import type { CTarget } from "../target.ts";
import { CText } from "../text.ts";

/** Sums across go in blocks of so many elements, whose sums are then added: rounding errors stay small. */
const sumBlock = 4096;
/** Arithmetic instructions of a level from which another level goes along with it. */
const sideAhead = 12;

/** A C function for a loop kernel, to stand behind the prelude of the target. */
export function loopSource(kernel: LoopKernel, name: string, target: CTarget): string {
  return new LoopWriter(kernel, target).source(name);
}

class LoopWriter {
  readonly #kernel: LoopKernel;
  readonly #text = new CText();
  readonly #words: LoopWords;
  readonly #suffix: Suffix;
  readonly #lanes: number;
  /** Vectors that are computed side by side in loops that gain from it. */
  readonly #side: number;
  readonly #streams: Streams;
  readonly #access: LoopAccesses;
  readonly #folds: Folds;
  readonly #values: LoopValues;
  /** Whether there is a level that asks for the next row, or none will. */
  #isNextAsked = false;
  /** Numbers of the call, in front of everything. */
  #numbers: Known = new Map();

  constructor(kernel: LoopKernel, target: CTarget) {
    this.#kernel = kernel;
    const wide = holdsFloat64(kernel);
    this.#suffix = wide ? "h" : "v";
    this.#lanes = target.vectorBytes / (wide ? 8 : 4);
    // What columns fold stands in memory. Elsewhere there is nothing else to wait for: as many as the registers can hold.
    const isPlain = kernel.lanes === "across" || (kernel.inner === 0 && kernel.levels.length === 1);
    this.#side = isPlain && target.isa === "avx512" ? (kernel.lanes === "across" ? 4 : 8) : 2;
    this.#words = new LoopWords(kernel);
    this.#streams = new Streams(kernel, this.#words, target, this.#suffix);
    this.#access = new LoopAccesses(kernel, this.#suffix, this.#lanes, this.#streams);
    this.#folds = new Folds(kernel, this.#text, this.#suffix, this.#lanes);
    this.#values = new LoopValues({
      kernel,
      text: this.#text,
      suffix: this.#suffix,
      lanes: this.#lanes,
      access: this.#access,
      folds: this.#folds,
    });
  }

  source(name: string): string {
    const head = `void ${name}(const int64_t *args, int64_t from, int64_t to, char *workspace)`;
    this.#text.block(head, () => {
      this.#text.line("if (from >= to) return;");
      this.#kernel.extents.forEach((_, loop) => this.#text.line(`const int64_t e${loop} = args[${loop}];`));
      this.#access.declare(this.#text);
      this.#streams.declare(this.#text);
      this.#numbers = this.#values.numbers();
      if (this.#kernel.lanes === "across") this.#across();
      else if (scatters(this.#kernel)) this.#scatter();
      else this.#along();
      this.#streams.fence(this.#text);
    });
    return this.#text.toString();
  }

  // Units.

  #across(): void {
    const outer = counters(0, this.#kernel.outer);
    const ahead = this.#levelAhead();
    const first = (): void => {
      this.#access.starts(this.#text, outer, undefined);
      this.#folds.startAcross((ahead as Level).loop);
      this.#acrossLanes(ahead as Level, this.#numbers);
      this.#folds.finishAcross((ahead as Level).loop);
      this.#folds.keep((ahead as Level).loop);
    };
    if (ahead !== undefined) this.#folds.declareKept(ahead.loop);
    this.#units(
      outer.map((name, loop) => [name, `e${loop}`]),
      () => {
        this.#access.starts(this.#text, outer, undefined);
        const inner = this.#innerLoops();
        const rows = inner.slice(0, -1);
        /** What is the same in the whole row, from one level to the next. */
        let known = this.#numbers;
        this.#isNextAsked = rows.length > 0;
        if (ahead !== undefined) {
          this.#folds.useKept(ahead.loop);
          this.#nextUnit(outer, accessesOf(ahead.loop, ahead.reload));
        }
        for (const level of this.#kernel.levels) {
          if (level === ahead) continue;
          known = new Map(known);
          this.#values.run(level.row, level.reload, "uniform", known);
          if (level.loop.length === 0) continue;
          this.#folds.startAcross(level.loop);
          if (ahead !== undefined && level === this.#kernel.levels[1]) {
            this.#folds.startAcross(ahead.loop);
            known = this.#acrossLanes(level, known, ahead);
            this.#text.block("", () => {
              this.#folds.finishAcross(ahead.loop);
              this.#folds.keep(ahead.loop);
            });
          } else if (rows.length === 0) known = this.#acrossLanes(level, known);
          else {
            const active = accessesOf(level.loop, level.reload);
            this.#text.block("", () => this.#loops(rows, active, () => this.#acrossLanes(level, this.#numbers)));
          }
          this.#folds.finishAcross(level.loop);
          known = this.#values.lasting(known);
        }
      },
      ahead === undefined ? undefined : first,
    );
  }

  /**
   * The first level, where it can be folded for the next unit while the second level computes for this one: otherwise a
   * row's exponentials, say, wait for its largest element, with nothing else to do.
   */
  #levelAhead(): Level | undefined {
    const { levels, outer, inner } = this.#kernel;
    const [level, second] = levels;
    if (level === undefined || second === undefined || outer === 0 || inner !== 1) return undefined;
    if (level.row.length > 0 || !this.#folds.areOnlyVectors(level.loop)) return undefined;
    const isLong = (l: Level, least: number): boolean =>
      this.#values.sideBySide(l.loop, l.reload, this.#numbers, 2, least) > 1;
    return isLong(level, 0) && isLong(second, sideAhead) ? level : undefined;
  }

  /** Where the accesses are in the next unit, as q0, q1 ...; behind the last unit, which is then read again, there is none. */
  #nextUnit(outer: readonly string[], accesses: readonly number[]): void {
    const next = outer.map((name) => `${name}n`);
    this.#text.line(`int64_t ${next.map((name, loop) => `${name} = ${outer[loop]}`).join(", ")};`);
    // The fastest counter moves; one that is at its end begins again and moves the one outside of it.
    const carries = next
      .map((name, loop) => ` && ++${name} == e${loop} && (${name} = 0, 1)`)
      .slice(1)
      .reverse();
    this.#text.line(`if (unit + 1 < to${carries.join("")}) ${next[0]}++;`);
    for (const a of accesses) {
      const moved = next.map((name, loop) => ` + (${name} - ${outer[loop]}) * ${this.#access.step(a, loop)}`);
      this.#text.line(`${this.#access.isCount(a) ? "const int64_t " : "char *const "}q${a} = p${a}${moved.join("")};`);
    }
  }

  /** Runs what reads and counts in the next unit. */
  #inNextUnit<T>(level: Level, run: () => T): T {
    const before = this.#access.names;
    const moved = new Set(accessesOf(level.loop, level.reload));
    this.#access.names = before.map((name, a) => (moved.has(a) ? `q${a}` : name));
    const result = run();
    this.#access.names = before;
    return result;
  }

  /** The elements of a level, and of a level that is one unit ahead. Gives what it computed in front of them. */
  #acrossLanes(level: Level, before: Known, ahead?: Level): Known {
    const extent = `e${laneLoop(this.#kernel)}`;
    const known = this.#values.hoist(level.loop, level.reload, before);
    const isLong = this.#values.sideBySide(level.loop, level.reload, known, 2) > 1;
    const ask = isLong ? this.#askForRows(level, ahead !== undefined) : undefined;
    // What lies in the cache is short of instructions, not of bytes.
    const side = this.#values.sideBySide(level.loop, level.reload, known, this.#side, 0);
    const knownAhead =
      ahead && this.#inNextUnit(ahead, () => this.#values.hoist(ahead.loop, ahead.reload, this.#numbers));
    const body = (places: readonly VectorPlace[]): void => {
      if (typeof places[0]?.left === "number") ask?.(places);
      if (ahead !== undefined) {
        this.#inNextUnit(ahead, () => this.#values.run(ahead.loop, ahead.reload, places, new Map(knownAhead)));
      }
      this.#values.run(level.loop, level.reload, places, new Map(known));
    };
    const folded = [...level.loop, ...(ahead?.loop ?? [])];
    if (!this.#folds.sumsAcross(folded)) {
      this.#laneLoop("0", extent, side, body);
      return known;
    }
    this.#text.block(`for (int64_t block = 0; block < ${extent}; block += ${sumBlock})`, () => {
      this.#text.line(`const int64_t stop = least(${extent}, block + ${sumBlock});`);
      this.#laneLoop("block", "stop", side, body);
      this.#folds.endBlock(folded);
    });
    return known;
  }

  /**
   * Where a level of several computes for long, memory has nothing to do: time for what the next rows read and what
   * later levels write. Gives what asks for it, once for a kernel.
   */
  #askForRows(level: Level, isAhead: boolean): ((places: readonly VectorPlace[]) => void) | undefined {
    const { levels, outer } = this.#kernel;
    if (levels.length === 1 || this.#isNextAsked) return undefined;
    this.#isNextAsked = true;
    const later = levels.slice(levels.indexOf(level) + 1).flatMap(({ loop }) => loop);
    const writes = this.#access.rows([...new Set(later.flatMap((s) => (s.kind === "store" ? [s.access] : [])))]);
    const loads = new Set(levels.flatMap(({ loop, reload }) => loadsOf(loop, reload)));
    const reads = outer === 0 ? [] : this.#access.rows([...loads]);
    for (const a of reads) {
      const step = this.#access.step(a, outer - 1);
      this.#text.line(`const int64_t next${a} = rows_soon(${step})${isAhead ? ` + ${step}` : ""};`);
    }
    return (places) => this.#access.prefetchRows(this.#text, reads, writes, places);
  }

  #along(): void {
    const lane = laneLoop(this.#kernel);
    const outer = counters(0, this.#kernel.outer);
    const digits: (readonly [string, string])[] = outer.map((name, loop) => [name, `e${loop}`]);
    const last = isTiled(this.#kernel) ? digits.length - 1 : digits.length;
    this.#text.line(`const int64_t size = args[${this.#words.laneBlock}], blocks = (e${lane} + size - 1) / size;`);
    digits.splice(last, 0, ["b", "blocks"]);
    this.#units(digits, () => {
      this.#text.line(`const int64_t first = b * size, width = least(size, e${lane} - first);`);
      if (this.#kernel.inner > 0 || this.#folds.any) this.#columns(outer);
      else {
        this.#access.starts(this.#text, outer, "first");
        const all = this.#kernel.levels.flatMap((l) => [...l.row, ...l.loop]);
        const known = this.#values.hoist(all, new Map(), this.#numbers);
        const side = this.#values.sideBySide(all, new Map(), known, this.#side);
        this.#laneLoop("0", "width", side, (places) => {
          for (const { row, loop, reload } of this.#kernel.levels) {
            this.#values.run(row, reload, places, new Map(known));
            this.#values.run(loop, reload, places, new Map(known));
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
      const lanes = (statements: readonly Statement[], reload: Level["reload"], rows: readonly number[]): void => {
        const known = this.#values.hoist(statements, reload, this.#numbers);
        const side = this.#values.sideBySide(statements, reload, known, this.#side);
        this.#laneLoop("0", "count", side, (places) => {
          this.#access.prefetch(this.#text, rows, places);
          this.#values.run(statements, reload, places, new Map(known));
        });
      };
      for (const { row, loop, reload } of this.#kernel.levels) {
        if (row.length > 0) this.#text.block("", () => lanes(row, reload, []));
        if (loop.length === 0) continue;
        this.#folds.startColumns(loop);
        const active = accessesOf(loop, reload);
        const last = inner.at(-1);
        const rows = last === undefined ? [] : this.#access.rows(loadsOf(loop, reload));
        this.#text.block("", () => {
          for (const a of rows) {
            this.#text.line(`const int64_t ahead${a} = rows_ahead(${this.#access.step(a, last as number)});`);
          }
          this.#loops(inner, active, () => lanes(loop, reload, rows));
        });
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
        const known = this.#values.hoist(level.loop, level.reload, this.#numbers);
        this.#laneLoop("0", width, 1, (places) => this.#values.run(level.loop, level.reload, places, new Map(known)));
      });
    };
    if (!scattersAlongLanes(this.#kernel)) {
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
  #units(digits: readonly (readonly [name: string, extent: string])[], body: () => void, inFront?: () => void): void {
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
    if (inFront !== undefined) text.block("", inFront);
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
}

/** The names of the counters of some loops. */
function counters(from: number, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `i${from + i}`);
}
