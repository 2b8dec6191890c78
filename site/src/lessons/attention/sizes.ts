/** Sizes of the lesson's GPT, apart from the lab because the page needs them without the library. */

/** Letters that are seen at once. */
export const context = 24;
export const width = 32;
export const heads = 2;
/** Numbers of a query, a key, a value. */
export const depth = width / heads;
