/**
 * Values and statistics that come back from a run together: what is small lies in one result for each phase, as a result
 * of its own costs more than its elements. Floor: inspect.
 */
import type { Dtype, TypedArray } from "../base/dtype.ts";
import { internal } from "../base/errors.ts";
import { sizeOf } from "../base/shape.ts";
import { type Phase, asidePath, phases, withMode } from "../ir/mode.ts";
import type { Value } from "../ir/value.ts";
import { kit } from "../ops/kit.ts";
import type { Engine } from "../tensor/engine.ts";
import { readAll } from "./read.ts";
import { partsOf, statisticsFrom } from "./statistics.ts";
import type { TraceElements, TraceValue } from "./trace-format.ts";

/** Elements that are moved once more so that they come back with others. */
const mostMoved = 4096;
/** What float32 holds as it is. */
const moved: ReadonlySet<Dtype> = new Set(["float32", "uint8", "bool"]);

/** What was gathered, once it has been read. */
export type Gathered<T> = () => T;

/** A result, and its elements once they have been read. */
interface Result {
  readonly value: Value;
  data: TypedArray | undefined;
}

/** What comes back in one result: the parts of one phase, as what is read before the update must not wait for it. */
interface Together {
  readonly parts: Value[];
  size: number;
  result: Result | undefined;
}

const openLists = (): readonly Together[] => phases.map(() => ({ parts: [], size: 0, result: undefined }));

export class Gathering {
  readonly #engine: Engine;
  readonly #whole: number;
  #open = openLists();
  readonly #results: Result[] = [];
  /** How many of them a run has been told of. */
  #told = 0;

  /** Of tensors of more than `whole` elements there will be statistics. */
  constructor(engine: Engine, whole: number) {
    this.#engine = engine;
    this.#whole = whole;
  }

  add(value: Value): Gathered<TraceValue> {
    const size = sizeOf(value.shape);
    if (size <= this.#whole) return this.elements(value);
    const [numbers, sample] = partsOf(value, this.#engine);
    const [takeNumbers, takeSample] = [this.#put(numbers), this.#put(sample)];
    return () => statisticsFrom(size, takeNumbers(), takeSample());
  }

  elements(value: Value): Gathered<TraceElements> {
    const size = sizeOf(value.shape);
    const isHere = value.leaf !== undefined && value.leaf.kind !== "cell";
    const isMoved = !isHere && size > 0 && size <= mostMoved && moved.has(value.dtype);
    const data = isMoved ? this.#put(value) : this.#putApart(value);
    return () => ({ kind: "elements", data: listOf(data()) });
  }

  /** A list of its own, or part of one. */
  #put(value: Value): Gathered<TypedArray> {
    const phase: Phase = value.leaf === undefined ? value.phase : 0;
    const together = this.#open[phase] as Together;
    const [from, to] = [together.size, together.size + sizeOf(value.shape)];
    together.parts.push(
      withMode({ grad: false, path: asidePath }, () => kit.reshape(kit.cast(value, "float32"), [to - from])),
    );
    together.size = to;
    return () => elementsOf(together.result).subarray(from, to);
  }

  #putApart(value: Value): Gathered<TypedArray> {
    const result: Result = { value: value.leaf?.kind === "cell" ? copyOf(value) : value, data: undefined };
    // A gradient that nobody can look at any more is given up by the next run.
    result.value.isShown = true;
    this.#results.push(result);
    return () => elementsOf(result);
  }

  /** What was added since this was asked last, as results of a run. */
  wanted(): Value[] {
    this.#open.forEach((together, phase) => {
      const { parts } = together;
      if (parts.length === 0) return;
      // The only part may be a leaf, which is no result.
      const value = withMode({ grad: false, path: asidePath, phase: phase as Phase }, () =>
        parts.length === 1 ? kit.alias(parts[0] as Value, false) : kit.concat(parts, 0),
      );
      together.result = { value, data: undefined };
      this.#results.push(together.result);
    });
    this.#open = openLists();
    const added = this.#results.slice(this.#told);
    this.#told = this.#results.length;
    return added.flatMap(({ value }) => (value.leaf === undefined ? [value] : []));
  }

  /** Behind the run: afterwards everything gathered is there. */
  async read(): Promise<void> {
    const data = await readAll(
      this.#results.map(({ value }) => value),
      this.#engine,
    );
    this.#results.forEach((result, i) => {
      result.data = data[i];
    });
  }
}

/** `Array.from` takes several times as long. */
function listOf(elements: TypedArray): number[] {
  const list = new Array<number>(elements.length);
  for (let i = 0; i < list.length; i++) list[i] = elements[i] as number;
  return list;
}

function elementsOf(result: Result | undefined): TypedArray {
  if (result?.data === undefined) throw internal("what was gathered has not been read");
  return result.data;
}

/** What is gathered on each engine. */
export class Gatherings {
  readonly #whole: number;
  readonly #all = new Map<Engine, Gathering>();

  constructor(whole: number) {
    this.#whole = whole;
  }

  on(engine: Engine): Gathering {
    const known = this.#all.get(engine) ?? new Gathering(engine, this.#whole);
    this.#all.set(engine, known);
    return known;
  }

  /** The next run computes what was added since the last call. Gives the engines. */
  note(): readonly Engine[] {
    for (const [engine, gathering] of this.#all) {
      const wanted = gathering.wanted();
      if (wanted.length > 0) engine.noteCall(wanted);
    }
    return [...this.#all.keys()];
  }

  /** Behind the run: afterwards everything gathered is there. */
  async read(): Promise<void> {
    for (const gathering of this.#all.values()) await gathering.read();
  }
}

/** A stored tensor is written in place: a vertex of its own holds what it is now. */
export function copyOf(value: Value): Value {
  return withMode({ grad: false, path: asidePath }, () => kit.alias(value, false));
}
