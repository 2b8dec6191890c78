/** Where the words lie that threads exchange: constants for the code in share.ts and for JavaScript. Floor: codegen. */

/** Bytes from the start of the block; fields that different threads write lie on different lines of the cache. */
export const poolFields = {
  /** Chunks taken (16 bits), chunks (16 bits), number of the wave (32 bits). */
  ticket: 0,
  /** Number of the wave: the upper half of the ticket. Threads sleep on it. */
  wave: 4,
  /** Address of the wave's first command. */
  commands: 64,
  /** Number of modules of kernels that were made so far. */
  modules: 68,
  /** Helpers that sleep, or are about to. */
  sleepers: 128,
  /** Helpers that take chunks. */
  ready: 132,
  /** Helpers in which a kernel has failed. */
  failures: 136,
  /** The first of the helpers' lines. */
  helpers: 192,
} as const;

/** Bytes of a helper's line. */
export const helperBytes = 64;
/** Lines that there are; those of helpers that do not exist are never busy. */
export const mostHelpers = 7;

/** Bytes from the start of a helper's line. */
export const helperFields = {
  /** Not zero while it may hold a chunk. */
  busy: 0,
  /** Modules of kernels that it has compiled. */
  modules: 4,
  /** 1 while it is counted among those that take chunks. */
  isReady: 8,
} as const;

export const poolBytes = poolFields.helpers + helperBytes * mostHelpers;

/**
 * Modules of kernels lie in memory as a list: fields from the start of an entry. The entry that a thread starts from has
 * no code.
 */
export const moduleFields = {
  /** Address of the next entry. */
  next: 0,
  /** Bytes of the code. */
  bytes: 4,
  /** Number of its functions, which are exported as k0, k1 and so on. */
  functions: 8,
  /** Their places in the table, a word each; behind them the code. */
  places: 12,
} as const;
