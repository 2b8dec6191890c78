/** The memory of a WebAssembly machine: blocks of one linear memory that grows. Floor: runtime. */
import { type Dtype, type TypedArray, viewOf } from "../../base/dtype.ts";
import { Blocks, alignment } from "../cpu/blocks.ts";
import type { Memory } from "../cpu/machine.ts";
import { megabytes, outOfMemory } from "../cpu/out-of-memory.ts";

const pageBytes = 65536;
/** The last page is never given out, so that no address is beyond 2³² − 1. */
const mostPages = 65535;

export class Heap extends Blocks implements Memory {
  readonly memory: WebAssembly.Memory;

  /** `isShared`: threads may see it too. */
  constructor(pages = 64, isShared = false) {
    super();
    this.memory = isShared ? sharedMemory(pages, 65536) : new WebAssembly.Memory({ initial: pages });
    // Address 0 is never a block.
    this.ranges.give(alignment, pages * pageBytes - alignment);
  }

  get reserved(): number {
    return this.memory.buffer.byteLength;
  }

  view(dtype: Dtype, address: number, size: number): TypedArray {
    return viewOf(dtype, this.memory.buffer, address, size);
  }

  protected override grow(bytes: number, what: string): void {
    const old = this.reserved / pageBytes;
    const needed = Math.ceil((bytes - this.ranges.before(this.reserved)) / pageBytes);
    const wished = Math.min(Math.max(needed, Math.ceil(old / 4)), mostPages - old);
    for (const pages of [wished, needed]) {
      if (pages < needed || old + pages > mostPages) continue;
      try {
        this.memory.grow(pages);
      } catch {
        // The system may have less than the wish: the next try asks for just what is needed.
        continue;
      }
      this.ranges.give(old * pageBytes, pages * pageBytes);
      return;
    }
    const limit = `${megabytes(this.reserved)} are reserved, and WebAssembly memory ends at 4 GiB`;
    throw outOfMemory({ op: "wasm", what, bytes, used: this.used, limit });
  }
}

/** Shared memory names its most; some engines reserve as much of the addresses and may not have so many. */
function sharedMemory(initial: number, maximum: number): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial, maximum, shared: true });
  } catch (error) {
    if (maximum / 2 < initial) throw error;
    return sharedMemory(initial, maximum / 2);
  }
}
