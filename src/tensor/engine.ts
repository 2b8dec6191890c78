/**
 * The run contract: what runs, what stays, what is overwritten (docs/architecture.md, section 6). One engine for each
 * device: it collects what is pending and runs it as one program. Floor: tensor.
 */
import type { TypedArray } from "../base/dtype.ts";
import { TwopassError, internal } from "../base/errors.ts";
import { withMode } from "../ir/mode.ts";
import { Arriving } from "../ir/arriving.ts";
import type { Cell } from "../ir/cell.ts";
import { Held, type Watcher } from "../ir/held.ts";
import { type Key, type Wanted, keyOf } from "../ir/program.ts";
import { type DataLeaf, type Leaf, type RemoteLeaf, type Value, sortGraph, watching } from "../ir/value.ts";
import { kit } from "../ops/kit.ts";
import { type Device, type Elements, type Plan, type RunFailure, opened } from "../runtime/device.ts";
import { backwardOf } from "../transform/backward.ts";
import { pullback } from "../transform/grad.ts";
import { refuseRead, settleEffects, takeBack, takeEffects, tracing } from "./capture.ts";
import { type Choice, choicesOf, explainFault, failureOf } from "./fault.ts";
import { checkFinite, checkedResults, nonFiniteRun } from "./finite.ts";
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

/** A run in another thread that may still fail, and what is taken back if it does. */
interface UnderWay {
  readonly choices: readonly Choice[];
  readonly cells: Cell[];
  readonly gradients: { readonly owner: Inner; readonly value: Value }[];
  readonly undos: (() => void)[];
}

/** Outermost module calls that may pile up before the engine runs them. */
const mostCalls = 8;
/**
 * The same for calls whose results need a gradient. A run in front of the backward() would make the forward pass run
 * twice, so there is one only where somebody has forgotten noGrad().
 */
const mostTrainingCalls = 512;
/** Results of single operations that may pile up. */
const mostResults = 10_000;
/** Writes to one tensor that may pile up, where nothing else makes a run: each hangs on the one before. */
const mostWrites = 32;
/** The same where a backward() may follow, for the reason above. */
const mostTrainingWrites = 512;
const none: readonly Value[] = [];

export class Engine {
  readonly device: Device;
  readonly plans: PlanCache;
  readonly #pending = new Pending();
  /** Vertices that need a gradient and ran for a read before their backward() was written. */
  readonly #early = new WeakSet<Value>();
  #hasEarly = false;
  /** What each run shall compute besides. */
  #besides: (() => readonly Value[]) | undefined;
  #runs = 0;
  #kept = 0;
  /** The runs in another thread that are not known to be done, the oldest first. */
  readonly #underWay: UnderWay[] = [];

  constructor(device: Device) {
    this.device = device;
    this.plans = new PlanCache(device);
    if (device.remote === undefined) return;
    device.remote.listener = {
      done: () => void this.#underWay.shift(),
      failed: (failure) => this.#takeBackRuns(failure),
    };
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

  /**
   * Whether a graph that is known may come as a call. A device in another thread numbers the choices of the whole graph;
   * single operations are run as they are written.
   */
  get takesCalls(): boolean {
    return this.device.remote === undefined && !switches.eager;
  }

  /** A result that a user may hold; kept by the next run unless another tensor is made from it. */
  noteFresh(value: Value): void {
    if (watching.given !== undefined) watching.given();
    const capture = tracing();
    if (capture !== undefined) {
      capture.use(this);
      return;
    }
    const waiting = this.#pending.addResult(value);
    if (switches.eager) this.run([value]);
    else if (waiting > mostResults) this.run([]);
  }

  /** The results of an outermost module call. Too many calls without a run make one. */
  noteCall(results: readonly Value[]): void {
    if (tracing() !== undefined) return;
    const isTraining = results.some((value) => value.requiresGrad);
    if (this.#pending.addCall(results, isTraining) > (isTraining ? mostTrainingCalls : mostCalls)) this.run([]);
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

  /**
   * Writes `value` to the cell of `owner` at the next run; the owner stands for the new content at once. A vertex that is
   * new, so that nobody else has it, may itself stand for the content.
   */
  noteWrite(owner: Inner, value: Value, isNew = false): void {
    const cell = owner.cell;
    if (cell === undefined) throw internal("a write to a tensor without a cell");
    const content = value.leaf === undefined && !value.requiresGrad ? value : kit.alias(value, false);
    const before = owner.value;
    const next = isNew && !before.requiresGrad ? content : kit.alias(content, before.requiresGrad);
    next.owner = before.owner;
    const capture = tracing();
    if (capture !== undefined) {
      capture.use(this);
      capture.noteWrite(owner, content);
      owner.value = next;
      return;
    }
    const waiting = this.#pending.addWrite({ at: next.id, owner, cell, content, next, before });
    owner.value = next;
    const most = this.#pending.mayDifferentiate ? mostTrainingWrites : mostWrites;
    if (switches.eager || waiting > most) this.run([]);
  }

  /** Builds the backward pass of `loss` and leaves pending gradients at the variables it reaches. */
  backward(loss: Value, gradient: Value, retainGraph: boolean, createGraph: boolean): void {
    const capture = tracing();
    capture?.use(this);
    const build = { phase: 1, grad: createGraph } as const;
    const { reached, visited } = withMode(build, () =>
      this.takesCalls && !createGraph ? backwardOf(loss, gradient) : pullback("backward", [{ value: loss, gradient }]),
    );
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

  /** Each run that `body` starts computes what `besides` gives then as well. */
  runningWith(besides: () => readonly Value[], body: () => void): void {
    const outer = this.#besides;
    this.#besides = besides;
    try {
      body();
    } finally {
      this.#besides = outer;
    }
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
    const failure = this.device.remote?.takeFailure();
    if (failure !== undefined) {
      this.#pending.giveUp();
      throw failure;
    }
    const all = this.#besides === undefined ? asked : [...asked, ...this.#besides()];
    const due = this.#pending.due(all, limit, roots);
    if (due.wanted.length > 0) {
      if (asked.length > 0 && !this.#pending.hasBackward) this.#noteEarly(due.wanted);
      // What planning makes is not what the program wrote.
      const { made } = watching;
      watching.made = undefined;
      try {
        this.#attempt(due, asked);
      } finally {
        watching.made = made;
      }
    }
    this.#underWay.at(-1)?.undos.push(...takeEffects());
    settleEffects(true);
    this.#pending.forget(limit);
  }

  /** Gives up all that is pending: tensors stand for what their cells hold. */
  abandon(): void {
    this.#pending.giveUp();
  }

  #attempt(all: Due, asked: readonly Value[]): void {
    let due = all;
    let checked = this.#checked(due);
    let key = keyOf(due.wanted, checked);
    if (key.isStale) {
      due = this.#pending.withoutStale(due, staleCauses(key.order), asked);
      if (due.wanted.length === 0) return;
      checked = this.#checked(due);
      key = keyOf(due.wanted, checked);
    }
    try {
      if (switches.eager) this.#executeSingly(key, due);
      else if (checked !== undefined) this.#executeChecked(key, due, checked);
      else this.#execute(key, due.wanted, due.writes);
    } catch (error) {
      this.#pending.giveUp();
      throw error;
    }
  }

  /** The results that must be finite for the writes to happen; undefined where nothing is checked. */
  #checked({ wanted, writes }: Due): readonly number[] | undefined {
    return switches.finite && !switches.eager
      ? checkedResults(wanted, this.#pending.products(), writes.size > 0)
      : undefined;
  }

  #execute(key: Key, wanted: readonly Wanted[], writes: Due["writes"]): void {
    const { plan } = this.plans.find(key, wanted);
    this.#take(wanted, this.start(plan, key.leaves, key), writes);
  }

  /** A run has given results: kept ones become leaves, written cells have a new version. */
  #take(wanted: readonly Wanted[], results: readonly (Elements | undefined)[], writes: Due["writes"]): void {
    const underWay = this.#underWay.at(-1);
    for (let i = 0; i < wanted.length; i++) {
      const { value, cell } = wanted[i] as Wanted;
      if (cell === undefined) settle(value, results[i] as Elements);
      else {
        commit(writes.get(cell) as Write);
        underWay?.cells.push(cell);
      }
    }
    for (const owner of this.#pending.variables()) {
      const value = owner.gradient;
      if (value === undefined) continue;
      underWay?.gradients.push({ owner, value });
      if (value.leaf instanceof HeldLeaf) {
        const { held } = value.leaf;
        held.watcher = new GradientWatcher(value, owner, held.watcher);
      }
    }
  }

  /** Each vertex in a run of its own, then all writes. */
  #executeSingly(key: Key, { wanted, writes }: Due): void {
    for (const value of key.order) {
      if (value.leaf !== undefined || value.op.kind === "call") continue;
      const alone = [{ value, cell: undefined }];
      this.#execute(keyOf(alone), alone, writes);
      if (switches.finite) checkFinite(value);
    }
    this.#executeWrites(wanted, writes);
  }

  /** One program, whose writes happen only where all losses and all that shall be written are finite. */
  #executeChecked(key: Key, { wanted, writes }: Due, checked: readonly number[]): void {
    for (const { value, owner } of this.#pending.products()) checkFinite(value, owner);
    const { plan } = this.plans.find(key, wanted, checked);
    if (this.device.remote !== undefined) {
      // What is not finite is told later, like any failure.
      this.#take(wanted, this.start(plan, key.leaves, key), writes);
      return;
    }
    const results = this.start(plan, key.leaves, key);
    if (opened(results[wanted.length])?.[0] === 0) {
      throw nonFiniteRun(this, wanted, results.map(opened), this.#pending.products());
    }
    this.#take(wanted, results, writes);
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

  /** `start` for a caller that looks at the elements at once. @throws on a device in another thread. */
  runPlan(
    plan: Plan,
    leaves: readonly Leaf[],
    key: Pick<Key, "order" | "leaves">,
  ): readonly (TypedArray | undefined)[] {
    if (this.device.remote !== undefined) {
      throw new TwopassError({
        op: "device",
        problem: "this looks at elements at once, and a device in a worker gives them later",
        hint: "start the device without { worker: true } for it",
      });
    }
    return this.start(plan, leaves, key).map(opened);
  }

  /** Runs a plan on leaves, which stand for those of `key` one by one. */
  start(plan: Plan, leaves: readonly Leaf[], key: Pick<Key, "order" | "leaves">): readonly (Elements | undefined)[] {
    guardMemory(this.device, plan, leaves);
    const run = this.#runs + 1;
    for (const leaf of leaves) {
      if (leaf.kind !== "cell") continue;
      if (leaf.cell.disposed) throw disposedCell(leaf.cell);
      leaf.cell.lastRun = run;
    }
    let results: readonly (Elements | undefined)[];
    try {
      results = plan.run(leaves);
    } catch (error) {
      if (!(error instanceof TwopassError)) throw error;
      throw explainFault(error, key.order, (leaf) => this.#elements(leaves[key.leaves.indexOf(leaf)] ?? leaf));
    }
    this.#runs = run;
    this.#kept = 0;
    for (const data of results) {
      if (data !== undefined) this.#kept += "byteLength" in data ? data.byteLength : data.bytes;
    }
    if (this.device.remote !== undefined) {
      this.#underWay.push({ choices: choicesOf(key.order), cells: [], gradients: [], undos: [] });
    }
    return results;
  }

  /** Says what to take back if the run that was started last fails in its thread. */
  noteUndo(cells: readonly Cell[], undos: readonly (() => void)[]): void {
    const underWay = this.#underWay.at(-1);
    underWay?.cells.push(...cells);
    underWay?.undos.push(...undos);
  }

  /** A run has failed in its thread: it and all behind it have written nothing, so nothing may say that they have. */
  #takeBackRuns(failure: RunFailure): () => Error {
    this.#pending.giveUp();
    const runs = this.#underWay.splice(0);
    for (const { cells, gradients, undos } of runs.reverse()) {
      takeBack(undos);
      for (const { owner, value } of gradients) if (owner.gradient === value) owner.gradient = undefined;
      for (const cell of cells) cell.change();
    }
    const choices = runs.at(-1)?.choices ?? [];
    return () => failureOf(failure, choices);
  }

  #elements(leaf: Leaf): TypedArray | number {
    switch (leaf.kind) {
      case "data":
        return leaf.data;
      case "cell":
        return this.device.read(leaf.cell);
      case "slot":
        return leaf.read();
      case "remote":
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

/** The leaf of a result that is still on the device. A class, as a getter in a literal makes a hidden class each time. */
class HeldLeaf implements DataLeaf {
  readonly kind = "data";
  readonly held: Held;

  constructor(held: Held) {
    this.held = held;
  }

  get data(): TypedArray {
    return this.held.elements;
  }
}

/** Nobody looks at a result any more: where it is still on the device, it need not be copied out. */
export function giveUp({ leaf }: Value): void {
  if (leaf instanceof HeldLeaf) leaf.held.watcher = { mayLook: false };
}

/** The leaf of a result. */
export function leafOf(elements: Elements): DataLeaf | RemoteLeaf {
  if (elements instanceof Arriving) return { kind: "remote", result: elements };
  if (!(elements instanceof Held)) return { kind: "data", data: elements };
  return new HeldLeaf(elements);
}

/** A gradient may still be read while it is a variable's, a tensor was made of it, or something is built on it. */
class GradientWatcher implements Watcher {
  readonly #value: Value;
  readonly #readers: number;
  readonly #holder: Inner;
  /** That of another variable with the same gradient. */
  readonly #other: Watcher | undefined;

  constructor(value: Value, holder: Inner, other: Watcher | undefined) {
    this.#value = value;
    this.#readers = value.readers;
    this.#holder = holder;
    this.#other = other;
  }

  get mayLook(): boolean {
    const value = this.#value;
    const isUsed = value.isShown || value.readers > this.#readers || this.#holder.gradient === value;
    return isUsed || this.#other?.mayLook === true;
  }
}

/** A kept result turns its vertex into a leaf. Inputs stay while a backward() through them is possible. */
function settle(value: Value, elements: Elements): void {
  value.leaf = leafOf(elements);
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
