/**
 * The run contract: what runs, what stays, what is overwritten (docs/architecture.md, section 6). One engine for each
 * device: it collects what is pending and runs it as one program. Floor: tensor.
 */
import type { TypedArray } from "../base/dtype.ts";
import { TwopassError, internal } from "../base/errors.ts";
import { withMode } from "../ir/mode.ts";
import { type Key, type Wanted, keyOf } from "../ir/program.ts";
import { type Leaf, type Value, sortGraph } from "../ir/value.ts";
import { kit } from "../ops/kit.ts";
import type { Device, Plan } from "../runtime/device.ts";
import { pullback } from "../transform/grad.ts";
import { refuseRead, settleEffects, tracing } from "./capture.ts";
import { explainFault } from "./fault.ts";
import { checkFinite } from "./finite.ts";
import type { Inner } from "./inner.ts";
import { guardMemory } from "./limits.ts";
import { type Due, Pending, type Write } from "./pending.ts";
import { type CachedPlan, PlanCache } from "./plan-cache.ts";
import { disposedCell, staleCauses, staleError } from "./stale.ts";
import { hint, switches } from "./switches.ts";

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
  readonly #pending = new Pending();
  /** Vertices that need a gradient and ran for a read before their backward() was written. */
  readonly #early = new WeakSet<Value>();
  #hasEarly = false;
  #runs = 0;
  #kept = 0;

  constructor(device: Device) {
    this.device = device;
    this.plans = new PlanCache(device);
  }

  get stats(): EngineStats {
    return { runs: this.#runs, plans: this.plans.made, kernels: this.device.compiled };
  }

  /** Bytes of the results that the last run kept; they are in JavaScript's memory. */
  get keptBytes(): number {
    return this.#kept;
  }

  /** Whether nothing waits for a run. */
  get idle(): boolean {
    return this.#pending.isEmpty;
  }

  /** A result that a user may hold; kept by the next run unless another tensor is made from it. */
  noteFresh(value: Value): void {
    const capture = tracing();
    if (capture !== undefined) {
      capture.use(this);
      return;
    }
    const waiting = this.#pending.addResult(value);
    if (switches.eager) this.run([value]);
    else if (waiting > mostResults) this.run([]);
  }

  /** The results of an outermost module call. The ninth call without a run makes one. */
  noteCall(results: readonly Value[]): void {
    if (tracing() !== undefined) return;
    if (this.#pending.addCall(results) > mostCalls) this.run([]);
  }

  /** The variables that got a gradient since the last run, or in the trace that is going on. */
  newGradients(): Iterable<Inner> {
    return tracing()?.gradients.keys() ?? this.#pending.variables();
  }

  /** Replaces the gradient of a variable; the next run keeps it. */
  setGradient(owner: Inner, gradient: Value | undefined): void {
    const capture = tracing();
    capture?.noteGradient(owner, false);
    owner.gradient = gradient;
    if (gradient !== undefined && capture === undefined) this.#pending.addGradient(owner);
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
      this.#pending.addWrite({ at: next.id, owner, cell, content, next, before });
    }
    owner.value = next;
    if (switches.eager) this.run([]);
  }

  /** Builds the backward pass of `loss` and leaves pending gradients at the variables it reaches. */
  backward(loss: Value, gradient: Value, retainGraph: boolean, createGraph: boolean): void {
    const capture = tracing();
    capture?.use(this);
    const build = { phase: 1, grad: createGraph } as const;
    const { reached, visited } = withMode(build, () => pullback("backward", [{ value: loss, gradient }]));
    const limit = this.#pending.limitBefore(loss);
    if (limit >= 0) {
      this.run(
        none,
        limit,
        reached.map((r) => r.gradient),
      );
    }
    for (const { value, gradient: g } of reached) {
      const owner = value.owner as Inner;
      if (!owner.collects) continue;
      capture?.noteGradient(owner, true);
      const held = owner.gradient;
      this.setGradient(owner, held === undefined ? g : withMode(build, () => kit.add(held, g)));
    }
    this.noteDifferentiated(visited, retainGraph || createGraph);
    if (capture !== undefined) return;
    this.#pending.addBackward(loss);
    if (switches.eager) this.run([]);
  }

  /** A gradient has flowed through these vertices; unless they are retained, it cannot flow again. */
  noteDifferentiated(visited: readonly Value[], isRetained: boolean): void {
    if (!isRetained) release(visited);
    if (!this.#hasEarly) return;
    this.#hasEarly = false;
    if (!switches.hints || !visited.some((value) => this.#early.has(value))) return;
    hint("a result was read before backward(), so the forward pass runs twice; read after backward() or after step()");
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
    const due = this.#pending.due(asked, limit, roots);
    if (due.wanted.length > 0) {
      if (asked.length > 0 && !this.#pending.hasBackward) this.#noteEarly(due.wanted);
      this.#attempt(due, asked);
    }
    settleEffects(true);
    this.#pending.forget(limit);
  }

  #attempt(all: Due, asked: readonly Value[]): void {
    let due = all;
    let key = keyOf(due.wanted);
    if (key.isStale) {
      due = this.#pending.withoutStale(due, staleCauses(key.order), asked);
      if (due.wanted.length === 0) return;
      key = keyOf(due.wanted);
    }
    try {
      if (switches.eager) this.#executeSingly(key, due);
      else if (switches.finite) this.#executeChecked(due);
      else this.#execute(key, due.wanted, due.writes);
    } catch (error) {
      this.#pending.giveUp();
      throw error;
    }
  }

  #execute(key: Key, wanted: readonly Wanted[], writes: Due["writes"]): void {
    const { plan } = this.plans.find(key, wanted);
    const results = this.runPlan(plan, key.leaves, key);
    for (let i = 0; i < wanted.length; i++) {
      const { value, cell } = wanted[i] as Wanted;
      if (cell === undefined) settle(value, results[i] as TypedArray);
      else commit(writes.get(cell) as Write);
    }
  }

  /** Each vertex in a run of its own, then all writes. */
  #executeSingly(key: Key, { wanted, writes }: Due): void {
    for (const value of key.order) {
      if (value.leaf !== undefined) continue;
      const alone = [{ value, cell: undefined }];
      this.#execute(keyOf(alone), alone, writes);
      if (switches.finite) checkFinite(value);
    }
    this.#executeWrites(wanted, writes);
  }

  /** Results first; where all losses and gradients are finite, the writes. */
  #executeChecked({ wanted, writes }: Due): void {
    const results = wanted.filter(({ cell }) => cell === undefined);
    if (results.length > 0) this.#execute(keyOf(results), results, writes);
    for (const { value, owner } of this.#pending.products()) checkFinite(value, owner);
    this.#executeWrites(wanted, writes);
  }

  #executeWrites(wanted: readonly Wanted[], writes: Due["writes"]): void {
    const rest = wanted
      .filter(({ cell }) => cell !== undefined)
      .map(({ value, cell }) => ({ value: value.leaf === undefined ? value : kit.alias(value, false), cell }));
    if (rest.length > 0) this.#execute(keyOf(rest), rest, writes);
  }

  /** The plan of a program that shall run many times; nothing in it may be stale. */
  prepare(wanted: readonly Wanted[]): { readonly key: Key; readonly cached: CachedPlan } {
    const key = keyOf(wanted);
    if (key.isStale) {
      const causes = staleCauses(key.order);
      for (const { value } of wanted) {
        const cause = causes.get(value);
        if (cause !== undefined) throw staleError("read", value, cause, causes);
      }
    }
    return { key, cached: this.plans.find(key, wanted) };
  }

  /** Runs a plan on leaves, which stand for those of `key` one by one. */
  runPlan(
    plan: Plan,
    leaves: readonly Leaf[],
    key: Pick<Key, "order" | "leaves">,
  ): readonly (TypedArray | undefined)[] {
    guardMemory(this.device, plan, leaves);
    const run = this.#runs + 1;
    for (const leaf of leaves) {
      if (leaf.kind !== "cell") continue;
      if (leaf.cell.disposed) throw disposedCell(leaf.cell);
      leaf.cell.lastRun = run;
    }
    let results: readonly (TypedArray | undefined)[];
    try {
      results = plan.run(leaves);
    } catch (error) {
      if (!(error instanceof TwopassError)) throw error;
      throw explainFault(error, key.order, (leaf) => this.#elements(leaves[key.leaves.indexOf(leaf)] ?? leaf));
    }
    this.#runs = run;
    this.#kept = 0;
    for (const data of results) if (data !== undefined) this.#kept += data.byteLength;
    return results;
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

  #noteEarly(wanted: readonly Wanted[]): void {
    if (!switches.hints || switches.eager) return;
    const { order } = sortGraph(
      wanted.map((w) => w.value),
      (value) => value.leaf !== undefined,
    );
    for (const value of order) {
      if (!value.requiresGrad || value.leaf !== undefined) continue;
      this.#early.add(value);
      this.#hasEarly = true;
    }
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
function commit({ cell, next }: Write): void {
  cell.change();
  next.leaf = { kind: "cell", cell, version: cell.version };
  next.dropInputs();
}
