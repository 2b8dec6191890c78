/** What the lesson of one neuron computes, with twopass. */
import { type Tensor, linspace, tensor } from "twopass";
import * as nn from "twopass/nn";
import { Draw } from "../../session/data-set.ts";
import { PlaneNet, type Score, type Training, cellMiddles, compiled, planePoints } from "../plane/plane-net.ts";
import type { PlanePlace, PointSet } from "../plane/plane-set.ts";

export const neuronActivations = ["sigmoid", "tanh", "relu"] as const;
export type NeuronActivation = (typeof neuronActivations)[number];
/** Two heaps that a line tells apart, and corners that no line does. */
export type NeuronData = "heaps" | "xor";
/** w₁, w₂, b. */
export type NeuronWeights = readonly [number, number, number];

export interface NeuronInput {
  readonly weights: NeuronWeights;
  /** x₁, x₂ of the chosen point. */
  readonly point: readonly [number, number];
  readonly activation: NeuronActivation;
  readonly data: NeuronData;
  readonly rate: number;
}

export interface NeuronLook {
  /** Of the chosen point: the weighted sum, the activation and its slope ∂a/∂z. */
  readonly z: number;
  readonly a: number;
  readonly slope: number;
  /** Over the plane: z and a of each cell. */
  readonly maps: { readonly z: Float32Array; readonly a: Float32Array };
  /** With the sigmoid, whatever the activation. */
  readonly score: Score;
}

/** The activation over z from −6 to 6. */
export interface ActivationCurve {
  readonly z: Float32Array;
  readonly a: Float32Array;
}

export interface NeuronLab {
  points(data: NeuronData): PointSet;
  curve(activation: NeuronActivation): ActivationCurve;
  look(input: NeuronInput): NeuronLook;
  train(input: NeuronInput, steps: number): Training;
}

const count = 100;

/** Class 1 at the lower right of class 0: the line between them is slanted, and no line through the middle does. */
function heaps(): PointSet {
  const draw = new Draw(1, "heaps");
  const middles: readonly PlanePlace[] = [
    [-0.1, 0.1],
    [0.6, -0.45],
  ];
  const targets = Float32Array.from({ length: count }, (_, i) => i % 2);
  const near = (middle: number): number => Math.max(-1, Math.min(1, middle + draw.normal(0.2)));
  return { inputs: Float32Array.from([...targets].flatMap((label) => (middles[label] ?? []).map(near))), targets };
}

export function neuronLab(): NeuronLab {
  const linear = new nn.Linear(2, 1);
  const net = new PlaneNet(linear);
  const sets: Partial<Record<NeuronData, PointSet>> = {};
  const points = (data: NeuronData): PointSet =>
    (sets[data] ??= data === "heaps" ? heaps() : planePoints("xor", count));
  const maps = Object.fromEntries(
    neuronActivations.map((name) => {
      const body = (x: Tensor): readonly Tensor[] => {
        const z = linear.forward(x);
        return [z, z[name]()];
      };
      return [name, compiled(body)];
    }),
  ) as Record<NeuronActivation, (x: Tensor) => Float32Array[]>;
  return {
    points,
    curve: (activation) => {
      const z = linspace(-6, 6, 97);
      return { z: z.dataSync() as Float32Array, a: z[activation]().dataSync() as Float32Array };
    },
    look: ({ weights, point, activation, data, rate }) => {
      const score = net.score(weights, points(data), rate);
      net.load(weights);
      const [z, a] = maps[activation](cellMiddles()) as [Float32Array, Float32Array];
      const sum = tensor(linear.forward(tensor([point])).dataSync(), { requiresGrad: true });
      const bent = sum[activation]();
      bent.sum().backward();
      return {
        z: sum.itemSync(),
        a: bent.itemSync(),
        slope: (sum.grad as Tensor).itemSync(),
        maps: { z, a },
        score,
      };
    },
    train: ({ weights, data, rate }, steps) => net.train(weights, points(data), rate, steps),
  };
}
