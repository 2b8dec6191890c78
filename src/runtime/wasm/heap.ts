/** Blocks of one WebAssembly memory: who has which bytes. Floor: runtime. */
import { TwopassError, internal } from "../../base/errors.ts";

const pageBytes = 65536;
const alignment = 64;
/** The last page is never given out, so that no address is beyond 2³² − 1. */
const mostPages = 65535;

export interface Block {
  readonly address: number;
  readonly bytes: number;
}

/** First fit over a list of free ranges, neighbours joined when freed. */
export class Heap {
  readonly memory: WebAssembly.Memory;
  /** Free ranges by address. */
  #free: { address: number; bytes: number }[];
  used = 0;
  #bytes: Uint8Array;

  constructor(pages = 64) {
    this.memory = new WebAssembly.Memory({ initial: pages });
    // Address 0 is never a block.
    this.#free = [{ address: alignment, bytes: pages * pageBytes - alignment }];
    this.#bytes = new Uint8Array(this.memory.buffer);
  }

  get reserved(): number {
    return this.memory.buffer.byteLength;
  }

  /** All bytes; a new array after the memory has grown. */
  get bytes(): Uint8Array {
    if (this.#bytes.buffer !== this.memory.buffer) this.#bytes = new Uint8Array(this.memory.buffer);
    return this.#bytes;
  }

  allocate(bytes: number, what: string): Block {
    const size = Math.max(Math.ceil(bytes / alignment) * alignment, alignment);
    let range = this.#free.find((r) => r.bytes >= size);
    if (range === undefined) {
      this.#grow(size, what);
      range = this.#free.find((r) => r.bytes >= size);
      if (range === undefined) throw internal("the heap has grown too little");
    }
    const address = range.address;
    range.address += size;
    range.bytes -= size;
    if (range.bytes === 0) this.#free.splice(this.#free.indexOf(range), 1);
    this.used += size;
    return { address, bytes: size };
  }

  free(block: Block): void {
    this.used -= block.bytes;
    let at = this.#free.findIndex((r) => r.address > block.address);
    if (at < 0) at = this.#free.length;
    const before = this.#free[at - 1];
    const after = this.#free[at];
    const joinsBefore = before !== undefined && before.address + before.bytes === block.address;
    const joinsAfter = after !== undefined && block.address + block.bytes === after.address;
    if (joinsBefore && joinsAfter) {
      before.bytes += block.bytes + after.bytes;
      this.#free.splice(at, 1);
    } else if (joinsBefore) before.bytes += block.bytes;
    else if (joinsAfter) {
      after.address = block.address;
      after.bytes += block.bytes;
    } else this.#free.splice(at, 0, { address: block.address, bytes: block.bytes });
  }

  #grow(bytes: number, what: string): void {
    const old = this.reserved / pageBytes;
    const last = this.#free.at(-1);
    const atEnd = last !== undefined && last.address + last.bytes === this.reserved ? last.bytes : 0;
    const needed = Math.ceil((bytes - atEnd) / pageBytes);
    const wished = Math.min(Math.max(needed, Math.ceil(old / 4)), mostPages - old);
    for (const pages of [wished, needed]) {
      if (pages < needed || old + pages > mostPages) continue;
      try {
        this.memory.grow(pages);
      } catch {
        // The system may have less than the wish: the next try asks for just what is needed.
        continue;
      }
      this.free({ address: old * pageBytes, bytes: pages * pageBytes });
      this.used += pages * pageBytes;
      return;
    }
    throw new TwopassError({
      op: "wasm",
      problem: "out of memory",
      facts: `${what} needs ${megabytes(bytes)}, ${megabytes(this.used)} of ${megabytes(this.reserved)} are in use`,
      hint: "use smaller batches; WebAssembly memory ends at 4 GiB",
    });
  }
}

function megabytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
