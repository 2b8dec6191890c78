/**
 * Random graphs. A graph is grown from genes: each is the seed of one step, so that a failing graph is made small by
 * leaving genes out.
 */
import { isFloating } from "../../../src/base/dtype.ts";
import { sizeOf } from "../../../src/base/shape.ts";
import type { Cell } from "../../../src/ir/cell.ts";
import { withMode } from "../../../src/ir/mode.ts";
import type { Wanted } from "../../../src/ir/program.ts";
import type { Value } from "../../../src/ir/value.ts";
import { kit } from "../../../src/ops/kit.ts";
import { pullback } from "../../../src/transform/grad.ts";
import { randomStream } from "../../ops/sweep/case.ts";
import * as elementwise from "./elementwise-steps.ts";
import * as folding from "./folding-steps.ts";
import * as moving from "./moving-steps.ts";
import { type Node, Pool } from "./pool.ts";

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

/** Genes for a graph of some size. */
export function recipeOf(seed: number): Recipe {
  const random = randomStream(seed);
  const genes = (count: number): number[] => Array.from({ length: count }, () => Math.floor(random() * 2 ** 31));
  const most = random() < 0.1 ? 90 : 28;
  return { seed, steps: genes(3 + Math.floor(random() * most)), wishes: genes(1 + Math.floor(random() * 6)) };
}

/** The steps, each with its weight. */
const steps: readonly (readonly [weight: number, step: (p: Pool) => void])[] = [
  [2, (p) => p.addLeaf(p.shapeNear())],
  [1, elementwise.plainLeaf],
  [6, elementwise.exactUnary],
  [5, elementwise.smoothUnary],
  [9, elementwise.binary],
  [3, elementwise.compare],
  [3, elementwise.where],
  [2, elementwise.castStep],
  [8, moving.view],
  [10, folding.reduce],
  [5, folding.normalise],
  [3, moving.position],
  [2, folding.cumulate],
  [4, moving.gatherStep],
  [2, moving.scatterStep],
  [3, folding.dotStep],
  [5, folding.layer],
  [2, folding.convStep],
  [3, moving.padStep],
  [3, moving.concatStep],
  [2, moving.windowStep],
  [4, elementwise.integerStep],
];
const totalWeight = steps.reduce((sum, [weight]) => sum + weight, 0);

function grow(p: Pool): void {
  let at = p.random() * totalWeight;
  for (const [weight, step] of steps) {
    at -= weight;
    if (at >= 0) continue;
    step(p);
    return;
  }
}

export function generate(recipe: Recipe): FuzzGraph {
  const pool = new Pool(recipe.seed);
  for (const gene of recipe.steps) {
    pool.random = randomStream(gene);
    grow(pool);
  }
  const wishes = new Wishes(pool);
  for (const gene of recipe.wishes) {
    pool.random = randomStream(gene);
    wishes.add();
  }
  return wishes.graph();
}

/** What is wanted of the values: results, gradients, new contents of cells. */
class Wishes {
  readonly #pool: Pool;
  readonly #wanted: Wanted[] = [];
  readonly #exact: boolean[] = [];
  readonly #taken = new Set<Cell>();

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  graph(): FuzzGraph {
    const { nodes, cells, start, wild } = this.#pool;
    if (this.#wanted.length === 0) this.#want(nodes.at(-1) as Node);
    return { wanted: this.#wanted, exact: this.#exact, cells, start, wild };
  }

  add(): void {
    const kind = this.#pool.random();
    if (kind < 0.45) this.#want(this.#pool.any() as Node);
    else if (kind < 0.7) this.#backward();
    else this.#update();
  }

  #want(node: Node, cell?: Cell): void {
    this.#wanted.push({ value: node.value, cell });
    this.#exact.push(node.exact);
  }

  /** Gradients of a sum of something with respect to what it was made from. */
  #backward(): void {
    const loss = this.#pool.any(({ value }) => isFloating(value.dtype) && value.requiresGrad);
    if (loss === undefined) return;
    withMode({ phase: 1 }, () => {
      const seed = kit.full(loss.value.shape, 1, loss.value.dtype);
      const wanted = new Set(this.#pool.variables);
      const { reached } = pullback("fuzz", [{ value: loss.value, gradient: seed }], wanted);
      for (const { gradient } of reached.slice(0, 3)) {
        const node = { value: gradient, exact: false, bound: Number.POSITIVE_INFINITY };
        this.#want(node);
        if (this.#pool.chance(0.5)) this.#pool.nodes.push({ ...node, value: kit.tanh(gradient), bound: 1 });
      }
    });
  }

  /** New contents for cells: from other values, from themselves moved, from each other. */
  #update(): void {
    if (this.#pool.cells.every((cell) => this.#taken.has(cell)) || this.#pool.chance(0.4)) {
      withMode({ phase: 0 }, () =>
        this.#pool.addCell(this.#pool.chance(0.7) ? this.#pool.base : this.#pool.shapeNear()),
      );
    }
    const free = this.#pool.cells.filter((cell) => !this.#taken.has(cell));
    withMode({ phase: 2 }, () => {
      const cell = this.#pool.pick(free);
      this.#taken.add(cell);
      const old = this.#pool.variables.find(({ leaf }) => leaf?.kind === "cell" && leaf.cell === cell) as Value;
      const fits = ({ value }: Node): boolean =>
        value.dtype === cell.dtype && sizeOf(value.shape) === sizeOf(cell.shape);
      const stored = this.#pool.any((node) => fits(node) && node.value.leaf?.kind === "cell" && node.value !== old);
      const same = this.#pool.chance(0.3) ? (stored ?? this.#pool.any(fits)) : this.#pool.any(fits);
      const kind = this.#pool.below(6);
      const other = same === undefined ? { value: old, exact: true, bound: 4 } : same;
      const reshaped = kit.reshape(other.value, cell.shape);
      if (kind === 0) this.#want({ ...other, value: reshaped }, cell);
      else if (kind === 1) {
        const flips =
          cell.shape.includes(0) || cell.shape.length === 0
            ? old
            : kit.flip(old, [this.#pool.below(cell.shape.length)]);
        this.#want({ value: flips, exact: true, bound: 4 }, cell);
      } else if (kind === 2) {
        const moved = kit.add(kit.mul(old, 0.5), kit.mul(reshaped, 0.25));
        this.#want({ value: moved, exact: false, bound: 4 + other.bound }, cell);
        const node = { value: moved, exact: false, bound: 4 + other.bound };
        if (this.#pool.chance(0.3)) this.#want({ ...node, value: kit.neg(moved) });
        // The next cell may be changed by what this one is now.
        if (this.#pool.chance(0.5)) this.#pool.add(moved, false, node.bound);
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
