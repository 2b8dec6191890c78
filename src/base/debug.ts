/**
 * How much the compiler says about its work, and whether it checks it. The table of levels is docs/debugging.md. Nothing
 * here changes a number, and nothing costs time while it is off. Floor: base.
 */
import { environment } from "./environment.ts";
import { TwopassError, describe } from "./errors.ts";
import { notice } from "./notice.ts";

/** What is printed at each level, on top of the levels below it. */
export const debugLevels = [
  "nothing",
  "each compilation and each run, in one line",
  "the graph, before and after each pass",
  "the kernels",
  "the places in the arena",
  "the generated code",
] as const;

interface DebugSettings {
  /** 0 to 5, see `debugLevels`. */
  level: number;
  /** Whether graphs are checked after each pass, and plans before they run. */
  verify: boolean;
}

/** Read where it matters; changed by `setDebug` alone. */
export const debug: Readonly<DebugSettings> = {
  level: numberFrom("TWOPASS_DEBUG", debugLevels.length - 1),
  verify: numberFrom("TWOPASS_VERIFY", 1) > 0,
};

/**
 * Sets the level (0 to 5) and, if given, whether graphs and plans are checked.
 *
 * @throws TwopassError where the level is not one of `debugLevels`.
 * @example
 * // As TWOPASS_DEBUG=1 in the environment does.
 * setDebug(1);
 * await tensor([1, 2]).sum().item();
 * setDebug(0);
 */
export function setDebug(level: number, options: { readonly verify?: boolean } = {}): void {
  if (!Number.isInteger(level) || level < 0 || level >= debugLevels.length) {
    throw new TwopassError({
      op: "setDebug",
      problem: "unknown level",
      facts: `got ${describe(level)}`,
      hint: `use a whole number from 0 to ${debugLevels.length - 1}`,
    });
  }
  const settings = debug as DebugSettings;
  settings.level = level;
  settings.verify = options.verify ?? settings.verify;
}

/** Prints lines under a heading. */
export function debugPrint(heading: string, text: string): void {
  console.log(text === "" ? `twopass: ${heading}` : `twopass: ${heading}\n${text.replace(/^/gm, "  ")}`);
}

/** A whole number from the environment, `most` at most; what is none is told, and 0. */
function numberFrom(name: string, most: number): number {
  const text = environment(name)?.trim() ?? "";
  const level = Number(text);
  if (Number.isInteger(level) && level >= 0) return Math.min(level, most);
  notice(`${name}=${text} is no whole number from 0 to ${most}; 0 holds`);
  return 0;
}
