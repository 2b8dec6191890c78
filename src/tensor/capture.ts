/**
 * What happens while compile() traces a function: nothing runs, writes and gradients are collected here, and what the
 * host does beside the graph registers itself so that each replay can do it again. Floor: tensor.
 */
import type { Dtype } from "../base/dtype.ts";
import { TwopassError } from "../base/errors.ts";
import type { Cell } from "../ir/cell.ts";
import type { Value } from "../ir/value.ts";
import { makeLeaf } from "../ops/leaf.ts";
import type { Engine } from "./engine.ts";
import type { Inner } from "./inner.ts";

/** Something that the host does. What it returns takes it back. */
export type Effect = () => (() => void) | void;

/** The state of one trace. */
export class Capture {
  /** Whether only the graph is looked at: nothing is replayed, so the graph may hold data of its own. */
  readonly isDry: boolean;
  engine: Engine | undefined = undefined;
  /** The last write to each cell, and the vertex that stood for the cell before the first. */
  readonly writes = new Map<Cell, { readonly owner: Inner; readonly before: Value; content: Value }>();
  /** Variables that got or lost a gradient, with the one they had before. */
  readonly gradients = new Map<Inner, Value | undefined>();
  readonly effects: Effect[] = [];
  /** What takes back the effects of the trace itself. */
  readonly undos: (() => void)[] = [];

  constructor(isDry = false) {
    this.isDry = isDry;
  }

  /** One compiled function is one program of one device. */
  use(engine: Engine): void {
    if (this.engine !== undefined && this.engine !== engine) {
      throw new TwopassError({
        op: "compile",
        problem: "the function uses two devices",
        facts: `${this.engine.device.name} and ${engine.device.name}`,
        hint: "compile the parts for each device, or move all to one",
      });
    }
    this.engine = engine;
  }

  noteWrite(owner: Inner, content: Value): void {
    const cell = owner.cell as Cell;
    const known = this.writes.get(cell);
    if (known === undefined) this.writes.set(cell, { owner, before: owner.value, content });
    else known.content = content;
  }

  /** Called before the gradient of a variable is used or replaced. */
  noteGradient(owner: Inner, isRead: boolean): void {
    if (this.gradients.has(owner)) return;
    if (isRead && owner.gradient !== undefined) {
      throw new TwopassError({
        op: "compile",
        problem: "the function uses a gradient from outside",
        facts: `that of ${owner.cell?.label ?? "a tensor"}`,
        hint: "call zeroGrad() inside, before backward(); to add up gradients over calls, keep them in a StoredTensor",
      });
    }
    this.gradients.set(owner, owner.gradient);
  }

  /** Gives cells and variables back what they stood for before the trace. */
  restore(): void {
    for (const { owner, before } of this.writes.values()) owner.value = before;
    for (const [owner, gradient] of this.gradients) owner.gradient = gradient;
  }
}

let current: Capture | undefined;
/** What takes back the effects of a step that is being written and has not run yet. */
let unsure: (() => void)[] = [];
/** Whether an effect is being applied: effects inside of it are part of it. */
let applying = false;

/** The trace that is going on, if one is. */
export function tracing(): Capture | undefined {
  return current;
}

/** Traces `body`. Whatever happens, tensors stand for what they stood for before. */
export function trace<T>(capture: Capture, body: () => T): T {
  current = capture;
  try {
    return body();
  } finally {
    current = undefined;
    capture.restore();
  }
}

/**
 * Does something on the host beside the graph, such as counting a step or drawing a key: at once, and again at each
 * replay of a compiled function. It is taken back where the run of the compiled function fails, and in eager code where
 * it is `ofPendingRun` and that run fails.
 */
export function hostEffect(effect: Effect, ofPendingRun = false): void {
  if (applying) {
    effect();
    return;
  }
  const undo = applyEffect(effect);
  current?.effects.push(effect);
  if (undo === undefined) return;
  if (current !== undefined) current.undos.push(undo);
  else if (ofPendingRun) unsure.push(undo);
}

/** Applies an effect once more; gives what takes it back. */
export function applyEffect(effect: Effect): (() => void) | undefined {
  applying = true;
  try {
    return effect() ?? undefined;
  } finally {
    applying = false;
  }
}

/** A 0-d vertex for a number that the host computes, here and again at each replay of a compiled function. */
export function hostNumber(compute: () => number, dtype: Dtype): Value {
  let number = 0;
  hostEffect(() => {
    number = compute();
  });
  return makeLeaf([], dtype, { kind: "slot", read: () => number });
}

/** What takes back the host effects of the step that is being written: from now on the caller answers for them. */
export function takeEffects(): readonly (() => void)[] {
  const undos = unsure;
  unsure = [];
  return undos;
}

/** A run has ended: its host effects are sure now, or are taken back. */
export function settleEffects(succeeded: boolean): void {
  if (unsure.length === 0) return;
  const undos = unsure;
  unsure = [];
  if (!succeeded) takeBack(undos);
}

/** Takes effects back, the last one first. */
export function takeBack(undos: readonly (() => void)[]): void {
  for (let i = undos.length - 1; i >= 0; i--) undos[i]?.();
}

/** Throws where a function that is being traced makes a tensor from JavaScript's data. */
export function refuseData(op: string): void {
  if (current === undefined) return;
  throw new TwopassError({
    op,
    problem: "a compiled function cannot make a tensor from data",
    facts: "every call would see the data of the first",
    hint: "make it outside, and use it there or give it as an argument",
  });
}

/** Throws where a function that is being traced reads elements: they would be those of the first call. */
export function refuseRead(): void {
  if (current === undefined) return;
  throw new TwopassError({
    op: "compile",
    problem: "a compiled function cannot read elements",
    hint: "return the tensor, and read the result outside",
  });
}

/** The error of JavaScript arithmetic on a number argument. */
export function numberInTrace(): TwopassError {
  return new TwopassError({
    op: "compile",
    problem: "a number argument of a compiled function is a tensor inside of it",
    facts: "it may differ at each call",
    hint: "use methods such as x.mul(n), or compute with the number before the call",
  });
}

let structure = 0;
let reason = "";

/** Something that decides what graph a function builds has changed; compiled functions look again at the next call. */
export function structureChanged(why: string): void {
  structure++;
  reason = why;
}

/** How many such changes there were. */
export function structureChanges(): number {
  return structure;
}

/** What the latest of them was. */
export function latestChange(): string {
  return reason;
}
