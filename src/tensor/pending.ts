/**
 * What waits for a run on one device: results, gradients and writes, in program order. It decides what a run keeps; it
 * runs nothing. Floor: tensor.
 */
import type { Cell } from "../ir/cell.ts";
import type { Wanted } from "../ir/program.ts";
import { type Value, newestId, nextWalk, sortGraph } from "../ir/value.ts";
import { kit } from "../ops/kit.ts";
import { settleEffects } from "./capture.ts";
import type { Inner } from "./inner.ts";
import { staleError } from "./stale.ts";

/** A pending write: what the cell shall hold, and the vertices that stood for the cell before and stand for it now. */
export interface Write {
  readonly at: number;
  readonly owner: Inner;
  readonly cell: Cell;
  readonly content: Value;
  readonly next: Value;
  readonly before: Value;
}

/** A backward() whose gradients have not run yet; `at` is the number of its newest vertex. */
interface Backward {
  readonly at: number;
  readonly loss: Value;
}

/** The results of an outermost module call. */
interface Call {
  readonly at: number;
  readonly results: readonly Value[];
  /** Whether a backward() may follow. */
  readonly isTraining: boolean;
}

/** What a run shall do: results and writes, and for each written cell the write. */
export interface Due {
  readonly wanted: readonly Wanted[];
  readonly writes: ReadonlyMap<Cell, Write>;
}

const none: readonly Value[] = [];

export class Pending {
  /** Results that a user may hold, in the order in which they were written. */
  #results: Value[] = [];
  #calls: Call[] = [];
  #backwards: Backward[] = [];
  /** Variables whose gradient may be pending. */
  readonly #variables = new Set<Inner>();
  #writes: Write[] = [];
  /** Cells that are written more than once, with the number of their writes. */
  readonly #rewritten = new Map<Cell, number>();
  #mayDifferentiate = false;

  get isEmpty(): boolean {
    return (
      this.#results.length === 0 &&
      this.#writes.length === 0 &&
      this.#backwards.length === 0 &&
      this.#calls.length === 0 &&
      this.#variables.size === 0
    );
  }

  /** Whether there is a result whose backward() may follow. */
  get mayDifferentiate(): boolean {
    return this.#mayDifferentiate;
  }

  get hasBackward(): boolean {
    return this.#backwards.length > 0;
  }

  /** The variables whose gradients wait. */
  variables(): Iterable<Inner> {
    return this.#variables;
  }

  /** Losses and gradients that wait, with the variable of each gradient. */
  *products(): Iterable<{ readonly value: Value; readonly owner: Inner | undefined }> {
    for (const { loss } of this.#backwards) yield { value: loss, owner: undefined };
    for (const owner of this.#variables) if (owner.gradient !== undefined) yield { value: owner.gradient, owner };
  }

  /** Gives how many results wait now. */
  addResult(value: Value): number {
    if (value.requiresGrad) this.#mayDifferentiate = true;
    return this.#results.push(value);
  }

  /** Gives how many module calls of this kind wait now. */
  addCall(results: readonly Value[], isTraining: boolean): number {
    this.#calls.push({ at: newestId(), results, isTraining });
    if (isTraining) this.#mayDifferentiate = true;
    return this.#calls.reduce((count, call) => (call.isTraining === isTraining ? count + 1 : count), 0);
  }

  addBackward(loss: Value): void {
    this.#backwards.push({ at: newestId(), loss });
  }

  addGradient(owner: Inner): void {
    this.#variables.add(owner);
  }

  /** Gives how many writes to the same cell wait now. */
  addWrite(write: Write): number {
    this.#writes.push(write);
    // In a step each cell is written once, which costs nothing here.
    if (write.before.leaf !== undefined) return 1;
    const count = (this.#rewritten.get(write.cell) ?? 1) + 1;
    this.#rewritten.set(write.cell, count);
    return count;
  }

  /** The newest vertex of what must run before gradients of `loss` can be added to pending ones; -1 where nothing must. */
  limitBefore(loss: Value): number {
    let limit = -1;
    for (const { gradient } of this.#variables) {
      if (gradient !== undefined && gradient.leaf === undefined && gradient.id < loss.id)
        limit = Math.max(limit, gradient.id);
    }
    if (limit < 0) return limit;
    for (const { at } of this.#backwards) if (at < loss.id) limit = Math.max(limit, at);
    return limit;
  }

  /** What is due up to vertex number `limit`, and `asked`. `roots` are vertices behind the limit that are needed later. */
  due(asked: readonly Value[], limit: number, roots: readonly Value[]): Due {
    const crossing = limit === Number.POSITIVE_INFINITY ? none : this.#crossing(limit, roots);
    const writes = new Map<Cell, Write>();
    for (const write of this.#writes) if (write.at <= limit && !write.cell.disposed) writes.set(write.cell, write);
    const walk = nextWalk();
    const wanted: Wanted[] = [];
    const keep = (value: Value): void => {
      if (value.leaf !== undefined || value.mark === walk) return;
      value.mark = walk;
      wanted.push({ value, cell: undefined });
    };
    // The vertex that stands for a written cell becomes a leaf by the write.
    for (const { next } of writes.values()) next.mark = walk;
    asked.forEach(keep);
    for (const { at, loss } of this.#backwards) if (at <= limit) keep(loss);
    for (const { gradient } of this.#variables) if (gradient !== undefined && gradient.id <= limit) keep(gradient);
    for (const { at, results } of this.#calls) if (at <= limit) results.forEach(keep);
    for (const value of this.#results) if (!value.consumed && value.id <= limit) keep(value);
    crossing.forEach(keep);
    for (const { content, next, cell } of writes.values()) {
      // No two outputs of a program are one vertex.
      const isOwn = content === next || content.mark !== walk;
      const value = content.leaf === undefined && isOwn ? content : kit.alias(content, false);
      value.mark = walk;
      wanted.push({ value, cell });
    }
    return { wanted, writes };
  }

  /** Pending vertices up to `limit` that pending ones behind it use: they would have to be computed again. */
  #crossing(limit: number, roots: readonly Value[]): readonly Value[] {
    const later = [...roots];
    for (const value of this.#results) if (value.id > limit) later.push(value);
    for (const { at, content } of this.#writes) if (at > limit) later.push(content);
    const { order } = sortGraph(later, (value) => value.leaf !== undefined || value.id <= limit);
    return order.filter((value) => value.id <= limit && value.op.kind !== "constant" && value.op.kind !== "iota");
  }

  /**
   * Leaves out results that cannot be had any more and that nobody waits for; throws where somebody does. `causes` are
   * the lost cells by vertex.
   */
  withoutStale({ wanted, writes }: Due, causes: ReadonlyMap<Value, Cell>, asked: readonly Value[]): Due {
    const products = new Set<Value>();
    for (const { value } of this.products()) products.add(value);
    const lost = wanted.filter(({ value }) => causes.has(value));
    const hopeless = lost.find(({ value, cell }) => cell !== undefined || products.has(value));
    const read = asked.find((value) => causes.has(value));
    // A write or a backward() that cannot run would fail again and again. A read fails alone.
    if (hopeless !== undefined) this.giveUp();
    if (read !== undefined) throw staleError("read", read, causes.get(read) as Cell, causes);
    if (hopeless !== undefined) {
      const { value, cell } = hopeless;
      throw staleError(cell === undefined ? "backward" : "assign", value, causes.get(value) as Cell, causes);
    }
    return { wanted: wanted.filter(({ value }) => !causes.has(value)), writes };
  }

  /** Drops what a run up to `limit` has dealt with. */
  forget(limit: number): void {
    if (limit === Number.POSITIVE_INFINITY) {
      // A loss that was read alone may still be differentiated.
      if (this.#backwards.length > 0) this.#mayDifferentiate = false;
      this.#results = [];
      this.#calls = [];
      this.#backwards = [];
      this.#writes = [];
      this.#rewritten.clear();
      this.#variables.clear();
      return;
    }
    this.#results = this.#results.filter((value) => value.id > limit && value.leaf === undefined);
    this.#calls = this.#calls.filter(({ at }) => at > limit);
    this.#backwards = this.#backwards.filter(({ at }) => at > limit);
    this.#writes = this.#writes.filter(({ at }) => at > limit);
    for (const owner of this.#variables) if (owner.gradient?.leaf !== undefined) this.#variables.delete(owner);
  }

  /** After an error: tensors stand for what their cells hold, pending gradients are unset, host effects taken back. */
  giveUp(): void {
    for (let i = this.#writes.length - 1; i >= 0; i--) {
      const write = this.#writes[i] as Write;
      write.owner.value = write.before;
    }
    for (const owner of this.#variables) if (owner.gradient?.leaf === undefined) owner.gradient = undefined;
    this.forget(Number.POSITIVE_INFINITY);
    settleEffects(false);
  }
}
