/**
 * The numbers of a computation graph: each value, each local derivative, each gradient and the shares that come into it,
 * and what becomes of L where a leaf is moved a little. In float64, so that a small difference of two losses is one.
 */
import { type Tensor, grad, stack, tensor } from "twopass";
import { withoutNoise } from "../kit/without-noise.ts";
import { type GraphId, type Op, graphs, nudge } from "./graphs.ts";

export interface NodeReading {
  readonly value: number;
  /** ∂L/∂node. */
  readonly gradient: number;
  /** Of an operation, for each input: ∂node/∂input, and ∂L/∂node · ∂node/∂input, which goes back to that input. */
  readonly locals: readonly number[];
  readonly shares: readonly number[];
}

export interface Nudge {
  /** L with the leaf moved by `nudge`. */
  readonly loss: number;
  /** (L moved − L) / nudge. */
  readonly slope: number;
}

export interface GraphReading {
  readonly nodes: Readonly<Record<string, NodeReading>>;
  /** By leaf. */
  readonly nudges: Readonly<Record<string, Nudge>>;
}

const dtype = "float64";

const compute: Readonly<Record<Op, (inputs: readonly Tensor[]) => Tensor>> = {
  mul: ([a, b]) => (a as Tensor).mul(b as Tensor),
  add: ([a, b]) => (a as Tensor).add(b as Tensor),
  sub: ([a, b]) => (a as Tensor).sub(b as Tensor),
  square: ([a]) => (a as Tensor).square(),
  tanh: ([a]) => (a as Tensor).tanh(),
};

/** All nodes by name, from the values of the leaves. */
function forward(id: GraphId, values: Readonly<Record<string, number>>, requiresGrad: boolean): Map<string, Tensor> {
  const { leaves, operations } = graphs[id];
  const nodes = new Map<string, Tensor>();
  for (const { name } of leaves) nodes.set(name, tensor(values[name] as number, { dtype, requiresGrad }));
  for (const { name, op, inputs } of operations) {
    nodes.set(name, compute[op](inputs.map((input) => nodes.get(input) as Tensor)));
  }
  return nodes;
}

export function chainRuleLab() {
  return {
    read(id: GraphId, values: Readonly<Record<string, number>>): GraphReading {
      const { leaves, operations } = graphs[id];
      const nodes = forward(id, values, true);
      const names = [...nodes.keys()];
      const loss = nodes.get("L") as Tensor;
      const found = grad(loss, [...nodes.values()], { retainGraph: true });
      const gradients = new Map(names.map((name, i) => [name, found[i] as Tensor]));
      // Each operation apart from what it is made of: its derivatives are local ones.
      const locals = operations.map(({ op, inputs }) => {
        const apart = inputs.map((input) => (nodes.get(input) as Tensor).detach().requiresGrad_());
        return grad(compute[op](apart), apart);
      });
      const shares = operations.map(({ name }, i) =>
        (locals[i] as Tensor[]).map((local) => local.mul(gradients.get(name) as Tensor)),
      );
      const moved = leaves.map(({ name }) => {
        const there = forward(id, { ...values, [name]: (values[name] as number) + nudge }, false);
        return there.get("L") as Tensor;
      });
      const slopes = moved.map((there) => there.sub(loss.detach()).div(nudge));

      // One run for all of them, and back in the same order.
      const all = [...nodes.values(), ...gradients.values(), ...locals.flat(), ...shares.flat(), ...moved, ...slopes];
      const data = Array.from(stack(all).dataSync(), withoutNoise);
      let at = 0;
      const take = (count: number): number[] => data.slice(at, (at += count));
      const [valueOf, gradientOf] = [take(names.length), take(names.length)];
      const localsOf = operations.map(({ inputs }) => take(inputs.length));
      const sharesOf = operations.map(({ inputs }) => take(inputs.length));
      const [movedTo, slopeOf] = [take(leaves.length), take(leaves.length)];
      const first = leaves.length;
      return {
        nodes: Object.fromEntries(
          names.map((name, i) => [
            name,
            {
              value: valueOf[i] as number,
              gradient: gradientOf[i] as number,
              locals: localsOf[i - first] ?? [],
              shares: sharesOf[i - first] ?? [],
            },
          ]),
        ),
        nudges: Object.fromEntries(
          leaves.map(({ name }, i) => [name, { loss: movedTo[i] as number, slope: slopeOf[i] as number }]),
        ),
      };
    },
  };
}

export type ChainRuleLab = ReturnType<typeof chainRuleLab>;
