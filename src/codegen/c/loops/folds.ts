/**
 * Accumulators of a loop kernel in C. Across: a sum and its like in four vectors in turn, so that one addition need not
 * wait for the one before; a position in one vector; a running fold in a single number. Along: a lane each, kept in the
 * workspace between rows. Floor: codegen.
 */
import { internal } from "../../../base/errors.ts";
import type { Scalar } from "../../../ir/scalar.ts";
import type { LoopKernel, Statement } from "../../../schedule/kernel.ts";
import { rowScratchBytes } from "../../../schedule/row-scratch.ts";
import { acrossName, beats, foldStep, startOf } from "../folds.ts";
import type { VectorPlace } from "./accesses.ts";
import { type Suffix, elementType, registerType, splat } from "../scalar.ts";
import type { CText } from "../text.ts";

export type FoldStatement = Extract<Statement, { kind: "fold" }>;

/** Vectors that take elements in turn. */
const copies = 4;
/** Bytes of the workspace that accumulators of columns may take: a cache next to a core holds them. */
const columnBytes = 32768;
/** Bytes of the workspace that a loop kernel asks for: for accumulators of columns, or for scratch of a row. */
export const loopWorkspaceBytes = Math.max(columnBytes, rowScratchBytes);
/** Lanes whose accumulators are kept between rows, at most. */
const mostColumnLanes = 1024;

export class Folds {
  readonly #kernel: LoopKernel;
  readonly #text: CText;
  readonly #suffix: Suffix;
  readonly #lanes: number;
  readonly #statements = new Map<number, FoldStatement>();
  /** Of columns: where the best values, sums and so on, and the positions of each accumulator stand. */
  readonly #places = new Map<number, { readonly value: number; readonly position: number }>();
  /** What a running fold is now, at each vector. */
  readonly #running = new Map<number, readonly string[]>();
  readonly columnLanes: number;

  constructor(kernel: LoopKernel, text: CText, suffix: Suffix, lanes: number) {
    this.#kernel = kernel;
    this.#text = text;
    this.#suffix = suffix;
    this.#lanes = lanes;
    let bytes = 0;
    for (const level of kernel.levels) {
      for (const s of foldsOf(level.loop)) {
        this.#statements.set(s.accumulator, s);
        const value = bytes;
        bytes += s.dtype === "float64" ? 8 : 4;
        this.#places.set(s.accumulator, { value, position: bytes });
        if (s.position !== undefined) bytes += 4;
      }
    }
    const fitting = Math.floor(columnBytes / Math.max(bytes, 1) / 64) * 64;
    this.columnLanes = Math.min(mostColumnLanes, fitting);
    if (fitting === 0) throw internal(`${this.#statements.size} folds in one kernel`);
  }

  get any(): boolean {
    return this.#statements.size > 0;
  }

  get #isAcross(): boolean {
    return this.#kernel.lanes === "across";
  }

  isRunning(s: Scalar): boolean {
    return s.instruction === "load" && s.name === "row" && this.#statements.get(s.value)?.running === true;
  }

  /** Whether there are sums across, which go in blocks. */
  sumsAcross(statements: readonly Statement[]): boolean {
    return foldsOf(statements).some(isBlocked);
  }

  #type(s: FoldStatement): string {
    return registerType(s.dtype, this.#suffix);
  }

  #start(s: FoldStatement): string {
    return splat(s.dtype, this.#suffix, startOf(s.fold, s.dtype));
  }

  #step(s: FoldStatement, a: string, b: string): string {
    return foldStep(s.fold, s.dtype, this.#suffix, a, b);
  }

  // Across.

  startAcross(statements: readonly Statement[]): void {
    for (const s of foldsOf(statements)) {
      const k = s.accumulator;
      if (s.running === true) this.#text.line(`${elementType(s.dtype)} a${k} = ${startOf(s.fold, s.dtype)};`);
      else if (s.position === undefined) {
        const names = Array.from({ length: copies }, (_, i) => `a${k}_${i} = ${this.#start(s)}`);
        this.#text.line(`${this.#type(s)} ${names.join(", ")};`);
        if (isPeak(s)) {
          const seen = Array.from({ length: copies }, (_, i) => `n${k}_${i} = {}`);
          this.#text.line(`i32v ${seen.join(", ")};`);
        }
        if (isBlocked(s)) this.#text.line(`${this.#type(s)} t${k} = ${this.#start(s)};`);
      } else {
        this.#text.line(`${this.#type(s)} a${k} = ${this.#start(s)};`);
        this.#text.line(`i32${this.#suffix} h${k} = ${splat("int32", this.#suffix, "-1")};`);
      }
    }
  }

  #joined(s: FoldStatement): string {
    const { accumulator: k } = s;
    const text = this.#text;
    const step = (a: string, b: string): string => (isPeak(s) ? peakStep(s, a, b) : this.#step(s, a, b));
    text.line(`a${k}_0 = ${step(`a${k}_0`, `a${k}_1`)};`);
    text.line(`a${k}_2 = ${step(`a${k}_2`, `a${k}_3`)};`);
    const all = step(`a${k}_0`, `a${k}_2`);
    if (!isPeak(s)) return all;
    const seen = `max_i32v(max_i32v(n${k}_0, n${k}_1), max_i32v(n${k}_2, n${k}_3))`;
    return `spoiled_f32v(${seen}, ${all})`;
  }

  /** Adds the sums of a block to the total and starts them again. */
  endBlock(statements: readonly Statement[]): void {
    for (const s of foldsOf(statements).filter(isBlocked)) {
      const k = s.accumulator;
      const joined = this.#joined(s);
      this.#text.line(`t${k} = t${k} + (${joined});`);
      this.#text.line(`a${k}_0 = a${k}_1 = a${k}_2 = a${k}_3 = ${this.#start(s)};`);
    }
  }

  finishAcross(statements: readonly Statement[]): void {
    for (const s of foldsOf(statements)) {
      const k = s.accumulator;
      const across = acrossName(s.fold, s.dtype, this.#suffix);
      if (s.running === true) continue;
      if (s.position !== undefined) {
        this.#text.line(`const i32${this.#suffix} r${k} = ${across}(a${k}, h${k});`);
        continue;
      }
      const lanes = isBlocked(s) ? `t${k}` : this.#joined(s);
      this.#text.line(`const ${this.#type(s)} r${k} = ${across}(${lanes});`);
    }
  }

  /** Whether these are folds of vectors that need no element before another one. */
  areOnlyVectors(statements: readonly Statement[]): boolean {
    return statements.every((s) => s.kind === "fold" && s.running !== true && s.position === undefined);
  }

  /** Results that are kept from one unit to the next: where they stand, when they are found, when their unit comes. */
  declareKept(statements: readonly Statement[]): void {
    for (const s of foldsOf(statements)) this.#text.line(`${this.#type(s)} k${s.accumulator};`);
  }

  keep(statements: readonly Statement[]): void {
    for (const { accumulator: k } of foldsOf(statements)) this.#text.line(`k${k} = r${k};`);
  }

  useKept(statements: readonly Statement[]): void {
    for (const s of foldsOf(statements))
      this.#text.line(`const ${this.#type(s)} r${s.accumulator} = k${s.accumulator};`);
  }

  // Along.

  #memory(s: FoldStatement, what: "value" | "position", lane: string): string {
    const bytes = what === "value" && s.dtype === "float64" ? 8 : 4;
    const offset = (this.#places.get(s.accumulator) as { value: number; position: number })[what] * this.columnLanes;
    return `workspace + ${offset} + ${bytes} * ${lane}`;
  }

  #loadPosition(s: FoldStatement, lane: string): string {
    return `LOAD(i32${this.#suffix}, ${this.#memory(s, "position", lane)})`;
  }

  startColumns(statements: readonly Statement[]): void {
    const folds = foldsOf(statements);
    if (folds.length === 0) return;
    this.#text.block(`for (int64_t i = 0; i < count; i += ${this.#lanes})`, () => {
      for (const s of folds) {
        this.#text.line(`STORE(${this.#type(s)}, ${this.#memory(s, "value", "i")}, ${this.#start(s)});`);
        if (s.position === undefined) continue;
        const nothing = splat("int32", this.#suffix, "-1");
        this.#text.line(`STORE(i32${this.#suffix}, ${this.#memory(s, "position", "i")}, ${nothing});`);
      }
    });
  }

  // Vectors of elements: one for each place, which lie one behind the other.

  step(
    s: FoldStatement,
    values: readonly string[],
    positions: readonly string[],
    places: readonly VectorPlace[],
  ): void {
    const at = <T>(list: readonly T[], i: number): T => list[i % list.length] as T;
    const running: string[] = [];
    places.forEach((place, i) => {
      const [value, position] = [at(values, i), s.position === undefined ? undefined : at(positions, i)];
      if (s.running === true)
        running.push(this.#isAcross ? this.#scan(s, value, place) : this.#column(s, value, place));
      else if (position !== undefined) {
        if (this.#isAcross) this.#positionAcross(s, value, position, place);
        else this.#positionColumn(s, value, position, place);
      } else if (this.#isAcross) this.#addAcross(s, value, i, place);
      else this.#column(s, value, place);
    });
    if (s.running === true) this.#running.set(s.accumulator, running);
    else if (this.#isAcross && s.position === undefined) this.#rotate(s, places.length);
  }

  /** A running fold across: element by element. Gives the name of what it is at each. */
  #scan(s: FoldStatement, value: string, { left }: VectorPlace): string {
    if (s.dtype === "bool" || (s.fold !== "sum" && s.fold !== "prod")) throw internal(`a running ${s.fold}`);
    const name = this.#text.name("x");
    const now = `a${s.accumulator}`;
    this.#text.line(`${this.#type(s)} ${name} = {};`);
    const next = `${now} = ${now} ${s.fold === "sum" ? "+" : "*"} ${value}[l]`;
    this.#text.line(`for (int l = 0; l < ${this.#lanes} && l < ${left}; l++) ${name}[l] = ${next};`);
    return name;
  }

  #addAcross(s: FoldStatement, value: string, copy: number, { left }: VectorPlace): void {
    const text = this.#text;
    const sum = `a${s.accumulator}_${copy}`;
    let element = value;
    if (typeof left === "string") {
      element = text.name("f");
      const type = this.#type(s);
      text.line(`${type} ${element} = ${value};`);
      const kept = `select_${type}(first_${this.#suffix}(${left}), ${value}, ${this.#start(s)})`;
      text.line(`if (${left} < ${this.#lanes}) ${element} = ${kept};`);
    }
    if (!isPeak(s)) {
      text.line(`${sum} = ${this.#step(s, sum, element)};`);
      return;
    }
    const seen = `n${s.accumulator}_${copy}`;
    text.line(`${sum} = ${peakStep(s, sum, element)};`);
    text.line(`${seen} = noted_f32v(${seen}, ${element});`);
  }

  /** So that the next vector meets the accumulator whose turn it is. */
  #rotate(s: FoldStatement, by: number): void {
    if (by % copies === 0) return;
    this.#rotateNames(`a${s.accumulator}`, this.#type(s), by);
    if (isPeak(s)) this.#rotateNames(`n${s.accumulator}`, "i32v", by);
  }

  #rotateNames(prefix: string, type: string, by: number): void {
    const names = Array.from({ length: copies }, (_, i) => `${prefix}_${i}`);
    const first = names.slice(0, by).map((name) => {
      const kept = this.#text.name("f");
      this.#text.line(`const ${type} ${kept} = ${name};`);
      return kept;
    });
    const moved = [...names.slice(by), ...first];
    this.#text.line(`${names.map((name, i) => `${name} = ${moved[i]}`).join(", ")};`);
  }

  #positionAcross(s: FoldStatement, value: string, position: string, { left }: VectorPlace): void {
    const text = this.#text;
    const [best, held] = [`a${s.accumulator}`, `h${s.accumulator}`];
    const mask = `i32${this.#suffix}`;
    const better = text.name("m");
    const test = beats(s.fold, s.dtype, value, best, held, this.#suffix);
    // Spare lanes and positions below 0 count as nothing.
    const counts = `(${position} >= 0) & first_${this.#suffix}(${left})`;
    text.line(`const ${mask} ${better} = (${test}) & ${counts};`);
    text.line(`${held} = select_${mask}(${better}, ${position}, ${held});`);
    text.line(`${best} = select_${this.#type(s)}(${better}, ${value}, ${best});`);
  }

  #column(s: FoldStatement, value: string, { lane }: VectorPlace): string {
    const type = this.#type(s);
    const [old, now] = [this.#text.name("f"), this.#text.name("f")];
    const memory = this.#memory(s, "value", lane);
    this.#text.line(`const ${type} ${old} = LOAD(${type}, ${memory});`);
    this.#text.line(`const ${type} ${now} = ${this.#step(s, old, value)};`);
    this.#text.line(`STORE(${type}, ${memory}, ${now});`);
    return now;
  }

  #positionColumn(s: FoldStatement, value: string, position: string, { lane }: VectorPlace): void {
    const text = this.#text;
    const [type, mask] = [this.#type(s), `i32${this.#suffix}`];
    const [old, held, better] = [text.name("f"), text.name("f"), text.name("m")];
    text.line(`const ${type} ${old} = LOAD(${type}, ${this.#memory(s, "value", lane)});`);
    text.line(`const ${mask} ${held} = ${this.#loadPosition(s, lane)};`);
    text.line(`const ${mask} ${better} = ${beats(s.fold, s.dtype, value, old, held, this.#suffix)};`);
    const chosen = `select_${mask}(${better}, ${position}, ${held})`;
    text.line(`STORE(${mask}, ${this.#memory(s, "position", lane)}, ${chosen});`);
    text.line(`STORE(${type}, ${this.#memory(s, "value", lane)}, select_${type}(${better}, ${value}, ${old}));`);
  }

  /** The result of an accumulator for vectors at some places: names, or what reads it. */
  result(accumulator: number, places: readonly VectorPlace[]): readonly string[] {
    const running = this.#running.get(accumulator);
    if (running !== undefined) return running;
    if (this.#isAcross) return [`r${accumulator}`];
    const s = this.#statements.get(accumulator) as FoldStatement;
    const zero = `(i32${this.#suffix}){}`;
    return places.map(({ lane }) =>
      s.position !== undefined
        ? `max_i32${this.#suffix}(${this.#loadPosition(s, lane)}, ${zero})`
        : `LOAD(${this.#type(s)}, ${this.#memory(s, "value", lane)})`,
    );
  }
}

function foldsOf(statements: readonly Statement[]): FoldStatement[] {
  return statements.filter((s): s is FoldStatement => s.kind === "fold");
}

/**
 * Whether the largest or smallest elements are found by one instruction each, with NaN noted beside it: otherwise the one
 * waits for what the other found out about NaN. Kernels with float64 have no such folds of float32 (schedule/loops.ts).
 */
function isPeak(s: FoldStatement): boolean {
  return (s.fold === "max" || s.fold === "min") && s.running !== true && s.dtype === "float32";
}

function peakStep(s: FoldStatement, a: string, b: string): string {
  return `peak_${s.fold}_f32v(${a}, ${b})`;
}

/** Sums of floats lose less in blocks. */
function isBlocked(s: FoldStatement): boolean {
  return s.fold === "sum" && s.running !== true && (s.dtype === "float32" || s.dtype === "float64");
}
