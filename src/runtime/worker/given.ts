/**
 * Elements of the page that runs in another thread need. What is used a second time stays there, in a bounded cache, so
 * that constant data crosses twice and batches once. Floor: runtime.
 */
import type { TypedArray } from "../../base/dtype.ts";
import type { Given } from "./wire.ts";

/** Bytes that stay in the thread. */
const mostBytes = 64 * 2 ** 20;

/** How elements are known to the thread; 0 where they are not there (now). */
interface Known {
  id: number;
  readonly bytes: number;
}

export class GivenElements {
  readonly #known = new WeakMap<TypedArray, Known>();
  /** What stays in the thread, the least recently used first. */
  readonly #staying = new Map<number, Known>();
  #bytes = 0;
  #nextId = -1;
  #given: Given[] = [];
  /** The numbers of this run's elements: they stay whatever the limit. */
  readonly #inUse = new Set<number>();

  /** Bytes that stay in the thread. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The number of elements in the next run. */
  give(data: TypedArray): number {
    const known = this.#known.get(data);
    if (known === undefined) {
      // An identity that comes twice in one run is one leaf, so this is the first use.
      this.#known.set(data, { id: 0, bytes: data.byteLength });
      return this.#send(data, false);
    }
    if (known.id === 0 && known.bytes > mostBytes) return this.#send(data, false);
    if (known.id === 0) {
      known.id = this.#send(data, true);
      this.#bytes += known.bytes;
    }
    this.#staying.delete(known.id);
    this.#staying.set(known.id, known);
    this.#inUse.add(known.id);
    return known.id;
  }

  #send(data: TypedArray, stays: boolean): number {
    const id = this.#nextId--;
    this.#given.push({ id, data: data.slice(), stays });
    return id;
  }

  /** What goes along with the run that is sent now. */
  take(): {
    readonly given: readonly Given[];
    readonly forget: readonly number[];
    readonly transfer: ArrayBufferLike[];
  } {
    const given = this.#given;
    this.#given = [];
    const forget: number[] = [];
    for (const [id, known] of this.#staying) {
      if (this.#bytes <= mostBytes) break;
      if (this.#inUse.has(id)) continue;
      this.#staying.delete(id);
      this.#bytes -= known.bytes;
      known.id = 0;
      forget.push(id);
    }
    this.#inUse.clear();
    return { given, forget, transfer: given.map(({ data }) => data.buffer) };
  }
}
