/**
 * What an optimiser does with parameters of one type, written down once as a body and called for the others and in later
 * steps. Floor: optim.
 */
import { type Value, newestId } from "../ir/value.ts";
import { type Call, callBody } from "../ops/call.ts";
import { type Outline, outline } from "../transform/outline.ts";
import type { StateAccess } from "./optimizer.ts";

export interface KnownUpdate {
  /** Inputs of the body are places in: what is given, then the states that it reads. */
  readonly outline: Outline;
  readonly reads: readonly StateRead[];
  /** The states that it writes. The outputs of the body are their contents, then that of the parameter. */
  readonly writes: readonly string[];
}

interface StateRead {
  readonly name: string;
  readonly initial: number | undefined;
}

type ReadState = (name: string, initial: number | undefined) => Value;

/** Notes what `update` makes of what is given, a parameter first; undefined where it makes it of something else too. */
export function learnUpdate(
  given: readonly Value[],
  stateOf: ReadState,
  update: (state: StateAccess) => Value,
): KnownUpdate | undefined {
  const start = newestId();
  const sources = new Map(given.map((value, place) => [value, place]));
  // One vertex in two roles, such as a gradient that is the parameter itself: for others they are two.
  let isTwice = sources.size < given.length;
  const reads: StateRead[] = [];
  const written = new Map<string, Value>();
  const next = update({
    get: (name, initial) => {
      const now = written.get(name);
      if (now !== undefined) return now;
      const value = stateOf(name, initial);
      if (reads.some((read) => read.name === name)) return value;
      isTwice ||= sources.has(value);
      sources.set(value, given.length + reads.length);
      reads.push({ name, initial });
      return value;
    },
    set: (name, value) => void written.set(name, value),
  });
  const made = isTwice ? undefined : outline([...written.values(), next], sources, start);
  if (made === undefined) return undefined;
  return { outline: made, reads, writes: [...written.keys()] };
}

/** The same with others that are given. */
export function callUpdate(
  { outline: { body, inputs: places }, reads }: KnownUpdate,
  given: readonly Value[],
  stateOf: ReadState,
): Call {
  const inputs = new Array<Value>(places.length);
  for (let i = 0; i < inputs.length; i++) {
    const place = places[i] as number;
    const read = reads[place - given.length];
    inputs[i] = read === undefined ? (given[place] as Value) : stateOf(read.name, read.initial);
  }
  return callBody(body, inputs);
}
