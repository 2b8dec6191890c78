/** Plans by structural key, bounded, least recently used out first. Floor: tensor. */
import { type Key, type Wanted, programOf } from "../ir/program.ts";
import { makeLeaf } from "../ops/leaf.ts";
import type { Device, Plan } from "../runtime/device.ts";
import { guardWrites } from "./finite.ts";

/** A plan in the cache. */
export interface CachedPlan {
  readonly words: Int32Array;
  readonly hash: number;
  readonly plan: Plan;
  /** When it was used last, counted in uses of the cache. */
  used: number;
  /** False once the cache has let it go; it cannot run any more. */
  alive: boolean;
}

export class PlanCache {
  readonly #device: Device;
  readonly #most: number;
  readonly #buckets = new Map<number, CachedPlan[]>();
  #size = 0;
  #uses = 0;
  /** Plans made so far. */
  made = 0;
  /** The plan that was used last. */
  latest: Plan | undefined = undefined;

  constructor(device: Device, most = 256) {
    this.#device = device;
    this.#most = most;
  }

  /** The plan for a key, made where there is none yet; with `checked`, of the program whose writes are guarded. */
  find(key: Key, wanted: readonly Wanted[], checked?: readonly number[]): CachedPlan {
    const bucket = this.#buckets.get(key.hash);
    if (bucket !== undefined) {
      for (const entry of bucket) if (key.words.equals(entry.words)) return this.touch(entry);
    }
    const words = key.words.copy();
    const program = programOf(key, wanted, (like, leaf) => makeLeaf(like.shape, like.dtype, leaf));
    const plan = this.#device.compile(checked === undefined ? program : guardWrites(program, checked));
    this.made++;
    const entry: CachedPlan = { words, hash: key.hash, plan, used: 0, alive: true };
    if (bucket === undefined) this.#buckets.set(key.hash, [entry]);
    else bucket.push(entry);
    this.#size++;
    this.touch(entry);
    if (this.#size > this.#most) this.#dropOldest();
    return entry;
  }

  /** Counts a use. */
  touch(entry: CachedPlan): CachedPlan {
    entry.used = ++this.#uses;
    this.latest = entry.plan;
    return entry;
  }

  #dropOldest(): void {
    let oldest: CachedPlan | undefined;
    for (const bucket of this.#buckets.values()) {
      for (const entry of bucket) if (oldest === undefined || entry.used < oldest.used) oldest = entry;
    }
    if (oldest === undefined) return;
    const rest = (this.#buckets.get(oldest.hash) ?? []).filter((entry) => entry !== oldest);
    if (rest.length > 0) this.#buckets.set(oldest.hash, rest);
    else this.#buckets.delete(oldest.hash);
    oldest.alive = false;
    oldest.plan.dispose();
    this.#size--;
  }
}
