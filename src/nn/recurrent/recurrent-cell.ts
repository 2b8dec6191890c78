/** Recurrent cells: one step, for loops that users write. Floor: nn. */
import { TwopassError, showShape } from "../../base/errors.ts";
import type { Value } from "../../ir/value.ts";
import { kit } from "../../ops/kit.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { checkWhole, floatingVertex, likeVertex, present, resultOf, withDefaults } from "../functional/common.ts";
import { uniformContent } from "../module/initial-content.ts";
import { Module } from "../module/module.ts";
import { Parameter } from "../module/parameter.ts";
import { type CellKind, elman, gru, innerBiasOf, inputProduct, lstm } from "./recurrence.ts";
import { type LSTMState, checkNonlinearity, checkPair } from "./recurrent.ts";

abstract class Cell extends Module {
  readonly inputSize: number;
  readonly hiddenSize: number;
  weight_ih: Parameter;
  weight_hh: Parameter;
  bias_ih: Parameter | null;
  bias_hh: Parameter | null;
  readonly #kind: CellKind;

  constructor(kind: CellKind, inputSize: number, hiddenSize: number, bias: boolean) {
    super();
    const op = `nn.${this.constructor.name}`;
    this.inputSize = checkWhole(op, "inputSize", inputSize, 1);
    this.hiddenSize = checkWhole(op, "hiddenSize", hiddenSize, 1);
    this.#kind = kind;
    const rows = kind.gates * hiddenSize;
    const make = (shape: readonly number[]): Parameter =>
      new Parameter(uniformContent(shape, 1 / Math.sqrt(hiddenSize)));
    this.weight_ih = make([rows, inputSize]);
    this.weight_hh = make([rows, hiddenSize]);
    this.bias_ih = bias ? make([rows]) : null;
    this.bias_hh = bias ? make([rows]) : null;
  }

  /** One step. A missing state is zero. */
  protected run(input: Tensor, given: readonly Tensor[] | undefined): Tensor[] {
    const op = `nn.${this.constructor.name}`;
    const x = floatingVertex(op, input);
    const rank = x.shape.length;
    if ((rank !== 1 && rank !== 2) || x.shape[rank - 1] !== this.inputSize) {
      throw new TwopassError({
        op,
        problem: `the input must be [N, ${this.inputSize}], or [${this.inputSize}] without a batch`,
        facts: `it has shape ${showShape(x.shape)}`,
        hint: "the last dim is inputSize",
        shapes: [x.shape],
      });
    }
    const shape = x.shape.with(rank - 1, this.hiddenSize);
    const rows = rank === 2 ? (x.shape[0] as number) : 1;
    const state = Array.from({ length: this.#kind.states }, (_, i) => {
      if (given === undefined) return kit.full([rows, this.hiddenSize], 0, x.dtype);
      const name = `the state ${i === 0 ? "h" : "c"}`;
      const value = likeVertex(op, name, given[i], x);
      if (showShape(value.shape) !== showShape(shape)) {
        throw new TwopassError({
          op,
          problem: `${name} must be ${showShape(shape)}`,
          facts: `it is ${showShape(value.shape)}, the input ${showShape(x.shape)}`,
          shapes: [value.shape, x.shape],
        });
      }
      return kit.reshape(value, [rows, this.hiddenSize]);
    });
    const { weight_ih, weight_hh, bias_ih, bias_hh } = this;
    const read = (name: string, from: Tensor | null): Value | undefined =>
      from === null ? undefined : likeVertex(op, name, from, x);
    const weights = {
      ih: likeVertex(op, "weight_ih", weight_ih, x),
      hh: likeVertex(op, "weight_hh", weight_hh, x),
      biasIh: read("bias_ih", bias_ih),
      biasHh: read("bias_hh", bias_hh),
      hr: undefined,
    };
    const product = inputProduct(kit, this.#kind, kit.reshape(x, [rows, this.inputSize]), weights);
    const used = [...present(input, weight_ih, weight_hh, bias_ih, bias_hh), ...(given ?? [])];
    const next = this.#kind.step(kit, product, state, weights, innerBiasOf(kit, this.#kind, [rows], weights));
    return next.map((value) => resultOf(kit.reshape(value, shape), used));
  }

  protected override describeSettings(): string {
    return `${this.inputSize}, ${this.hiddenSize}${this.bias_ih === null ? ", bias: false" : ""}`;
  }
}

/**
 * One step of `RNN`: h' = tanh(W_ih x + b_ih + W_hh h + b_hh).
 *
 * Input [N, inputSize] or [inputSize]; h [N, hiddenSize] or [hiddenSize], zeros unless given; gives h'.
 *
 * @param options.bias default true. @param options.nonlinearity "tanh" (default) or "relu".
 * @example
 * new nn.RNNCell(3, 5).forward(zeros(2, 3)).shape; // [2, 5]
 */
export class RNNCell extends Cell {
  readonly nonlinearity: "tanh" | "relu";

  constructor(
    inputSize: number,
    hiddenSize: number,
    given?: { readonly bias?: boolean; readonly nonlinearity?: "tanh" | "relu" },
  ) {
    const options = withDefaults<{ bias: boolean; nonlinearity: "tanh" | "relu" }>("nn.RNNCell", given, {
      bias: true,
      nonlinearity: "tanh",
    });
    const nonlinearity = checkNonlinearity("nn.RNNCell", options.nonlinearity);
    super(elman(nonlinearity), inputSize, hiddenSize, options.bias);
    this.nonlinearity = nonlinearity;
  }

  forward(input: Tensor, h?: Tensor): Tensor {
    return this.run(input, h && [h])[0] as Tensor;
  }
}

/**
 * One step of `LSTM`: input [N, inputSize] or [inputSize] and a state `[h, c]`, zeros unless given, to the next state `[h', c']`.
 *
 * @param options.bias default true.
 * @example
 * const cell = new nn.LSTMCell(3, 5);
 * let state: nn.LSTMState | undefined;
 * for (const x of zeros(7, 2, 3).unbind(0)) state = cell.forward(x, state);
 * state?.map((part) => part.shape); // [[2, 5], [2, 5]]
 */
export class LSTMCell extends Cell {
  constructor(inputSize: number, hiddenSize: number, given?: { readonly bias?: boolean }) {
    super(lstm, inputSize, hiddenSize, withDefaults("nn.LSTMCell", given, { bias: true }).bias);
  }

  forward(input: Tensor, state?: LSTMState): [h: Tensor, c: Tensor] {
    checkPair("nn.LSTMCell", state);
    return this.run(input, state) as [Tensor, Tensor];
  }
}

/** One step of `GRU`: input [N, inputSize] or [inputSize] and h, zeros unless given, to h'. `options.bias`: default true. */
export class GRUCell extends Cell {
  constructor(inputSize: number, hiddenSize: number, given?: { readonly bias?: boolean }) {
    super(gru, inputSize, hiddenSize, withDefaults("nn.GRUCell", given, { bias: true }).bias);
  }

  forward(input: Tensor, h?: Tensor): Tensor {
    return this.run(input, h && [h])[0] as Tensor;
  }
}
