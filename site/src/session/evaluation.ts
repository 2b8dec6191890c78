/** What a network gives without learning: loss and accuracy over many examples, single outputs, pictures of its units. */
import { type Tensor, compile, noGrad, tensor } from "twopass";
import type { Examples } from "./examples.ts";
import type { Head } from "./head.ts";
import type { Network } from "./network.ts";
import type { Maps } from "./protocol.ts";

/** Examples that are looked at of each part. They are in random order, so the first ones are a fair choice. */
const mostExamples = 2000;

export interface Score {
  readonly loss: number;
  readonly accuracy: number | undefined;
}

interface Prepared {
  readonly tensors: readonly [Tensor, Tensor];
  readonly targets: Float32Array;
}

export class Evaluation {
  readonly #network: Network;
  readonly #head: Head;
  readonly #examples: Examples;
  readonly #score: (x: Tensor, y: Tensor) => readonly [loss: Tensor, output: Tensor];
  readonly #units: (x: Tensor) => readonly Tensor[];
  readonly #prepared = new Map<Int32Array, Prepared>();
  #version = 0;
  #grid: { readonly resolution: number; readonly points: Tensor } | undefined;

  constructor(network: Network, head: Head, examples: Examples) {
    this.#network = network;
    this.#head = head;
    this.#examples = examples;
    this.#score = compile((x: Tensor, y: Tensor) =>
      noGrad(() => {
        const output = network.model.forward(x);
        return [head.loss.forward(output, y), output] as const;
      }),
    );
    // [units, points], so that a unit's numbers lie together.
    this.#units = compile((x: Tensor) =>
      noGrad(() => {
        let now = x;
        return network.layers.map(({ linear, activation }) => {
          now = linear.forward(now);
          if (activation !== undefined) now = activation.forward(now);
          return now.transpose(0, 1);
        });
      }),
    );
  }

  /** Undefined where there are no examples. */
  score(examples: Int32Array): Score | undefined {
    if (examples.length === 0) return undefined;
    const { tensors, targets } = this.#prepare(examples);
    const [loss, output] = this.#score(...tensors);
    return { loss: loss.itemSync(), accuracy: this.#head.accuracy(output.dataSync(), targets) };
  }

  /** The outputs for one input. */
  outputs(input: Float32Array): Float32Array {
    return noGrad(() =>
      this.#network.model.forward(tensor(input, { shape: [1, input.length] })),
    ).dataSync() as Float32Array;
  }

  /** Each number is that of the middle of a cell of the plane. */
  maps(resolution: number): Maps {
    const layers = this.#units(this.#points(resolution));
    const size = resolution * resolution;
    const data = layers.map((layer) => layer.dataSync() as Float32Array);
    const last = data.at(-1) as Float32Array;
    const { outputs } = this.#head;
    const output = new Float32Array(size);
    const one = new Float32Array(outputs);
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < outputs; j++) one[j] = last[j * size + i] as number;
      output[i] = this.#head.mapped(one, 0);
    }
    const units = data.map((all) =>
      Array.from({ length: all.length / size }, (_, unit) => all.slice(unit * size, (unit + 1) * size)),
    );
    return { resolution, output, units };
  }

  #points(resolution: number): Tensor {
    if (this.#grid?.resolution === resolution) return this.#grid.points;
    const middle = (i: number): number => (2 * i + 1) / resolution - 1;
    const data = new Float32Array(2 * resolution * resolution);
    for (let row = 0; row < resolution; row++) {
      for (let column = 0; column < resolution; column++) {
        data.set([middle(column), -middle(row)], 2 * (row * resolution + column));
      }
    }
    const points = tensor(data, { shape: [resolution * resolution, 2], copy: false });
    this.#grid = { resolution, points };
    return points;
  }

  #prepare(examples: Int32Array): Prepared {
    if (this.#version !== this.#examples.version) this.#prepared.clear();
    this.#version = this.#examples.version;
    let prepared = this.#prepared.get(examples);
    if (prepared === undefined) {
      const seen = examples.subarray(0, mostExamples);
      prepared = { tensors: this.#examples.tensors(seen), targets: this.#examples.targets(seen) };
      this.#prepared.set(examples, prepared);
    }
    return prepared;
  }
}
