/** What became of one case. */
import { TwopassError } from "../../src/base/errors.ts";
import { Unsupported } from "./values.ts";

export interface Outcome {
  readonly status: "passed" | "failed" | "skipped";
  readonly reason?: string;
  /** Why a failure is expected; it counts as skipped, and is printed. */
  readonly known?: string;
}

/** Runs a check that gives a reason where it fails. What the library leaves out by design is skipped. */
export async function outcomeOf(check: () => Promise<string | undefined> | string | undefined): Promise<Outcome> {
  try {
    const reason = await check();
    return reason === undefined ? { status: "passed" } : { status: "failed", reason };
  } catch (error) {
    if (error instanceof Unsupported) return { status: "skipped", reason: error.message };
    return { status: "failed", reason: describeError(error) };
  }
}

/** First line of an error; for one that is not the library's own also where it comes from. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const [first = ""] = error.message.split("\n");
  if (error instanceof TwopassError && error.op !== "internal") return `threw ${first}`;
  const at = error.stack?.split("\n").find((line) => /^\s+at /.test(line) && line.includes("/src/"));
  return `threw ${error.name}: ${first}${at === undefined ? "" : ` ${at.trim().replace(/\(?file:.*\/src\//, "(src/")}`}`;
}
