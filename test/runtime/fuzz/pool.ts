/**
 * The values that a random graph has so far, what is known of their elements, and the chances by which the next ones are
 * made.
 *
 * Values are *exact* while they are whole numbers small enough that no order of additions rounds; only those go into
 * steps that jump (comparisons, positions, rounding). All others go into smooth steps alone, so that devices may differ
 * by roundings and no more.
 */
import { type Dtype, allocate, isFloating } from "../../../src/base/dtype.ts";
import { broadcastShapes, sameShape, sizeOf } from "../../../src/base/shape.ts";
import { Cell } from "../../../src/ir/cell.ts";
import type { Value } from "../../../src/ir/value.ts";
import { kit } from "../../../src/ops/kit.ts";
import { makeLeaf } from "../../../src/ops/leaf.ts";
import { randomStream } from "../../ops/sweep/case.ts";
import { dataLeaf } from "../compiled-graph.ts";

/** A vertex with what is known of its elements. */
export interface Node {
  readonly value: Value;
  /** Whole numbers, at most `bound` in magnitude. */
  readonly exact: boolean;
  readonly bound: number;
}

const mostExact = 2 ** 16;
export const mostElements = 2500;

const wildNumbers = [Number.NaN, Infinity, -Infinity, -0, 1e-40, 1e30, -1e30, 0.1] as const;
const extentsOf = [1, 1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 23, 40] as const;

export class Pool {
  random: () => number;
  readonly nodes: Node[] = [];
  readonly cells: Cell[] = [];
  /** The elements that the cells start with. */
  readonly start: ArrayLike<number>[] = [];
  readonly variables: Value[] = [];
  readonly float: Dtype;
  /** With NaN, infinities and numbers at the ends among the elements. */
  readonly wild: boolean;
  /** Most values have one shape and most folds go along the same dims, so that many of them may become one kernel. */
  readonly base: readonly number[];
  readonly rowDims: readonly number[];

  constructor(seed: number) {
    this.random = randomStream(seed ^ 0x5bd1e995);
    this.float = this.chance(0.2) ? "float64" : "float32";
    this.wild = this.chance(0.15);
    this.base = this.shape();
    this.rowDims = this.chance(0.5) ? [this.base.length - 1] : this.someDims(this.base);
    for (const shape of [this.base, this.related(this.base)]) this.addLeaf(shape);
  }

  chance(p: number): boolean {
    return this.random() < p;
  }

  below(n: number): number {
    return Math.floor(this.random() * n);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  /** Newer values more often. */
  any(test: (node: Node) => boolean = () => true): Node | undefined {
    const fitting = this.nodes.filter(test);
    if (fitting.length === 0) return undefined;
    const r = Math.max(this.random(), this.chance(0.5) ? this.random() : 0);
    return fitting[Math.floor(r * fitting.length)];
  }

  number(exactly = false): Node | undefined {
    const fits = ({ value, exact }: Node): boolean => isFloating(value.dtype) && (exact || !exactly);
    const usual = this.chance(0.6)
      ? this.any((node) => fits(node) && sameShape(node.value.shape, this.base))
      : undefined;
    return usual ?? this.any(fits);
  }

  exactNumber(): Node | undefined {
    return this.number(true);
  }

  shape(): number[] {
    const rank = this.pick([1, 2, 2, 3, 3, 4]);
    for (;;) {
      const shape = Array.from({ length: rank }, () => (this.chance(0.02) ? 0 : this.pick(extentsOf)));
      if (sizeOf(shape) <= 600) return shape;
    }
  }

  /** A shape that broadcasts with another one. */
  related(shape: readonly number[]): number[] {
    if (this.chance(0.4)) return [...shape];
    if (this.chance(0.3)) return shape.map((n, d) => (this.rowDims.includes(d) ? 1 : n));
    const some = shape.map((n) => (this.chance(0.3) ? 1 : n));
    return some.slice(this.chance(0.3) ? this.below(some.length + 1) : 0);
  }

  add(value: Value, exact: boolean, bound: number): void {
    if (sizeOf(value.shape) > mostElements) return;
    let node: Node = { value, exact, bound };
    if (isFloating(value.dtype) && exact && bound > mostExact) {
      node = { value: kit.minimum(kit.maximum(value, -9), 9), exact, bound: 9 };
    } else if (isFloating(value.dtype) && !exact && bound > 64) {
      node = { value: kit.mul(kit.tanh(kit.mul(value, 4 / bound)), 2), exact, bound: 2 };
    }
    this.nodes.push(node);
  }

  elements(size: number): number[] {
    const one = (): number => (this.wild && this.chance(0.1) ? this.pick(wildNumbers) : this.below(9) - 4);
    return Array.from({ length: size }, one);
  }

  addLeaf(shape: readonly number[]): void {
    if (this.chance(0.25)) {
      this.addCell(shape);
      return;
    }
    const known = this.chance(0.15) ? this.pick(this.variables) : undefined;
    // One buffer may stand behind vertices of several shapes.
    const value =
      known?.leaf === undefined
        ? dataLeaf(shape, this.float, this.elements(sizeOf(shape)), true)
        : makeLeaf(this.otherShape(known.shape), known.dtype, known.leaf, true);
    this.variables.push(value);
    this.add(value, true, 4);
  }

  addCell(shape: readonly number[]): void {
    const elements = this.elements(sizeOf(shape));
    const data = allocate(this.float, sizeOf(shape));
    data.set(elements);
    const cell = new Cell(shape, this.float, data, `cell ${this.cells.length}`);
    this.cells.push(cell);
    this.start.push(elements);
    const value = makeLeaf(shape, this.float, { kind: "cell", cell, version: 0 }, true);
    this.variables.push(value);
    this.add(value, true, 4);
  }

  shapeNear(): number[] {
    const node = this.any();
    if (node === undefined || this.chance(0.15)) return this.shape();
    return this.related(this.chance(0.5) ? this.base : node.value.shape);
  }

  /** Another value that broadcasts with x to something not too large. */
  partner(x: Node, test: (node: Node) => boolean = () => true): Node | undefined {
    return this.any((node) => {
      if (node.value.dtype !== x.value.dtype || !test(node)) return false;
      try {
        return sizeOf(broadcastShapes("fuzz", x.value.shape, node.value.shape)) <= mostElements;
      } catch {
        return false;
      }
    });
  }

  dims(shape: readonly number[]): readonly number[] {
    return this.chance(0.75) && sameShape(shape, this.base) ? this.rowDims : this.someDims(shape);
  }

  someDims(shape: readonly number[]): number[] {
    const dims = [...shape.keys()].filter(() => this.chance(0.5));
    return dims.length > 0 ? dims : [shape.length - 1];
  }

  /** The same elements in other dims: some split, some joined, ones put in. */
  otherShape(shape: readonly number[]): number[] {
    const kind = this.below(4);
    const size = sizeOf(shape);
    if (kind === 0) return [size];
    if (kind === 1) return shape.toSpliced(this.below(shape.length + 1), 0, 1);
    if (kind === 2 && shape.length > 1) {
      const at = this.below(shape.length - 1);
      return shape.toSpliced(at, 2, (shape[at] as number) * (shape[at + 1] as number));
    }
    if (size === 0) return [...shape];
    const divisors = [2, 3, 4, 5, 8].filter((n) => size % n === 0);
    if (divisors.length === 0) return [1, ...shape];
    const n = this.pick(divisors);
    return this.chance(0.5) ? [n, size / n] : [size / n, n];
  }
}
