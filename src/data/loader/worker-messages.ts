/** What a loader and its workers say to each other, and how errors cross. Floor: data. */
import { TwopassError, describe } from "../../base/errors.ts";
import type { Carried } from "./carried.ts";
import type { Job } from "../datasets/example.ts";
import type { Packed } from "../datasets/pack.ts";

/** The first message to a worker. */
export interface Start {
  /** Address of the module that exports the data set. */
  readonly module: string;
  readonly name: string;
  readonly args: unknown;
  /** How many examples the loader counts on. */
  readonly count: number;
  /** Whether the worker joins the examples, or the loader does with a function of its own. */
  readonly joins: boolean;
}

export type Request =
  | { readonly kind: "start"; readonly start: Start }
  | { readonly kind: "job"; readonly id: number; readonly job: Job };

export type Reply =
  | { readonly id: number; readonly packed: Packed }
  | { readonly id: number; readonly examples: readonly Carried[] }
  | { readonly id: number; readonly error: ErrorText };

/** An error as text: errors keep neither class nor fields on their way. */
export interface ErrorText {
  /** The operation of a TwopassError. */
  readonly op: string | undefined;
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly cause: ErrorText | undefined;
}

export function errorText(error: unknown): ErrorText {
  if (!(error instanceof Error)) {
    return { op: undefined, name: "Error", message: describe(error), stack: undefined, cause: undefined };
  }
  const { name, message, stack, cause } = error;
  const op = error instanceof TwopassError ? error.op : undefined;
  return { op, name, message, stack, cause: cause === undefined ? undefined : errorText(cause) };
}

/** The error of a worker in this thread. The stack of its last cause is the worker's. */
export function errorOf(text: ErrorText): Error {
  const { op, name, message, stack, cause } = text;
  const because = cause === undefined ? undefined : errorOf(cause);
  if (op !== undefined && because !== undefined) {
    return new TwopassError({ op, problem: message.slice(op.length + 2), cause: because });
  }
  const error = new Error(message, because === undefined ? undefined : { cause: because });
  error.name = name;
  if (stack !== undefined) error.stack = stack;
  return op === undefined ? error : new TwopassError({ op, problem: message.slice(op.length + 2), cause: error });
}
