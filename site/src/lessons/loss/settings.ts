/** What the page and the lab of the lesson on the loss both know. */

/** The losses that lines are trained by. */
export const fits = ["mse", "mae", "huber"] as const;
export type Fit = (typeof fits)[number];

/** Where curves over w and over z end, on both sides. */
export const ends = { w: 3, z: 8 } as const;
