/**
 * Elements that a thread holds by number: copies of results that may be named before the page has them, and given ones.
 * Copies take the memory of those that are gone, since fresh memory costs more than the copying. Floor: runtime.
 */
import type { TypedArray } from "../../base/dtype.ts";

/** Bytes of free memory that are kept. */
const mostFree = 32 * 2 ** 20;

export class HeldElements {
  readonly #byNumber = new Map<number, TypedArray>();
  /** Memory of results that are gone, by its size. */
  readonly #free = new Map<number, ArrayBuffer[]>();
  #freeBytes = 0;

  get(id: number): TypedArray | undefined {
    return this.#byNumber.get(id);
  }

  /** Holds given elements themselves. */
  hold(id: number, data: TypedArray): void {
    this.#byNumber.set(id, data);
  }

  /** Holds a copy. */
  holdCopy(id: number, data: TypedArray): void {
    const memory = this.#free.get(data.byteLength)?.pop();
    if (memory === undefined) {
      this.#byNumber.set(id, data.slice());
      return;
    }
    this.#freeBytes -= memory.byteLength;
    const copy = new (data.constructor as new (memory: ArrayBuffer) => TypedArray)(memory);
    copy.set(data);
    this.#byNumber.set(id, copy);
  }

  forget(id: number): void {
    this.#byNumber.delete(id);
  }

  /** Forgets a copy, whose memory nobody else has. */
  recycle(id: number): void {
    const data = this.#byNumber.get(id);
    if (data === undefined) return;
    this.#byNumber.delete(id);
    if (this.#freeBytes + data.byteLength > mostFree) return;
    this.#freeBytes += data.byteLength;
    const memory = data.buffer as ArrayBuffer;
    const free = this.#free.get(data.byteLength);
    if (free === undefined) this.#free.set(data.byteLength, [memory]);
    else free.push(memory);
  }

  /** How many are held. */
  get count(): number {
    return this.#byNumber.size;
  }
}
