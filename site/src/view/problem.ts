/** What went wrong and is told at the top of the page. Rooms report what they cannot tell at its place themselves. */
import { signal } from "@preact/signals";

export interface Problem {
  /** For people: what is wrong and what to do. */
  readonly message: string;
  /** For a report; "" where there is no more. */
  readonly details: string;
}

export const problem = signal<Problem | undefined>(undefined);

export function reportProblem(error: unknown): void {
  problem.value = problemOf(error);
}

export function problemOf(error: unknown): Problem {
  if (error instanceof Error) return { message: error.message, details: error.stack ?? "" };
  return { message: String(error), details: "" };
}
