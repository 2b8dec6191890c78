/** The four phases of a training step, in their order. */
export const phases = ["forward", "loss", "backward", "update"] as const;
export type Phase = (typeof phases)[number];

export type StepSize = "operation" | "layer" | "phase";
