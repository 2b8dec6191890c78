/** The lessons, in their order. */
export const lessonIds = [
  "neuron",
  "layer",
  "loss",
  "chainRule",
  "descent",
  "optimizers",
  "digit",
  "attention",
] as const;
export type LessonId = (typeof lessonIds)[number];

export function isLessonId(name: string): name is LessonId {
  return lessonIds.some((id) => id === name);
}
