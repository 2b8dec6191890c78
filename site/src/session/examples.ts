/** The examples of a run as tensors. Single ones may be changed, and are what they were again when the run goes back. */
import { type Tensor, tensor } from "twopass";
import type { DataSet } from "./data-set.ts";
import type { Head } from "./head.ts";

/** An input or target of one example that is to be another. */
export interface ExampleEdit {
  readonly example: number;
  readonly input: readonly [at: number, value: number] | undefined;
  readonly target: number | undefined;
}

export class Examples {
  readonly set: DataSet;
  readonly #head: Head;
  readonly #inputs: Float32Array;
  readonly #targets: Float32Array;
  /** Counts changes. */
  version = 0;

  constructor(set: DataSet, head: Head) {
    this.set = set;
    this.#head = head;
    this.#inputs = set.inputs.slice();
    this.#targets = set.targets.slice();
  }

  /** [n, width] and the targets of n examples. */
  tensors(examples: Int32Array): [input: Tensor, target: Tensor] {
    const { width } = this.set;
    const data = new Float32Array(examples.length * width);
    examples.forEach((example, i) => data.set(this.input(example), i * width));
    const input = tensor(data, { shape: [examples.length, width], copy: false });
    return [input, this.#head.targets(this.targets(examples))];
  }

  input(example: number): Float32Array {
    const { width } = this.set;
    return this.#inputs.subarray(example * width, (example + 1) * width);
  }

  targets(examples: Int32Array): Float32Array {
    return Float32Array.from(examples, (example) => this.#targets[example] as number);
  }

  change({ example, input, target }: ExampleEdit): void {
    if (input !== undefined) this.input(example)[input[0]] = input[1];
    if (target !== undefined) this.#targets[example] = target;
    this.version++;
  }

  /** The examples as they were made, with these changes. */
  reset(edits: readonly ExampleEdit[]): void {
    if (this.version === 0) return;
    this.#inputs.set(this.set.inputs);
    this.#targets.set(this.set.targets);
    for (const edit of edits) this.change(edit);
    this.version++;
  }
}
