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

export interface Effect {
  readonly apply: () => void;
  readonly undo: (() => void) | undefined;
}

/** The state of one trace. */
export class Capture {
  engine: Engine | undefined = undefined;
  /** The last write to each cell, and the vertex that stood for the cell before the first. */
  readonly writes = new Map<Cell, { readonly owner: Inner; readonly before: Value; content: Value }>();
  /** Variables that got or lost a gradient, with the one they had before. */
  readonly gradients = new Map<Inner, Value | undefined>();
  readonly effects: Effect[] = [];

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
/** Effects of the step that is being written and has not run yet. */
let unsure: Effect[] = [];

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
 * Does something on the host that belongs to the step being written, such as counting it, at once and again at each
 * replay of a compiled function. `undo` takes it back where the run of the step fails.
 */
export function hostEffect(apply: () => void, undo?: () => void): void {
  apply();
  const effect = { apply, undo };
  if (current !== undefined) current.effects.push(effect);
  else if (undo !== undefined) unsure.push(effect);
}

/** A 0-d vertex for a number that the host computes, here and again at each replay of a compiled function. */
export function hostNumber(compute: () => number, dtype: Dtype): Value {
  let number = 0;
  hostEffect(() => {
    number = compute();
  });
  return makeLeaf([], dtype, { kind: "slot", read: () => number });
}

/** A run has ended: its host effects are sure now, or are taken back. */
export function settleEffects(succeeded: boolean): void {
  if (unsure.length === 0) return;
  const done = unsure;
  unsure = [];
  if (!succeeded) undoEffects(done);
}

export function undoEffects(effects: readonly Effect[]): void {
  for (let i = effects.length - 1; i >= 0; i--) effects[i]?.undo?.();
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
