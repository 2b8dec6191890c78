/**
 * What the library keeps inside of a tensor, out of the users' sight. Floor: tensor.
 */
import type { Cell } from "../ir/cell.ts";
import type { Value } from "../ir/value.ts";
import { makeLeaf } from "../ops/leaf.ts";
import type { Engine } from "./engine.ts";

/** The key under which a tensor keeps its inner part. */
export const inner: unique symbol = Symbol("twopass.inner");

export class Inner {
  /** The engine that runs it; undefined for data that was not used on a device yet. */
  engine: Engine | undefined;
  /** The stored elements of a parameter, a buffer or an optimiser's state. */
  cell: Cell | undefined;
  /** The gradient that backward() left here, as a vertex. */
  gradient: Value | undefined = undefined;
  /** Whether backward() shall leave a gradient here. */
  collects: boolean;
  disposed = false;
  /** Whether this is a number argument of a function that is being traced. */
  isNumber = false;
  #value: Value;

  constructor(value: Value, engine: Engine | undefined, cell?: Cell, collects = false) {
    this.#value = value;
    this.engine = engine;
    this.cell = cell;
    this.collects = collects;
    value.isShown = true;
    if (collects) value.owner = this;
  }

  /** The vertex the tensor stands for. That of a stored tensor is always the newest content. */
  get value(): Value {
    const value = this.#value;
    if (this.cell === undefined) return value;
    const leaf = value.leaf;
    return leaf?.kind === "cell" && leaf.version !== this.cell.version ? this.#renew(value, this.cell) : value;
  }

  set value(to: Value) {
    this.#value = to;
  }

  /** Replays of compiled functions count versions and make no vertices: the vertex is made when somebody looks. */
  #renew(old: Value, cell: Cell): Value {
    const leaf = { kind: "cell", cell, version: cell.version } as const;
    this.#value = makeLeaf(cell.shape, cell.dtype, leaf, old.requiresGrad);
    this.#value.owner = old.owner;
    return this.#value;
  }
}
