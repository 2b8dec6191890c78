/**
 * A vertex of the graph: an operation applied to other vertices. Shape and dtype are known at once; nothing runs.
 * Immutable but for its life: a run may leave its elements here (`leaf`) and later drop its inputs. Floor: ir.
 */
import type { Dtype, TypedArray } from "../base/dtype.ts";
import { isFloating } from "../base/dtype.ts";
import { here } from "../base/errors.ts";
import type { Shape } from "../base/shape.ts";
import type { Arriving } from "./arriving.ts";
import type { Cell } from "./cell.ts";
import { type Phase, mode } from "./mode.ts";
import type { Attrs, OpDef } from "./op.ts";

/** Elements in JavaScript's own memory: data the user gave, or a result that a run kept. */
export interface DataLeaf {
  readonly kind: "data";
  readonly data: TypedArray;
}
/** Elements that a run in another thread computes: a result that it keeps. */
export interface RemoteLeaf {
  readonly kind: "remote";
  readonly result: Arriving;
}
/** One version of a stored tensor (parameter, buffer, optimiser state). */
export interface CellLeaf {
  readonly kind: "cell";
  readonly cell: Cell;
  readonly version: number;
}
/** A number that may differ at each run without changing the structure. */
export interface SlotLeaf {
  readonly kind: "slot";
  readonly read: () => number;
  /** The number that the user wrote, where `read` gives it for ever; absent where it is read from somewhere. */
  readonly written?: number;
}
/** A numbered input: of a plan, or an argument of a function while it is being traced. */
export interface InputLeaf {
  readonly kind: "input";
  readonly index: number;
}
export type Leaf = DataLeaf | RemoteLeaf | CellLeaf | SlotLeaf | InputLeaf;

/** What a vertex takes from the place where it is made. */
export interface Origin {
  readonly phase: Phase;
  readonly path: string;
}

/** Set while somebody watches which vertices are made, and which of them are results that a program gets. */
export const watching: {
  made: ((value: Value) => void) | undefined;
  given: (() => void) | undefined;
} = { made: undefined, given: undefined };

const none: readonly Value[] = [];
let created = 0;

/** The number of the newest vertex. */
export function newestId(): number {
  return created - 1;
}

export class Value {
  /** Order of creation. */
  readonly id: number = created++;
  readonly op: OpDef;
  readonly attrs: Attrs;
  readonly shape: Shape;
  readonly dtype: Dtype;
  readonly phase: Phase;
  /** Whether a gradient may flow through this vertex. */
  readonly requiresGrad: boolean;
  /** Path of the module in whose `forward` this vertex was made. */
  readonly path: string;
  /** The variable (a tensor handle) whose `.grad` collects what reaches this vertex. */
  owner: object | undefined = undefined;
  /** Where the elements are, if they are anywhere. */
  leaf: Leaf | undefined;
  /** Whether its backward() has been written without `retainGraph`: it cannot be differentiated again. */
  released = false;
  /** Whether a user's tensor with this vertex was used to make another: results nobody used are kept by a run. */
  consumed = false;
  /** Whether a tensor was made of it, which a user may hold. */
  isShown = false;
  /** Vertices that were made from it. */
  readers = 0;
  /** Where the program wrote it; only for what can fail when it runs (choices by computed positions) unless `mode.lines`. */
  readonly origin: Error | undefined;
  /** The function that the program called, for the same; "" where it is the operation itself. */
  readonly call: string;
  #inputs: readonly Value[];

  /** Scratch of graph walks: the walk's number and the position in it. */
  mark = 0;
  position = 0;

  /** `like` lends phase and module path to a copy. */
  constructor(op: OpDef, inputs: readonly Value[], attrs: Attrs, leaf?: Leaf, requiresGrad?: boolean, like?: Origin) {
    this.op = op;
    this.#inputs = inputs;
    this.attrs = attrs;
    const type = op.infer(inputs, attrs);
    this.shape = type.shape;
    this.dtype = type.dtype;
    this.leaf = leaf;
    this.path = like?.path ?? mode.path;
    let phase = like?.phase ?? mode.phase;
    let grad = false;
    for (const input of inputs) {
      if (input.phase > phase && input.leaf === undefined) phase = input.phase;
      if (input.requiresGrad) grad = true;
      input.readers++;
    }
    this.phase = phase;
    this.requiresGrad = requiresGrad ?? (grad && mode.grad && isFloating(type.dtype));
    const mayFail = op.kind === "gather" || op.kind === "scatter";
    // The choices of a backward pass repeat those of the forward pass, which fail first.
    this.origin = (mayFail || mode.lines) && this.phase === 0 && like === undefined ? here() : undefined;
    this.call = mayFail || mode.lines ? mode.call : "";
    if (watching.made !== undefined) watching.made(this);
  }

  get inputs(): readonly Value[] {
    return this.#inputs;
  }

  /** Lets the inputs go; only for a vertex that has its elements. */
  dropInputs(): void {
    this.#inputs = none;
  }
}

let walks = 0;

/** A fresh number for the `mark` of a walk. */
export function nextWalk(): number {
  return ++walks;
}

/**
 * The vertices that `roots` need, inputs before users, each once. `isEnd` stops at vertices whose inputs are not
 * wanted. Sets `mark` (to the number returned) and `position` of each.
 */
export function sortGraph(roots: readonly Value[], isEnd: (value: Value) => boolean): { order: Value[]; walk: number } {
  const walk = nextWalk();
  const order: Value[] = [];
  for (let i = 0; i < roots.length; i++) {
    let value = roots[i] as Value;
    if (value.mark === walk) continue;
    value.mark = walk;
    // On the way down, the position of a vertex is the number of its next input.
    value.position = isEnd(value) ? ended : 0;
    for (;;) {
      const next = nextInput(value, walk);
      if (next !== undefined) {
        path.push(value);
        value = next;
        value.mark = walk;
        value.position = isEnd(value) ? ended : 0;
        continue;
      }
      value.position = order.length;
      order.push(value);
      const user = path.pop();
      if (user === undefined) break;
      value = user;
    }
  }
  return { order, walk };
}

/** The position of a vertex whose inputs are not wanted, until it has its own. */
const ended = -1;
/** The users of the vertex that a walk is at. Empty between walks. */
const path: Value[] = [];

/** The next input that the walk has not seen. */
function nextInput(value: Value, walk: number): Value | undefined {
  if (value.position === ended) return undefined;
  const { inputs } = value;
  for (let at = value.position; at < inputs.length; at++) {
    const input = inputs[at] as Value;
    if (input.mark === walk) continue;
    value.position = at + 1;
    return input;
  }
  return undefined;
}
