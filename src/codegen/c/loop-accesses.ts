/**
 * How a loop kernel in C reaches memory: where each access is now, and loads and stores of a vector of lanes as text.
 * Floor: codegen.
 */
import { type Dtype, itemSize } from "../../base/dtype.ts";
import type { Scalar } from "../../ir/scalar.ts";
import { type Access, type LaneStep, type LoopKernel, type Statement, laneLoop, laneStep } from "../../schedule/kernel.ts";
import { LoopWords } from "./loop-arguments.ts";
import { type Spell, type Suffix, elementType, memoryType, registerType, splat } from "./scalar.ts";
import type { CText } from "./text.ts";

export type StoreStatement = Extract<Statement, { kind: "store" }>;

/** Where a statement stands: in a loop over vectors of lanes ("i" is the lane, "n" counts those left), or outside. */
export type Place = "lanes" | "uniform";

export class LoopAccesses {
  readonly #kernel: LoopKernel;
  readonly #words: LoopWords;
  readonly #suffix: Suffix;
  readonly #lanes: number;
  /** What holds the start of each access: the name of an address, or of a count. */
  names: readonly string[];

  constructor(kernel: LoopKernel, suffix: Suffix, lanes: number) {
    this.#kernel = kernel;
    this.#words = new LoopWords(kernel);
    this.#suffix = suffix;
    this.#lanes = lanes;
    this.names = kernel.accesses.map((_, i) => `p${i}`);
  }

  #access(number: number): Access {
    return this.#kernel.accesses[number] as Access;
  }

  laneStep(access: number): LaneStep {
    return laneStep(this.#kernel, this.#access(access));
  }

  isCount(access: number): boolean {
    return this.#access(access).buffer < 0;
  }

  /** The step of an access along a loop. */
  step(access: number, loop: number): string {
    return `args[${this.#words.step(access, loop)}]`;
  }

  /** How far an access moves over some lanes: bytes, or counts. */
  overLanes(access: number, lanes: string): string {
    const { buffer, dtype } = this.#access(access);
    const step = this.laneStep(access);
    if (step === "same") return "";
    if (step === "other") return ` + ${lanes} * s${access}`;
    const bytes = buffer < 0 ? 1 : itemSize[dtype];
    return bytes === 1 ? ` + ${lanes}` : ` + ${bytes} * ${lanes}`;
  }

  /** The address of the first lane of a vector. */
  #address(access: number, place: Place): string {
    return `${this.names[access]}${place === "lanes" ? this.overLanes(access, "i") : ""}`;
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
    if (s.instruction === "load" && s.name !== "row" && s.args.length > 0) return false;
    return this.sameInAllLanes(s) && s.args.every((arg) => this.#isUniform(arg));
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
    const isAlone = place === "uniform" || (step === "same" && index === undefined);
    if (index === undefined || isAlone || (this.#isUniform(index) && step !== "other")) {
      const at = index === undefined ? address : `${address} + ${this.#chosen(s.value, `${name(index)}[0]`)}`;
      return isAlone || step === "same" ? this.#repeat(dtype, at) : this.#vector(s.value, dtype, at);
    }
    const ends = `args + ${this.#words.dim(s.value)}, fault, n`;
    return `choose_${memoryType(dtype, this.#suffix)}(${address}, ${this.#laneBytes(s.value)}, ${name(index)}, ${ends})`;
  }

  /** One element in all lanes. */
  #repeat(dtype: Dtype, at: string): string {
    return splat(dtype, this.#suffix, `*(const ${elementType(dtype)} *)(${at})`);
  }

  #vector(access: number, dtype: Dtype, at: string): string {
    const type = memoryType(dtype, this.#suffix);
    if (this.laneStep(access) === "other") return `gather_${type}(${at}, s${access}, n)`;
    if (itemSize[dtype] > 1) return `LOAD(${type}, ${at})`;
    return `__builtin_convertvector(LOAD(${type}, ${at}), i32${this.#suffix})`;
  }

  /** Stores of statements whose values are known; what lies one behind the other shares one test of how many. */
  stores(text: CText, list: readonly { s: StoreStatement; value: string; index: string | undefined }[], place: Place): void {
    const whole: string[] = [];
    const partial: string[] = [];
    for (const { s, value: register, index } of list) {
      const { dtype } = this.#access(s.access);
      const value = dtype === "bool" ? `-${register}` : register;
      const type = memoryType(dtype, this.#suffix);
      const address = this.#address(s.access, place);
      const step = this.laneStep(s.access);
      if (s.index !== undefined && index !== undefined) {
        if (this.#isUniform(s.index) && step === "next" && place === "lanes") {
          const at = text.name("q");
          text.line(`char *${at} = ${address} + ${this.#chosen(s.access, `${index}[0]`)};`);
          const sum = text.name("v");
          const old = this.#vector(s.access, dtype, at);
          text.line(`const ${registerType(dtype, this.#suffix)} ${sum} = ${old} + ${value};`);
          whole.push(this.#storeVector(dtype, at, sum));
          partial.push(`part_${type}(${at}, ${sum}, n);`);
        } else {
          const ends = `args + ${this.#words.dim(s.access)}, fault, ${place === "lanes" ? "n" : "1"}`;
          text.line(`add_${type}(${address}, ${this.#laneBytes(s.access)}, ${index}, ${value}, ${ends});`);
        }
      } else if (place === "uniform" || step === "same") {
        const element = elementType(dtype);
        text.line(`*(${element} *)(${address}) = (${element})(${value})[0];`);
      } else if (step === "next") {
        whole.push(this.#storeVector(dtype, address, value));
        partial.push(`part_${type}(${address}, ${value}, n);`);
      } else text.line(`scatter_${type}(${address}, s${s.access}, ${value}, n);`);
    }
    if (whole.length === 0) return;
    text.line(`if (n >= ${this.#lanes}) {`);
    text.inside(() => whole.forEach((line) => text.line(line)));
    text.line("} else {");
    text.inside(() => partial.forEach((line) => text.line(line)));
    text.line("}");
  }

  #storeVector(dtype: Dtype, at: string, value: string): string {
    const type = memoryType(dtype, this.#suffix);
    const elements = itemSize[dtype] > 1 ? value : `__builtin_convertvector(${value}, ${type})`;
    return `STORE(${type}, ${at}, ${elements});`;
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
    this.#kernel.accesses.forEach((access, a) => {
      const type = access.buffer < 0 ? "int64_t " : "char *";
      const first = `args[${this.#words.start(a)}]`;
      const moved = counters.flatMap((name, loop) => (name === undefined ? [] : ` + ${name} * ${this.step(a, loop)}`));
      const over = lanes === undefined ? "" : this.overLanes(a, lanes);
      text.line(`${type}p${a} = ${access.buffer < 0 ? "" : "(char *)"}${first}${moved.join("")}${over};`);
    });
  }
}
