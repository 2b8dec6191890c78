/**
 * The memory of the native device: blocks of a few large array buffers, which the engine frees when nobody holds them.
 * Floor: runtime; Node only.
 */
import { totalmem } from "node:os";
import { type Dtype, type TypedArray, itemSize, viewOf } from "../../../base/dtype.ts";
import { internal } from "../../../base/errors.ts";
import { Blocks, alignment } from "../../cpu/blocks.ts";
import type { Block, Memory } from "../../cpu/machine.ts";
import { megabytes, outOfMemory } from "../../cpu/out-of-memory.ts";

/** Kernels may read so far beyond the end of a block. It also keeps segments from being neighbours. */
const slack = 128;
const leastSegment = 4 * 2 ** 20;
const mostGrowth = 256 * 2 ** 20;

interface Segment {
  readonly buffer: ArrayBuffer;
  /** Address of the buffer's first byte. */
  readonly base: number;
  /** What blocks are made of. */
  readonly start: number;
  readonly bytes: number;
}

export interface Addresses {
  /** The address of a buffer's first byte. */
  addressOf(buffer: ArrayBuffer): number;
  /** Asks the system for large pages in a range. */
  advise(address: number, bytes: number): void;
}

export class NativeMemory extends Blocks implements Memory {
  readonly #addresses: Addresses;
  readonly #limit: number;
  readonly #segments: Segment[] = [];
  #latest: Segment | undefined;
  reserved = 0;

  /** @param limit bytes that there may be in all; by default what the system lets the process have. */
  constructor(addresses: Addresses, limit: number = systemLimit()) {
    super();
    this.#addresses = addresses;
    this.#limit = limit;
  }

  override free(block: Block): void {
    super.free(block);
    const segment = this.#segmentOf(block.address);
    // A large segment that nobody uses goes back to the system; the small first one stays.
    if (segment.bytes <= leastSegment || !this.ranges.remove(segment.start, segment.bytes)) return;
    this.#segments.splice(this.#segments.indexOf(segment), 1);
    this.reserved -= segment.bytes;
    this.#latest = undefined;
  }

  view(dtype: Dtype, address: number, size: number): TypedArray {
    const { buffer, base } = this.#segmentOf(address);
    if (address + size * itemSize[dtype] > base + buffer.byteLength) throw internal("a view beyond its segment");
    return viewOf(dtype, buffer, address - base, size);
  }

  #segmentOf(address: number): Segment {
    const holds = (s: Segment | undefined): boolean =>
      s !== undefined && address >= s.start && address <= s.start + s.bytes;
    if (!holds(this.#latest)) this.#latest = this.#segments.find(holds);
    if (this.#latest === undefined) throw internal("an address of no segment");
    return this.#latest;
  }

  protected override grow(bytes: number, what: string): void {
    const wished = Math.max(bytes, leastSegment, Math.min(this.reserved / 2, mostGrowth));
    for (const size of [wished, bytes]) {
      if (this.reserved + size > this.#limit) continue;
      try {
        this.#add(Math.ceil(size / alignment) * alignment);
        return;
      } catch (error) {
        // The system may have less than the wish: the next try asks for just what is needed.
        if (!(error instanceof RangeError)) throw error;
      }
    }
    throw outOfMemory({
      op: "native",
      what,
      bytes,
      used: this.used,
      limit: `and this process can have ${megabytes(this.#limit)}`,
    });
  }

  #add(bytes: number): void {
    const buffer = new ArrayBuffer(bytes + alignment + slack);
    const base = this.#addresses.addressOf(buffer);
    const start = Math.ceil(base / alignment) * alignment;
    this.#addresses.advise(start, bytes);
    this.#segments.push({ buffer, base, start, bytes });
    this.ranges.give(start, bytes);
    this.reserved += bytes;
  }
}

/** What the machine has, or what its container may use of it. */
function systemLimit(): number {
  const constrained = process.constrainedMemory?.() ?? 0;
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}
