/**
 * Loop kernels in WebAssembly: nests of loops with pointers that move, statements on vectors, a tail of single lanes
 * that goes through the same instructions (so that results do not depend on where an element stands). Floor: codegen.
 *
 * A unit is an index of the outer loops, and where lanes lie along the last kept dim a block of these: the blocks run
 * fastest. A kernel that adds at chosen places does all outer loops in each block, so that additions keep their order.
 * What a kernel is called with stands in loop-arguments.ts.
 */
import type { Scalar } from "../../../ir/scalar.ts";
import {
  type Level,
  type LoopKernel,
  type Statement,
  accessesOf,
  fixedScalars,
  holdsFloat64,
} from "../../../schedule/kernel.ts";
import { scatters } from "../../../schedule/split.ts";
import { type KernelFn, kernelFunction } from "../driver.ts";
import { foldInto, horizontal, startOf } from "../folds.ts";
import type { HostFunction, Local } from "../function.ts";
import { LoopAccesses, type StoreStatement } from "./accesses.ts";
import { type Block, LoopNest } from "./nest.ts";
import type { Width } from "../memory-access.ts";
import { type Lanes, VectorSpeller } from "../vector.ts";

/** Vectors folded side by side, so that one addition need not wait for the one before. */
const unroll = 4;

type FoldStatement = Extract<Statement, { kind: "fold" }>;

/** Lanes of a kernel: two where it holds float64. */
export function lanesOf(kernel: LoopKernel): Lanes {
  return holdsFloat64(kernel) ? 2 : 4;
}

/** The code of a loop kernel. `hosts` collects the host functions that it calls. */
export function loopKernel(kernel: LoopKernel, hosts: Map<string, HostFunction>): KernelFn {
  return new LoopEmitter(kernel, hosts).build();
}

interface Accumulator {
  readonly statement: FoldStatement;
  /** One for each unrolled copy. */
  readonly values: readonly Local[];
  /** Sums of whole blocks, one for each copy, where the fold is a sum across. */
  readonly totals: readonly Local[];
  /** Of argmax and argmin. */
  readonly positions: readonly Local[];
  /** The result, once the level is over: all lanes (across) or a lane each (along). */
  readonly result: Local;
}

class LoopEmitter {
  readonly #kernel: LoopKernel;
  readonly #f: KernelFn = kernelFunction();
  readonly #lanes: Lanes;
  readonly #speller: VectorSpeller;
  readonly #nest: LoopNest;
  readonly #access: LoopAccesses;
  readonly #accumulators = new Map<number, Accumulator>();

  constructor(kernel: LoopKernel, hosts: Map<string, HostFunction>) {
    this.#kernel = kernel;
    this.#lanes = lanesOf(kernel);
    this.#speller = new VectorSpeller(this.#f, this.#lanes, hosts);
    this.#access = new LoopAccesses(kernel, this.#f, this.#lanes, this.#speller);
    this.#nest = new LoopNest(kernel, this.#f, this.#lanes, this.#access);
    for (const level of kernel.levels) {
      for (const s of level.loop) {
        if (s.kind !== "fold") continue;
        const copies = this.#oneByOne(level.loop) || kernel.lanes === "along" ? 1 : unroll;
        this.#accumulators.set(s.accumulator, {
          statement: s,
          values: this.#f.localArray("v128", copies),
          totals: s.fold === "sum" && copies > 1 ? this.#f.localArray("v128", copies) : [],
          positions: s.position === undefined ? [] : this.#f.localArray("v128", 1),
          result: this.#f.local("v128"),
        });
      }
    }
  }

  build(): KernelFn {
    const { accesses, lanes } = this.#kernel;
    const outer = Array.from({ length: this.#kernel.outer }, (_, i) => i);
    const all = accesses.map((_, i) => i);
    const row = (block?: Block): void => {
      if (block === undefined) this.#levels("single", false);
      else this.#nest.laneLoop(all, (width) => this.#levels(width, true), this.#hoisted(), { block });
    };
    if (scatters(this.#kernel))
      this.#nest.units([], lanes === "along", (block) => this.#nest.loops(outer, all, () => row(block)));
    else this.#nest.units(outer, lanes === "along", row);
    return this.#f;
  }

  #levels(width: Width, along: boolean): void {
    const kernel = this.#kernel;
    const firstInner = kernel.outer + (along ? 1 : 0);
    const inner = Array.from({ length: kernel.extents.length - firstInner }, (_, i) => firstInner + i);
    for (const level of kernel.levels) {
      if (level.row.length > 0) this.#run(level.row, level.reload, along ? width : "single", along, new Map(), 0);
      if (level.loop.length === 0) continue;
      const active = accessesOf(level.loop, level.reload);
      const folds = level.loop.filter((s): s is FoldStatement => s.kind === "fold");
      for (const fold of folds) this.#start(fold);
      if (along) {
        const known = inner.length === 0 ? this.#known : new Map<Scalar, Local>();
        this.#nest.loops(inner, active, () => this.#run(level.loop, level.reload, width, true, known, 0));
        for (const fold of folds) this.#finish(fold, false);
      } else {
        const oneByOne = this.#oneByOne(level.loop);
        const known = new Map<Scalar, Local>();
        this.#nest.loops(inner.slice(0, -1), active, () =>
          this.#nest.laneLoop(
            active,
            (w, copy) => this.#run(level.loop, level.reload, w, true, known, copy),
            () => this.#hoist(level.loop, level.reload, known),
            {
              copies: folds.length > 0 ? unroll : 1,
              vectors: !oneByOne,
              endBlock: folds.some((fold) => this.#accumulatorOf(fold).totals.length > 0)
                ? () => folds.forEach((s) => this.#endBlock(s))
                : undefined,
            },
          ),
        );
        for (const fold of folds) this.#finish(fold, true);
      }
    }
  }

  /** Positions and scans take elements one by one when lanes would lie across them. */
  #oneByOne(statements: readonly Statement[]): boolean {
    return (
      this.#kernel.lanes === "across" &&
      statements.some((s) =>
        s.kind === "fold" ? s.position !== undefined || s.running === true : s.index !== undefined,
      )
    );
  }

  #accumulatorOf(s: FoldStatement): Accumulator {
    return this.#accumulators.get(s.accumulator) as Accumulator;
  }

  /** Adds the sums of a block to the totals and starts them again. */
  #endBlock(s: FoldStatement): void {
    const f = this.#f;
    const { values, totals } = this.#accumulatorOf(s);
    totals.forEach((total, copy) => {
      const value = values[copy] as Local;
      foldInto(f, s.fold, s.dtype, total, value, undefined, undefined, value, value);
      f.set(total);
      startOf(f, s.fold, s.dtype);
      f.set(value);
    });
  }

  #start(s: FoldStatement): void {
    const a = this.#accumulatorOf(s);
    for (const value of [...a.values, ...a.totals]) {
      startOf(this.#f, s.fold, s.dtype);
      this.#f.set(value);
    }
    for (const position of a.positions) this.#f.i32x4(-1).set(position);
  }

  #finish(s: FoldStatement, across: boolean): void {
    const f = this.#f;
    const a = this.#accumulatorOf(s);
    const position = a.positions[0];
    if (position !== undefined) {
      f.get(position).i32x4(0).op("i32x4.max_s");
      if (across) f.set(a.result).get(a.result).get(a.result).shuffleLanes(0, 0, 0, 0);
    } else if (across && s.running !== true) {
      horizontal(
        f,
        s.fold,
        s.dtype,
        this.#lanes,
        a.totals.length > 0 ? a.totals : a.values,
        this.#speller.temporary(0),
      );
    } else {
      f.get(a.values[0] as Local);
      if (across) f.set(a.result).get(a.result).get(a.result).shuffleLanes(0, 0, 0, 0);
    }
    f.set(a.result);
  }

  /** What an "along" kernel without inner loops computed in front of its lane loop. */
  #known = new Map<Scalar, Local>();

  #hoisted(): () => void {
    return () => {
      this.#known = new Map();
      const { levels, outer, extents } = this.#kernel;
      if (extents.length > outer + 1) return;
      for (const level of levels) this.#hoist([...level.row, ...level.loop], level.reload, this.#known);
    };
  }

  /** Computes in front of a lane loop all that is the same in all its lanes. */
  #hoist(statements: readonly Statement[], reload: Level["reload"], known: Map<Scalar, Local>): void {
    const fixed = fixedScalars(statements, reload, (s) => this.#access.sameInAllLanes(s));
    for (const s of fixed) this.#evaluate(s, reload, "vector", known);
  }

  /** All values of the statements first, then all stores: a statement may overwrite what another one reads. */
  #run(
    statements: readonly Statement[],
    reload: ReadonlyMap<Scalar, Scalar>,
    width: Width,
    lanesDiffer: boolean,
    known: ReadonlyMap<Scalar, Local>,
    copy: number,
  ): void {
    const here = new Map(known);
    for (const s of statements) if (s.kind === "fold") this.#fold(s, reload, width, here, copy);
    const stores = statements.filter((s): s is StoreStatement => s.kind === "store");
    const values = stores.map((s) => {
      const value = this.#evaluate(s.value, reload, width, here);
      return { s, value, index: s.index === undefined ? undefined : this.#evaluate(s.index, reload, width, here) };
    });
    for (const { s, value, index } of values) {
      if (index !== undefined) this.#access.addChosen(s, value, index, width);
      else this.#access.store(s, value, lanesDiffer ? width : "single");
    }
  }

  #fold(
    s: FoldStatement,
    reload: ReadonlyMap<Scalar, Scalar>,
    width: Width,
    here: Map<Scalar, Local>,
    copy: number,
  ): void {
    const f = this.#f;
    const a = this.#accumulatorOf(s);
    const value = this.#evaluate(s.value, reload, width, here);
    const position = s.position === undefined ? undefined : this.#evaluate(s.position, reload, width, here);
    const target = a.values[Math.min(copy, a.values.length - 1)] as Local;
    const held = a.positions[0];
    // A single lane across: the other lanes keep what they have.
    const masked = width === "single" && this.#kernel.lanes === "across";
    const mask = (): void => {
      if (s.dtype === "float64") f.i32x4(-1, -1, 0, 0);
      else f.i32x4(-1, 0, 0, 0);
    };
    foldInto(f, s.fold, s.dtype, target, value, held, position, this.#speller.temporary(0), this.#speller.temporary(1));
    if (masked && held === undefined) {
      f.get(target);
      mask();
      f.op("v128.bitselect");
    }
    f.set(target);
    if (s.running === true) f.get(target).set(a.result);
  }

  /** Reads the value of a computation into a local, computing each thing once. */
  #evaluate(given: Scalar, reload: ReadonlyMap<Scalar, Scalar>, width: Width, here: Map<Scalar, Local>): Local {
    const s = reload.get(given) ?? given;
    const known = here.get(s);
    if (known !== undefined) return known;
    const f = this.#f;
    if (s.instruction === "load" && s.name === "row") {
      return (this.#accumulators.get(s.value) as Accumulator).result;
    }
    for (const arg of s.args) if (arg.instruction !== "const") this.#evaluate(arg, reload, width, here);
    const local = f.local("v128");
    const push = (arg: Scalar): void => {
      if (arg.instruction === "const") this.#speller.emit(arg, push);
      else f.get(this.#evaluate(arg, reload, width, here));
    };
    if (s.instruction === "argument") this.#access.number(s);
    else if (s.instruction === "load") this.#access.load(s, width, push);
    else if (s.instruction === "index") this.#access.index(s);
    else this.#speller.emit(s, push);
    f.set(local);
    here.set(s, local);
    return local;
  }
}
