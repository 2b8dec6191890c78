/** Loops without what nobody reads of their results: fewer stacks, fewer histories, and no work for them. Floor: transform. */
import type { Value } from "../../ir/value.ts";
import { sortGraph } from "../../ir/value.ts";
import { kit } from "../../ops/kit.ts";
import { type LoopPart, type LoopSettings, loopSettings, partsOf } from "../../ops/loop.ts";
import { listOf } from "../../ops/record.ts";
import { endSlots, loopVertex } from "./vertex.ts";

/** The slots of a part that are read: from the first to the last. */
interface Reads {
  from: number;
  to: number;
}

/** Where a part of the old result lies in the new one: element `start` of the old part is element `to` there. */
interface Move {
  readonly start: number;
  readonly end: number;
  readonly to: number;
}

export class LoopPruning {
  readonly #reads = new Map<Value, (Reads | undefined)[] | "all">();
  readonly #moves = new Map<Value, readonly Move[]>();

  constructor(roots: readonly Value[]) {
    const { order } = sortGraph(roots, (value) => value.leaf !== undefined);
    for (const value of order) if (value.leaf === undefined) for (const input of value.inputs) this.#note(input, value);
    for (const root of roots) this.#note(root, undefined);
  }

  #note(loop: Value, reader: Value | undefined): void {
    if (loop.op.kind !== "loop" || loop.leaf !== undefined) return;
    const parts = partsOf(loopSettings(loop.attrs));
    const known = this.#reads.get(loop) ?? parts.map(() => undefined);
    this.#reads.set(loop, known);
    const range = reader === undefined ? undefined : sliceOf(reader);
    if (range !== undefined && range.from === range.to) return;
    const at =
      range === undefined ? -1 : parts.findIndex((part) => range.from >= part.start && range.to <= endOf(part));
    if (known === "all" || range === undefined || at < 0) {
      this.#reads.set(loop, "all");
      return;
    }
    const { start, size } = parts[at] as LoopPart;
    const [from, to] = [Math.floor((range.from - start) / size), Math.ceil((range.to - start) / size)];
    const before = known[at];
    known[at] =
      before === undefined ? { from, to } : { from: Math.min(from, before.from), to: Math.max(to, before.to) };
  }

  /** The loop with what is read alone; itself where that is all. */
  loop(value: Value, inputs: readonly Value[]): Value {
    const reads = this.#reads.get(value);
    if (reads === undefined || reads === "all") return value;
    const settings = loopSettings(value.attrs);
    const parts = partsOf(settings);
    const kept = parts.map((part, i) => smallest(value, part, reads[i], settings));
    if (kept.every((to, i) => to?.kind === parts[i]?.kind)) return value;
    const carries = (kind: LoopPart["kind"]): number[] => [
      ...new Set(kept.flatMap((to) => (to?.kind === kind ? [to.output] : []))),
    ];
    const outputs = settings.body.outputs.slice(0, settings.body.carries);
    const stacks = kept.map((to) =>
      to?.kind === "stack" ? outputs.push(settings.body.outputs[to.output] as Value) - 1 : -1,
    );
    const pruned = loopVertex({ ...settings, inputs }, outputs, carries("final"), carries("history"));
    const made = partsOf(loopSettings(pruned.attrs));
    this.#moves.set(
      value,
      parts.flatMap((part, i): Move[] => {
        const to = kept[i];
        if (to === undefined) return [];
        const output = to.kind === "stack" ? stacks[i] : to.output;
        const place = made.find((x) => x.kind === to.kind && x.output === output) as LoopPart;
        return [{ start: part.start, end: endOf(part), to: place.start - to.shift * part.size }];
      }),
    );
    return pruned;
  }

  /** A slice of a loop's result, of the result as it is now. */
  slice(value: Value, inputs: readonly Value[]): Value | undefined {
    const moves = this.#moves.get(value.inputs[0] as Value);
    const range = sliceOf(value);
    if (moves === undefined || range === undefined) return undefined;
    const move = moves.find(({ start, end }) => range.from >= start && range.to <= end);
    // Of no elements there is no place.
    const at = move === undefined ? 0 : range.from - move.start + move.to;
    return kit.slice(inputs[0] as Value, [at], [1], [range.to - range.from]);
  }
}

function endOf({ start, size, slots }: LoopPart): number {
  return start + size * slots;
}

/** The elements of a vector that a slice takes one behind the other. */
function sliceOf({ attrs, op, shape }: Value): { readonly from: number; readonly to: number } | undefined {
  if (op.kind !== "view" || attrs["step"] === undefined || listOf(attrs, "step")[0] !== 1) return undefined;
  const from = listOf(attrs, "start")[0] as number;
  return { from, to: from + (shape[0] as number) };
}

/** What is left of a part, and by how many slots it begins later than the part did. */
interface Left {
  readonly kind: LoopPart["kind"];
  readonly output: number;
  readonly shift: number;
}

function smallest(loop: Value, part: LoopPart, reads: Reads | undefined, settings: LoopSettings): Left | undefined {
  if (reads === undefined || reads.from >= reads.to) return undefined;
  const { kind, output } = part;
  const { body, histories } = settings;
  const same = { kind, output, shift: 0 };
  if (kind === "final") return same;
  const { first, last } = endSlots(loop, part);
  const carry = kind === "history" ? output : body.outputs.indexOf(body.outputs[output] as Value);
  const isOwn = carry < body.carries && (kind === "history" || !histories.includes(carry));
  if (isOwn && reads.from === last && reads.to === last + 1) return { kind: "final", output: carry, shift: last };
  const readsFirst = reads.from <= first && first < reads.to;
  return kind === "history" && !readsFirst ? { kind: "stack", output, shift: first === 0 ? 1 : 0 } : same;
}
