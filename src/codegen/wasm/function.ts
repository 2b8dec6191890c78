/**
 * Fn: builds the body of one WebAssembly function, instruction by instruction, under the names of the specification.
 * It does not check types: the engine does when the module is compiled. Floor: codegen.
 */

import {
  type Bytes,
  concatenate,
  float32Bytes,
  float64Bytes,
  functionTypeBytes,
  paddedLeb,
  signedLeb,
  signedLeb64,
  unsignedLeb,
  type ValueType,
  valueTypeByte,
  vector,
} from "./encode.ts";
import {
  type AtomicOp,
  type LaneOp,
  type LoadOp,
  type MemoryLaneOp,
  naturalAlignment,
  opcodes,
  type OpName,
  type PlainOp,
  type StoreOp,
} from "./opcodes.ts";

/** A local variable or parameter of one function. */
export interface Local {
  readonly index: number;
  readonly type: ValueType;
}

/** A local, or a number that stands for an i32 constant. */
export type Operand = Local | number;

/** The target of a branch: the end of a block, or the start of a loop. */
export interface Label {
  readonly depth: number;
}

/** A function that the host brings: `env.name` of the imports. */
export interface HostFunction {
  readonly name: string;
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
}

export type Callee = Fn | HostFunction;

/** Parameters and results, as `call_indirect` wants them. */
export interface Signature {
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
}

/** A place in a body whose index is only known when the module is put together. */
interface Reference<Target> {
  readonly position: number;
  readonly target: Target;
}

/**
 * A function under construction. Every method appends to the body and returns the function:
 *
 * @example
 * const add = new Fn(["i32", "i32"], ["i32"]);
 * const [x, y] = add.params;
 * add.get(x).get(y).op("i32.add");
 */
export class Fn<const Params extends readonly ValueType[] = readonly ValueType[]> {
  readonly params: { readonly [I in keyof Params]: Local };
  readonly results: readonly ValueType[];
  readonly #locals: Local[] = [];
  readonly #body: number[] = [];
  readonly #calls: Reference<Callee>[] = [];
  readonly #indirectCalls: Reference<Signature>[] = [];
  #depth = 0;

  constructor(params: Params, results: readonly ValueType[] = []) {
    this.params = params.map((type, index): Local => ({ index, type })) as typeof this.params;
    this.results = results;
  }

  /** Parameter `i`. */
  param(i: number): Local {
    const param = this.params[i];
    if (param === undefined) throw new Error(`internal: wasm: there is no parameter ${i}`);
    return param;
  }

  /** A new local; it starts as zero. */
  local(type: ValueType): Local {
    const local: Local = { index: this.params.length + this.#locals.length, type };
    this.#locals.push(local);
    return local;
  }

  /** `count` new locals. */
  localArray(type: ValueType, count: number): Local[] {
    return Array.from({ length: count }, () => this.local(type));
  }

  // Locals and constants.

  get(local: Local): this {
    return this.#emit(0x20).#unsigned(local.index);
  }

  /** Pops into the local. */
  set(local: Local): this {
    return this.#emit(0x21).#unsigned(local.index);
  }

  /** Stores the top of the stack in the local and keeps it. */
  tee(local: Local): this {
    return this.#emit(0x22).#unsigned(local.index);
  }

  /** Pushes locals, and numbers as i32 constants, in order. */
  push(...operands: readonly Operand[]): this {
    for (const operand of operands) {
      if (typeof operand === "number") this.i32(operand);
      else this.get(operand);
    }
    return this;
  }

  i32(value: number): this {
    return this.#emit(0x41).#emitAll(signedLeb(value));
  }

  i64(value: bigint): this {
    return this.#emit(0x42).#emitAll(signedLeb64(value));
  }

  f32(value: number): this {
    return this.#emit(0x43).#emitAll(float32Bytes(value));
  }

  f64(value: number): this {
    return this.#emit(0x44).#emitAll(float64Bytes(value));
  }

  /** A vector constant from its 16 bytes, lowest address first. */
  v128(bytes: readonly number[]): this {
    return this.#code("v128.const", 0xfd00c).#emitAll(sixteen(bytes));
  }

  i8x16(...lanes: readonly number[]): this {
    return this.v128([...new Uint8Array(Int8Array.from(lanes).buffer)]);
  }

  /** Four lanes; one number fills all. */
  i32x4(...lanes: readonly number[]): this {
    return this.v128([...new Uint8Array(Int32Array.from(filled(lanes, 4)).buffer)]);
  }

  /** Four lanes; one number fills all. */
  f32x4(...lanes: readonly number[]): this {
    return this.v128([...new Uint8Array(Float32Array.from(filled(lanes, 4)).buffer)]);
  }

  /** Two lanes; one number fills both. */
  f64x2(...lanes: readonly number[]): this {
    return this.v128([...new Uint8Array(Float64Array.from(filled(lanes, 2)).buffer)]);
  }

  // Instructions.

  /** Instructions without immediates, in order: `op("f32x4.mul", "f32x4.add")`. */
  op(...names: readonly PlainOp[]): this {
    for (const name of names) this.#code(name, opcodes[name]);
    return this;
  }

  /**
   * Loads from the address on the stack plus `offset` bytes (not negative). `align` is log2 of the bytes the address is
   * promised to be a multiple of: a hint without meaning for the result, the natural alignment if left out.
   */
  load(name: LoadOp, offset = 0, align = naturalAlignment[name]): this {
    return this.#memory(name, offset, align);
  }

  /** Stores the value on the stack to the address below it plus `offset`. */
  store(name: StoreOp, offset = 0, align = naturalAlignment[name]): this {
    return this.#memory(name, offset, align);
  }

  /** Address and operands are on the stack; the address must be aligned. */
  atomic(name: AtomicOp, offset = 0): this {
    return this.#memory(name, offset, naturalAlignment[name]);
  }

  /** `v128.load32_lane` replaces, `v128.store32_lane` writes, lane `lane` of the vector on the stack (address below). */
  memoryLane(name: MemoryLaneOp, lane: number, offset = 0, align = naturalAlignment[name]): this {
    return this.#memory(name, offset, align).#emit(lane);
  }

  /** `extract_lane` and `replace_lane`. */
  lane(name: LaneOp, lane: number): this {
    return this.#code(name, opcodes[name]).#emit(lane);
  }

  /** `i8x16.shuffle`: byte i of the result is byte `bytes[i]` of the two vectors on the stack laid end to end. */
  shuffle(bytes: readonly number[]): this {
    return this.#code("i8x16.shuffle", 0xfd00d).#emitAll(sixteen(bytes));
  }

  /** A shuffle of whole lanes, as many as numbers given: `shuffleLanes(0, 4, 1, 5)` interleaves the low halves. */
  shuffleLanes(...lanes: readonly number[]): this {
    const width = 16 / lanes.length;
    return this.shuffle(lanes.flatMap((lane) => Array.from({ length: width }, (_, i) => lane * width + i)));
  }

  /** `memory.copy`: destination, source and length in bytes are on the stack. */
  memoryCopy(): this {
    return this.#code("memory.copy", 0xfc00a).#emit(0).#emit(0);
  }

  /** `memory.fill`: address, byte value and length in bytes are on the stack. */
  memoryFill(): this {
    return this.#code("memory.fill", 0xfc00b).#emit(0);
  }

  /** `atomic.fence`. */
  fence(): this {
    return this.#code("atomic.fence", 0xfe003).#emit(0);
  }

  // Control.

  /** Runs `body` once; a branch to its label leaves the block. With `result`, the block leaves one value. */
  block(body: (exit: Label) => void, result?: ValueType): this {
    return this.#nest(0x02, body, result);
  }

  /** Runs `body`; a branch to its label starts it again, falling through leaves it. */
  loop(body: (again: Label) => void, result?: ValueType): this {
    return this.#nest(0x03, body, result);
  }

  /** Pops an i32 and runs `then` if it is not zero, else `otherwise`. With `result`, both leave one value. */
  if(then: (exit: Label) => void, otherwise?: (exit: Label) => void, result?: ValueType): this {
    return this.#nest(
      0x04,
      (exit) => {
        then(exit);
        if (otherwise !== undefined) {
          this.#emit(0x05);
          otherwise(exit);
        }
      },
      result,
    );
  }

  br(label: Label): this {
    return this.#emit(0x0c).#unsigned(this.#depth - label.depth);
  }

  /** Pops an i32 and branches if it is not zero. */
  brIf(label: Label): this {
    return this.#emit(0x0d).#unsigned(this.#depth - label.depth);
  }

  /** Pops an i32 and branches to that one of `labels`, or to `otherwise`. */
  brTable(labels: readonly Label[], otherwise: Label): this {
    const targets = [...labels, otherwise].flatMap((label) => unsignedLeb(this.#depth - label.depth));
    return this.#emit(0x0e).#unsigned(labels.length).#emitAll(targets);
  }

  /** Calls a function with the arguments on the stack. The module takes in whatever its functions call. */
  call(callee: Callee): this {
    return this.#emit(0x10).#refer(this.#calls, callee);
  }

  /** Calls entry `i` of the module's table, with `i` on top of the arguments on the stack. */
  callIndirect(signature: Signature): this {
    return this.#emit(0x11).#refer(this.#indirectCalls, signature).#emit(0);
  }

  // Short forms of frequent sequences.

  /** local += by. */
  increment(local: Local, by: Operand): this {
    return this.push(local, by).op("i32.add").set(local);
  }

  /** Pushes base + index * scale. */
  address(base: Operand, index: Operand, scale: Operand): this {
    return this.push(base, index, scale).op("i32.mul", "i32.add");
  }

  /** Pushes the smaller of two signed i32. */
  minimum(a: Operand, b: Operand): this {
    return this.push(a, b, a, b).op("i32.lt_s", "select");
  }

  /** for (counter = from; counter < to; counter += step) body(). `to` must not change; `step` is positive. */
  for(counter: Local, from: Operand, to: Operand, step: Operand, body: () => void): this {
    this.push(from).set(counter);
    this.push(from, to).op("i32.lt_s");
    return this.if(() => {
      this.loop((again) => {
        body();
        this.push(counter, step).op("i32.add").tee(counter).push(to).op("i32.lt_s").brIf(again);
      });
    });
  }

  // What the module reads.

  get signature(): Signature {
    return { params: this.params.map((param) => param.type), results: this.results };
  }

  /** The functions called from this one, each once, in the order of their first calls. */
  get callees(): readonly Callee[] {
    return [...new Set(this.#calls.map((call) => call.target))];
  }

  /** The entry of the code section: locals and body, with all references filled in. */
  encode(functionIndex: (callee: Callee) => number, typeIndex: (signature: Signature) => number): Bytes {
    if (this.#depth !== 0) throw new Error("internal: wasm: function with an open block");
    const body = this.#body.slice();
    const fill = ({ position }: Reference<unknown>, index: number): void => {
      for (const [i, byte] of paddedLeb(index).entries()) body[position + i] = byte;
    };
    for (const call of this.#calls) fill(call, functionIndex(call.target));
    for (const call of this.#indirectCalls) fill(call, typeIndex(call.target));
    const runs: [count: number, type: ValueType][] = [];
    for (const { type } of this.#locals) {
      const last = runs.at(-1);
      if (last !== undefined && last[1] === type) last[0]++;
      else runs.push([1, type]);
    }
    const locals = vector(runs.map(([count, type]) => [...unsignedLeb(count), valueTypeByte(type)]));
    return concatenate([unsignedLeb(locals.length + body.length + 1), locals, body, [0x0b]]);
  }

  #emit(byte: number): this {
    this.#body.push(byte);
    return this;
  }

  #emitAll(bytes: Bytes): this {
    for (const byte of bytes) this.#body.push(byte);
    return this;
  }

  #unsigned(value: number): this {
    return value >= 0 && value < 0x80 ? this.#emit(value) : this.#emitAll(unsignedLeb(value));
  }

  #code(name: string, code: number): this {
    if (!(code >= 0)) throw new Error(`internal: wasm: no instruction ${name}`);
    return code <= 0xff ? this.#emit(code) : this.#emit(code >> 12).#unsigned(code & 0xfff);
  }

  #memory(name: OpName, offset: number, align: number): this {
    return this.#code(name, opcodes[name]).#emit(align).#unsigned(offset);
  }

  #nest(code: number, body: (label: Label) => void, result: ValueType | undefined): this {
    this.#emit(code).#emit(result === undefined ? 0x40 : valueTypeByte(result));
    this.#depth++;
    body({ depth: this.#depth });
    this.#depth--;
    return this.#emit(0x0b);
  }

  #refer<Target>(references: Reference<Target>[], target: Target): this {
    references.push({ position: this.#body.length, target });
    return this.#emitAll(paddedLeb(0));
  }
}

/** The bytes of a function type, the same for equal signatures. */
export function signatureBytes({ params, results }: Signature): Bytes {
  return functionTypeBytes(params, results);
}

function sixteen(bytes: readonly number[]): readonly number[] {
  if (bytes.length !== 16) throw new Error(`internal: wasm: a vector has 16 bytes, not ${bytes.length}`);
  return bytes;
}

function filled(lanes: readonly number[], count: number): readonly number[] {
  return lanes.length === 1 ? Array.from({ length: count }, () => lanes[0] ?? 0) : lanes;
}
