/**
 * The worker's side of the lessons: what computes, with twopass, all numbers that a lesson shows. A lab is an object of
 * functions; the page calls them by `useLab`.
 */
import type { LessonId } from "./lesson-ids.ts";

export const labs: Readonly<Record<LessonId, () => Promise<object>>> = {
  neuron: async () => (await import("./neuron/lab.ts")).neuronLab(),
  layer: async () => (await import("./layer/lab.ts")).layerLab(),
  loss: async () => (await import("./loss/lab.ts")).lossLab(),
  chainRule: async () => (await import("./chain-rule/lab.ts")).chainRuleLab(),
  descent: async () => (await import("./descent/lab.ts")).descentLab(),
  optimizers: async () => (await import("./optimizers/lab.ts")).optimizersLab(),
  digit: async () => (await import("./digit/lab.ts")).digitLab(),
  attention: async () => (await import("./attention/lab.ts")).attentionLab(),
};
