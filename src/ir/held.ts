/**
 * Elements that a device still has where a run left them. They are copied out when somebody looks, and at the latest
 * when the place is needed, unless nobody can look any more: most gradients are never looked at. Floor: ir.
 */
import type { TypedArray } from "../base/dtype.ts";
import { internal } from "../base/errors.ts";

/** Knows whether somebody may look at a held result. */
export interface Watcher {
  readonly mayLook: boolean;
}

export class Held {
  readonly bytes: number;
  /** Says whether somebody may still look; where nobody says, somebody may. */
  watcher: Watcher | undefined = undefined;
  #copy: (() => TypedArray) | undefined;
  #elements: TypedArray | undefined;

  constructor(bytes: number, copy: () => TypedArray) {
    this.bytes = bytes;
    this.#copy = copy;
  }

  /** Copied out at the first call. */
  get elements(): TypedArray {
    if (this.#elements === undefined) {
      if (this.#copy === undefined) throw internal("a result is read that was given up");
      this.#elements = this.#copy();
      this.#copy = undefined;
    }
    return this.#elements;
  }

  /** The place is needed: copies the elements out if they are wanted, else gives them up. */
  leave(): void {
    if (this.#copy === undefined) return;
    if (this.watcher === undefined || this.watcher.mayLook) void this.elements;
    else this.#copy = undefined;
  }
}
