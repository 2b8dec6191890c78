/** The page's side of each lesson, loaded when it is first opened. */
import type { ComponentType } from "preact";
import type { LessonProps } from "./kit/guide.tsx";
import type { LessonId } from "./lesson-ids.ts";

export const pages: Readonly<Record<LessonId, () => Promise<ComponentType<LessonProps>>>> = {
  neuron: async () => (await import("./neuron/neuron.tsx")).NeuronLesson,
  layer: async () => (await import("./layer/layer.tsx")).LayerLesson,
  loss: async () => (await import("./loss/loss.tsx")).LossLesson,
  chainRule: async () => (await import("./chain-rule/chain-rule.tsx")).ChainRuleLesson,
  descent: async () => (await import("./descent/descent.tsx")).DescentLesson,
  optimizers: async () => (await import("./optimizers/optimizers.tsx")).OptimizersLesson,
  digit: async () => (await import("./digit/digit.tsx")).DigitLesson,
  attention: async () => (await import("./attention/attention.tsx")).AttentionLesson,
};
