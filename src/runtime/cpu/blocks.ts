/** Memory handed out in blocks, whatever it is made of. Floor: runtime. */
import { internal } from "../../base/errors.ts";
import type { Block } from "./machine.ts";
import { FreeRanges } from "./ranges.ts";

/** Blocks start at multiples of this. */
export const alignment = 64;

export abstract class Blocks {
  protected readonly ranges = new FreeRanges();
  used = 0;

  /** Adds free ranges that hold a block of so many bytes. @throws where there is no memory left, for `what`. */
  protected abstract grow(bytes: number, what: string): void;

  allocate(bytes: number, what: string): Block {
    const size = Math.max(Math.ceil(bytes / alignment) * alignment, alignment);
    let address = this.ranges.take(size);
    if (address === undefined) {
      this.grow(size, what);
      address = this.ranges.take(size);
      if (address === undefined) throw internal("the memory has grown too little");
    }
    this.used += size;
    return { address, bytes: size };
  }

  free({ address, bytes }: Block): void {
    this.used -= bytes;
    this.ranges.give(address, bytes);
  }
}
