/**
 * The run contract: what runs, what stays, what is overwritten (docs/architecture.md, section 6). One engine for each
 * device: it collects what is pending and runs it as one program. Floor: tensor.
 */
import type { TypedArray } from "../base/dtype.ts";
import { TwopassError, internal } from "../base/errors.ts";
import type { Cell } from "../ir/cell.ts";
import { withMode } from "../ir/mode.ts";
import { type Key, type Wanted, keyOf } from "../ir/program.ts";
import { type Leaf, type Value, newestId, nextWalk, sortGraph } from "../ir/value.ts";
import { kit } from "../ops/kit.ts";
import { pullback } from "../transform/grad.ts";
import type { Device, Plan } from "../runtime/device.ts";
import { explainFault } from "./fault.ts";
import { refuseRead, settleEffects, tracing } from "./capture.ts";
import { checkFinite } from "./finite.ts";
import { guardMemory } from "./limits.ts";
import { type CachedPlan, PlanCache } from "./plan-cache.ts";
import type { Inner } from "./inner.ts";
import { disposedCell, isStale, staleCauses, staleError } from "./stale.ts";
import { hint, switches } from "./switches.ts";

/** A pending write: what the cell shall hold, and the vertices that stood for the cell before and stand for it now. */
interface Write {
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
}

export interface EngineStats {
  /** Programs run so far. */
  readonly runs: number;
  /** Plans made so far. */
  readonly plans: number;
  /** Kernels compiled so far. */
  readonly kernels: number;
}

/** Outermost module calls that may pile up before the engine runs them. */
const mostCalls = 8;
/** Results of single operations that may pile up. */
const mostResults = 10_000;
const none: readonly Value[] = [];

export class Engine {
  readonly device: Device;
  readonly plans: PlanCache;
  /** Results that a user may hold, in the order in which they were written. */
  #fresh: Value[] = [];
  #calls: Call[] = [];
  #backwards: Backward[] = [];
  /** Variables whose gradient may be pending. */
  #variables = new Set<Inner>();
  #writes: Write[] = [];
  /** Vertices that need a gradient and ran for a read before their backward() was written. */
  #early = new WeakSet<Value>();
  #hasEarly = false;
  #runs = 0;
  #stored: WeakRef<Inner>[] = [];
  #mostStored = 256;

  constructor(device: Device) {
    this.device = device;
    this.plans = new PlanCache(device);
  }

  get stats(): EngineStats {
    return { runs: this.#runs, plans: this.plans.made, kernels: this.device.compiled };
  }

  /** Whether nothing waits for a run. */
  get idle(): boolean {
    return (
      this.#fresh.length === 0 &&
      this.#writes.length === 0 &&
      this.#backwards.length === 0 &&
      this.#calls.length === 0 &&
      this.#variables.size === 0
    );
  }

  /** A result that a user may hold; kept by the next run unless another tensor is made from it. */
  noteFresh(value: Value): void {
    const capture = tracing();
    if (capture !== undefined) {
      capture.use(this);
      return;
    }
    this.#fresh.push(value);
    if (switches.eager) this.run([value]);
    else if (this.#fresh.length > mostResults) this.run([]);
  }

  /** The results of an outermost module call. The ninth call without a run makes one. */
  noteCall(results: readonly Value[]): void {
    if (tracing() !== undefined) return;
    this.#calls.push({ at: newestId(), results });
    if (this.#calls.length > mostCalls) this.run([]);
  }

  /** A stored tensor was made; only reports look at them, and they do not keep them alive. */
  noteStored(part: Inner): void {
    this.#stored.push(new WeakRef(part));
    if (this.#stored.length < this.#mostStored) return;
    this.#stored = this.#stored.filter((ref) => ref.deref() !== undefined);
    this.#mostStored = Math.max(256, 2 * this.#stored.length);
  }

  /** The stored tensors that are in use. */
  get stored(): readonly Inner[] {
    return this.#stored.map((ref) => ref.deref()).filter((part) => part !== undefined && !part.disposed) as Inner[];
  }

  /** Replaces the gradient of a variable; the next run keeps it. */
  setGradient(owner: Inner, gradient: Value | undefined): void {
    const capture = tracing();
    capture?.noteGradient(owner, false);
    owner.gradient = gradient;
    if (gradient !== undefined && capture === undefined) this.#variables.add(owner);
  }

  /** Writes `value` to the cell of `owner` at the next run; the owner stands for the new content at once. */
  noteWrite(owner: Inner, value: Value): void {
    const cell = owner.cell;
    if (cell === undefined) throw internal("a write to a tensor without a cell");
    const content = value.leaf === undefined && !value.requiresGrad ? value : kit.alias(value, false);
    const before = owner.value;
    const next = kit.alias(content, before.requiresGrad);
    next.owner = before.owner;
    const capture = tracing();
    if (capture !== undefined) {
      capture.use(this);
      capture.noteWrite(owner, content);
    } else {
      this.#writes.push({ at: next.id, owner, cell, content, next, before });
    }
    owner.value = next;
    if (switches.eager) this.run([]);
  }

  /** Builds the backward pass of `loss` and leaves pending gradients at the variables it reaches. */
  backward(loss: Value, gradient: Value, retainGraph: boolean, createGraph: boolean): void {
    tracing()?.use(this);
    const { reached, visited } = withMode({ phase: 1, grad: createGraph }, () =>
      pullback("backward", [{ value: loss, gradient }]),
    );
    this.#runEarlier(loss, reached.map((r) => r.gradient));
    for (const { value, gradient: g } of reached) {
      const owner = value.owner as Inner;
      if (!owner.collects) continue;
      tracing()?.noteGradient(owner, true);
      const held = owner.gradient;
      const sum = held === undefined ? g : withMode({ phase: 1, grad: createGraph }, () => kit.add(held, g));
      this.setGradient(owner, sum);
    }
    this.noteDifferentiated(visited, retainGraph || createGraph);
    if (tracing() !== undefined) return;
    this.#backwards.push({ at: newestId(), loss });
    if (switches.eager) this.run([]);
  }

  /** Where gradients are to be added to pending ones of an earlier step: that step runs first, as a whole. */
  #runEarlier(loss: Value, roots: readonly Value[]): void {
    if (tracing() !== undefined) return;
    let limit = -1;
    for (const { gradient } of this.#variables) {
      if (gradient !== undefined && gradient.leaf === undefined && gradient.id < loss.id) limit = Math.max(limit, gradient.id);
    }
    if (limit < 0) return;
    for (const { at } of this.#backwards) if (at < loss.id) limit = Math.max(limit, at);
    this.run(none, limit, roots);
  }

  /**
   * Runs everything that is pending, up to vertex number `limit`, and `asked`. Results become leaves, cells get their
   * new content. On an error nothing is written, and what was pending is given up. `roots` are vertices behind the limit
   * that are needed later.
   */
  run(asked: readonly Value[], limit = Number.POSITIVE_INFINITY, roots: readonly Value[] = none): void {
    if (tracing() !== undefined) {
      if (asked.length > 0) refuseRead();
      return;
    }
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
    for (const value of this.#fresh) if (!value.consumed && value.id <= limit) keep(value);
    crossing.forEach(keep);
    for (const { content, cell } of writes.values()) {
      const value = content.leaf === undefined && content.mark !== walk ? content : kit.alias(content, false);
      value.mark = walk;
      wanted.push({ value, cell });
    }
    if (wanted.length > 0) {
      if (asked.length > 0 && this.#backwards.length === 0) this.#noteEarly(wanted);
      this.#attempt(wanted, writes, asked);
    }
    settleEffects(true);
    this.#forget(limit);
  }

  /** Drops from the lists what a run has dealt with. */
  #forget(limit: number): void {
    if (limit === Number.POSITIVE_INFINITY) {
      this.#fresh = [];
      this.#calls = [];
      this.#backwards = [];
      this.#writes = [];
      this.#variables.clear();
      return;
    }
    this.#fresh = this.#fresh.filter((value) => value.id > limit && value.leaf === undefined);
    this.#calls = this.#calls.filter(({ at }) => at > limit);
    this.#backwards = this.#backwards.filter(({ at }) => at > limit);
    this.#writes = this.#writes.filter(({ at }) => at > limit);
    for (const owner of this.#variables) if (owner.gradient?.leaf !== undefined) this.#variables.delete(owner);
  }

  /** Pending vertices up to `limit` that pending ones behind it use: they would have to be computed again. */
  #crossing(limit: number, roots: readonly Value[]): readonly Value[] {
    const later = [...roots];
    for (const value of this.#fresh) if (value.id > limit) later.push(value);
    for (const { at, content } of this.#writes) if (at > limit) later.push(content);
    const { order } = sortGraph(later, (value) => value.leaf !== undefined || value.id <= limit);
    return order.filter((value) => value.id <= limit && value.op.kind !== "constant" && value.op.kind !== "iota");
  }

  #attempt(all: readonly Wanted[], writes: ReadonlyMap<Cell, Write>, asked: readonly Value[]): void {
    let wanted = all;
    let key = keyOf(wanted);
    if (key.leaves.some(isStale)) {
      wanted = this.#withoutStale(wanted, staleCauses(key.order), asked);
      if (wanted.length === 0) return;
      key = keyOf(wanted);
    }
    try {
      if (switches.eager) this.#executeSingly(key, wanted, writes);
      else if (switches.finite) this.#executeChecked(wanted, writes);
      else this.#execute(key, wanted, writes);
    } catch (error) {
      this.#giveUp();
      throw error;
    }
  }

  /** Leaves out results that cannot be had any more and that nobody waits for; throws where somebody does. */
  #withoutStale(wanted: readonly Wanted[], causes: ReadonlyMap<Value, Cell>, asked: readonly Value[]): readonly Wanted[] {
    const products = new Set(this.#backwards.map((b) => b.loss));
    for (const { gradient } of this.#variables) if (gradient !== undefined) products.add(gradient);
    const lost = wanted.filter(({ value }) => causes.has(value));
    const hopeless = lost.find(({ value, cell }) => cell !== undefined || products.has(value));
    const read = asked.find((value) => causes.has(value));
    // A write or a backward() that cannot run would fail again and again. A read fails alone.
    if (hopeless !== undefined) this.#giveUp();
    if (read !== undefined) throw staleError("read", read, causes.get(read) as Cell, causes);
    if (hopeless !== undefined) {
      const { value, cell } = hopeless;
      throw staleError(cell === undefined ? "backward" : "assign", value, causes.get(value) as Cell, causes);
    }
    return wanted.filter(({ value }) => !causes.has(value));
  }

  /** The plan of a program that shall run many times; nothing in it may be stale. */
  prepare(wanted: readonly Wanted[]): { readonly key: Key; readonly cached: CachedPlan } {
    const key = keyOf(wanted);
    if (key.leaves.some(isStale)) {
      const causes = staleCauses(key.order);
      for (const { value } of wanted) {
        const cause = causes.get(value);
        if (cause !== undefined) throw staleError("read", value, cause, causes);
      }
    }
    return { key, cached: this.plans.find(key, wanted) };
  }

  #execute(key: Key, wanted: readonly Wanted[], writes: ReadonlyMap<Cell, Write>): void {
    const { plan } = this.plans.find(key, wanted);
    const results = this.runPlan(plan, key.leaves, key);
    for (let i = 0; i < wanted.length; i++) {
      const { value, cell } = wanted[i] as Wanted;
      if (cell === undefined) settle(value, results[i] as TypedArray);
      else commit(writes.get(cell) as Write);
    }
  }

  /** Runs a plan on leaves, which stand for those of `key` one by one. */
  runPlan(plan: Plan, leaves: readonly Leaf[], key: Pick<Key, "order" | "leaves">): readonly (TypedArray | undefined)[] {
    guardMemory(this.device, plan);
    const run = this.#runs + 1;
    for (const leaf of leaves) {
      if (leaf.kind !== "cell") continue;
      if (leaf.cell.disposed) throw disposedCell(leaf.cell);
      leaf.cell.lastRun = run;
    }
    try {
      const results = plan.run(leaves);
      this.#runs = run;
      return results;
    } catch (error) {
      if (!(error instanceof TwopassError)) throw error;
      throw explainFault(error, key.order, (leaf) => this.#elements(leaves[key.leaves.indexOf(leaf)] ?? leaf));
    }
  }

  #elements(leaf: Leaf): TypedArray | number {
    switch (leaf.kind) {
      case "data":
        return leaf.data;
      case "cell":
        return this.device.read(leaf.cell);
      case "slot":
        return leaf.read();
      case "input":
        throw internal("an argument without elements");
    }
  }

  /** Each vertex in a run of its own, then all writes. */
  #executeSingly(key: Key, wanted: readonly Wanted[], writes: ReadonlyMap<Cell, Write>): void {
    for (const value of key.order) {
      if (value.leaf !== undefined) continue;
      const alone = [{ value, cell: undefined }];
      this.#execute(keyOf(alone), alone, writes);
      if (switches.finite) checkFinite(value);
    }
    this.#executeWrites(wanted, writes);
  }

  /** Results first; where all losses and gradients are finite, the writes. */
  #executeChecked(wanted: readonly Wanted[], writes: ReadonlyMap<Cell, Write>): void {
    const results = wanted.filter(({ cell }) => cell === undefined);
    if (results.length > 0) this.#execute(keyOf(results), results, writes);
    for (const { loss } of this.#backwards) checkFinite(loss);
    for (const owner of this.#variables) if (owner.gradient !== undefined) checkFinite(owner.gradient, owner);
    this.#executeWrites(wanted, writes);
  }

  #executeWrites(wanted: readonly Wanted[], writes: ReadonlyMap<Cell, Write>): void {
    const rest = wanted
      .filter(({ cell }) => cell !== undefined)
      .map(({ value, cell }) => ({ value: value.leaf === undefined ? value : kit.alias(value, false), cell }));
    if (rest.length > 0) this.#execute(keyOf(rest), rest, writes);
  }

  /** After an error: tensors stand for what their cells hold, pending gradients are unset, host effects taken back. */
  #giveUp(): void {
    for (let i = this.#writes.length - 1; i >= 0; i--) {
      const write = this.#writes[i] as Write;
      write.owner.value = write.before;
    }
    for (const owner of this.#variables) if (owner.gradient?.leaf === undefined) owner.gradient = undefined;
    settleEffects(false);
    this.#forget(Number.POSITIVE_INFINITY);
  }

  #noteEarly(wanted: readonly Wanted[]): void {
    if (!switches.hints || switches.eager) return;
    const { order } = sortGraph(wanted.map((w) => w.value), (value) => value.leaf !== undefined);
    for (const value of order) {
      if (!value.requiresGrad || value.leaf !== undefined) continue;
      this.#early.add(value);
      this.#hasEarly = true;
    }
  }

  /** A gradient has flowed through these vertices; unless they are retained, it cannot flow again. */
  noteDifferentiated(visited: readonly Value[], isRetained: boolean): void {
    if (!isRetained) release(visited);
    if (!this.#hasEarly) return;
    this.#hasEarly = false;
    if (!switches.hints || !visited.some((value) => this.#early.has(value))) return;
    hint("a result was read before backward(), so the forward pass runs twice; read after backward() or after step()");
  }
}

/** Vertices that cannot be differentiated again let go of what they hold, now or when they have run. */
function release(visited: readonly Value[]): void {
  for (const value of visited) {
    value.released = true;
    if (value.leaf !== undefined) value.dropInputs();
  }
}

/** A kept result turns its vertex into a leaf. Inputs stay while a backward() through them is possible. */
function settle(value: Value, data: TypedArray): void {
  value.leaf = { kind: "data", data };
  if (value.requiresGrad && !value.released) {
    for (const input of value.inputs) {
      if (!input.requiresGrad) continue;
      if (!input.released) return;
      // All that it was made from was used up: so is this, or a sum over an epoch would hold a chain of all its steps.
      value.released = true;
    }
  }
  value.dropInputs();
}

/** A write has happened: the cell has a new version, and the vertex that stood for it becomes its leaf. */
function commit(write: Write): void {
  write.cell.change();
  write.next.leaf = { kind: "cell", cell: write.cell, version: write.cell.version };
  write.next.dropInputs();
}
