/**
 * From a graph to kernels: which values are computed together, and which are kept in memory between kernels.
 *
 * Every elementwise value is first thought of as repeated wherever it is read. Values that are worth keeping (read more
 * than once and not cheap, wanted as results, or read by a kernel that needs memory) are *candidates*; candidates of one
 * iteration space that feed each other become one kernel. Floor: schedule.
 */
import { internal } from "../base/errors.ts";
import { sameShape, sizeOf } from "../base/shape.ts";
import { type Value, sortGraph } from "../ir/value.ts";
import { kit } from "../ops/kit.ts";
import { loopSettings } from "../ops/loop.ts";
import { listOf } from "../ops/record.ts";
import { CannotFuse, belowReshapes } from "./affine.ts";
import { attentionDemands } from "./attention.ts";
import { baseOf, isReadable, lowerConv, lowerDot, rowsOf } from "./contract.ts";
import { convDemands, isConvTaken } from "./conv.ts";
import { type Group, lower } from "./lower.ts";
import { type Unit, combine, dependsOn, mostParts, singleUnit, unitOf } from "./unit.ts";

export interface Fused {
  /** In an order in which they can run, phase by phase. */
  readonly units: readonly Unit[];
  /** Values that a kernel writes for others or as a result. */
  readonly kept: ReadonlySet<Value>;
}

/** Elementwise work up to this is repeated rather than kept. */
const cheap = 3;
/** The same where it would be kept for a later phase: two ways through memory cost more than that within a kernel or two. */
const cheapLater = 12;
const mostLater = 2;
/** Work that is repeated in one reader at most, and that one kernel holds at most: code has to end somewhere. */
const mostInlined = 200;
const mostInKernel = 1500;
/** How far back a fold looks for another one over the same elements. */
const recentUnits = 32;
/** Operands that one kernel reads at most, before values are kept in between. */
const mostReads = 24;

export interface FuseOptions {
  /** Off: every value is kept, one kernel for each operation. The numbers are the same. */
  readonly fuse: boolean;
  /** Whether the target has kernels of its own for the convolutions that schedule/conv.ts takes. Default: no. */
  readonly convolutions?: boolean;
}

export function fuse(outputs: readonly Value[], options: FuseOptions): Fused {
  const forced = new Set<Value>(outputs);
  for (;;) {
    try {
      return new Fusion(outputs, forced, options).run();
    } catch (error) {
      if (!(error instanceof CannotFuse)) throw error;
      const value = error.value;
      if (value === undefined || forced.has(value)) throw internal(`cannot plan: ${error.message}`);
      forced.add(value);
    }
  }
}

class Fusion {
  readonly #order: readonly Value[];
  readonly #forced: ReadonlySet<Value>;
  readonly #options: FuseOptions;
  readonly #users = new Map<Value, Value[]>();
  readonly #readUntil = new Map<Value, number>();
  readonly #candidates = new Set<Value>();
  readonly #costs = new Map<Value, number>();
  /** By the time that a value is asked about, its inputs are decided. */
  readonly #readsOf = new Map<Value, readonly Value[]>();
  readonly #units = new Map<Value, Unit>();
  readonly #list: Unit[] = [];

  constructor(outputs: readonly Value[], forced: ReadonlySet<Value>, options: FuseOptions) {
    this.#order = sortGraph(outputs, () => false).order;
    this.#forced = forced;
    this.#options = options;
  }

  run(): Fused {
    for (const value of this.#order) {
      for (const input of value.inputs) {
        const list = this.#users.get(input);
        if (list === undefined) this.#users.set(input, [value]);
        else list.push(value);
      }
    }
    for (const value of [...this.#order].reverse()) this.#noteReaders(value);
    this.#choose();
    for (const value of this.#order) if (this.#candidates.has(value)) this.#place(value);
    const kept = new Set<Value>();
    for (const value of this.#order) if (this.#candidates.has(value) && this.#forced.has(value)) kept.add(value);
    for (const unit of this.#list) {
      for (const member of unit.group.members) {
        for (const source of this.#reads(member)) if (this.#units.get(source) !== unit) kept.add(source);
      }
    }
    return { units: this.#sorted(), kept };
  }

  /** Whether a value is read from memory, if it is kept. */
  readonly isBuffer = (value: Value): boolean => value.op.kind === "leaf" || this.#candidates.has(value);

  /** Decides which values are candidates. */
  #choose(): void {
    const demanded = new Set<Value>(this.#forced);
    for (const value of this.#order) for (const need of demandsOf(value, this.#options)) demanded.add(need);
    for (const value of this.#order) {
      const { kind } = value.op;
      if (kind === "leaf") continue;
      let chosen = demanded.has(value);
      if (kind === "elementwise" || kind === "gather") {
        const reads = this.#reads(value);
        const cost = (value.op.cost ?? 2) + value.inputs.reduce((sum, x) => sum + this.#inlinedCost(x), 0);
        this.#costs.set(value, cost);
        chosen ||= reads.length > mostReads || cost > mostInlined;
        chosen ||= this.#isRepeated(value) && !this.#isCheap(value, cost, reads);
        chosen ||= !this.#options.fuse;
      } else if (kind === "concat") {
        this.#costs.set(
          value,
          value.inputs.reduce((sum, x) => sum + this.#inlinedCost(x), 0),
        );
        chosen = true;
      } else if (kind !== "view" && kind !== "constant" && kind !== "iota") chosen = true;
      if (chosen) this.#candidates.add(value);
    }
  }

  #inlinedCost(value: Value): number {
    if (this.isBuffer(value)) return 0;
    if (value.op.kind === "view") return this.#inlinedCost(value.inputs[0] as Value);
    return this.#costs.get(value) ?? 0;
  }

  /** Whether elements of a value are read more than once: by several readers, unless each has a slice of its own. */
  #isRepeated(value: Value): boolean {
    const users = this.#users.get(value) ?? [];
    const slices = users.filter((user) => user.attrs["step"] !== undefined && !this.#forced.has(user));
    const apart = users.length > 1 && slices.length === users.length && slices.length <= mostParts && areApart(slices);
    return (apart ? slices : [value]).some((x) => this.#readers(x).size > 1);
  }

  /** Whether a value that is read more than once is made again for each of its readers. */
  #isCheap(value: Value, cost: number, reads: readonly Value[]): boolean {
    if (reads.length > 2) return false;
    return cost <= cheap || (cost <= cheapLater && value.op.kind === "elementwise" && this.#isRepeatable(value, reads));
  }

  /** Whether few read a value, one of them in its own phase at most, and what it is made of is kept for later ones anyway. */
  #isRepeatable(value: Value, reads: readonly Value[]): boolean {
    const readers = [...this.#readers(value)];
    const later = readers.filter((x) => x.phase > value.phase).length;
    if (later > mostLater || readers.length - later > 1) return false;
    return reads.every((x) => x.op.kind === "leaf" || (this.#readUntil.get(x) ?? 0) > value.phase);
  }

  /** Notes the last phase in which a value is read, directly or through cheap work. Its users come first. */
  #noteReaders(value: Value): void {
    let last = 0;
    for (const user of this.#users.get(value) ?? []) {
      const passesOn = user.op.kind === "view" || (user.op.kind === "elementwise" && (user.op.cost ?? 2) <= 1);
      last = Math.max(last, user.phase, passesOn ? (this.#readUntil.get(user) ?? 0) : 0);
    }
    this.#readUntil.set(value, last);
  }

  /** The values other than views that read this one, directly or through views. */
  #readers(value: Value, found = new Set<Value>()): Set<Value> {
    for (const user of this.#users.get(value) ?? []) {
      if (user.op.kind === "view" && !this.#forced.has(user)) this.#readers(user, found);
      else found.add(user);
    }
    return found;
  }

  /** The values in memory that the computation of a value reads, inlined values looked through. */
  #reads(value: Value): readonly Value[] {
    let known = this.#readsOf.get(value);
    if (known === undefined) {
      known = this.#findReads(value);
      this.#readsOf.set(value, known);
    }
    return known;
  }

  #findReads(value: Value): readonly Value[] {
    const found = new Set<Value>();
    const seen = new Set<Value>();
    const visit = (x: Value): void => {
      if (seen.has(x)) return;
      seen.add(x);
      if (this.#candidates.has(x)) found.add(x);
      else if (x.op.kind === "leaf") found.add(x);
      else x.inputs.forEach(visit);
    };
    value.inputs.forEach(visit);
    return [...found];
  }

  #place(value: Value): void {
    const sources = new Set<Unit>();
    for (const read of this.#reads(value)) {
      const unit = this.#units.get(read);
      if (unit !== undefined) sources.add(unit);
    }
    let own = unitOf(value, sources);
    if (value.op.kind === "concat" && !this.#isGroup(value, own)) own = singleUnit(value, sources);
    if (own.kind === "group" && this.#options.fuse && !own.closed) {
      const joined = this.#join(value, own, sources) ?? this.#joinSibling(value, own, sources);
      if (joined !== undefined) {
        this.#units.set(value, joined);
        return;
      }
    }
    if (own.kind === "group") this.#try(own.group);
    // Pad and concat place each input by a kernel of its own, which must be able to read it.
    else if (value.op.kind === "pad" || value.op.kind === "concat") {
      for (const x of value.inputs) this.#try({ space: x.shape, reduced: [], members: [kit.copy(x)] });
    }
    this.#list.push(own);
    this.#units.set(value, own);
  }

  /** Whether one kernel may write all parts of a concat. */
  #isGroup(value: Value, unit: Unit): boolean {
    if (unit.kind !== "group" || !this.#options.fuse) return false;
    return this.#reads(value).length <= mostReads && this.#fits(unit.group);
  }

  /** Puts a value into the unit of one of its sources, together with further sources of the same space. */
  #join(value: Value, own: Unit, sources: ReadonlySet<Unit>): Unit | undefined {
    let joined: Unit | undefined;
    for (const unit of [...sources].reverse()) {
      if (unit.closed || unit.kind !== "group" || unit.phase !== value.phase) continue;
      if (joined === undefined) {
        const group = combine(unit.group, own.group);
        const rest = [...sources].filter((s) => s !== unit);
        if (group === undefined || rest.some((s) => dependsOn(s, unit)) || !this.#fits(group)) continue;
        unit.group = group;
        for (const s of rest) unit.sources.add(s);
        joined = unit;
      } else if (unit !== joined) this.#absorb(joined, unit);
    }
    return joined;
  }

  /** Puts a fold into the unit of another fold that walks the same elements, so that these are read once. */
  #joinSibling(value: Value, own: Unit, sources: ReadonlySet<Unit>): Unit | undefined {
    const { space, reduced } = own.group;
    if (reduced.length === 0) return undefined;
    const size = sizeOf(space);
    const walked = this.#reads(value).filter((x) => sizeOf(x.shape) === size);
    for (const unit of this.#list.slice(-recentUnits).reverse()) {
      const { group } = unit;
      if (unit.closed || unit.kind !== "group" || unit.phase !== value.phase) continue;
      if (!sameShape(group.space, space) || !sameShape(group.reduced, reduced)) continue;
      if (!walked.some((x) => group.members.some((member) => this.#reads(member).includes(x)))) continue;
      if ([...sources].some((s) => dependsOn(s, unit))) continue;
      const both = combine(group, own.group);
      if (both === undefined || !this.#fits(both)) continue;
      unit.group = both;
      for (const s of sources) unit.sources.add(s);
      return unit;
    }
    return undefined;
  }

  /** Makes two units one, where nothing outside depends on one and feeds the other. */
  #absorb(into: Unit, from: Unit): void {
    const group = combine(from.group, into.group);
    if (group === undefined) return;
    const between = (a: Unit, b: Unit): boolean => [...a.sources].some((s) => s !== b && dependsOn(s, b));
    if (between(into, from) || between(from, into)) return;
    const members = [...group.members].sort((a, b) => a.position - b.position);
    const whole = { ...group, members };
    if (!this.#fits(whole)) return;
    into.group = whole;
    for (const s of from.sources) if (s !== into) into.sources.add(s);
    into.sources.delete(from);
    for (const unit of this.#list) if (unit !== into && unit.sources.delete(from)) unit.sources.add(into);
    this.#list.splice(this.#list.indexOf(from), 1);
    for (const member of from.group.members) this.#units.set(member, into);
  }

  #fits(group: Group): boolean {
    try {
      this.#try(group);
      return true;
    } catch (error) {
      if (error instanceof CannotFuse) return false;
      throw error;
    }
  }

  /** Lowers on trial, everything stored. */
  #try(group: Group): void {
    const reads = new Set(group.members.flatMap((member) => this.#reads(member)));
    if (group.members.length > 1) {
      if (reads.size > mostReads) throw new CannotFuse("too many operands");
      const work = group.members.reduce((sum, member) => sum + (this.#costs.get(member) ?? 0), 0);
      if (work > mostInKernel) throw new CannotFuse("too much work");
    }
    const inside = new Set(group.members);
    try {
      lower(group, { isBuffer: (v) => this.isBuffer(v) && !inside.has(v), stored: () => true });
    } catch (error) {
      if (!(error instanceof CannotFuse) || group.members.length > 1 || error.value !== undefined) throw error;
      // Alone, a fold can always go over an operand of its own.
      throw new CannotFuse(error.message, group.members[0]?.inputs[0]);
    }
  }

  /** Units in topological order, phases one behind the other, otherwise as they came. */
  #sorted(): Unit[] {
    const done = new Set<Unit>();
    const out: Unit[] = [];
    const visit = (unit: Unit): void => {
      if (done.has(unit)) return;
      done.add(unit);
      for (const source of unit.sources) visit(source);
      out.push(unit);
    };
    for (let phase = 0; phase < 3; phase++) for (const unit of this.#list) if (unit.phase === phase) visit(unit);
    return out.sort((a, b) => a.phase - b.phase);
  }
}

/** Whether no element is in two of these slices of one value. */
function areApart(slices: readonly Value[]): boolean {
  const ranges = slices.map(({ attrs, shape }) =>
    shape.map((size, d) => {
      const [from, step] = [listOf(attrs, "start")[d] as number, listOf(attrs, "step")[d] as number];
      const to = from + (size - 1) * step;
      return [Math.min(from, to), Math.max(from, to)] as const;
    }),
  );
  return ranges.every((a, i) =>
    ranges.slice(i + 1).every((b) => a.some(([from, to], d) => to < (b[d]?.[0] ?? from) || (b[d]?.[1] ?? to) < from)),
  );
}

/** Operands that a kernel must find in memory. */
function demandsOf(value: Value, { convolutions }: FuseOptions): Value[] {
  const isLeaf = (x: Value): boolean => x.op.kind === "leaf";
  switch (value.op.kind) {
    case "contract":
    case "conv": {
      if (convolutions === true && isConvTaken(value)) return convDemands(value, isLeaf);
      const readable = value.inputs.map((x) => (isReadable(x, isLeaf) ? baseOf(x, isLeaf) : x));
      const bases = new Set(readable);
      const isBuffer = (x: Value): boolean => isLeaf(x) || bases.has(x);
      const lowered = value.op.kind === "contract" ? lowerDot(value, isBuffer) : lowerConv(value, isBuffer);
      return lowered === undefined ? [...value.inputs] : readable;
    }
    case "gather": {
      const memory = belowReshapes(value.inputs[0] as Value, isLeaf);
      return [memory.op.kind === "view" ? (value.inputs[0] as Value) : memory];
    }
    case "sort":
      return [value.inputs[0] as Value];
    case "attention":
      return attentionDemands(value, isLeaf);
    case "loop": {
      const { carries, sequences } = loopSettings(value.attrs).body;
      return value.inputs.map((x, i) => rowsOf(x, i >= carries && i < carries + sequences, isLeaf)?.base ?? x);
    }
    default:
      return [];
  }
}
