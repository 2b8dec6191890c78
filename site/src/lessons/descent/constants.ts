/** What lab and page of the lesson know alike. */

/** How many examples each model has. */
export const exampleCount = 8;

/** How far a weight is moved to see what its slope means. */
export const nudge = 0.01;

/** Steps of a descent at most. */
export const mostSteps = 250;
