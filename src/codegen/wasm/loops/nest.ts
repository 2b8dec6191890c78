/**
 * How a loop kernel walks: the units of a call, nested loops, the loop along which lanes lie; the pointers of the accesses
 * move with it. What is done at each place is the business of loops.ts. Floor: codegen.
 */
import { itemSize } from "../../../base/dtype.ts";
import { type Access, type LoopKernel, counting, laneLoop, laneStep } from "../../../schedule/kernel.ts";
import type { KernelFn } from "../driver.ts";
import type { Local, Operand } from "../function.ts";
import type { LoopAccesses } from "./accesses.ts";
import type { Width } from "../memory-access.ts";
import type { Lanes } from "../vector.ts";

/** Sums across go in blocks of so many elements, whose sums are then added: rounding errors stay small. */
const sumBlock = 4096;

/** Blocks of the lane loop of an "along" kernel, and the one at hand. */
export interface Block {
  readonly size: Local;
  readonly count: Local;
  readonly number: Local;
  /** Its first element, and how many it has. */
  readonly first: Local;
  readonly extent: Local;
}

export interface LaneOptions {
  readonly block?: Block;
  /** Vectors side by side. Default 1. */
  readonly copies?: number;
  /** Off: lane by lane. Default on. */
  readonly vectors?: boolean;
  /** Emitted behind each block of a sum. */
  readonly endBlock?: (() => void) | undefined;
}

export class LoopNest {
  readonly #kernel: LoopKernel;
  readonly #f: KernelFn;
  readonly #lanes: Lanes;
  readonly #access: LoopAccesses;
  readonly #extents: readonly Local[];

  constructor(kernel: LoopKernel, f: KernelFn, lanes: Lanes, access: LoopAccesses) {
    this.#kernel = kernel;
    this.#f = f;
    this.#lanes = lanes;
    this.#access = access;
    this.#extents = kernel.extents.map((_, i) => access.argument(i));
  }

  /** Runs `body` for the units of the call: indices of the loops and, if asked for, blocks of lanes, which run fastest. */
  units(loops: readonly number[], hasBlocks: boolean, body: (block?: Block) => void): void {
    const f = this.#f;
    const [, from, to] = f.params;
    const all = this.#access.pointers.map((_, a) => a);
    const before = this.#access.pointers;
    this.#access.pointers = this.#copyPointers(loops.length === 0 ? [] : all);
    const indices = loops.map(() => f.local("i32"));
    const unit = f.local("i32");
    const block = hasBlocks ? this.#block() : undefined;
    const addStep = (access: number, loop: number): void => {
      this.#access.step(access, loop);
      f.op("i32.add");
    };
    f.get(from).tee(unit).get(to).op("i32.lt_u");
    f.if((exit) => {
      f.get(from).if(() => this.#startAt(loops, indices, block));
      f.loop((again) => {
        if (block !== undefined) this.#setBlock(block);
        body(block);
        f.push(unit, 1).op("i32.add").tee(unit).get(to).op("i32.ge_u").brIf(exit);
        if (block !== undefined) {
          f.push(block.number, 1).op("i32.add").tee(block.number).get(block.count).op("i32.lt_u").brIf(again);
          f.i32(0).set(block.number);
        }
        for (let d = loops.length - 1; d >= 0; d--) {
          const [loop, index] = [loops[d] as number, indices[d] as Local];
          for (const a of all) {
            const pointer = this.#access.pointers[a] as Local;
            f.get(pointer);
            addStep(a, loop);
            f.set(pointer);
          }
          if (d === 0) break;
          const extent = this.#extents[loop] as Local;
          f.push(index, 1).op("i32.add").tee(index).get(extent).op("i32.lt_u").brIf(again);
          f.i32(0).set(index);
          for (const a of all) {
            const pointer = this.#access.pointers[a] as Local;
            f.get(pointer);
            this.#access.step(a, loop);
            f.get(extent).op("i32.mul", "i32.sub").set(pointer);
          }
        }
        f.br(again);
      });
    });
    this.#access.pointers = before;
  }

  /** Goes to the unit `from`. */
  #startAt(loops: readonly number[], indices: readonly Local[], block: Block | undefined): void {
    const f = this.#f;
    const rest = f.local("i32");
    const cut = (by: Local, into: Local): void => {
      f.push(rest, by).op("i32.rem_u").set(into);
      f.push(rest, by).op("i32.div_u").set(rest);
    };
    f.get(f.params[1]).set(rest);
    if (block !== undefined) cut(block.count, block.number);
    for (let d = loops.length - 1; d >= 0; d--) {
      const [loop, index] = [loops[d] as number, indices[d] as Local];
      if (d > 0) cut(this.#extents[loop] as Local, index);
      else f.get(rest).set(index);
      for (const [a, pointer] of this.#access.pointers.entries()) {
        f.get(pointer).get(index);
        this.#access.step(a, loop);
        f.op("i32.mul", "i32.add").set(pointer);
      }
    }
  }

  /** Locals for blocks of the lane loop, the first block being at hand. */
  #block(): Block {
    const f = this.#f;
    const size = this.#access.argument(this.#kernel.extents.length);
    const count = f.local("i32");
    f.get(this.#extents[laneLoop(this.#kernel)] as Local);
    f.get(size).op("i32.add").i32(1).op("i32.sub").get(size).op("i32.div_u").set(count);
    return { size, count, number: f.local("i32"), first: f.local("i32"), extent: f.local("i32") };
  }

  #setBlock({ size, number, first, extent }: Block): void {
    const f = this.#f;
    f.push(number, size).op("i32.mul").set(first);
    f.get(this.#extents[laneLoop(this.#kernel)] as Local)
      .get(first)
      .op("i32.sub")
      .set(extent);
    f.minimum(extent, size).set(extent);
  }

  /** Nested loops, pointers of the `active` accesses moving; `body` runs innermost. */
  loops(loops: readonly number[], active: readonly number[], body: () => void): void {
    const loop = loops[0];
    if (loop === undefined) {
      body();
      return;
    }
    const f = this.#f;
    const before = this.#access.pointers;
    this.#access.pointers = this.#copyPointers(active);
    f.for(f.local("i32"), 0, this.#extents[loop] as Local, 1, () => {
      this.loops(loops.slice(1), active, body);
      for (const a of active) {
        const pointer = this.#access.pointers[a] as Local;
        f.get(pointer);
        this.#access.step(a, loop);
        f.op("i32.add").set(pointer);
      }
    });
    this.#access.pointers = before;
  }

  #copyPointers(active: readonly number[]): readonly Local[] {
    const f = this.#f;
    return this.#access.pointers.map((pointer, a) => {
      if (!active.includes(a)) return pointer;
      const moving = f.local("i32");
      f.get(pointer).set(moving);
      return moving;
    });
  }

  /** The loop along which lanes lie: whole vectors, then single lanes. `prepare` runs once in front. */
  laneLoop(
    active: readonly number[],
    body: (width: Width, copy: number) => void,
    prepare: () => void,
    { block, copies = 1, vectors = true, endBlock }: LaneOptions,
  ): void {
    const f = this.#f;
    const kernel = this.#kernel;
    const loop = laneLoop(kernel);
    const before = this.#access.pointers;
    const moving = active.filter((a) => laneStep(kernel, kernel.accesses[a] as Access) !== "same");
    this.#access.pointers = this.#copyPointers(moving);
    if (block !== undefined) {
      for (const a of moving) this.#moveLanes(a, block.first);
    }
    const whole = block?.extent ?? (this.#extents[loop] as Local);
    const extent = endBlock === undefined ? whole : f.local("i32");
    const counter = f.local("i32");
    prepare();
    const advance = (count: number): void => {
      for (const a of moving) this.#moveLanes(a, count);
    };
    const pass = (width: Width, count: number): void => {
      const step = (width === "vector" ? this.#lanes : 1) * count;
      const end = f.local("i32");
      f.get(extent)
        .i32(step - 1)
        .op("i32.sub")
        .set(end);
      f.get(counter)
        .get(end)
        .op("i32.lt_s")
        .if(() => {
          f.loop((again) => {
            for (let copy = 0; copy < count; copy++) {
              body(width, copy);
              advance(width === "vector" ? this.#lanes : 1);
            }
            f.push(counter, step).op("i32.add").tee(counter).get(end).op("i32.lt_s").brIf(again);
          });
        });
    };
    const passes = (): void => {
      f.i32(0).set(counter);
      if (vectors && copies > 1) pass("vector", copies);
      if (vectors) pass("vector", 1);
      pass("single", 1);
    };
    if (endBlock === undefined) passes();
    else {
      const done = f.local("i32");
      f.for(done, 0, whole, sumBlock, () => {
        // The pointers go on through all blocks; only the count starts again.
        f.get(whole).get(done).op("i32.sub").set(extent);
        f.minimum(extent, sumBlock).set(extent);
        passes();
        endBlock();
      });
    }
    this.#access.pointers = before;
  }

  /** Moves the pointer of an access by `count` lanes. */
  #moveLanes(a: number, count: Operand): void {
    const f = this.#f;
    const kernel = this.#kernel;
    const access = kernel.accesses[a] as Access;
    const pointer = this.#access.pointers[a] as Local;
    const bytes = access.buffer === counting ? 1 : itemSize[access.dtype];
    f.get(pointer);
    if (laneStep(kernel, access) !== "next") {
      this.#access.step(a, laneLoop(kernel));
      if (count !== 1) f.push(count).op("i32.mul");
    } else if (typeof count === "number") f.i32(count * bytes);
    else {
      f.get(count);
      if (bytes > 1) f.i32(bytes).op("i32.mul");
    }
    f.op("i32.add").set(pointer);
  }
}
