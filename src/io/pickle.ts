/**
 * A machine for the pickles of data: numbers, texts, booleans, None, lists, tuples and dicts, of protocols 2 to 5. It runs
 * no code. Whatever else a pickle names, calls or refers to goes to a host, which knows what it allows and refuses the rest;
 * the opcodes that make objects of any class are not known at all. Nothing is recursive, and what a pickle makes is bounded
 * by its size. Floor: io.
 */
import { TwopassError, describe } from "../base/errors.ts";

/** What a pickle may ask for beyond plain data. Each method throws for what it does not allow. */
export interface PickleHost {
  /** The value that `module.name` stands for. */
  find(module: string, name: string): unknown;
  /** What a call of that value gives. */
  call(callable: unknown, parts: readonly unknown[]): unknown;
  /** What lies outside of the pickle under this key. */
  persistent(key: unknown): unknown;
}

/** A Python dict. Lists and tuples are arrays, an int beyond 2^53 is a bigint, None is null. */
export class PyDict {
  readonly items = new Map<string | number, unknown>();
}

/** Values that wait on the stack; Python's own pickles never leave more than 1,000 a level there. */
const mostWaiting = 100_000;

/** The value of the pickle at `start`, and where it ends. */
export function unpickle(
  op: string,
  bytes: Uint8Array,
  start: number,
  host: PickleHost,
): { readonly value: unknown; readonly end: number } {
  return new Machine(op, bytes, start, host).run();
}

/** Opcodes that are refused by name, as a reader may know them. The others are shown as numbers. */
const refusedNames: Readonly<Record<number, string>> = {
  0x50: "PERSID",
  0x69: "INST",
  0x6f: "OBJ",
  0x81: "NEWOBJ",
  0x82: "EXT1",
  0x83: "EXT2",
  0x84: "EXT4",
  0x8b: "LONG4",
  0x8f: "EMPTY_SET",
  0x90: "ADDITEMS",
  0x91: "FROZENSET",
  0x92: "NEWOBJ_EX",
  0x42: "BINBYTES",
  0x43: "SHORT_BINBYTES",
  0x8e: "BINBYTES8",
  0x96: "BYTEARRAY8",
};

class Machine {
  readonly #op: string;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #host: PickleHost;
  readonly #start: number;
  readonly #stack: unknown[] = [];
  /** Heights of the stack. */
  readonly #marks: number[] = [];
  readonly #memo: unknown[] = [];
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  #at: number;
  /** Lists and dicts that may still be made: honest ones take some bytes each. */
  #containersLeft: number;

  constructor(op: string, bytes: Uint8Array, start: number, host: PickleHost) {
    this.#op = op;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#host = host;
    this.#start = start;
    this.#at = start;
    this.#containersLeft = 100_000 + (bytes.length - start) / 8;
  }

  run(): { value: unknown; end: number } {
    if (this.#byte() !== 0x80) throw this.#error("not a pickle of protocol 2 or later", "it does not begin with PROTO");
    const protocol = this.#byte();
    if (protocol < 2 || protocol > 5) throw this.#error("unknown protocol", `${protocol}, known are 2 to 5`);
    for (;;) {
      const code = this.#byte();
      if (code === 0x2e) break; // STOP
      this.#step(code);
      if (this.#stack.length > mostWaiting) throw this.#damaged(`more than ${mostWaiting} values wait`);
    }
    const value = this.#pop();
    if (this.#stack.length > 0 || this.#marks.length > 0) throw this.#damaged("values are left at its end");
    return { value, end: this.#at };
  }

  #step(code: number): void {
    switch (code) {
      case 0x95: // FRAME: a hint for buffers
        this.#take(8);
        return;
      case 0x28: // MARK
        this.#marks.push(this.#stack.length);
        return;
      case 0x61: // APPEND
        return this.#append([this.#pop()]);
      case 0x65: // APPENDS
        return this.#append(this.#popToMark());
      case 0x73: {
        const value = this.#pop(); // SETITEM
        return this.#setItems([this.#pop(), value]);
      }
      case 0x75: // SETITEMS
        return this.#setItems(this.#popToMark());
      case 0x71: // BINPUT
        return this.#remember(this.#byte());
      case 0x72: // LONG_BINPUT
        return this.#remember(this.#u32());
      case 0x94: // MEMOIZE
        return this.#remember(this.#memo.length);
      case 0x62: // BUILD
        return this.#build();
      default:
        this.#stack.push(this.#value(code));
    }
  }

  /** The value that an opcode pushes. */
  #value(code: number): unknown {
    switch (code) {
      case 0x4e: // NONE
        return null;
      case 0x88: // NEWTRUE
        return true;
      case 0x89: // NEWFALSE
        return false;
      case 0x4b: // BININT1
        return this.#byte();
      case 0x4d: // BININT2
        return this.#byte() + 256 * this.#byte();
      case 0x4a: // BININT
        return this.#u32() | 0;
      case 0x8a: // LONG1
        return this.#long(this.#byte());
      case 0x47: // BINFLOAT, the one number with the high byte first
        return this.#view.getFloat64(this.#take(8));
      case 0x8c: // SHORT_BINUNICODE
      case 0x55: // SHORT_BINSTRING, texts of Python 2
        return this.#text(this.#byte());
      case 0x58: // BINUNICODE
      case 0x54: // BINSTRING
        return this.#text(this.#u32());
      case 0x8d: // BINUNICODE8
        return this.#text(this.#u32() + 2 ** 32 * this.#u32());
      case 0x5d: // EMPTY_LIST
      case 0x29: // EMPTY_TUPLE
        return this.#container([]);
      case 0x7d: // EMPTY_DICT
        return this.#container(new PyDict());
      case 0x74: // TUPLE
        return this.#container(this.#popToMark());
      case 0x85: // TUPLE1 to TUPLE3
      case 0x86:
      case 0x87:
        return this.#container(this.#popMany(code - 0x84));
      case 0x68: // BINGET
        return this.#recall(this.#byte());
      case 0x6a: // LONG_BINGET
        return this.#recall(this.#u32());
      case 0x63: {
        const module = this.#line(); // GLOBAL
        return this.#host.find(module, this.#line());
      }
      case 0x93: {
        const name = this.#pop(); // STACK_GLOBAL
        const module = this.#pop();
        if (typeof module === "string" && typeof name === "string") return this.#host.find(module, name);
        throw this.#damaged("a global is not named by two texts");
      }
      case 0x52: {
        const parts = this.#pop(); // REDUCE
        if (Array.isArray(parts)) return this.#container(this.#host.call(this.#pop(), parts));
        throw this.#damaged("a call without a tuple");
      }
      case 0x51: // BINPERSID
        return this.#container(this.#host.persistent(this.#pop()));
      default: {
        const name = refusedNames[code];
        const number = `0x${code.toString(16).padStart(2, "0")}`;
        throw this.#error(
          "the pickle holds more than data",
          `opcode ${name === undefined ? number : `${name} (${number})`}`,
        );
      }
    }
  }

  #container<T>(value: T): T {
    if (--this.#containersLeft < 0) throw this.#damaged("it makes too many objects for its size");
    return value;
  }

  #append(values: readonly unknown[]): void {
    const list = this.#stack.at(-1);
    if (!Array.isArray(list)) throw this.#damaged("an item for what is no list");
    for (const value of values) list.push(value);
  }

  #setItems(values: readonly unknown[]): void {
    const dict = this.#stack.at(-1);
    if (!(dict instanceof PyDict) || values.length % 2 !== 0) throw this.#damaged("an item for what is no dict");
    for (let i = 0; i < values.length; i += 2) {
      const key = values[i];
      if (typeof key !== "string" && !Number.isSafeInteger(key)) {
        throw this.#error("a key that is no text and no whole number", describe(key));
      }
      dict.items.set(key as string | number, values[i + 1]);
    }
  }

  /** Sets attributes of an object. Dicts are the only ones here, and their attributes, such as _metadata, are no items. */
  #build(): void {
    const attributes = this.#pop();
    if (this.#stack.at(-1) instanceof PyDict && attributes instanceof PyDict) return;
    throw this.#error("the pickle holds more than data", "it sets attributes of an object (BUILD)");
  }

  /** Picklers number the memo one by one, so that a larger number is damage. */
  #remember(index: number): void {
    if (this.#stack.length === 0 || index > this.#memo.length + 1) throw this.#damaged("its memo is out of order");
    // Python 2 began with 1.
    if (index > this.#memo.length) this.#memo.push(undefined);
    this.#memo[index] = this.#stack.at(-1);
  }

  #recall(index: number): unknown {
    const value = this.#memo[index];
    if (value === undefined) throw this.#damaged(`nothing has the number ${index} in its memo`);
    return value;
  }

  #pop(): unknown {
    if (this.#stack.length <= (this.#marks.at(-1) ?? 0)) throw this.#damaged("a value is missing");
    return this.#stack.pop();
  }

  #popMany(count: number): unknown[] {
    if (this.#stack.length - count < (this.#marks.at(-1) ?? 0)) throw this.#damaged("a value is missing");
    return this.#stack.splice(this.#stack.length - count, count);
  }

  #popToMark(): unknown[] {
    const height = this.#marks.pop();
    if (height === undefined) throw this.#damaged("a mark is missing");
    return this.#stack.splice(height);
  }

  /** Two's complement, low byte first. */
  #long(length: number): number | bigint {
    const at = this.#take(length);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.#bytes[at + i] as number);
    const signed = BigInt.asIntN(8 * length, value);
    const number = Number(signed);
    return Number.isSafeInteger(number) ? number : signed;
  }

  #line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end < 0) throw this.#damaged("it is cut off");
    const text = this.#text(end - this.#at);
    this.#at++;
    return text;
  }

  #text(length: number): string {
    const at = this.#take(length);
    try {
      return this.#decoder.decode(this.#bytes.subarray(at, at + length));
    } catch (cause) {
      throw this.#error("damaged pickle", "a text is not UTF-8", cause);
    }
  }

  #byte(): number {
    return this.#bytes[this.#take(1)] as number;
  }

  #u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  /** Where the next `length` bytes begin. */
  #take(length: number): number {
    const at = this.#at;
    if (length > this.#bytes.length - at) throw this.#damaged("it is cut off");
    this.#at += length;
    return at;
  }

  #damaged(facts: string): TwopassError {
    return this.#error("damaged pickle", facts);
  }

  #error(problem: string, facts: string, cause?: unknown): TwopassError {
    const place = `${facts}, before byte ${this.#at - this.#start}`;
    const hint = "only tensors, numbers, texts, lists and dicts are read: torch.save(model.state_dict(), path)";
    return new TwopassError({ op: this.#op, problem, facts: place, hint, cause });
  }
}
