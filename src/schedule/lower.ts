/**
 * From a group of values with one iteration space to a loop kernel: places become affine accesses, operations become
 * scalar instructions, folds split the work into levels. Floor: schedule.
 */
import type { Dtype } from "../base/dtype.ts";
import { internal } from "../base/errors.ts";
import { type Shape, stridesOf } from "../base/shape.ts";
import { type Scalar, ScalarBuilder } from "../ir/scalar.ts";
import type { Value } from "../ir/value.ts";
import { listOf, numberOf } from "../ops/record.ts";
import {
  type Affine,
  CannotFuse,
  NotAffine,
  SplitLoop,
  affine,
  affineKey,
  belowReshapes,
  counter,
  place,
  plus,
  throughView,
} from "./affine.ts";
import { type Access, type Fold, type LoopKernel, counting, rowScratch } from "./kernel.ts";
import { Levels, costOf } from "./levels.ts";
import { arrange } from "./loops.ts";
import { scratchInRows } from "./row-scratch.ts";

/** Values that are computed together: elementwise ones of the whole space or of a row, and folds along `reduced`. */
export interface Group {
  readonly space: Shape;
  /** Dims of the space that folds remove. */
  readonly reduced: readonly number[];
  /** In topological order. */
  readonly members: readonly Value[];
}

/** Where the result of a kernel goes: a place in a buffer for each index of the space. */
export interface Target {
  readonly value: Value;
  /** Shape of the buffer, and the strides and offset at which the value's elements lie in it. */
  readonly strides: readonly number[];
  readonly offset: number;
}

export interface Lowered {
  readonly kernel: LoopKernel;
  /** What each buffer of the kernel holds: values it reads, then its targets, then scratch of its own. */
  readonly reads: readonly Value[];
  readonly writes: readonly Value[];
  /** Values kept in memory only from one level to a later one, where the workspace does not hold those of a row. */
  readonly scratch: readonly Value[];
}

export interface LowerOptions {
  /** Whether a value is read from memory. */
  readonly isBuffer: (value: Value) => boolean;
  /** Members that other kernels need, or all of them for a trial. */
  readonly stored: (value: Value) => boolean;
  /** Elsewhere than in a buffer of their own: for values placed in a larger tensor. */
  readonly target?: Target;
}

/** Numbers that are worth having in the code; −0 counts as 0 here and is one of them. */
const inCode = new Set([0, 1, -1, 2, -2, 0.5, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);

/** Work above this is not repeated in a later level but read back from memory. */
const repeatCost = 12;

/** Lowers a group, splitting loops as its views need. */
export function lower(group: Group, options: LowerOptions): Lowered {
  let splits: readonly (readonly [number, number])[] = [];
  for (let round = 0; round < 16; round++) {
    try {
      return new Lowering(group, options, splits).run();
    } catch (error) {
      if (error instanceof NotAffine) throw new CannotFuse(error.message);
      if (!(error instanceof SplitLoop)) throw error;
      splits = [...splits, [error.loop, error.inner]];
    }
  }
  throw new CannotFuse("too many splits");
}

interface Place {
  readonly value: Value | undefined;
  readonly at: Affine;
  readonly dtype: Access["dtype"];
  readonly indirect: Access["indirect"];
}

class Lowering {
  readonly #group: Group;
  readonly #options: LowerOptions;
  readonly #s = new ScalarBuilder();
  readonly #extents: number[] = [];
  /** For each dim of the space its loops, outermost first. */
  readonly #loopsOf: number[][] = [];
  readonly #index: readonly Affine[];
  readonly #members = new Map<Value, { scalar: Scalar; key: string }>();
  readonly #places: Place[] = [];
  readonly #placeNumbers = new Map<string, number>();
  readonly #inlined = new Map<string, Scalar>();
  readonly #levels = new Levels();
  readonly #numbers: { dtype: Dtype; value: number }[] = [];

  constructor(group: Group, options: LowerOptions, splits: readonly (readonly [number, number])[]) {
    this.#group = group;
    this.#options = options;
    group.space.forEach((extent) => {
      if (extent !== 1) this.#extents.push(extent);
      this.#loopsOf.push(extent === 1 ? [] : [this.#extents.length - 1]);
    });
    for (const [loop, inner] of splits) this.#split(loop, inner);
    const loops = this.#extents.length;
    this.#index = this.#loopsOf.map((list) => {
      let sum = affine(loops);
      let stride = 1;
      for (let i = list.length - 1; i >= 0; i--) {
        sum = plus(sum, counter(loops, list[i] as number), stride);
        stride *= this.#extents[list[i] as number] as number;
      }
      return sum;
    });
  }

  /** Loop numbers stay in the order of the space: the inner part comes right behind the outer one. */
  #split(loop: number, inner: number): void {
    const extent = this.#extents[loop] as number;
    this.#extents.splice(loop, 1, extent / inner, inner);
    for (const list of this.#loopsOf) {
      for (let i = 0; i < list.length; i++) {
        if ((list[i] as number) > loop) list[i] = (list[i] as number) + 1;
        else if (list[i] === loop) list.splice(++i, 0, loop + 1);
      }
    }
  }

  run(): Lowered {
    for (const member of this.#group.members) {
      if (member.op.kind === "scatter") return this.#scatter(member);
      if (member.op.kind !== "concat") this.#addMember(member);
    }
    const writes: Value[] = [];
    const scratch: Value[] = [];
    const reloads: { from: Scalar; to: Scalar; level: number }[] = [];
    const again = this.#neededAgain();
    for (const member of this.#group.members) {
      if (member.op.kind === "concat") {
        this.#concat(member);
        writes.push(member);
        continue;
      }
      const { scalar } = this.#members.get(member) as { scalar: Scalar };
      const stored = this.#options.stored(member);
      if (!stored && !again.has(scalar)) continue;
      (stored ? writes : scratch).push(member);
      const access = this.#access(member, this.#targetPlace(member));
      const level = this.#levels.of(scalar);
      this.#levels.statements.push({
        level,
        row: this.#isRow(member),
        statement: { kind: "store", access, value: scalar },
      });
      if (again.has(scalar)) {
        reloads.push({ from: scalar, to: this.#s.make("load", member.dtype, [], access), level });
      }
    }
    return this.#finish(writes, scratch, reloads);
  }

  /** Parts of one shape, that of the space: each element of the space is a place in each part. */
  #concat(member: Value): void {
    const dim = numberOf(member.attrs, "dim");
    const strides = stridesOf(member.shape);
    const loops = this.#extents.length;
    member.inputs.forEach((part, i) => {
      const value = this.#read(part, this.#index);
      const start = i * (part.shape[dim] as number) * (strides[dim] as number);
      const access = this.#access(member, plus(affine(loops, start), place(this.#index, strides, loops)));
      this.#levels.statements.push({ level: 0, row: false, statement: { kind: "store", access, value } });
    });
  }

  /** x added at chosen places of a buffer that starts as zeros; the space is that of x. */
  #scatter(member: Value): Lowered {
    const [index, x] = member.inputs as [Value, Value];
    const dim = numberOf(member.attrs, "dim");
    const strides = stridesOf(member.shape);
    const rest = this.#index.map((a, d) => (d === dim ? affine(this.#extents.length) : a));
    const chosen = this.#read(index, this.#index);
    const value = this.#read(x, this.#index);
    const access = this.#access(member, place(rest, strides, this.#extents.length), {
      size: numberOf(member.attrs, "size"),
      stride: strides[dim] as number,
    });
    this.#levels.statements.push({ level: 0, row: false, statement: { kind: "store", access, value, index: chosen } });
    return this.#finish([member], [], []);
  }

  #finish(
    writes: readonly Value[],
    scratch: readonly Value[],
    reloads: readonly { from: Scalar; to: Scalar; level: number }[],
  ): Lowered {
    const kernel = arrange({
      extents: this.#extents,
      reduced: this.#group.reduced.flatMap((d) => this.#loopsOf[d] as number[]),
      dims: this.#loopsOf,
      reducedDims: this.#group.reduced,
      statements: this.#levels.statements,
      reloads,
      numbers: this.#numbers,
      accesses: this.#places.map(({ at, dtype, indirect }, i) => ({
        buffer: i,
        dtype,
        at,
        ...(indirect === undefined ? {} : { indirect }),
      })),
    });
    return this.#numberBuffers(kernel, writes, scratch);
  }

  /** Buffers instead of places: what is read first, then what is written, then scratch. */
  #numberBuffers(kernel: LoopKernel, writes: readonly Value[], scratch: readonly Value[]): Lowered {
    const isScratch = this.#places.map(({ value }) => value !== undefined && scratch.includes(value));
    const inRows = scratchInRows(kernel, isScratch);
    const inMemory = inRows === undefined ? scratch : [];
    const own = new Set<Value>([...writes, ...scratch]);
    const reads = [
      ...new Set(this.#places.flatMap((p) => (p.value === undefined || own.has(p.value) ? [] : [p.value]))),
    ];
    const order = [...reads, ...writes, ...inMemory];
    const accesses = (inRows ?? kernel.accesses).map((access, i) => {
      if (access.buffer === rowScratch) return access;
      const value = this.#places[i]?.value;
      return { ...access, buffer: value === undefined ? counting : order.indexOf(value) };
    });
    return { kernel: { ...kernel, accesses }, reads, writes, scratch: inMemory };
  }

  #isRow(member: Value): boolean {
    const { space, reduced } = this.#group;
    if (reduced.length === 0) return false;
    if (member.op.kind === "reduce" || member.op.kind === "arg" || member.op.kind === "window") return true;
    if (member.op.kind === "cumulate") return false;
    return member.shape.length !== space.length || reduced.some((d) => space[d] !== 1 && member.shape[d] === 1);
  }

  /** The place of a member's element at the current index of the loops. */
  #canonical(member: Value): readonly Affine[] {
    if (!this.#isRow(member)) return this.#index;
    const kept = this.#index.filter((_, d) => !this.#group.reduced.includes(d));
    if (member.shape.length === kept.length) return kept;
    return this.#index.map((a, d) => (this.#group.reduced.includes(d) ? affine(this.#extents.length) : a));
  }

  #targetPlace(member: Value): Affine {
    const loops = this.#extents.length;
    const target = this.#options.target;
    const index = this.#canonical(member);
    if (target === undefined || target.value !== member) return place(index, stridesOf(member.shape), loops);
    return plus(affine(loops, target.offset), place(index, target.strides, loops));
  }

  #addMember(member: Value): void {
    const index = this.#canonical(member);
    const key = index.map(affineKey).join(";");
    const kind = member.op.kind;
    let scalar: Scalar;
    if (kind === "reduce" || kind === "arg" || kind === "window" || kind === "cumulate") scalar = this.#fold(member);
    else scalar = this.#compute(member, index);
    this.#members.set(member, { scalar, key });
  }

  #fold(member: Value): Scalar {
    const operand = member.inputs[0] as Value;
    const kind = member.op.kind;
    const value = kind === "window" ? this.#windowElement(member) : this.#read(operand, this.#index);
    const level = this.#levels.of(value);
    const accumulator = this.#levels.accumulators.length;
    const running = kind === "cumulate";
    this.#levels.accumulators.push({ level, running });
    // A window gives the position of the largest, a running fold sums.
    const fold: Fold = member.op.fold ?? (kind === "window" ? "argmax" : "sum");
    let position: Scalar | undefined;
    if (fold === "argmax" && kind === "window") position = this.#windowPosition(member);
    else if (kind === "arg") position = this.#count(this.#index.at(-1) as Affine);
    this.#levels.statements.push({
      level,
      row: false,
      statement: {
        kind: "fold",
        fold,
        accumulator,
        dtype: value.dtype,
        value,
        ...(position === undefined ? {} : { position }),
        ...(running ? { running } : {}),
      },
    });
    return this.#s.make("load", member.dtype, [], accumulator, "row");
  }

  /** Of a window over [N, C, taps, pixels]: the element of x (already padded) under a tap. */
  #windowElement(member: Value): Scalar {
    return this.#read(member.inputs[0] as Value, this.#windowIndex(member, 0));
  }

  #windowIndex(member: Value, low: number): Affine[] {
    const [stride, dilation] = [listOf(member.attrs, "stride"), listOf(member.attrs, "dilation")];
    const dims = stride.length;
    const loops = this.#extents.length;
    // The taps come before the pixels, so that lanes lie along the pixels.
    return this.#index.slice(0, 2 + dims).map((a, d) => {
      if (d < 2) return a;
      const pixel = this.#index[d + dims] as Affine;
      const start = affine(loops, low === 0 ? 0 : -(listOf(member.attrs, "low")[d - 2] as number));
      return plus(plus(start, pixel, stride[d - 2] as number), a, dilation[d - 2] as number);
    });
  }

  /**
   * The position of that element in the flattened spatial dims of x before it was padded. It is negative, so that
   * nothing counts as found, where a dim's is: before the first element inside there is only padding of that kind.
   */
  #windowPosition(member: Value): Scalar {
    const spatial = listOf(member.attrs, "spatial");
    const low = listOf(member.attrs, "low");
    const index = this.#windowIndex(member, 1).slice(2);
    const position = this.#count(place(index, stridesOf(spatial), this.#extents.length));
    const signs = index
      .filter((_, d) => (low[d] as number) > 0)
      .map((at) => this.#s.op("shr", this.#count(at), this.#s.constant(31, "int32")));
    return signs.reduce((sum, sign) => this.#s.op("or", sum, sign), position);
  }

  /** The value at an index, as a scalar computation. */
  #read(value: Value, index: readonly Affine[]): Scalar {
    const member = this.#members.get(value);
    const key = index.map(affineKey).join(";");
    if (member !== undefined && member.key === key) return member.scalar;
    if (this.#options.isBuffer(value))
      return this.#load(value, place(index, stridesOf(value.shape), this.#extents.length));
    if (member !== undefined && this.#options.stored(value))
      throw new CannotFuse("a member is read at another index", value);
    const known = this.#inlined.get(`${value.id} ${key}`);
    if (known !== undefined) return known;
    const scalar = this.#compute(value, index);
    this.#inlined.set(`${value.id} ${key}`, scalar);
    return scalar;
  }

  #compute(value: Value, index: readonly Affine[]): Scalar {
    const { op, inputs, attrs } = value;
    switch (op.kind) {
      case "constant":
        return this.#number(numberOf(attrs, "value"), value.dtype);
      case "iota":
        return this.#count(index[0] as Affine);
      case "view":
        return this.#readView(value, index);
      case "elementwise": {
        if (op.lower === undefined) throw internal(`${op.name} has no lower`);
        return op.lower(
          this.#s,
          inputs.map((x) => this.#read(x, index)),
          value.dtype,
        );
      }
      case "gather":
        return this.#gather(value, index);
      case "leaf":
        return this.#load(value, place(index, stridesOf(value.shape), this.#extents.length));
      default:
        throw new CannotFuse(`${op.name} is a kernel of its own`, value);
    }
  }

  /** Numbers that occur everywhere are part of the code, others come with the call. */
  #number(value: number, dtype: Dtype): Scalar {
    if (inCode.has(value) || Number.isNaN(value)) return this.#s.constant(value, dtype);
    let place = this.#numbers.findIndex((n) => n.dtype === dtype && Object.is(n.value, value));
    if (place < 0) place = this.#numbers.push({ dtype, value }) - 1;
    return this.#s.make("argument", dtype, [], place);
  }

  #readView(view: Value, index: readonly Affine[]): Scalar {
    const input = view.inputs[0] as Value;
    // Row-major order survives a reshape: memory needs no division of places.
    const memory = belowReshapes(view, this.#options.isBuffer);
    if (memory !== view && this.#options.isBuffer(memory) && !this.#members.has(memory)) {
      return this.#load(memory, place(index, stridesOf(view.shape), this.#extents.length));
    }
    try {
      return this.#read(input, throughView(view, index, this.#extents));
    } catch (error) {
      throw error instanceof NotAffine ? new CannotFuse(error.message, input) : error;
    }
  }

  #gather(value: Value, index: readonly Affine[]): Scalar {
    const [x, chosen] = value.inputs as [Value, Value];
    const memory = belowReshapes(x, this.#options.isBuffer);
    if (!this.#options.isBuffer(memory)) throw new CannotFuse("what is gathered from must be in memory", x);
    const dim = numberOf(value.attrs, "dim");
    const strides = stridesOf(x.shape);
    const at = this.#read(chosen, index);
    const indirect = { size: x.shape[dim] as number, stride: strides[dim] as number };
    const rest = index.map((a, d) => (d === dim ? affine(this.#extents.length) : a));
    return this.#load(memory, place(rest, strides, this.#extents.length), indirect, at);
  }

  #load(value: Value, at: Affine, indirect?: Access["indirect"], chosen?: Scalar): Scalar {
    const access = this.#access(value, at, indirect);
    return this.#s.make("load", value.dtype, chosen === undefined ? [] : [chosen], access);
  }

  #count(at: Affine): Scalar {
    if (at.coefficients.every((c) => c === 0)) return this.#s.constant(at.offset, "int32");
    return this.#s.make("index", "int32", [], this.#access(undefined, at));
  }

  #access(value: Value | undefined, at: Affine, indirect?: Access["indirect"]): number {
    const key = `${value?.id ?? "count"} ${affineKey(at)} ${indirect?.size ?? ""} ${indirect?.stride ?? ""}`;
    let number = this.#placeNumbers.get(key);
    if (number === undefined) {
      number = this.#places.length;
      this.#placeNumbers.set(key, number);
      this.#places.push({ value, at, dtype: value?.dtype ?? "int32", indirect });
    }
    return number;
  }

  /** Whether a computation differs within a row. One that does not is needed for rows without elements too. */
  #moves(s: Scalar, seen = new Set<Scalar>()): boolean {
    if (seen.has(s)) return false;
    seen.add(s);
    if (s.instruction === "load" && s.name === "row") return this.#levels.accumulators[s.value]?.running === true;
    const at = s.instruction === "load" || s.instruction === "index" ? this.#places[s.value]?.at : undefined;
    const inRow = this.#group.reduced.flatMap((d) => this.#loopsOf[d] as number[]);
    return inRow.some((loop) => (at?.coefficients[loop] ?? 0) !== 0) || s.args.some((arg) => this.#moves(arg, seen));
  }

  /**
   * What a later level reads back from memory instead of computing it again, with its level. From the last member to the
   * first: what only something else that is read back needs is not needed itself.
   */
  #neededAgain(): ReadonlyMap<Scalar, number> {
    const again = new Map<Scalar, number>();
    const results = [...this.#members.values()].map(({ scalar }) => scalar);
    // A kernel that joins parts has one level.
    for (const member of this.#group.members.filter(({ op }) => op.kind !== "concat").reverse()) {
      const { scalar } = this.#members.get(member) as { scalar: Scalar };
      const level = this.#levels.of(scalar);
      const worth = this.#options.stored(member) || costOf(scalar) > repeatCost;
      if (
        !this.#isRow(member) &&
        worth &&
        this.#levels.isUsedAfter(scalar, level, again, results) &&
        this.#moves(scalar)
      ) {
        again.set(scalar, level);
      }
    }
    return again;
  }
}
