/**
 * The arithmetic of recurrent layers, over vertices: one step of each cell, and the steps of a layer one behind the other.
 * It knows no modules and checks nothing. Floor: nn.
 *
 * The products of all inputs are one contraction in front of the loop; each step is one contraction and one block of
 * elementwise work, whatever the number of steps.
 */
import type { Value } from "../../ir/value.ts";
import { linear } from "../../ops/composite/matmul.ts";
import type { Kit } from "../../ops/kit.ts";
import { loop } from "../../transform/loop/build.ts";

/** Weights of one direction of one layer; G is gates · H. */
export interface RecurrentWeights {
  /** [G, I] */
  readonly ih: Value;
  /** [G, H], or [G, P] with a projection. */
  readonly hh: Value;
  /** [G] each. */
  readonly biasIh: Value | undefined;
  readonly biasHh: Value | undefined;
  /** [P, H] */
  readonly hr: Value | undefined;
}

/** The state of a layer between two steps, [N, H] each: h, and for LSTM c. */
export type CellState = readonly Value[];

export interface CellKind {
  /** Blocks of rows in the weights. */
  readonly gates: number;
  /** Tensors in a state. */
  readonly states: number;
  /** The part of the hidden bias [G] that is added to the products of the inputs: all, or what no gate multiplies. */
  readonly outerBias: (k: Kit, bias: Value) => Value;
  /** The part [H] that is added in each step, where there is one. */
  readonly innerBias?: (k: Kit, bias: Value) => Value;
  /** From the product of the input [N, G], outer biases added, and the state to the next state; `inner` is [N, H]. */
  readonly step: (k: Kit, input: Value, state: CellState, w: RecurrentWeights, inner: Value | undefined) => CellState;
}

/** Gate i of x [N, gates · H]. */
function gateOf(k: Kit, x: Value, i: number, size: number): Value {
  return k.range(x, 1, i * size, (i + 1) * size);
}

/** h' = f(x Wᵀ + b + h Uᵀ + d). Elman (1990). */
export function elman(nonlinearity: "tanh" | "relu"): CellKind {
  return {
    gates: 1,
    states: 1,
    outerBias: (_, bias) => bias,
    step(k, input, [h], w) {
      const sum = k.add(input, linear(k, h as Value, w.hh));
      return [nonlinearity === "tanh" ? k.tanh(sum) : k.relu(sum)];
    },
  };
}

/**
 * Gates i, f, g, o: c' = σ(f) c + σ(i) tanh(g), h' = σ(o) tanh(c'), or R h' with a projection. Hochreiter and
 * Schmidhuber (1997), with the forget gate of Gers et al. (2000).
 */
export const lstm: CellKind = {
  gates: 4,
  states: 2,
  outerBias: (_, bias) => bias,
  step(k, input, [h, c], w) {
    const size = (c as Value).shape[1] as number;
    const sum = k.add(input, linear(k, h as Value, w.hh));
    const gate = (i: number): Value => gateOf(k, sum, i, size);
    const next = k.add(k.mul(k.sigmoid(gate(1)), c as Value), k.mul(k.sigmoid(gate(0)), k.tanh(gate(2))));
    const out = k.mul(k.sigmoid(gate(3)), k.tanh(next));
    return [w.hr === undefined ? out : linear(k, out, w.hr), next];
  },
};

/**
 * Gates r, z, n: n = tanh(xₙ + σ(r) (hₙ + dₙ)), h' = (1 − σ(z)) n + σ(z) h. Cho et al. (2014), with the reset gate behind
 * the product as in PyTorch.
 */
export const gru: CellKind = {
  gates: 3,
  states: 1,
  outerBias(k, bias) {
    const size = (bias.shape[0] as number) / 3;
    return k.pad(k.range(bias, 0, 0, 2 * size), [0], [size]);
  },
  innerBias(k, bias) {
    const size = (bias.shape[0] as number) / 3;
    return k.range(bias, 0, 2 * size, 3 * size);
  },
  step(k, input, [before], w, inner) {
    const h = before as Value;
    const size = h.shape[1] as number;
    const hidden = linear(k, h, w.hh);
    const both = (i: number): Value => k.sigmoid(k.add(gateOf(k, input, i, size), gateOf(k, hidden, i, size)));
    const plain = gateOf(k, hidden, 2, size);
    const n = k.tanh(
      k.add(gateOf(k, input, 2, size), k.mul(both(0), inner === undefined ? plain : k.add(plain, inner))),
    );
    return [k.add(n, k.mul(both(1), k.sub(h, n)))];
  },
};

/** x Wᵀ + b, for all leading dims of x at once, with what of the hidden bias is no matter of the step. */
export function inputProduct(k: Kit, kind: CellKind, x: Value, w: RecurrentWeights): Value {
  return linear(k, x, w.ih, outerBiasOf(k, kind, w));
}

/** The bias [G] of the products of the inputs. */
function outerBiasOf(k: Kit, kind: CellKind, { biasIh, biasHh }: RecurrentWeights): Value | undefined {
  return biasIh === undefined || biasHh === undefined ? undefined : k.add(biasIh, kind.outerBias(k, biasHh));
}

/** The bias of each step, [...leading, H], where the cell has one. */
export function innerBiasOf(
  k: Kit,
  kind: CellKind,
  leading: readonly number[],
  w: RecurrentWeights,
): Value | undefined {
  if (kind.innerBias === undefined || w.biasHh === undefined) return undefined;
  const bias = kind.innerBias(k, w.biasHh);
  return k.broadcast(bias, [...leading, bias.shape[0] as number]);
}

export interface Steps {
  /** Which dim of x is time, 0 or 1; the other one is the batch. */
  readonly time: 0 | 1;
  /** Whether the steps go from the last to the first. */
  readonly reverse: boolean;
  /** bool, the first two dims of x: whether a sequence has this step; undefined means all have all. */
  readonly valid: Value | undefined;
}

/** Runs a cell over all steps of x [T, N, I] (or [N, T, I]). The outputs are zero where a sequence has no step. */
export function runSteps(
  k: Kit,
  kind: CellKind,
  x: Value,
  start: CellState,
  w: RecurrentWeights,
  { time, reverse, valid }: Steps,
): { readonly output: Value; readonly state: CellState } {
  const timeFirst = (y: Value): Value => (time === 0 ? y : k.transpose(y, 0, 1));
  const goesOn = valid === undefined ? undefined : timeFirst(valid);
  const inner = kind.innerBias === undefined || w.biasHh === undefined ? undefined : kind.innerBias(k, w.biasHh);
  const constants = { hh: w.hh, hr: w.hr, outer: outerBiasOf(k, kind, w), inner };
  const names = (Object.keys(constants) as (keyof typeof constants)[]).filter((name) => constants[name] !== undefined);
  const { carries, outputs } = loop(
    {
      carries: start,
      sequences: [linear(k, timeFirst(x), w.ih), ...(goesOn === undefined ? [] : [goesOn])],
      constants: names.map((name) => constants[name] as Value),
      steps: x.shape[time] as number,
      reverse,
    },
    (before, [product, on], same) => {
      const of = (name: keyof typeof constants): Value | undefined => same[names.indexOf(name)];
      const [outer, weights] = [of("outer"), { ...w, hh: of("hh") as Value, hr: of("hr") }];
      // Added in the step, where it costs nothing; its gradient is one sum behind the loop.
      const input = outer === undefined ? (product as Value) : k.add(product as Value, outer);
      const next = kind.step(k, input, before, weights, of("inner"));
      // A sequence that has ended, or has not begun from behind, keeps its state.
      const state = on === undefined ? next : next.map((y, i) => k.where(along(k, on, y.shape), y, before[i] as Value));
      return { carries: state, outputs: [state[0] as Value] };
    },
  );
  const output = outputs[0] as Value;
  const masked = goesOn === undefined ? output : k.where(along(k, goesOn, output.shape), output, 0);
  return { output: timeFirst(masked), state: carries };
}

/** A tensor of the leading dims of `shape`, repeated along the last one. */
function along(k: Kit, x: Value, shape: readonly number[]): Value {
  return k.spread(x, shape, [shape.length - 1]);
}
