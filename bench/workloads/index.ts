/** The training steps that are timed, by name: the same shapes, losses and optimisers as the peers'. */
import { cnn, resnet } from "./convolutional.ts";
import { gpt } from "./gpt.ts";
import { lstm } from "./lstm.ts";
import { mlp, tiny } from "./mlp.ts";
import type { Training } from "./training.ts";

export interface Workload {
  readonly what: string;
  readonly make: () => Training;
  /** Steps timed together, where one is too short to be timed alone. */
  readonly inner: number;
}

export const workloads = {
  w1: { what: "MLP 784-512-256-10, batch 128, Adam", make: mlp, inner: 1 },
  w2: { what: "CNN, 3×3 convolutions of 32 and 64 channels, batch 64, SGD with momentum", make: cnn, inner: 1 },
  w3: { what: "ResNet-ish, 9 convolutions, 64 channels, 32×32, batch 32, SGD with momentum", make: resnet, inner: 1 },
  "w3-batch1": { what: "the same with batch 1", make: () => resnet(1), inner: 1 },
  w4: { what: "GPT, 4 layers, width 128, 64 tokens, batch 12, AdamW", make: gpt, inner: 1 },
  w5: { what: "LSTM, 128 units, 32 steps, batch 32, Adam", make: lstm, inner: 1 },
  w6: { what: "MLP 2-16-1, batch 32, SGD", make: tiny, inner: 50 },
} as const satisfies Readonly<Record<string, Workload>>;

export type WorkloadName = keyof typeof workloads;
export const workloadNames = Object.keys(workloads) as readonly WorkloadName[];
