/**
 * What an optimiser does with parameters of one type, written down once as a body and called for the others and in later
 * steps. Floor: optim.
 */
import type { Dtype } from "../base/dtype.ts";
import { type Shape, sameShape } from "../base/shape.ts";
import { type Value, newestId, sortGraph } from "../ir/value.ts";
import { type Call, callBody } from "../ops/call.ts";
import { isChoice } from "../runtime/find-fault.ts";
import { structureChanges } from "../tensor/capture.ts";
import { type Outline, outline } from "../transform/outline.ts";

export interface KnownUpdate {
  /** Inputs of the body are places in: what is given, then the states that it reads, then constants. */
  readonly outline: Outline;
  readonly reads: readonly StateRead[];
  /** Numbers that the class itself writes, such as `x.mul(0.3)`. */
  readonly constants: readonly Value[];
  /** The states that it writes. The outputs of the body are their contents, then that of the parameter. */
  readonly writes: readonly string[];
}

interface StateRead {
  readonly name: string;
  readonly initial: number | undefined;
}

/** The state of the parameter that is being updated, as vertices. */
export interface StateAccess {
  get(name: string, initial?: number): Value;
  set(name: string, value: Value): void;
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
  if (isTwice) return undefined;
  const outputs = [...written.values(), next];
  const { order } = sortGraph(outputs, (value) => sources.has(value));
  // A fault at a choice names the line that wrote it, which a body does not have.
  if (order.some(isChoice)) return undefined;
  const constants = order.filter(
    (value) => !sources.has(value) && value.leaf?.kind === "slot" && value.leaf.written !== undefined,
  );
  constants.forEach((value, i) => sources.set(value, given.length + reads.length + i));
  const made = outline(outputs, sources, start);
  if (made === undefined) return undefined;
  return { outline: made, reads, constants, writes: [...written.keys()] };
}

/** The same with others that are given. */
export function callUpdate(
  { outline: { body, inputs: places }, reads, constants }: KnownUpdate,
  given: readonly Value[],
  stateOf: ReadState,
): Call {
  const inputs = new Array<Value>(places.length);
  for (let i = 0; i < inputs.length; i++) {
    const place = places[i] as number;
    if (place < given.length) {
      inputs[i] = given[place] as Value;
      continue;
    }
    const at = place - given.length;
    const read = at < reads.length ? reads[at] : undefined;
    inputs[i] = read === undefined ? (constants[at - reads.length] as Value) : stateOf(read.name, read.initial);
  }
  return callBody(body, inputs);
}

interface Type {
  readonly shape: Shape;
  readonly dtype: Dtype;
}

/** What is known for parameters of one type and numbers of these names, which are given in this order. */
interface Entry extends Type {
  readonly names: readonly string[];
  /** Undefined where the update must be asked each time. */
  readonly update: KnownUpdate | undefined;
}

/** The known updates of a group of parameters. */
export class KnownUpdates {
  readonly #entries: Entry[] = [];
  readonly #changes = structureChanges();

  /** Whether no setting has changed that may change what they do. */
  get hold(): boolean {
    return this.#changes === structureChanges();
  }

  find({ shape, dtype }: Type, names: readonly string[]): Entry | undefined {
    return this.#entries.find(
      (entry) => dtype === entry.dtype && sameShape(shape, entry.shape) && sameNames(names, entry.names),
    );
  }

  /** Gives the update back. */
  add({ shape, dtype }: Type, names: readonly string[], update: KnownUpdate | undefined): KnownUpdate | undefined {
    this.#entries.push({ shape, dtype, names, update });
    return update;
  }
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((name, i) => name === b[i]));
}
