/** Lines for people about settings of the environment that cannot be followed. Floor: base. */
import { environment } from "./environment.ts";

/** Texts that were told already: as many as there are settings. */
const told = new Set<string>();

/** Whether TWOPASS_QUIET asks for no lines that nobody asked for. */
export function isQuiet(): boolean {
  return !["", "0"].includes(environment("TWOPASS_QUIET")?.trim() ?? "");
}

/** Tells it on stderr, once in a thread. */
export function notice(text: string): void {
  if (told.has(text) || isQuiet()) return;
  told.add(text);
  console.warn(`twopass: ${text}`);
}
