/** What lab and page of the lesson know alike. */

export const optimizerNames = ["sgd", "momentum", "rmsprop", "adam"] as const;
export type OptimizerName = (typeof optimizerNames)[number];

export const landNames = ["ravine", "plateau", "saddle", "bend"] as const;
export type LandName = (typeof landNames)[number];

/** Steps of a run at most. */
export const mostSteps = 200;

/** Added to the divisor of RMSProp and Adam. */
export const eps = 1e-8;
