/**
 * The same few operations on arrays of two numbers, run at once and with a tape, sharing nothing with the library: what
 * the random programs of fuzz.test.ts are compared with.
 */

type Pair = readonly [number, number];
type Back = (g: Pair) => readonly [PlainNode, Pair][];

const each = (f: (i: 0 | 1) => number): Pair => [Math.fround(f(0)), Math.fround(f(1))];

/** A result: its numbers, and how a gradient flows on. */
class PlainNode {
  readonly data: Pair;
  readonly needsGrad: boolean;
  readonly back: Back | undefined;
  readonly inputs: readonly PlainNode[];
  readonly owner: PlainTensor | undefined;
  used = false;

  constructor(data: Pair, inputs: readonly PlainNode[] = [], back?: Back, owner?: PlainTensor) {
    this.data = data;
    this.inputs = inputs;
    this.owner = owner;
    this.needsGrad = owner !== undefined || inputs.some((x) => x.needsGrad);
    this.back = this.needsGrad ? back : undefined;
  }
}

export class PlainTensor {
  node: PlainNode;
  grad: Pair | undefined = undefined;

  constructor(data: Pair, requiresGrad = false) {
    this.node = new PlainNode(data, [], undefined, requiresGrad ? this : undefined);
  }

  static of(node: PlainNode): PlainTensor {
    const result = new PlainTensor(node.data);
    result.node = node;
    return result;
  }

  get data(): Pair {
    return this.node.data;
  }

  /** New content; a variable stays one, and what was computed keeps the old numbers. */
  assign(data: Pair): void {
    this.node = new PlainNode(data, [], undefined, this.node.owner);
  }

  mul(other: PlainTensor): PlainTensor {
    const [x, y] = [this.node, other.node];
    const back: Back = (g) => [
      [x, each((i) => g[i] * y.data[i])],
      [y, each((i) => g[i] * x.data[i])],
    ];
    return PlainTensor.of(
      new PlainNode(
        each((i) => x.data[i] * y.data[i]),
        [x, y],
        back,
      ),
    );
  }

  sub(other: PlainTensor): PlainTensor {
    const [x, y] = [this.node, other.node];
    const back: Back = (g) => [
      [x, g],
      [y, each((i) => -g[i])],
    ];
    return PlainTensor.of(
      new PlainNode(
        each((i) => x.data[i] - y.data[i]),
        [x, y],
        back,
      ),
    );
  }

  tanh(): PlainTensor {
    const x = this.node;
    const y = each((i) => Math.tanh(x.data[i]));
    return PlainTensor.of(new PlainNode(y, [x], (g) => [[x, each((i) => g[i] * (1 - y[i] * y[i]))]]));
  }

  detach(): PlainTensor {
    return new PlainTensor(this.data);
  }

  /** Gradients of the sum. False, with nothing changed, where there are none or the tape was used. */
  backward(retain: boolean): boolean {
    if (!this.node.needsGrad) return false;
    const order: PlainNode[] = [];
    const known = new Set<PlainNode>();
    const visit = (node: PlainNode): void => {
      if (known.has(node) || !node.needsGrad) return;
      known.add(node);
      node.inputs.forEach(visit);
      order.push(node);
    };
    visit(this.node);
    if (order.some((node) => node.used)) return false;
    const gradients = new Map<PlainNode, Pair>([[this.node, [1, 1]]]);
    for (const node of order.reverse()) {
      const g = gradients.get(node) as Pair;
      if (node.owner !== undefined) {
        const held = node.owner.grad;
        node.owner.grad = held === undefined ? g : each((i) => held[i] + g[i]);
      }
      if (node.back === undefined) continue;
      if (!retain) node.used = true;
      for (const [input, part] of node.back(g)) {
        if (!input.needsGrad) continue;
        const sum = gradients.get(input);
        gradients.set(input, sum === undefined ? part : each((i) => sum[i] + part[i]));
      }
    }
    return true;
  }
}
