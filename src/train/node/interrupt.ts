/** Ctrl-C while a model trains. Floor: train; Node only. */
import process from "node:process";

/**
 * Calls `interrupt` at the first SIGINT; the second one ends the process at once, with the status of a program that the
 * signal ended.
 *
 * @returns what gives the signal back to the program.
 */
export function catchInterrupt(interrupt: () => void): () => void {
  let count = 0;
  const listener = (): void => {
    count++;
    if (count > 1) process.exit(128 + 2);
    process.stderr.write("\ntwopass: ending after this step; Ctrl-C again ends at once\n");
    interrupt();
  };
  process.on("SIGINT", listener);
  return () => process.off("SIGINT", listener);
}
