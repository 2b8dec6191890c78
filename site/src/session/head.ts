/** What the outputs of a network mean: how targets are written for the loss, and how outputs are read. */
import { type Tensor, int32, tensor } from "twopass";
import * as nn from "twopass/nn";
import type { LossName } from "./config.ts";
import type { DataSet } from "./data-set.ts";

/**
 * "binary" is one score for the second of two classes, "scores" one for each class: both for cross-entropy. "switch" is one
 * number from 0 to 1 for the second of two classes, "switches" one for each class: for losses of numbers. "number" is what
 * is predicted itself.
 */
export type HeadKind = "binary" | "scores" | "switch" | "switches" | "number";

const numberLosses = {
  mse: () => new nn.MSELoss(),
  mae: () => new nn.L1Loss(),
  huber: () => new nn.HuberLoss(),
} as const;

export class Head {
  readonly kind: HeadKind;
  readonly outputs: number;
  readonly names: readonly string[];
  readonly loss: nn.Module & { forward(output: Tensor, target: Tensor): Tensor };

  constructor({ classes, targetName }: DataSet, loss: LossName) {
    const isTwo = classes?.length === 2;
    if (loss === "crossEntropy") {
      this.kind = isTwo ? "binary" : "scores";
      this.loss = isTwo ? new nn.BCEWithLogitsLoss() : new nn.CrossEntropyLoss();
    } else {
      this.kind = classes === undefined ? "number" : isTwo ? "switch" : "switches";
      this.loss = numberLosses[loss]();
    }
    const shown = classes === undefined ? [targetName] : isTwo ? classes.slice(1) : classes;
    this.outputs = shown.length;
    this.names = loss === "crossEntropy" ? shown.map((name) => `p(${name})`) : shown;
  }

  get isOfClasses(): boolean {
    return this.kind !== "number";
  }

  /** Targets of examples as the loss takes them: [n] int32 for "scores", else [n, outputs] float32. */
  targets(targets: Float32Array): Tensor {
    const n = targets.length;
    if (this.kind === "scores") return int32(Int32Array.from(targets));
    if (this.kind !== "switches") return tensor(targets, { shape: [n, 1] });
    const data = new Float32Array(n * this.outputs);
    targets.forEach((label, i) => {
      data[i * this.outputs + label] = 1;
    });
    return tensor(data, { shape: [n, this.outputs], copy: false });
  }

  /** The class that outputs stand for: `at` is where those of an example begin. */
  classOf(outputs: ArrayLike<number>, at = 0): number {
    if (this.kind === "binary") return Number((outputs[at] as number) > 0);
    if (this.kind === "switch") return Number((outputs[at] as number) > 0.5);
    let best = 0;
    for (let i = 1; i < this.outputs; i++) if ((outputs[at + i] as number) > (outputs[at + best] as number)) best = i;
    return best;
  }

  /** Share of examples whose class is right; undefined for numbers. */
  accuracy(outputs: ArrayLike<number>, targets: Float32Array): number | undefined {
    if (!this.isOfClasses) return undefined;
    let right = 0;
    targets.forEach((target, i) => {
      if (this.classOf(outputs, i * this.outputs) === target) right++;
    });
    return right / targets.length;
  }

  /** What is shown of one example's outputs: probabilities for cross-entropy, else the outputs themselves. */
  read(outputs: ArrayLike<number>): number[] {
    const all = Array.from(outputs);
    if (this.kind === "binary") return all.map(sigmoid);
    if (this.kind !== "scores") return all;
    const most = Math.max(...all);
    const powers = all.map((score) => Math.exp(score - most));
    const sum = powers.reduce((total, power) => total + power, 0);
    return powers.map((power) => power / sum);
  }

  /** One number for a point of the plane: the probability of the second of two classes, the class of several, or the number. */
  mapped(outputs: ArrayLike<number>, at: number): number {
    if (this.kind === "binary") return sigmoid(outputs[at] as number);
    return this.outputs === 1 ? (outputs[at] as number) : this.classOf(outputs, at);
  }
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}
