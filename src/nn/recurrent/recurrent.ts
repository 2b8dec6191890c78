/** Recurrent layers over whole sequences. Floor: nn. */
import { TwopassError, describe, showShape } from "../../base/errors.ts";
import type { Value } from "../../ir/value.ts";
import { kit } from "../../ops/kit.ts";
import { valueOf } from "../../tensor/handle.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { checkWhole, floatingVertex, likeVertex, numberIn, resultOf, withDefaults } from "../functional/common.ts";
import { dropValue } from "../functional/dropout.ts";
import { uniformContent } from "../module/initial-content.ts";
import { Module } from "../module/module.ts";
import { PackedSequence } from "./packed-sequence.ts";
import { Parameter } from "../module/parameter.ts";
import {
  type CellKind,
  type CellState,
  type RecurrentWeights,
  type Steps,
  elman,
  gru,
  lstm,
  runSteps,
} from "./recurrence.ts";

export interface RecurrentOptions {
  /** Layers, each on the outputs of the one before; default 1. */
  readonly numLayers?: number;
  /** Whether there are `bias_ih_l0`, `bias_hh_l0`, ...; default true. */
  readonly bias?: boolean;
  /** Whether input and output are [N, T, ...] and not [T, N, ...]; states are [layers, N, ...] all the same. Default false. */
  readonly batchFirst?: boolean;
  /** Probability of dropout on the outputs of all layers but the last, in training; default 0. */
  readonly dropout?: number;
  /** Whether there is a second direction, from the last step to the first; default false. */
  readonly bidirectional?: boolean;
}

export interface RNNOptions extends RecurrentOptions {
  /** "tanh" (default) or "relu". */
  readonly nonlinearity?: "tanh" | "relu";
}

export interface LSTMOptions extends RecurrentOptions {
  /** Size that h is projected to, below hiddenSize; default 0, which means no projection. */
  readonly projSize?: number;
}

const defaults: Required<RecurrentOptions> = {
  numLayers: 1,
  bias: true,
  batchFirst: false,
  dropout: 0,
  bidirectional: false,
};

/** Parameters by PyTorch's names: `weight_ih_l0`, `bias_hh_l1_reverse`, ... */
type ParameterName = `weight_${string}` | `bias_${string}`;

/** What a layer runs on. */
interface Input {
  /** [T, N, I], or [N, T, I] with `batchFirst`. */
  readonly x: Value;
  readonly batchFirst: boolean;
  readonly valid: Value | undefined;
  /** Whether the batch dim was put in. */
  readonly single: boolean;
  readonly tensors: readonly Tensor[];
}

/** What RNN, LSTM and GRU share. */
abstract class Recurrent extends Module {
  [name: ParameterName]: Parameter;
  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly bias: boolean;
  readonly batchFirst: boolean;
  readonly bidirectional: boolean;
  /** Probability of dropout between layers. */
  dropout: number;
  readonly #kind: CellKind;
  /** Sizes of the tensors of a state: that of h, and for LSTM that of c. */
  readonly #stateSizes: readonly number[];

  constructor(
    kind: CellKind,
    inputSize: number,
    hiddenSize: number,
    options: Required<RecurrentOptions>,
    projSize: number,
  ) {
    super();
    const op = `nn.${this.constructor.name}`;
    this.inputSize = checkWhole(op, "inputSize", inputSize, 1);
    this.hiddenSize = checkWhole(op, "hiddenSize", hiddenSize, 1);
    this.numLayers = checkWhole(op, "numLayers", options.numLayers, 1);
    this.bias = options.bias;
    this.batchFirst = options.batchFirst;
    this.bidirectional = options.bidirectional;
    this.dropout = numberIn(op, "dropout", options.dropout, 0, 1);
    this.#kind = kind;
    const outSize = projSize > 0 ? projSize : hiddenSize;
    this.#stateSizes = kind.states === 2 ? [outSize, hiddenSize] : [outSize];
    const rows = kind.gates * hiddenSize;
    const add = (name: ParameterName, shape: readonly number[]): void => {
      this[name] = new Parameter(uniformContent(shape, 1 / Math.sqrt(hiddenSize)));
    };
    for (const end of this.#ends()) {
      const isFirst = end.startsWith("l0");
      add(`weight_ih_${end}`, [rows, isFirst ? inputSize : outSize * this.#directions]);
      add(`weight_hh_${end}`, [rows, outSize]);
      if (options.bias) {
        add(`bias_ih_${end}`, [rows]);
        add(`bias_hh_${end}`, [rows]);
      }
      if (projSize > 0) add(`weight_hr_${end}`, [projSize, hiddenSize]);
    }
  }

  get #directions(): number {
    return this.bidirectional ? 2 : 1;
  }

  /** The ends of the parameters' names, layer by layer and direction by direction: the order of the states too. */
  #ends(): string[] {
    return Array.from({ length: this.numLayers }, (_, layer) => `l${layer}`).flatMap((end) =>
      this.bidirectional ? [end, `${end}_reverse`] : [end],
    );
  }

  /** Runs all layers. A packed input gives a packed output. */
  protected run(input: Tensor | PackedSequence, given: readonly Tensor[] | undefined): readonly [unknown, Tensor[]] {
    const of = this.#read(input);
    const [size, batch] = [this.#stateSizes, of.x.shape[of.batchFirst ? 0 : 1] as number];
    const start = this.#start(of, batch, given);
    const used: Tensor[] = [...of.tensors, ...(given ?? [])];
    const ends: CellState[] = [];
    let x = of.x;
    for (let layer = 0; layer < this.numLayers; layer++) {
      if (layer > 0 && this.training && this.dropout > 0) x = dropValue(x, () => this.dropout, x.shape);
      const outputs: Value[] = [];
      for (const end of this.#ends().slice(layer * this.#directions, (layer + 1) * this.#directions)) {
        const steps: Steps = { time: of.batchFirst ? 1 : 0, reverse: outputs.length > 0, valid: of.valid };
        const weights = this.#weights(end, x, used);
        const { output, state } = runSteps(kit, this.#kind, x, start[ends.length] as CellState, weights, steps);
        outputs.push(output);
        ends.push(state);
      }
      x = kit.concat(outputs, 2);
    }
    const last = size.map((n, i) => {
      const rows = ends.map((state) => kit.reshape(state[i] as Value, of.single ? [1, n] : [1, batch, n]));
      return resultOf(kit.concat(rows, 0), used);
    });
    const y = resultOf(of.single ? kit.reshape(x, [x.shape[0] as number, x.shape[2] as number]) : x, used);
    return [input instanceof PackedSequence ? input.with(y) : y, last];
  }

  #fail(problem: string, facts: string, hint?: string): TwopassError {
    return new TwopassError({
      op: `nn.${this.constructor.name}`,
      problem,
      facts,
      ...(hint === undefined ? {} : { hint }),
    });
  }

  #read(input: Tensor | PackedSequence): Input {
    const packed = input instanceof PackedSequence ? input : undefined;
    const tensor = packed?.padded ?? (input as Tensor);
    const x = floatingVertex(`nn.${this.constructor.name}`, tensor);
    const batchFirst = packed?.batchFirst ?? this.batchFirst;
    const rank = x.shape.length;
    if ((rank !== 3 && (rank !== 2 || packed !== undefined)) || x.shape[rank - 1] !== this.inputSize) {
      const dims = batchFirst ? "N, T" : "T, N";
      throw this.#fail(
        `the input must be [${dims}, ${this.inputSize}]${packed === undefined ? `, or [T, ${this.inputSize}] without a batch` : ""}`,
        `it has shape ${showShape(x.shape)}`,
        "the last dim is inputSize",
      );
    }
    const single = rank === 2;
    const steps = x.shape[single || !batchFirst ? 0 : 1] as number;
    if (steps === 0) throw this.#fail("the input must have at least one step", `it has shape ${showShape(x.shape)}`);
    const valid = packed && valueOf(packed.valid);
    return {
      x: single ? kit.reshape(x, [steps, 1, this.inputSize]) : x,
      batchFirst: batchFirst && !single,
      valid,
      single,
      tensors: packed === undefined ? [tensor] : [tensor, packed.valid],
    };
  }

  /** The states of all layers and directions at the start: zeros unless given. */
  #start(of: Input, batch: number, given: readonly Tensor[] | undefined): readonly CellState[] {
    const count = this.numLayers * this.#directions;
    if (given === undefined) {
      const zeros = this.#stateSizes.map((n) => kit.full([batch, n], 0, of.x.dtype));
      return Array.from({ length: count }, () => zeros);
    }
    const values = this.#stateSizes.map((n, i) => {
      const name = i === 0 ? "h" : "c";
      const value = likeVertex(`nn.${this.constructor.name}`, `the state ${name}`, given[i], of.x);
      const shape = of.single ? [count, n] : [count, batch, n];
      if (showShape(value.shape) === showShape(shape)) return value;
      throw this.#fail(
        `the state ${name} must be ${showShape(shape)}`,
        `it is ${showShape(value.shape)}`,
        `[${this.bidirectional ? "2 · numLayers" : "numLayers"}, ${of.single ? "" : "batch, "}size], whatever batchFirst`,
      );
    });
    return Array.from({ length: count }, (_, at) =>
      values.map((value) =>
        kit.reshape(kit.range(value, 0, at, at + 1), [batch, value.shape[value.shape.length - 1] as number]),
      ),
    );
  }

  /** The weights of a layer and direction as vertices; the tensors go to `used`. */
  #weights(end: string, x: Value, used: Tensor[]): RecurrentWeights {
    const read = (name: ParameterName): Value | undefined => {
      const tensor = this[name];
      if (tensor === undefined) return undefined;
      used.push(tensor);
      return likeVertex(`nn.${this.constructor.name}`, name, tensor, x);
    };
    return {
      ih: read(`weight_ih_${end}`) as Value,
      hh: read(`weight_hh_${end}`) as Value,
      biasIh: read(`bias_ih_${end}`),
      biasHh: read(`bias_hh_${end}`),
      hr: read(`weight_hr_${end}`),
    };
  }

  protected override describeSettings(): string {
    const more = [
      this.numLayers > 1 ? `numLayers: ${this.numLayers}` : "",
      this.bias ? "" : "bias: false",
      this.batchFirst ? "batchFirst: true" : "",
      this.dropout > 0 ? `dropout: ${this.dropout}` : "",
      this.bidirectional ? "bidirectional: true" : "",
    ].filter((text) => text !== "");
    return [this.inputSize, this.hiddenSize, ...more].join(", ");
  }
}

/**
 * Elman's recurrent network: h_t = tanh(W_ih x_t + b_ih + W_hh h_{t−1} + b_hh) for each step of a sequence.
 *
 * Input [T, N, inputSize], or [N, T, inputSize] with `batchFirst`, or [T, inputSize], or a packed batch; state
 * [layers · directions, N, hiddenSize], zeros unless given. Gives `[output, hN]`: h of the last layer at all steps,
 * [T, N, directions · hiddenSize], and the state behind the last step.
 * All parameters start uniform in ±1/√hiddenSize.
 *
 * @param options.nonlinearity "tanh" (default) or "relu".
 * @param options.numLayers, options.bias, options.batchFirst, options.dropout, options.bidirectional see `LSTM`.
 * @example
 * const [output, h] = new nn.RNN(3, 5, { bidirectional: true }).forward(zeros(7, 2, 3));
 * output.shape; // [7, 2, 10]
 * h.shape; // [2, 2, 5]
 */
export class RNN extends Recurrent {
  readonly nonlinearity: "tanh" | "relu";

  constructor(inputSize: number, hiddenSize: number, given?: RNNOptions) {
    const options = withDefaults<Required<RNNOptions>>("nn.RNN", given, { ...defaults, nonlinearity: "tanh" });
    const nonlinearity = checkNonlinearity("nn.RNN", options.nonlinearity);
    super(elman(nonlinearity), inputSize, hiddenSize, options, 0);
    this.nonlinearity = nonlinearity;
  }

  forward(input: Tensor, state?: Tensor): [output: Tensor, hN: Tensor];
  forward(input: PackedSequence, state?: Tensor): [output: PackedSequence, hN: Tensor];
  forward(input: Tensor | PackedSequence, state?: Tensor): [output: unknown, hN: Tensor] {
    const [output, [h]] = this.run(input, state && [state]);
    return [output, h as Tensor];
  }
}

/** Checks the name of the nonlinearity of a simple recurrent network. */
export function checkNonlinearity(op: string, given: unknown): "tanh" | "relu" {
  if (given === "tanh" || given === "relu") return given;
  throw new TwopassError({ op, problem: 'the nonlinearity must be "tanh" or "relu"', facts: `got ${describe(given)}` });
}

/** h and c of an LSTM. */
export type LSTMState = readonly [h: Tensor, c: Tensor];

/** Throws unless a state is a pair. */
export function checkPair(op: string, state: unknown): asserts state is LSTMState | undefined {
  if (state === undefined || (Array.isArray(state) && state.length === 2)) return;
  throw new TwopassError({ op, problem: "the state must be [h, c]", facts: `got ${describe(state)}` });
}

/**
 * Long short-term memory. Hochreiter and Schmidhuber (1997). For each step of a sequence, with the gates i, f, g, o of
 * W_ih x_t + b_ih + W_hh h_{t−1} + b_hh: c_t = σ(f) c_{t−1} + σ(i) tanh(g), h_t = σ(o) tanh(c_t).
 *
 * Input [T, N, inputSize], or [N, T, inputSize] with `batchFirst`, or [T, inputSize], or a packed batch; state `[h, c]`
 * of [layers · directions, N, hiddenSize] each, zeros unless given. Gives `[output, [hN, cN]]`: h of the last layer at
 * all steps, [T, N, directions · hiddenSize], and the state behind the last step; `detach()` it to carry it into the next
 * batch. All parameters start uniform in ±1/√hiddenSize.
 *
 * @param options.numLayers layers, each on the outputs of the one before; default 1.
 * @param options.bias default true. @param options.batchFirst default false.
 * @param options.dropout probability of dropout between layers, in training; default 0.
 * @param options.bidirectional whether there is a second direction, from the last step to the first; default false.
 * @param options.projSize size that h is projected to; default 0, no projection.
 * @example
 * const [output, [h, c]] = new nn.LSTM(3, 5, { batchFirst: true }).forward(zeros(2, 7, 3));
 * output.shape; // [2, 7, 5]
 */
export class LSTM extends Recurrent {
  readonly projSize: number;

  constructor(inputSize: number, hiddenSize: number, given?: LSTMOptions) {
    const options = withDefaults<Required<LSTMOptions>>("nn.LSTM", given, { ...defaults, projSize: 0 });
    const projSize = checkWhole("nn.LSTM", "projSize", options.projSize, 0, Math.max(hiddenSize - 1, 0));
    super(lstm, inputSize, hiddenSize, options, projSize);
    this.projSize = projSize;
  }

  forward(input: Tensor, state?: LSTMState): [output: Tensor, state: [hN: Tensor, cN: Tensor]];
  forward(input: PackedSequence, state?: LSTMState): [output: PackedSequence, state: [hN: Tensor, cN: Tensor]];
  forward(input: Tensor | PackedSequence, state?: LSTMState): [output: unknown, state: [hN: Tensor, cN: Tensor]] {
    checkPair("nn.LSTM", state);
    const [output, last] = this.run(input, state);
    return [output, last as [Tensor, Tensor]];
  }
}

/**
 * Gated recurrent units. Cho et al. (2014). For each step of a sequence, r and z of σ(W_ih x_t + b_ih + W_hh h_{t−1} + b_hh),
 * n_t = tanh(W_in x_t + b_in + r (W_hn h_{t−1} + b_hn)), h_t = (1 − z) n_t + z h_{t−1}.
 *
 * Input, state, results and options are those of `RNN`.
 *
 * @example
 * const [output, h] = new nn.GRU(3, 5, { numLayers: 2 }).forward(zeros(7, 2, 3));
 * output.shape; // [7, 2, 5]
 * h.shape; // [2, 2, 5]
 */
export class GRU extends Recurrent {
  constructor(inputSize: number, hiddenSize: number, given?: RecurrentOptions) {
    super(gru, inputSize, hiddenSize, withDefaults("nn.GRU", given, defaults), 0);
  }

  forward(input: Tensor, state?: Tensor): [output: Tensor, hN: Tensor];
  forward(input: PackedSequence, state?: Tensor): [output: PackedSequence, hN: Tensor];
  forward(input: Tensor | PackedSequence, state?: Tensor): [output: unknown, hN: Tensor] {
    const [output, [h]] = this.run(input, state && [state]);
    return [output, h as Tensor];
  }
}
