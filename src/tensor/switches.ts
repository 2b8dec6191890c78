/** Switches for debugging, and hints about slow code. They change no number. Floor: tensor. */
import { callerLine } from "../base/errors.ts";

export const switches = {
  /** Whether each operation runs where it is written. */
  eager: false,
  /** Whether losses and gradients are checked before anything is written. */
  finite: false,
  hints: true,
};

/**
 * Runs each operation where it is written, so that an error or a debugger stops there. The numbers are the same.
 *
 * @example
 * setEager(true);
 * const y = tensor([1, 2]).mul(3);
 * y.toString(); // "Tensor(float32 [2] on wasm)\n[3., 6.]"
 * setEager(false);
 */
export function setEager(on: boolean): void {
  switches.eager = on;
}

/**
 * Checks that losses and gradients are finite before anything is written, and throws where they are not. Together with
 * `setEager` it names the operation that made the first NaN or infinity.
 *
 * @example
 * setCheckFinite(true);
 * const w = new nn.Parameter(tensor([0]));
 * w.log().sum().backward();
 * try {
 *   await w.grad?.array();
 * } catch (error) {
 *   (error as TwopassError).name; // "NonFiniteError"
 * }
 * setCheckFinite(false);
 */
export function setCheckFinite(on: boolean): void {
  switches.finite = on;
}

/** Lines that were told already; bounded, so that generated code cannot fill it. */
const told = new Set<string>();

/**
 * Whether slow code is hinted at on the console, once a line from now on; on unless changed.
 *
 * @example
 * setHints(false);
 * setHints(true);
 */
export function setHints(on: boolean): void {
  switches.hints = on;
  told.clear();
}

/** Says something about the line that is being executed, once a line. */
export function hint(text: string): void {
  if (!switches.hints || told.size >= 1000) return;
  const line = callerLine();
  if (told.has(line)) return;
  told.add(line);
  console.warn(`twopass: ${text}${line === "" ? "" : ` (at ${line})`}`);
}
