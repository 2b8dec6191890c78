/** Examples as numbers: what every kind of data becomes. How they are made is in the files beside this one. */
import { RandomStream } from "twopass/data";
import { fault } from "./faults.ts";
import type { LetterWindows } from "./text-data.ts";

export interface DataSet {
  readonly count: number;
  /** Numbers of one input. */
  readonly width: number;
  /** [count, width], row by row. */
  readonly inputs: Float32Array;
  /** For each example the number of its class, or the number to predict. */
  readonly targets: Float32Array;
  /** Names of the classes; undefined where numbers are predicted. */
  readonly classes: readonly string[] | undefined;
  readonly inputNames: readonly string[];
  /** Name of the number that is predicted. */
  readonly targetName: string;
  /** Whether inputs are points from −1 to 1 in a plane. */
  readonly isPlane: boolean;
  /** Of a line of text. */
  readonly letters?: LetterWindows;
}

export interface Split {
  /** Numbers of examples, in random order. */
  readonly train: Int32Array;
  readonly test: Int32Array;
}

export const planeNames = ["x₁", "x₂"] as const;

/** Random numbers one by one. */
export class Draw {
  readonly #stream: RandomStream;
  readonly #one = new Float64Array(1);

  constructor(seed: number, name: string) {
    this.#stream = new RandomStream(seed, name);
  }

  uniform(from: number, to: number): number {
    this.#stream.fillUniform(this.#one, from, to);
    return this.#one[0] as number;
  }

  /** Of mean 0. */
  normal(std: number): number {
    this.#stream.fillNormal(this.#one, 0, std);
    return this.#one[0] as number;
  }
}

/** Throws where there is no second class among the examples. */
export function checkClasses({ targets, classes }: DataSet): void {
  if (classes === undefined) return;
  const first = targets[0] as number;
  if (targets.some((target) => target !== first)) return;
  throw fault("oneClass", { name: classes[first] ?? "" });
}

/** Keeps a share of each class for the test; of each class at least one example is for training. */
export function splitSet({ count, targets, classes }: DataSet, testShare: number, seed: number): Split {
  const order = new RandomStream(seed, "split").permutation(count);
  const sizes = new Map<number, number>();
  const groupOf = (example: number): number => (classes === undefined ? 0 : (targets[example] as number));
  for (const example of order) sizes.set(groupOf(example), (sizes.get(groupOf(example)) ?? 0) + 1);
  const left = new Map<number, number>();
  for (const [group, size] of sizes) left.set(group, Math.min(Math.round(size * testShare), size - 1));
  const [train, test]: [number[], number[]] = [[], []];
  for (const example of order) {
    const wanted = left.get(groupOf(example)) as number;
    if (wanted > 0) test.push(example);
    else train.push(example);
    left.set(groupOf(example), wanted - 1);
  }
  return { train: Int32Array.from(train), test: Int32Array.from(test) };
}
