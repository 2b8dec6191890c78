/** What TWOPASS_THREADS says to the devices that have threads. Floor: runtime. */

export interface ThreadsSetting {
  /** Undefined: one for each core. */
  readonly threads: number | undefined;
  /** Why the setting cannot be followed. */
  readonly note: string | undefined;
}

/** @param setting the variable's text; nothing and white space mean that it is not set. */
export function readThreads(setting: string | undefined): ThreadsSetting {
  const text = setting?.trim() ?? "";
  const threads = Number(text);
  if (text !== "" && Number.isInteger(threads) && threads >= 1) return { threads, note: undefined };
  const note = `TWOPASS_THREADS=${text} is not a whole number from 1 on; the default holds`;
  return { threads: undefined, note: text === "" ? undefined : note };
}
