/**
 * How a loop kernel in C reaches memory: where each access is now, and loads and stores of a vector of lanes as text.
 * Floor: codegen.
 */
import { type Dtype, itemSize } from "../../../base/dtype.ts";
import type { Scalar } from "../../../ir/scalar.ts";
import {
  type Access,
  type LaneStep,
  type LoopKernel,
  type Statement,
  counting,
  holdsThroughout,
  laneLoop,
  laneStep,
  rowScratch,
} from "../../../schedule/kernel.ts";
import { LoopWords } from "./arguments.ts";
import { type Spell, type Suffix, elementType, memoryType, registerType, splat } from "../scalar.ts";
import type { CText } from "../text.ts";
import type { Streams } from "./streams.ts";

/** Bytes of a line of a cache, about. */
const lineBytes = 64;

export type StoreStatement = Extract<Statement, { kind: "store" }>;

/** A vector of lanes in a loop over them: C for the number of its first lane, and for how many lanes are left from there. */
export interface VectorPlace {
  readonly lane: string;
  /** A number of at least all lanes, where that is known. */
  readonly left: string | number;
}

/** A store with the names of what it needs. */
export interface StoreValues {
  readonly s: StoreStatement;
  readonly value: string;
  readonly index: string | undefined;
}

interface StoreText {
  readonly whole: string;
  readonly partial: string;
}

/** Where a statement stands: at a vector of lanes, or outside of their loop. */
export type Place = VectorPlace | "uniform";

export class LoopAccesses {
  readonly #kernel: LoopKernel;
  /** What `#isUniform` has found out. */
  readonly #uniform = new Map<Scalar, boolean>();
  readonly #words: LoopWords;
  readonly #suffix: Suffix;
  readonly #lanes: number;
  readonly #streams: Streams;
  /** What holds the start of each access: the name of an address, or of a count. */
  names: readonly string[];

  constructor(kernel: LoopKernel, suffix: Suffix, lanes: number, streams: Streams) {
    this.#kernel = kernel;
    this.#words = new LoopWords(kernel);
    this.#suffix = suffix;
    this.#lanes = lanes;
    this.#streams = streams;
    this.names = kernel.accesses.map((_, i) => `p${i}`);
  }

  #access(number: number): Access {
    return this.#kernel.accesses[number] as Access;
  }

  laneStep(access: number): LaneStep {
    return laneStep(this.#kernel, this.#access(access));
  }

  isCount(access: number): boolean {
    return this.#access(access).buffer === counting;
  }

  /** The step of an access along a loop. */
  step(access: number, loop: number): string {
    return `args[${this.#words.step(access, loop)}]`;
  }

  /** How far an access moves over some lanes: bytes, or counts. */
  overLanes(access: number, lanes: string): string {
    const step = this.laneStep(access);
    if (step === "same") return "";
    if (step === "other") return ` + ${lanes} * s${access}`;
    const bytes = this.isCount(access) ? 1 : itemSize[this.#access(access).dtype];
    return bytes === 1 ? ` + ${lanes}` : ` + ${bytes} * ${lanes}`;
  }

  /** The address of the first lane of a vector. */
  #address(access: number, place: Place): string {
    return `${this.names[access]}${place === "uniform" ? "" : this.overLanes(access, place.lane)}`;
  }

  /** Bytes from one lane to the next. */
  #laneBytes(access: number): string {
    const step = this.laneStep(access);
    return step === "same" ? "0" : step === "next" ? String(itemSize[this.#access(access).dtype]) : `s${access}`;
  }

  #chosen(access: number, at: string): string {
    return `place(${at}, args + ${this.#words.dim(access)}, fault)`;
  }

  /** Whether a computation, its arguments left aside, is the same in all lanes. */
  sameInAllLanes(s: Scalar): boolean {
    if (s.instruction === "load" && s.name === "row") return this.#kernel.lanes === "across";
    if (s.instruction !== "load" && s.instruction !== "index") return true;
    // A chosen place may be out of range, which must not be noticed for a loop that never runs.
    return s.args.length === 0 && this.laneStep(s.value) === "same";
  }

  /** Whether a computation is the same in all lanes. */
  #isUniform(s: Scalar): boolean {
    const isChosen = (x: Scalar): boolean => x.instruction === "load" && x.name !== "row" && x.args.length > 0;
    return holdsThroughout(s, (x) => !isChosen(x) && this.sameInAllLanes(x), this.#uniform);
  }

  /** Of the given accesses those whose elements lie one behind the other in memory. */
  rows(accesses: readonly number[]): number[] {
    return accesses.filter((a) => this.#access(a).buffer >= 0 && this.laneStep(a) === "next");
  }

  /** Asks for what a loop around the lanes reads some rounds later: the processor expects nothing from rows that are far apart. */
  prefetch(text: CText, accesses: readonly number[], places: readonly VectorPlace[]): void {
    for (const place of places) {
      for (const a of accesses) text.line(`__builtin_prefetch(${this.#address(a, place)} + ahead${a});`);
    }
  }

  /**
   * Asks for what the next row reads, `next` of an access bytes away, and for what this row writes later: rows begin where the
   * processor expects nothing. A line of the cache is asked for once.
   */
  prefetchRows(text: CText, reads: readonly number[], writes: readonly number[], places: readonly VectorPlace[]): void {
    places.forEach((place, i) => {
      const startsLine = (a: number): boolean => (i * this.#lanes * itemSize[this.#access(a).dtype]) % lineBytes === 0;
      for (const a of reads.filter(startsLine)) text.line(`__builtin_prefetch(${this.#address(a, place)} + next${a});`);
      for (const a of writes.filter(startsLine)) {
        const isFar = this.#streams.has(a) ? `if (!far${a}) ` : "";
        text.line(`${isFar}__builtin_prefetch(${this.#address(a, place)}, 1);`);
      }
    });
  }

  /** A number of the call in all lanes. */
  number(s: Scalar): string {
    const type = s.dtype === "bool" ? "signed char" : elementType(s.dtype);
    return splat(s.dtype, this.#suffix, `*(const ${type} *)(args + ${this.#words.number(s.value)})`);
  }

  /** The count of a loop, lane by lane. */
  index(s: Scalar, place: Place): string {
    const type = `i32${this.#suffix}`;
    const first = `${type.toUpperCase()}((int32_t)(${this.#address(s.value, place)}))`;
    const step = this.laneStep(s.value);
    if (place === "uniform" || step === "same") return first;
    const lanes = `LANES_${this.#suffix.toUpperCase()}`;
    return `${first} + ${lanes}${step === "next" ? "" : ` * (int32_t)s${s.value}`}`;
  }

  /** Elements of a buffer. */
  load(s: Scalar, place: Place, name: Spell): string {
    const { dtype } = this.#access(s.value);
    const text = this.#elements(s, dtype, place, name);
    return dtype === "bool" ? `-${text}` : text;
  }

  #elements(s: Scalar, dtype: Dtype, place: Place, name: Spell): string {
    const index = s.args[0];
    const step = this.laneStep(s.value);
    const address = this.#address(s.value, place);
    if (index !== undefined && place !== "uniform" && (step === "other" || !this.#isUniform(index))) {
      const ends = `args + ${this.#words.dim(s.value)}, fault, ${place.left}`;
      const type = memoryType(dtype, this.#suffix);
      return `choose_${type}(${address}, ${this.#laneBytes(s.value)}, ${name(index)}, ${ends})`;
    }
    const at = index === undefined ? address : `${address} + ${this.#chosen(s.value, `${name(index)}[0]`)}`;
    if (place === "uniform" || step === "same") return this.#repeat(dtype, at);
    return this.#vector(s.value, dtype, at, place);
  }

  /** One element in all lanes. */
  #repeat(dtype: Dtype, at: string): string {
    return splat(dtype, this.#suffix, `*(const ${elementType(dtype)} *)(${at})`);
  }

  #vector(access: number, dtype: Dtype, at: string, { left }: VectorPlace): string {
    const type = memoryType(dtype, this.#suffix);
    if (this.laneStep(access) === "other") return `gather_${type}(${at}, s${access}, ${left})`;
    if (itemSize[dtype] > 1) return `LOAD(${type}, ${at})`;
    return `__builtin_convertvector(LOAD(${type}, ${at}), i32${this.#suffix})`;
  }

  /** Stores of statements whose values are known; what lies one behind the other shares one test of how many. */
  stores(text: CText, list: readonly StoreValues[], place: Place): void {
    if (place === "uniform") {
      for (const { s, value } of list) this.#storeOne(text, s.access, value, place);
      return;
    }
    const runs: StoreText[] = [];
    for (let i = 0; i < list.length; i++) {
      const [item, next] = [list[i] as StoreValues, list[i + 1]];
      if (next !== undefined && this.#mayInterleave(item, next)) {
        this.#storePair(text, item, next, place);
        i++;
      } else runs.push(...this.#storeLanes(text, item, place));
    }
    if (runs.length === 0) return;
    const whole = (): void => runs.forEach((run) => text.line(run.whole));
    if (typeof place.left === "number") {
      whole();
      return;
    }
    text.line(`if (${place.left} >= ${this.#lanes}) {`);
    text.inside(whole);
    text.line("} else {");
    text.inside(() => runs.forEach((run) => text.line(run.partial)));
    text.line("}");
  }

  /** Whether two stores may turn out to write every second element each. */
  #mayInterleave(a: StoreValues, b: StoreValues): boolean {
    const { dtype } = this.#access(a.s.access);
    if ((dtype !== "float32" && dtype !== "int32") || this.#access(b.s.access).dtype !== dtype) return false;
    return [a, b].every(({ s }) => s.index === undefined && this.laneStep(s.access) === "other");
  }

  /** Two vectors whose elements lie side by side, one of this and one of that, go out as whole vectors. */
  #storePair(text: CText, a: StoreValues, b: StoreValues, place: VectorPlace): void {
    const { dtype } = this.#access(a.s.access);
    const type = memoryType(dtype, this.#suffix);
    const lanes = this.#lanes;
    const [p, q, first, second, count] = ["q", "q", "v", "v", "n"].map((letter) => text.name(letter));
    const [s, t] = [a, b].map(({ s: { access } }) => `s${access}`);
    const bytes = itemSize[dtype];
    const mixed = (from: number): string => {
      const order = Array.from({ length: lanes }, (_, i) => from + (i >> 1) + (i % 2) * lanes);
      return `EVENS(i32${this.#suffix}, ${a.value}, ${b.value}, ${order.join(", ")})`;
    };
    text.line(`char *${p} = ${this.#address(a.s.access, place)}, *${q} = ${this.#address(b.s.access, place)};`);
    text.line(`if (${s} == ${2 * bytes} && ${t} == ${2 * bytes} && ${q} == ${p} + ${bytes}) {`);
    text.inside(() => {
      text.line(`const ${type} ${first} = ${mixed(0)}, ${second} = ${mixed(lanes / 2)};`);
      text.line(`const int64_t ${count} = 2 * (int64_t)${place.left};`);
      text.line(`if (${count} >= ${lanes}) STORE(${type}, ${p}, ${first});`);
      text.line(`else part_${type}(${p}, ${first}, ${count});`);
      text.line(`if (${count} >= ${2 * lanes}) STORE(${type}, ${p} + ${lanes * bytes}, ${second});`);
      text.line(`else if (${count} > ${lanes}) part_${type}(${p} + ${lanes * bytes}, ${second}, ${count} - ${lanes});`);
    });
    text.line("} else {");
    text.inside(() => {
      text.line(`scatter_${type}(${p}, ${s}, ${a.value}, ${place.left});`);
      text.line(`scatter_${type}(${q}, ${t}, ${b.value}, ${place.left});`);
    });
    text.line("}");
  }

  #storeOne(text: CText, access: number, value: string, place: Place): void {
    const { dtype } = this.#access(access);
    const element = elementType(dtype);
    const sign = dtype === "bool" ? "-" : "";
    text.line(`*(${element} *)(${this.#address(access, place)}) = (${element})${sign}${value}[0];`);
  }

  /** Writes a store of lanes, or gives what is to be written for all lanes and for the first ones. */
  #storeLanes(text: CText, { s, value: register, index }: StoreValues, place: VectorPlace): StoreText[] {
    const { dtype } = this.#access(s.access);
    const value = dtype === "bool" ? `-${register}` : register;
    const type = memoryType(dtype, this.#suffix);
    const address = this.#address(s.access, place);
    const step = this.laneStep(s.access);
    if (s.index !== undefined && index !== undefined) {
      if (step !== "next" || !this.#isUniform(s.index)) {
        const ends = `args + ${this.#words.dim(s.access)}, fault, ${place.left}`;
        text.line(`add_${type}(${address}, ${this.#laneBytes(s.access)}, ${index}, ${value}, ${ends});`);
        return [];
      }
      const [at, sum] = [text.name("q"), text.name("v")];
      text.line(`char *${at} = ${address} + ${this.#chosen(s.access, `${index}[0]`)};`);
      const old = this.#vector(s.access, dtype, at, place);
      text.line(`const ${registerType(dtype, this.#suffix)} ${sum} = ${old} + ${value};`);
      return [this.#storeText(dtype, at, sum, place)];
    }
    if (step === "next")
      return [this.#storeText(dtype, address, value, place, this.#streams.has(s.access) ? s.access : -1)];
    if (step === "same") this.#storeOne(text, s.access, register, place);
    else text.line(`scatter_${type}(${address}, s${s.access}, ${value}, ${place.left});`);
    return [];
  }

  /** `far` is the number of an access that may be stored past the caches, or −1. */
  #storeText(dtype: Dtype, at: string, value: string, place: VectorPlace, far = -1): StoreText {
    const type = memoryType(dtype, this.#suffix);
    const elements = itemSize[dtype] > 1 ? value : `__builtin_convertvector(${value}, ${type})`;
    const near = `STORE(${type}, ${at}, ${elements});`;
    return {
      whole: far < 0 ? near : `if (far${far}) STREAM(${type}, ${at}, ${elements}); else ${near}`,
      partial: `part_${type}(${at}, ${value}, ${place.left});`,
    };
  }

  /** Definitions that the whole function needs: steps of lanes that are not neighbours, and the fault words. */
  declare(text: CText): void {
    const loop = laneLoop(this.#kernel);
    this.#kernel.accesses.forEach((access, a) => {
      if (laneStep(this.#kernel, access) === "other") text.line(`const int64_t s${a} = ${this.step(a, loop)};`);
    });
    if (this.#kernel.accesses.some((access) => access.indirect !== undefined)) {
      text.line(`i32 *fault = (i32 *)args[${this.#words.fault}];`);
    }
  }

  /** Definitions of where each access starts: its first element, moved by the counters of loops and by some lanes. */
  starts(text: CText, counters: readonly (string | undefined)[], lanes: string | undefined): void {
    this.#kernel.accesses.forEach(({ buffer }, a) => {
      const first = `args[${this.#words.start(a)}]`;
      if (buffer === rowScratch) {
        text.line(`char *p${a} = workspace + ${first};`);
        return;
      }
      const type = buffer === counting ? "int64_t " : "char *";
      const moved = counters.flatMap((name, loop) => (name === undefined ? [] : ` + ${name} * ${this.step(a, loop)}`));
      const over = lanes === undefined ? "" : this.overLanes(a, lanes);
      text.line(`${type}p${a} = ${buffer === counting ? "" : "(char *)"}${first}${moved.join("")}${over};`);
    });
  }
}
