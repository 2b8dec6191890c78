/**
 * Random graphs. A graph is grown from genes: each is the seed of one step, so that a failing graph is made small by
 * leaving genes out.
 *
 * Values are *exact* while they are whole numbers small enough that no order of additions rounds; only those go into
 * steps that jump (comparisons, positions, rounding). All others go into smooth steps alone, so that devices may differ
 * by roundings and no more.
 */
import type { Dtype } from "../../../src/base/dtype.ts";
import { allocate, isFloating } from "../../../src/base/dtype.ts";
import { broadcastShapes, sameShape, sizeOf } from "../../../src/base/shape.ts";
import { Cell } from "../../../src/ir/cell.ts";
import { type Phase, withMode } from "../../../src/ir/mode.ts";
import type { Wanted } from "../../../src/ir/program.ts";
import type { Value } from "../../../src/ir/value.ts";
import { makeLeaf } from "../../../src/ops/leaf.ts";
import { kit } from "../../../src/ops/kit.ts";
import { table } from "../../../src/ops/table.ts";
import { pullback } from "../../../src/transform/grad.ts";
import { randomStream } from "../../ops/sweep/case.ts";
import { dataLeaf } from "../compiled-graph.ts";

/** A vertex with what is known of its elements. */
export interface Node {
  readonly value: Value;
  /** Whole numbers, at most `bound` in magnitude. */
  readonly exact: boolean;
  readonly bound: number;
}

export interface FuzzGraph {
  readonly wanted: readonly Wanted[];
  /** By output: whether devices must agree to the last digit. */
  readonly exact: readonly boolean[];
  readonly cells: readonly Cell[];
  /** The elements that the cells start with. */
  readonly start: readonly ArrayLike<number>[];
  /** With NaN, infinities and numbers at the ends among the elements: devices are then only equal to themselves. */
  readonly wild: boolean;
}

export interface Recipe {
  readonly seed: number;
  /** Seeds of the steps that make values, and of those that say what is wanted. */
  readonly steps: readonly number[];
  readonly wishes: readonly number[];
}

const mostExact = 2 ** 16;
const mostElements = 2500;

/** Genes for a graph of some size. */
export function recipeOf(seed: number): Recipe {
  const random = randomStream(seed);
  const genes = (count: number): number[] => Array.from({ length: count }, () => Math.floor(random() * 2 ** 31));
  const most = random() < 0.1 ? 90 : 28;
  return { seed, steps: genes(3 + Math.floor(random() * most)), wishes: genes(1 + Math.floor(random() * 6)) };
}

export function generate(recipe: Recipe): FuzzGraph {
  return new Generator(recipe).run();
}

const wildNumbers = [Number.NaN, Infinity, -Infinity, -0, 1e-40, 1e30, -1e30, 0.1] as const;
const extentsOf = [1, 1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 23, 40] as const;

class Generator {
  readonly #recipe: Recipe;
  #random: () => number;
  readonly #pool: Node[] = [];
  readonly #cells: Cell[] = [];
  readonly #start: ArrayLike<number>[] = [];
  readonly #wanted: Wanted[] = [];
  readonly #exact: boolean[] = [];
  readonly #taken = new Set<Cell>();
  readonly #float: Dtype;
  readonly #variables: Value[] = [];
  /** Most values have one shape and most folds go along the same dims, so that many of them may become one kernel. */
  readonly #base: readonly number[];
  readonly #wild: boolean;
  readonly #rowDims: readonly number[];

  constructor(recipe: Recipe) {
    this.#recipe = recipe;
    this.#random = randomStream(recipe.seed ^ 0x5bd1e995);
    this.#float = this.#chance(0.2) ? "float64" : "float32";
    this.#wild = this.#chance(0.15);
    this.#base = this.#shape();
    this.#rowDims = this.#chance(0.5) ? [this.#base.length - 1] : this.#someDims(this.#base);
  }

  run(): FuzzGraph {
    for (let i = 0; i < 2; i++) this.#addLeaf(i === 0 ? this.#base : this.#related(this.#base));
    for (const gene of this.#recipe.steps) this.#with(gene, 0, () => this.#step());
    for (const gene of this.#recipe.wishes) this.#with(gene, 0, () => this.#wish());
    if (this.#wanted.length === 0) this.#want(this.#pool.at(-1) as Node);
    return { wanted: this.#wanted, exact: this.#exact, cells: this.#cells, start: this.#start, wild: this.#wild };
  }

  #with(gene: number, phase: Phase, body: () => void): void {
    this.#random = randomStream(gene);
    withMode({ phase }, body);
  }

  // Chances.

  #chance(p: number): boolean {
    return this.#random() < p;
  }

  #below(n: number): number {
    return Math.floor(this.#random() * n);
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#below(list.length)] as T;
  }

  /** Newer values more often. */
  #any(test: (node: Node) => boolean = () => true): Node | undefined {
    const fitting = this.#pool.filter(test);
    if (fitting.length === 0) return undefined;
    const r = Math.max(this.#random(), this.#chance(0.5) ? this.#random() : 0);
    return fitting[Math.floor(r * fitting.length)];
  }

  #number(exactly = false): Node | undefined {
    const fits = ({ value, exact }: Node): boolean => isFloating(value.dtype) && (exact || !exactly);
    const usual = this.#chance(0.6)
      ? this.#any((node) => fits(node) && sameShape(node.value.shape, this.#base))
      : undefined;
    return usual ?? this.#any(fits);
  }

  #exactNumber(): Node | undefined {
    return this.#number(true);
  }

  #shape(): number[] {
    const rank = this.#pick([1, 2, 2, 3, 3, 4]);
    for (;;) {
      const shape = Array.from({ length: rank }, () => (this.#chance(0.02) ? 0 : this.#pick(extentsOf)));
      if (sizeOf(shape) <= 600) return shape;
    }
  }

  /** A shape that broadcasts with another one. */
  #related(shape: readonly number[]): number[] {
    if (this.#chance(0.4)) return [...shape];
    if (this.#chance(0.3)) return shape.map((n, d) => (this.#rowDims.includes(d) ? 1 : n));
    const some = shape.map((n) => (this.#chance(0.3) ? 1 : n));
    return some.slice(this.#chance(0.3) ? this.#below(some.length + 1) : 0);
  }

  // Values.

  #add(value: Value, exact: boolean, bound: number): void {
    if (sizeOf(value.shape) > mostElements) return;
    let node: Node = { value, exact, bound };
    if (isFloating(value.dtype) && exact && bound > mostExact) {
      node = { value: kit.minimum(kit.maximum(value, -9), 9), exact, bound: 9 };
    } else if (isFloating(value.dtype) && !exact && bound > 64) {
      node = { value: kit.mul(kit.tanh(kit.mul(value, 4 / bound)), 2), exact, bound: 2 };
    }
    this.#pool.push(node);
  }

  #elements(size: number): number[] {
    const one = (): number => (this.#wild && this.#chance(0.1) ? this.#pick(wildNumbers) : this.#below(9) - 4);
    return Array.from({ length: size }, one);
  }

  #addLeaf(shape: readonly number[]): void {
    if (this.#chance(0.25)) {
      this.#addCell(shape);
      return;
    }
    const known = this.#chance(0.15) ? this.#pick(this.#variables) : undefined;
    // One buffer may stand behind vertices of several shapes.
    const value =
      known?.leaf === undefined
        ? dataLeaf(shape, this.#float, this.#elements(sizeOf(shape)), true)
        : makeLeaf(this.#otherShape(known.shape), known.dtype, known.leaf, true);
    this.#variables.push(value);
    this.#add(value, true, 4);
  }

  #addCell(shape: readonly number[]): void {
    const elements = this.#elements(sizeOf(shape));
    const data = allocate(this.#float, sizeOf(shape));
    data.set(elements);
    const cell = new Cell(shape, this.#float, data, `cell ${this.#cells.length}`);
    this.#cells.push(cell);
    this.#start.push(elements);
    const value = makeLeaf(shape, this.#float, { kind: "cell", cell, version: 0 }, true);
    this.#variables.push(value);
    this.#add(value, true, 4);
  }

  #step(): void {
    const steps: readonly (readonly [number, () => void])[] = [
      [2, () => this.#addLeaf(this.#shapeNear())],
      [1, () => this.#plainLeaf()],
      [6, () => this.#exactUnary()],
      [5, () => this.#smoothUnary()],
      [9, () => this.#binary()],
      [3, () => this.#compare()],
      [3, () => this.#where()],
      [2, () => this.#castStep()],
      [8, () => this.#view()],
      [10, () => this.#reduce()],
      [5, () => this.#normalise()],
      [3, () => this.#position()],
      [2, () => this.#cumulate()],
      [4, () => this.#gatherStep()],
      [2, () => this.#scatterStep()],
      [3, () => this.#dotStep()],
      [5, () => this.#layer()],
      [2, () => this.#convStep()],
      [3, () => this.#padStep()],
      [3, () => this.#concatStep()],
      [2, () => this.#windowStep()],
      [4, () => this.#integerStep()],
    ];
    const total = steps.reduce((sum, [weight]) => sum + weight, 0);
    let at = this.#random() * total;
    for (const [weight, run] of steps) {
      at -= weight;
      if (at < 0) {
        run();
        return;
      }
    }
  }

  #shapeNear(): number[] {
    const node = this.#any();
    if (node === undefined || this.#chance(0.15)) return this.#shape();
    return this.#related(this.#chance(0.5) ? this.#base : node.value.shape);
  }

  /** Numbers without a gradient: constants, counting, slots. */
  #plainLeaf(): void {
    const shape = this.#shapeNear();
    const kind = this.#below(3);
    if (kind === 0) this.#add(kit.full(shape, this.#below(7) - 3, this.#float), true, 3);
    else if (kind === 1 && shape.length > 0) {
      const dim = this.#below(shape.length);
      this.#add(kit.cast(kit.iota(shape, dim), this.#float), true, shape[dim] as number);
    } else {
      const number = this.#below(5) - 2;
      const slot = makeLeaf([], this.#float, { kind: "slot", read: () => number });
      this.#add(kit.broadcast(slot, shape), true, 2);
    }
  }

  #exactUnary(): void {
    const x = this.#exactNumber();
    if (x === undefined) return;
    const { value, bound } = x;
    const choices: readonly (() => Value)[] = [
      () => kit.neg(value),
      () => kit.abs(value),
      () => kit.relu(value),
      () => kit.sign(value),
      () => kit.copy(value),
      () => kit.maximum(value, -2),
      () => kit.minimum(value, 3),
      () => kit.add(value, 1),
      () => kit.mul(value, 2),
    ];
    this.#add(this.#pick(choices)(), true, 2 * bound + 1);
  }

  #smoothUnary(): void {
    const x = this.#number();
    if (x === undefined) return;
    const small = x.bound > 4 ? kit.mul(x.value, 3 / x.bound) : x.value;
    const choices: readonly (readonly [number, () => Value])[] = [
      [60, () => kit.exp(small)],
      [1, () => kit.tanh(x.value)],
      [1, () => kit.sigmoid(x.value)],
      [1, () => kit.erf(small)],
      [1, () => kit.sin(x.value)],
      [8, () => kit.sqrt(kit.add(kit.square(small), 0.5))],
      [8, () => kit.log(kit.add(kit.square(small), 1))],
      [2, () => kit.div(1, kit.add(kit.square(small), 0.5))],
      [x.bound * 0.3, () => kit.mul(x.value, 0.3)],
      [x.bound + 1, () => kit.sub(x.value, 0.7)],
    ];
    const [bound, make] = this.#pick(choices);
    this.#add(make(), false, bound);
  }

  /** Another value that broadcasts with x to something not too large. */
  #partner(x: Node, test: (node: Node) => boolean = () => true): Node | undefined {
    return this.#any((node) => {
      if (node.value.dtype !== x.value.dtype || !test(node)) return false;
      try {
        return sizeOf(broadcastShapes("fuzz", x.value.shape, node.value.shape)) <= mostElements;
      } catch {
        return false;
      }
    });
  }

  #binary(): void {
    const x = this.#number();
    const y = x === undefined ? undefined : this.#partner(x);
    if (x === undefined || y === undefined) return;
    const [a, b] = [x.value, y.value];
    const exact = x.exact && y.exact;
    const choice = this.#below(exact ? 6 : 4);
    if (choice === 0) this.#add(kit.add(a, b), exact, x.bound + y.bound);
    else if (choice === 1) this.#add(kit.sub(a, b), exact, x.bound + y.bound);
    else if (choice === 2) this.#add(kit.mul(a, b), exact, x.bound * y.bound);
    else if (choice === 3) this.#add(kit.div(a, kit.add(kit.square(b), 1)), false, x.bound);
    else if (choice === 4) this.#add(kit.maximum(a, b), true, Math.max(x.bound, y.bound));
    else this.#add(kit.minimum(a, b), true, Math.max(x.bound, y.bound));
  }

  #comparison(): Value | undefined {
    const x = this.#exactNumber();
    const y = x === undefined ? undefined : this.#partner(x, (node) => node.exact);
    if (x === undefined || y === undefined) return undefined;
    const relation = this.#pick([table.eq, table.ne, table.lt, table.le, table.gt, table.ge]);
    return kit.map(relation, x.value, this.#chance(0.3) ? 1 : y.value);
  }

  #compare(): void {
    const bool = this.#comparison();
    if (bool !== undefined) this.#add(bool, true, 1);
    const one = this.#any(({ value }) => value.dtype === "bool");
    const other = one === undefined ? undefined : this.#partner(one);
    if (one === undefined || other === undefined || this.#chance(0.5)) return;
    const join = this.#pick([table.and, table.or, table.xor, table.eq, table.ne]);
    this.#add(this.#chance(0.3) ? kit.negate(one.value) : kit.map(join, one.value, other.value), true, 1);
  }

  #where(): void {
    const condition = this.#any(({ value }) => value.dtype === "bool")?.value ?? this.#comparison();
    const x = this.#number();
    const y = x === undefined ? undefined : this.#partner(x);
    if (condition === undefined || x === undefined || y === undefined) return;
    let shape: readonly number[];
    try {
      shape = broadcastShapes("fuzz", broadcastShapes("fuzz", x.value.shape, y.value.shape), condition.shape);
    } catch {
      return;
    }
    if (sizeOf(shape) > mostElements) return;
    const other = this.#chance(0.4) ? 0 : y.value;
    const chosen = this.#chance(0.5) ? kit.where(condition, x.value, other) : kit.where(condition, other, x.value);
    this.#add(chosen, x.exact && (other === 0 || y.exact), Math.max(x.bound, other === 0 ? 0 : y.bound));
  }

  #castStep(): void {
    const x = this.#any();
    if (x === undefined) return;
    const { value, exact, bound } = x;
    const wide: Dtype = this.#float === "float32" ? "float64" : "float32";
    if (!isFloating(value.dtype)) this.#add(kit.cast(value, this.#float), exact, bound);
    else if (!exact) this.#add(kit.mul(kit.cast(kit.mul(kit.cast(value, wide), 0.5), value.dtype), 2), false, bound);
    else {
      const to = this.#pick(["int32", "bool", wide, "int32"] as const);
      const there = kit.cast(value, to);
      this.#add(there, true, to === "bool" ? 1 : bound);
      if (this.#chance(0.5))
        this.#add(kit.cast(kit.cast(there, "int32"), this.#float), true, to === "bool" ? 1 : bound);
    }
  }

  /** Whole numbers that wrap, and truth values folded. */
  #integerStep(): void {
    const x = this.#any(({ value }) => !isFloating(value.dtype));
    if (x === undefined) return;
    const { value } = x;
    const rank = value.shape.length;
    const bound = 2 ** 31;
    if (rank > 0 && !value.shape.includes(0) && this.#chance(0.4)) {
      const dims = this.#dims(value.shape);
      const order = [table.max, table.min];
      const fold = this.#pick(value.dtype === "int32" ? [...order, table.sum, table.prod] : order);
      this.#add(kit.apply(fold, [value], { dims }), true, value.dtype === "bool" ? 1 : bound);
      return;
    }
    if (value.dtype === "bool") {
      this.#add(kit.cast(value, this.#pick(["int32", "uint8"] as const)), true, 1);
      return;
    }
    const y = this.#partner(x);
    if (y === undefined) return;
    const { add, sub, mul, idiv, irem, remainder, and, or, xor, shl, shr, ushr, maximum, minimum } = table;
    const both = [add, sub, mul, idiv, irem, remainder, and, or, xor, maximum, minimum];
    const op = this.#pick(value.dtype === "int32" ? [...both, shl, shr, ushr] : both);
    const other = this.#chance(0.3) ? this.#below(7) : y.value;
    this.#add(kit.map(op, value, other), true, bound);
    if (this.#chance(0.3)) {
      const to = value.dtype === "int32" ? "uint8" : "int32";
      this.#add(kit.cast(value, to), true, bound);
    }
    if (this.#chance(0.5)) {
      const small = kit.map(irem, kit.map(op, value, other), 11);
      this.#add(kit.cast(small, this.#float), true, 11);
    }
  }

  #view(): void {
    const x = this.#any();
    if (x === undefined) return;
    this.#add(this.#viewOf(x.value), x.exact, x.bound);
  }

  #viewOf(x: Value): Value {
    const rank = x.shape.length;
    const kind = this.#below(6);
    if (rank === 0) return kit.expand(kit.reshape(x, [1]), [this.#pick([1, 3, 8])]);
    if (kind === 0) {
      const order = [...x.shape.keys()];
      for (let i = rank - 1; i > 0; i--) {
        const j = this.#below(i + 1);
        [order[i], order[j]] = [order[j] as number, order[i] as number];
      }
      return kit.permute(x, order);
    }
    if (kind === 1) return kit.reshape(x, this.#otherShape(x.shape));
    if (kind === 2) {
      const at = this.#below(rank + 1);
      const more = x.shape.toSpliced(at, 0, 1);
      return kit.expand(kit.reshape(x, more), more.with(at, this.#pick([1, 2, 3, 8])));
    }
    if (kind === 3 && !x.shape.includes(0)) return kit.flip(x, [this.#below(rank)]);
    if (kind === 4) {
      return kit.expand(
        x,
        x.shape.map((n) => (n === 1 && this.#chance(0.7) ? this.#pick([2, 5, 8]) : n)),
      );
    }
    const size = x.shape.map((n) => (n > 1 && this.#chance(0.6) ? 1 + this.#below(n) : n));
    const step = x.shape.map((n, d) => {
      const most = (size[d] as number) > 1 ? Math.floor((n - 1) / ((size[d] as number) - 1)) : 2;
      return Math.max(1, Math.min(most, 1 + this.#below(3))) * (this.#chance(0.3) ? -1 : 1);
    });
    const start = x.shape.map((n, d) => {
      const reach = Math.max((size[d] as number) - 1, 0) * Math.abs(step[d] as number);
      const first = this.#below(Math.max(n - reach, 1));
      return (step[d] as number) > 0 ? first : first + reach;
    });
    return kit.slice(x, start, step, size);
  }

  /** The same elements in other dims: some split, some joined, ones put in. */
  #otherShape(shape: readonly number[]): number[] {
    const kind = this.#below(4);
    const size = sizeOf(shape);
    if (kind === 0) return [size];
    if (kind === 1) return shape.toSpliced(this.#below(shape.length + 1), 0, 1);
    if (kind === 2 && shape.length > 1) {
      const at = this.#below(shape.length - 1);
      return shape.toSpliced(at, 2, (shape[at] as number) * (shape[at + 1] as number));
    }
    if (size === 0) return [...shape];
    const divisors = [2, 3, 4, 5, 8].filter((n) => size % n === 0);
    if (divisors.length === 0) return [1, ...shape];
    const n = this.#pick(divisors);
    return this.#chance(0.5) ? [n, size / n] : [size / n, n];
  }

  #dims(shape: readonly number[]): readonly number[] {
    return this.#chance(0.75) && sameShape(shape, this.#base) ? this.#rowDims : this.#someDims(shape);
  }

  #someDims(shape: readonly number[]): number[] {
    const dims = [...shape.keys()].filter(() => this.#chance(0.5));
    return dims.length > 0 ? dims : [shape.length - 1];
  }

  #reduce(): void {
    const x = this.#number();
    if (x === undefined || x.value.shape.length === 0) return;
    const { value, exact, bound } = x;
    const dims = this.#dims(value.shape);
    const n = sizeOf(dims.map((d) => value.shape[d] as number));
    const kind = this.#below(4);
    let result: Value;
    let exactly = exact;
    if (kind === 0 && exact && n > 0) result = this.#chance(0.5) ? kit.max(value, dims) : kit.min(value, dims);
    else if (kind === 1) {
      result = kit.mul(kit.sum(value, dims), 1 / Math.max(n, 1));
      exactly = false;
    } else if (kind === 2 && n <= 4 && bound <= 4) result = kit.prod(value, dims);
    else result = kit.sum(value, dims);
    const most = kind === 1 ? bound : kind === 2 && n <= 4 && bound <= 4 ? bound ** n : bound * Math.max(n, 1);
    if (this.#chance(0.5)) result = kit.spread(result, value.shape, dims);
    this.#add(result, exactly, most);
  }

  /** The patterns of softmax, layer norm and log-softmax. */
  #normalise(): void {
    const x = this.#exactNumber() ?? this.#number();
    if (x === undefined || x.value.shape.length === 0 || x.value.shape.includes(0)) return;
    const { value } = x;
    const dims = this.#dims(value.shape);
    const n = sizeOf(dims.map((d) => value.shape[d] as number));
    const spread = (y: Value): Value => kit.spread(y, value.shape, dims);
    const kind = this.#below(3);
    if (kind === 2) {
      const mean = kit.mul(kit.sum(value, dims), 1 / n);
      const centred = kit.sub(value, spread(mean));
      const variance = kit.mul(kit.sum(kit.square(centred), dims), 1 / n);
      this.#add(kit.div(centred, spread(kit.sqrt(kit.add(variance, 0.5)))), false, 2 * n);
      return;
    }
    if (!x.exact) return;
    const shifted = kit.sub(value, spread(kit.max(value, dims)));
    const e = kit.exp(kit.maximum(shifted, -20));
    const total = kit.sum(e, dims);
    if (kind === 0) this.#add(kit.div(e, spread(total)), false, 1);
    else this.#add(kit.sub(kit.maximum(shifted, -20), spread(kit.log(total))), false, 40);
  }

  /** A position along the last dim, as an index. */
  #position(): void {
    const x = this.#exactNumber();
    const n = x?.value.shape.at(-1);
    if (x === undefined || n === undefined || n === 0) return;
    const kind = this.#below(4);
    const result =
      kind === 0 ? kit.argmax(x.value) : kind === 1 ? kit.argmin(x.value) : kit.sort(x.value, this.#chance(0.5));
    this.#add(result, true, n - 1);
  }

  #cumulate(): void {
    const x = this.#number();
    if (x === undefined || x.value.shape.length === 0) return;
    this.#add(kit.cumulate(x.value), x.exact, x.bound * Math.max(x.value.shape.at(-1) as number, 1));
  }

  /** An index tensor of a shape with elements below n, from data or computed (where numbers keep to their bounds). */
  #index(shape: readonly number[], n: number): Value {
    const known = this.#any(
      ({ value, bound }) => value.dtype === "int32" && bound < n && sizeOf(value.shape) === sizeOf(shape),
    );
    if (known !== undefined && !this.#wild && this.#chance(0.7)) {
      return kit.maximum(kit.reshape(known.value, shape), 0);
    }
    return dataLeaf(
      shape,
      "int32",
      Array.from({ length: sizeOf(shape) }, () => this.#below(n)),
    );
  }

  #gatherStep(): void {
    const x = this.#any();
    if (x === undefined || x.value.shape.length === 0) return;
    const { shape } = x.value;
    const dim = this.#below(shape.length);
    const n = shape[dim] as number;
    if (n === 0) return;
    const count = this.#pick([1, 2, 5, n]);
    if (this.#chance(0.5)) {
      // Whole rows: the index is the same for all other dims.
      const line = this.#index([count], n);
      const wide = kit.reshape(
        line,
        shape.map((_, d) => (d === dim ? count : 1)),
      );
      this.#add(kit.gather(x.value, kit.expand(wide, shape.with(dim, count)), dim), x.exact, x.bound);
    } else this.#add(kit.gather(x.value, this.#index(shape.with(dim, count), n), dim), x.exact, x.bound);
  }

  #scatterStep(): void {
    const x = this.#number();
    if (x === undefined || x.value.shape.length === 0) return;
    const { shape } = x.value;
    const dim = this.#below(shape.length);
    const size = this.#pick([1, 3, 6]);
    const index = this.#index(shape, size);
    this.#add(kit.scatter(index, x.value, dim, size), x.exact, x.bound * Math.max(shape[dim] as number, 1));
  }

  #dotStep(): void {
    const x = this.#number();
    if (x === undefined || x.value.shape.length === 0) return;
    const a = x.value;
    const dim = this.#below(a.shape.length);
    const n = a.shape[dim] as number;
    const y = this.#any(({ value }) => value.dtype === a.dtype && value.shape.includes(n));
    if (y === undefined || n === 0) return;
    const b = y.value;
    const partner = b.shape.indexOf(n);
    let attrs = { batchA: [] as number[], batchB: [] as number[], contractA: [dim], contractB: [partner] };
    const i = a.shape.findIndex((m, d) => d !== dim && b.shape.some((o, e) => e !== partner && o === m));
    if (i >= 0 && this.#chance(0.6)) {
      const j = b.shape.findIndex((o, e) => e !== partner && o === a.shape[i]);
      attrs = { ...attrs, batchA: [i], batchB: [j] };
    }
    const size = (sizeOf(a.shape) / n) * (sizeOf(b.shape) / n);
    if (size > mostElements) return;
    this.#add(kit.dot(a, b, attrs), x.exact && y.exact, x.bound * y.bound * n);
  }

  /** A product with a square matrix along the last dim, which keeps the shape: what is around it may not be joined. */
  #layer(): void {
    const x = this.#number();
    const n = x?.value.shape.at(-1);
    if (x === undefined || n === undefined || n > 23) return;
    const rank = x.value.shape.length;
    const w = dataLeaf([n, n], this.#float, this.#elements(n * n), true);
    if (x.value.dtype !== w.dtype) return;
    this.#variables.push(w);
    const attrs = { batchA: [], batchB: [], contractA: [rank - 1], contractB: [this.#below(2)] };
    this.#add(kit.dot(x.value, w, attrs), x.exact, x.bound * 4 * n);
  }

  #convStep(): void {
    const x = this.#any(({ value }) => isFloating(value.dtype) && value.shape.length >= 3 && !value.shape.includes(0));
    if (x === undefined) return;
    const [, channels, ...spatial] = x.value.shape as [number, number, ...number[]];
    if (sizeOf(spatial) > 200 || channels > 9) return;
    const groups = channels % 2 === 0 && this.#chance(0.4) ? 2 : 1;
    const kernel = spatial.map((n) => 1 + this.#below(Math.min(n, 3)));
    const inGroup = channels / groups;
    const shape = [2 * groups, inGroup, ...kernel];
    const w = dataLeaf(shape, x.value.dtype, this.#elements(sizeOf(shape)), true);
    this.#variables.push(w);
    const pad = spatial.map(() => this.#below(2));
    const settings = {
      stride: spatial.map(() => 1 + this.#below(2)),
      low: pad,
      high: pad,
      dilation: spatial.map(() => 1),
      groups,
    };
    const y = kit.conv(x.value, w, settings);
    this.#add(y, x.exact, x.bound * 4 * inGroup * sizeOf(kernel));
    if (this.#chance(0.3)) {
      this.#add(kit.convInput(y, w, spatial, settings), x.exact, x.bound * 32 * (inGroup * sizeOf(kernel)) ** 2);
    }
  }

  #padStep(): void {
    const x = this.#any();
    if (x === undefined || x.value.shape.length === 0) return;
    const amounts = (): number[] => x.value.shape.map(() => (this.#chance(0.5) ? this.#below(3) : 0));
    const inner = x.value.shape.map(() => (this.#chance(0.2) ? 1 : 0));
    this.#add(kit.pad(x.value, amounts(), amounts(), this.#pick([0, 0, 1]), inner), x.exact, Math.max(x.bound, 1));
  }

  #concatStep(): void {
    const x = this.#any();
    if (x === undefined || x.value.shape.length === 0) return;
    const dim = this.#below(x.value.shape.length);
    const fits = (node: Node): boolean =>
      node.value.dtype === x.value.dtype &&
      node.value.shape.length === x.value.shape.length &&
      node.value.shape.every((n, d) => d === dim || n === x.value.shape[d]);
    const parts = [x, this.#any(fits) as Node];
    if (this.#chance(0.3)) parts.push(this.#any(fits) as Node);
    this.#add(
      kit.concat(
        parts.map((p) => p.value),
        dim,
      ),
      parts.every((p) => p.exact),
      Math.max(...parts.map((p) => p.bound)),
    );
  }

  /** Max pooling: positions, then the elements there. */
  #windowStep(): void {
    const x = this.#any(
      ({ value, exact }) => exact && isFloating(value.dtype) && value.shape.length >= 3 && !value.shape.includes(0),
    );
    if (x === undefined) return;
    const [images, channels, ...spatial] = x.value.shape as [number, number, ...number[]];
    const kernel = spatial.map((n) => Math.min(n, 2));
    const low = spatial.map((_, d) => (kernel[d] === 2 ? this.#below(2) : 0));
    const stride = spatial.map(() => 1 + this.#below(2));
    const extents = spatial.map(
      (n, d) => Math.floor((n + 2 * (low[d] as number) - (kernel[d] as number)) / (stride[d] as number)) + 1,
    );
    const dilation = spatial.map(() => 1);
    const index = kit.window(x.value, { kernel, stride, low, dilation, extents });
    const flat = kit.reshape(x.value, [images, channels, sizeOf(spatial)]);
    const chosen = kit.gather(flat, kit.reshape(index, [images, channels, sizeOf(extents)]), 2);
    this.#add(kit.reshape(chosen, [images, channels, ...extents]), true, x.bound);
  }

  // What is wanted.

  #want(node: Node, cell?: Cell): void {
    this.#wanted.push({ value: node.value, cell });
    this.#exact.push(node.exact);
  }

  #wish(): void {
    const kind = this.#random();
    if (kind < 0.45) this.#want(this.#any() as Node);
    else if (kind < 0.7) this.#backward();
    else this.#update();
  }

  /** Gradients of a sum of something with respect to what it was made from. */
  #backward(): void {
    const loss = this.#any(({ value }) => isFloating(value.dtype) && value.requiresGrad);
    if (loss === undefined) return;
    withMode({ phase: 1 }, () => {
      const seed = kit.full(loss.value.shape, 1, loss.value.dtype);
      const wanted = new Set(this.#variables);
      const { reached } = pullback("fuzz", [{ value: loss.value, gradient: seed }], wanted);
      for (const { gradient } of reached.slice(0, 3)) {
        const node = { value: gradient, exact: false, bound: Number.POSITIVE_INFINITY };
        this.#want(node);
        if (this.#chance(0.5)) this.#pool.push({ ...node, value: kit.tanh(gradient), bound: 1 });
      }
    });
  }

  /** New contents for cells: from other values, from themselves moved, from each other. */
  #update(): void {
    if (this.#cells.every((cell) => this.#taken.has(cell)) || this.#chance(0.4)) {
      withMode({ phase: 0 }, () => this.#addCell(this.#chance(0.7) ? this.#base : this.#shapeNear()));
    }
    const free = this.#cells.filter((cell) => !this.#taken.has(cell));
    withMode({ phase: 2 }, () => {
      const cell = this.#pick(free);
      this.#taken.add(cell);
      const old = this.#variables.find(({ leaf }) => leaf?.kind === "cell" && leaf.cell === cell) as Value;
      const fits = ({ value }: Node): boolean =>
        value.dtype === cell.dtype && sizeOf(value.shape) === sizeOf(cell.shape);
      const stored = this.#any((node) => fits(node) && node.value.leaf?.kind === "cell" && node.value !== old);
      const same = this.#chance(0.3) ? (stored ?? this.#any(fits)) : this.#any(fits);
      const kind = this.#below(6);
      const other = same === undefined ? { value: old, exact: true, bound: 4 } : same;
      const reshaped = kit.reshape(other.value, cell.shape);
      if (kind === 0) this.#want({ ...other, value: reshaped }, cell);
      else if (kind === 1) {
        const flips =
          cell.shape.includes(0) || cell.shape.length === 0 ? old : kit.flip(old, [this.#below(cell.shape.length)]);
        this.#want({ value: flips, exact: true, bound: 4 }, cell);
      } else if (kind === 2) {
        const moved = kit.add(kit.mul(old, 0.5), kit.mul(reshaped, 0.25));
        this.#want({ value: moved, exact: false, bound: 4 + other.bound }, cell);
        const node = { value: moved, exact: false, bound: 4 + other.bound };
        if (this.#chance(0.3)) this.#want({ ...node, value: kit.neg(moved) });
        // The next cell may be changed by what this one is now.
        if (this.#chance(0.5)) this.#add(moved, false, node.bound);
      } else if (kind === 3) {
        const total = kit.sum(old, [...cell.shape.keys()]);
        const spread = kit.broadcast(total, cell.shape);
        this.#want({ value: kit.sub(old, spread), exact: true, bound: 4 * sizeOf(cell.shape) + 4 }, cell);
      } else if (kind === 4) {
        const scaled = kit.add(old, reshaped);
        this.#want({ value: scaled, exact: other.exact, bound: 4 + other.bound }, cell);
      } else
        this.#want(
          { value: kit.where(kit.gt(old, 0), reshaped, old), exact: other.exact, bound: 4 + other.bound },
          cell,
        );
    });
  }
}
