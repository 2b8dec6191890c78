/** What the lesson of a layer computes, with twopass. */
import { type Tensor, tensor } from "twopass";
import { type Trace, trace } from "twopass/inspect";
import * as nn from "twopass/nn";
import { Draw } from "../../session/data-set.ts";
import { PlaneNet, type Score, type Training, cellMiddles, compiled, planePoints } from "../plane/plane-net.ts";
import type { PointSet } from "../plane/plane-set.ts";

export type LayerData = "xor" | "circle";

export interface LayerInput {
  /** Hidden units, 1 to 8. */
  readonly units: number;
  /** Whether the hidden units have tanh, or nothing. */
  readonly isBent: boolean;
  readonly data: LayerData;
  /** W row by row (w₁ and w₂ of each unit), b, v, c. */
  readonly parameters: readonly number[];
  readonly point: readonly [number, number];
  readonly rate: number;
}

export interface LayerLook {
  /** Of the chosen point: sums and activations of the hidden units, the output and its probability. */
  readonly sums: readonly number[];
  readonly hidden: readonly number[];
  readonly z: number;
  readonly p: number;
  /** Over the plane. */
  readonly maps: { readonly hidden: readonly Float32Array[]; readonly p: Float32Array };
  readonly score: Score;
  /** Without activation: the one neuron that gives the same, w₁, w₂, b. */
  readonly line: readonly number[] | undefined;
}

/** One step on one example, told in full. */
export interface LayerStep {
  readonly input: readonly [number, number];
  readonly target: number;
  readonly sums: readonly number[];
  readonly hidden: readonly number[];
  readonly z: number;
  readonly p: number;
  readonly loss: number;
  /** Of the loss with respect to the output, to the activations and sums of the hidden units, and to the parameters. */
  readonly gradients: {
    readonly z: number;
    readonly hidden: readonly number[];
    readonly sums: readonly number[];
    readonly parameters: readonly number[];
  };
  readonly next: readonly number[];
}

export interface LayerLab {
  points(data: LayerData): PointSet;
  /** Parameters to begin with; another seed, other ones. */
  start(units: number, seed: number): readonly number[];
  look(input: LayerInput): LayerLook;
  train(input: LayerInput, steps: number): Training;
  /** On the example that lies nearest to the chosen point. */
  step(input: LayerInput): Promise<LayerStep>;
}

const count = 120;

interface Built {
  readonly net: PlaneNet;
  readonly first: nn.Linear;
  readonly last: nn.Linear;
  readonly look: (x: Tensor) => Float32Array[];
}

function build(units: number, isBent: boolean): Built {
  const [first, last] = [new nn.Linear(2, units), new nn.Linear(units, 1)];
  const bend = isBent ? new nn.Tanh() : new nn.Identity();
  const net = new PlaneNet(first, bend, last);
  // [units, points], so that the numbers of a unit lie together.
  const look = compiled((x: Tensor) => {
    const sums = first.forward(x);
    const hidden = bend.forward(sums);
    const z = last.forward(hidden);
    return [sums.transpose(0, 1), hidden.transpose(0, 1), z, z.sigmoid()];
  });
  return { net, first, last, look };
}

export function layerLab(): LayerLab {
  const sets: Partial<Record<LayerData, PointSet>> = {};
  const points = (data: LayerData): PointSet => (sets[data] ??= planePoints(data, count));
  const nets = new Map<string, Built>();
  const built = ({ units, isBent }: LayerInput): Built => {
    const key = `${units} ${isBent}`;
    const found = nets.get(key) ?? build(units, isBent);
    nets.set(key, found);
    return found;
  };
  return {
    points,
    start: (units, seed) => {
      const draw = new Draw(seed, "layer");
      const drawn = (length: number, one: () => number): Float32Array => Float32Array.from({ length }, one);
      return [
        ...drawn(2 * units, () => draw.normal(1.5)),
        ...drawn(units, () => draw.uniform(-0.7, 0.7)),
        ...drawn(units, () => draw.normal(0.7)),
        0,
      ];
    },
    look: (input) => {
      const { parameters, point, data, rate, units, isBent } = input;
      const { net, first, last, look } = built(input);
      const score = net.score(parameters, points(data), rate);
      net.load(parameters);
      const [sums, hidden, z, p] = look(tensor([point])) as [Float32Array, Float32Array, Float32Array, Float32Array];
      const [, all, , chances] = look(cellMiddles()) as Float32Array[];
      const size = (chances as Float32Array).length;
      return {
        sums: [...sums],
        hidden: [...hidden],
        z: z[0] as number,
        p: p[0] as number,
        maps: {
          hidden: Array.from({ length: units }, (_, unit) =>
            (all as Float32Array).slice(unit * size, (unit + 1) * size),
          ),
          p: chances as Float32Array,
        },
        score,
        line: isBent ? undefined : oneLine(first, last),
      };
    },
    train: (input, steps) => built(input).net.train(input.parameters, points(input.data), input.rate, steps),
    step: async (input) => {
      const { net } = built(input);
      const { inputs, targets } = points(input.data);
      const example = nearest(inputs, input.point);
      const [x, y] = [inputs.slice(2 * example, 2 * example + 2), targets.slice(example, example + 1)];
      net.load(input.parameters);
      net.rate = input.rate;
      const batch = [tensor(x, { shape: [1, 2] }), tensor(y, { shape: [1, 1] })] as const;
      const record = await trace(net.model, net.loss, batch, { optimizer: net.optimizer, lines: false, time: false });
      const [sums, hidden, output] = ["0", "1", "2"].map((path) => resultOf(record, path));
      const z = output?.values[0] as number;
      return {
        input: [x[0] as number, x[1] as number],
        target: y[0] as number,
        sums: sums?.values ?? [],
        hidden: hidden?.values ?? [],
        z,
        p: tensor([z]).sigmoid().itemSync(),
        loss: record.lossValue,
        gradients: {
          z: output?.gradients[0] as number,
          hidden: hidden?.gradients ?? [],
          sums: sums?.gradients ?? [],
          parameters: record.parameters.flatMap(({ gradient }) => elementsOf(record, gradient)),
        },
        next: net.read(),
      };
    },
  };
}

/** v (W x + b) + c is (v W) x + (v b + c). */
function oneLine({ weight, bias }: nn.Linear, last: nn.Linear): number[] {
  const constant = last.forward((bias as Tensor).detach()).dataSync();
  return [...last.weight.detach().matmul(weight.detach()).dataSync(), ...constant].map(Number);
}

function nearest(inputs: Float32Array, [x1, x2]: readonly [number, number]): number {
  let [best, least] = [0, Infinity];
  for (let i = 0; 2 * i < inputs.length; i++) {
    const distance = ((inputs[2 * i] as number) - x1) ** 2 + ((inputs[2 * i + 1] as number) - x2) ** 2;
    if (distance < least) [best, least] = [i, distance];
  }
  return best;
}

function elementsOf({ operations }: Trace, number: number | undefined): readonly number[] {
  const value = number === undefined ? undefined : operations[number]?.value;
  return value?.kind === "elements" ? value.data : [];
}

/** What a module of the model gave, and the gradient with respect to it. */
function resultOf(
  record: Trace,
  path: string,
): { readonly values: readonly number[]; readonly gradients: readonly number[] } {
  const output = record.modules.find((module) => module.path === path)?.calls[0]?.outputs[0];
  const gradient = output === undefined ? undefined : record.operations[output]?.gradient;
  return { values: elementsOf(record, output), gradients: elementsOf(record, gradient) };
}
