/**
 * Accumulators of a loop kernel in C. Across: a sum and its like in four vectors in turn, so that one addition need not
 * wait for the one before; a position in one vector; a running fold in a single number. Along: a lane each, kept in the
 * workspace between rows. Floor: codegen.
 */
import { internal } from "../../base/errors.ts";
import type { Scalar } from "../../ir/scalar.ts";
import type { LoopKernel, Statement } from "../../schedule/kernel.ts";
import { acrossName, beats, foldStep, startOf } from "./folds.ts";
import { type Suffix, elementType, registerType, splat } from "./scalar.ts";
import type { CText } from "./text.ts";

export type FoldStatement = Extract<Statement, { kind: "fold" }>;

/** Vectors that take elements in turn. */
const copies = 4;
/** Bytes of the workspace that a loop kernel asks for. */
export const loopWorkspaceBytes = 32768;
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
  /** What a running fold is now. */
  readonly #running = new Map<number, string>();
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
    const fitting = Math.floor(loopWorkspaceBytes / Math.max(bytes, 1) / 64) * 64;
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
    text.line(`a${k}_0 = ${this.#step(s, `a${k}_0`, `a${k}_1`)};`);
    text.line(`a${k}_2 = ${this.#step(s, `a${k}_2`, `a${k}_3`)};`);
    return this.#step(s, `a${k}_0`, `a${k}_2`);
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

  // Along.

  #memory(s: FoldStatement, what: "value" | "position"): string {
    const bytes = what === "value" && s.dtype === "float64" ? 8 : 4;
    const offset = (this.#places.get(s.accumulator) as { value: number; position: number })[what] * this.columnLanes;
    return `workspace + ${offset} + ${bytes} * i`;
  }

  #loadPosition(s: FoldStatement): string {
    return `LOAD(i32${this.#suffix}, ${this.#memory(s, "position")})`;
  }

  startColumns(statements: readonly Statement[]): void {
    const folds = foldsOf(statements);
    if (folds.length === 0) return;
    this.#text.block(`for (int64_t i = 0; i < count; i += ${this.#lanes})`, () => {
      for (const s of folds) {
        this.#text.line(`STORE(${this.#type(s)}, ${this.#memory(s, "value")}, ${this.#start(s)});`);
        if (s.position === undefined) continue;
        const nothing = splat("int32", this.#suffix, "-1");
        this.#text.line(`STORE(i32${this.#suffix}, ${this.#memory(s, "position")}, ${nothing});`);
      }
    });
  }

  // One vector of elements.

  step(s: FoldStatement, value: string, position: string | undefined): void {
    if (this.#isAcross) this.#stepAcross(s, value, position);
    else this.#stepAlong(s, value, position);
  }

  #stepAcross(s: FoldStatement, value: string, position: string | undefined): void {
    const text = this.#text;
    const k = s.accumulator;
    if (s.running === true) {
      if (s.dtype === "bool" || (s.fold !== "sum" && s.fold !== "prod")) throw internal(`a running ${s.fold}`);
      const name = text.name("x");
      text.line(`${this.#type(s)} ${name} = {};`);
      const next = `a${k} = a${k} ${s.fold === "sum" ? "+" : "*"} ${value}[l]`;
      text.line(`for (int l = 0; l < ${this.#lanes} && l < n; l++) ${name}[l] = ${next};`);
      this.#running.set(k, name);
      return;
    }
    if (position === undefined) {
      const element = text.name("f");
      const rest = s.dtype === "float64" ? "select_f64v" : `select_${this.#type(s)}`;
      text.line(`${this.#type(s)} ${element} = ${value};`);
      text.line(`if (n < ${this.#lanes}) ${element} = ${rest}(first_${this.#suffix}(n), ${value}, ${this.#start(s)});`);
      text.line(`${element} = ${this.#step(s, `a${k}_0`, element)};`);
      text.line(`a${k}_0 = a${k}_1, a${k}_1 = a${k}_2, a${k}_2 = a${k}_3, a${k}_3 = ${element};`);
      return;
    }
    const better = text.name("m");
    const test = beats(s.fold, s.dtype, value, `a${k}`, `h${k}`, this.#suffix);
    // Spare lanes and positions below 0 count as nothing.
    text.line(`const i32${this.#suffix} ${better} = (${test}) & (${position} >= 0) & first_${this.#suffix}(n);`);
    text.line(`h${k} = select_i32${this.#suffix}(${better}, ${position}, h${k});`);
    text.line(`a${k} = select_${this.#type(s)}(${better}, ${value}, a${k});`);
  }

  #stepAlong(s: FoldStatement, value: string, position: string | undefined): void {
    const text = this.#text;
    const type = this.#type(s);
    const old = text.name("f");
    text.line(`const ${type} ${old} = LOAD(${type}, ${this.#memory(s, "value")});`);
    if (position !== undefined) {
      const [held, better] = [text.name("h"), text.name("m")];
      text.line(`const i32${this.#suffix} ${held} = ${this.#loadPosition(s)};`);
      text.line(`const i32${this.#suffix} ${better} = ${beats(s.fold, s.dtype, value, old, held, this.#suffix)};`);
      const chosen = `select_i32${this.#suffix}(${better}, ${position}, ${held})`;
      text.line(`STORE(i32${this.#suffix}, ${this.#memory(s, "position")}, ${chosen});`);
      text.line(`STORE(${type}, ${this.#memory(s, "value")}, select_${type}(${better}, ${value}, ${old}));`);
      return;
    }
    const now = text.name("f");
    text.line(`const ${type} ${now} = ${this.#step(s, old, value)};`);
    text.line(`STORE(${type}, ${this.#memory(s, "value")}, ${now});`);
    if (s.running === true) this.#running.set(s.accumulator, now);
  }

  /** The result of an accumulator: a name, or what reads it. */
  result(accumulator: number): string {
    const running = this.#running.get(accumulator);
    if (running !== undefined) return running;
    if (this.#isAcross) return `r${accumulator}`;
    const s = this.#statements.get(accumulator) as FoldStatement;
    if (s.position !== undefined) return `max_i32${this.#suffix}(${this.#loadPosition(s)}, (i32${this.#suffix}){})`;
    return `LOAD(${this.#type(s)}, ${this.#memory(s, "value")})`;
  }
}

function foldsOf(statements: readonly Statement[]): FoldStatement[] {
  return statements.filter((s): s is FoldStatement => s.kind === "fold");
}

/** Sums of floats lose less in blocks. */
function isBlocked(s: FoldStatement): boolean {
  return s.fold === "sum" && s.running !== true && (s.dtype === "float32" || s.dtype === "float64");
}
