/**
 * Sums over all steps of a loop of what each step gives: the gradient of a weight that is the same in all steps. Products
 * and sums are taken once, over the stacked operands of all steps, behind the loop; so are views. What is neither is
 * added up in the loop, by a carry. Floor: transform.
 */
import type { Body } from "../../ir/body.ts";
import { substitute } from "../../ir/rewrite.ts";
import { Value } from "../../ir/value.ts";
import { dotDims } from "../../ops/contract.ts";
import { kit } from "../../ops/kit.ts";
import { makeLeaf } from "../../ops/leaf.ts";
import { listOf, numberOf } from "../../ops/record.ts";
import { table } from "../../ops/table.ts";

/** What is there behind the loop. */
export interface Behind {
  readonly steps: number;
  /** What a vertex of a step was in all steps, [steps, ...]. */
  readonly stackOf: (value: Value) => Value;
  /** An input of the forward loop. */
  readonly input: (number: number) => Value;
  /** What a carry of this number among the totals has added up. */
  readonly total: (number: number) => Value;
}

/** Builds something behind the loop. */
export type Late = (behind: Behind) => Value;

export class StepSums {
  /** Sequences that are read behind the loop: leaves, and vertices of the forward step. */
  readonly read = new Set<Value>();
  /** Vertices of the step back that must be stacked for the sums. */
  readonly stacked = new Set<Value>();
  /** Carries that add up: the leaf that is the sum so far, and what a step adds. */
  readonly totals: { readonly leaf: Value; readonly value: Value }[] = [];
  readonly #body: Body;
  readonly #isSequence: (value: Value) => boolean;
  readonly #isSame = new Map<Value, boolean>();

  /** `isSequence`: leaves of the step back that are slices, and vertices that the forward loop can stack. */
  constructor(body: Body, isSequence: (value: Value) => boolean) {
    this.#body = body;
    this.#isSequence = isSequence;
  }

  /** The sum of a vertex of the step back over all steps. */
  of(value: Value): Late {
    const { op, attrs, inputs } = value;
    const [a, b] = inputs as [Value, Value];
    if (value.leaf !== undefined) return this.#total(value);
    switch (op.kind) {
      case "contract":
        return this.#product(value, a, b);
      case "constant":
        return ({ steps }) => kit.full(value.shape, steps * numberOf(attrs, "value"), value.dtype);
      case "view": {
        if (inputs.length > 1) break;
        const sum = this.of(a);
        return (behind) => new Value(op, [sum(behind)], attrs);
      }
      case "concat": {
        const sums = inputs.map((part) => this.of(part));
        return (behind) =>
          kit.concat(
            sums.map((sum) => sum(behind)),
            numberOf(attrs, "dim"),
          );
      }
      case "pad": {
        if (numberOf(attrs, "value") !== 0) break;
        const sum = this.of(a);
        return (behind) => new Value(op, [sum(behind)], attrs);
      }
      case "reduce": {
        if (op.fold !== "sum") break;
        const stack = this.#stack(a);
        return (behind) => kit.sum(stack(behind), [0, ...behindSteps(listOf(attrs, "dims"))]);
      }
      case "elementwise": {
        if (op !== table.add && op !== table.sub && op !== table.neg) break;
        const sums = inputs.map((part) => this.of(part));
        return (behind) =>
          kit.apply(
            op,
            sums.map((sum) => sum(behind)),
          );
      }
      default:
    }
    return this.#total(value);
  }

  #total(value: Value): Late {
    const leaf = makeLeaf(value.shape, value.dtype, { kind: "input", index: -1 }, true);
    const number = this.totals.push({ leaf, value }) - 1;
    return ({ total }) => total(number);
  }

  #product(value: Value, a: Value, b: Value): Late {
    const { batchA, batchB, contractA, contractB } = dotDims(value.attrs);
    // Of what is the same in all steps, the product with the sum is the sum of the products.
    if (this.#same(a) || this.#same(b)) {
      const [left, right] = [a, b].map((x) => (this.#same(x) ? this.#once(x) : this.of(x))) as [Late, Late];
      return (behind) => new Value(value.op, [left(behind), right(behind)], value.attrs);
    }
    const [left, right] = [this.#stack(a), this.#stack(b)];
    return (behind) =>
      kit.dot(left(behind), right(behind), {
        batchA: behindSteps(batchA),
        batchB: behindSteps(batchB),
        contractA: [0, ...behindSteps(contractA)],
        contractB: [0, ...behindSteps(contractB)],
      });
  }

  /** All steps of a vertex, [steps, ...]. */
  #stack(value: Value): Late {
    if (this.#same(value)) {
      const once = this.#once(value);
      return (behind) => {
        const x = once(behind);
        return kit.expand(kit.reshape(x, [1, ...x.shape]), [behind.steps, ...x.shape]);
      };
    }
    if (this.#isSequence(value)) {
      this.read.add(value);
      return ({ stackOf }) => stackOf(value);
    }
    if (value.op.kind === "view" && value.inputs.length === 1) {
      const stack = this.#stack(value.inputs[0] as Value);
      return (behind) => viewOfAll(value, stack(behind), behind.steps);
    }
    this.stacked.add(value);
    return ({ stackOf }) => stackOf(value);
  }

  /** Whether a vertex depends on nothing that differs between steps. */
  #same(value: Value): boolean {
    let same = this.#isSame.get(value);
    if (same === undefined) {
      const { leaf, inputs } = value;
      const constant = (index: number): boolean => index >= this.#body.carries + this.#body.sequences;
      same =
        leaf === undefined
          ? inputs.every((x) => this.#same(x))
          : leaf.kind === "input" && constant(leaf.index) && this.#body.inputs[leaf.index] === value;
      this.#isSame.set(value, same);
    }
    return same;
  }

  #once(value: Value): Late {
    const { inputs, carries, sequences } = this.#body;
    return ({ input }) => {
      const there = inputs.flatMap((x, i): [Value, Value][] => (i < carries + sequences ? [] : [[x, input(i)]]));
      return substitute([value], new Map(there))[0] as Value;
    };
  }
}

function behindSteps(dims: readonly number[]): number[] {
  return dims.map((d) => d + 1);
}

/** The view of one step, of all steps at once. */
function viewOfAll(view: Value, x: Value, steps: number): Value {
  const { attrs, op, shape } = view;
  if (attrs["order"] !== undefined) return kit.permute(x, [0, ...behindSteps(listOf(attrs, "order"))]);
  if (attrs["step"] !== undefined) {
    return kit.slice(x, [0, ...listOf(attrs, "start")], [1, ...listOf(attrs, "step")], [steps, ...shape]);
  }
  return new Value(op, [x], { shape: [steps, ...shape] });
}
