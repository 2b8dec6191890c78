/**
 * A result of a run in another thread: its elements arrive, or the error of its run. Whoever asks gets a promise.
 * Floor: ir.
 */
import type { TypedArray } from "../base/dtype.ts";

export class Arriving {
  /** The device's number for the result. */
  readonly id: number;
  readonly bytes: number;
  /** The elements, once they are here; nobody changes them. */
  elements: TypedArray | undefined = undefined;
  #fail: (() => Error) | undefined = undefined;
  #waiting: { resolve: (elements: TypedArray) => void; reject: (error: Error) => void }[] = [];
  readonly #hold: (waits: boolean) => void;

  /** `hold` hears of each that begins to wait, and of each that has waited. */
  constructor(id: number, bytes: number, hold: (waits: boolean) => void) {
    this.id = id;
    this.bytes = bytes;
    this.#hold = hold;
  }

  /** The error of the run, made anew; undefined while there is none. */
  get failure(): Error | undefined {
    return this.#fail?.();
  }

  /** Whether somebody waits. */
  get isAwaited(): boolean {
    return this.#waiting.length > 0;
  }

  arrive(elements: TypedArray): void {
    this.elements = elements;
    for (const { resolve } of this.#takeWaiting()) resolve(elements);
  }

  fail(make: () => Error): void {
    this.#fail = make;
    for (const { reject } of this.#takeWaiting()) reject(make());
  }

  /** The elements as soon as they are here. */
  when(): Promise<TypedArray> {
    const { elements, failure } = this;
    if (elements !== undefined) return Promise.resolve(elements);
    if (failure !== undefined) return Promise.reject(failure);
    this.#hold(true);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
    });
  }

  #takeWaiting(): { resolve: (elements: TypedArray) => void; reject: (error: Error) => void }[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (let i = 0; i < waiting.length; i++) this.#hold(false);
    return waiting;
  }
}
