/**
 * How a loop kernel reaches memory: where each access is now, loads and stores of lanes, chosen places, numbers of the
 * call. The order of arguments stands in loop-arguments.ts. Floor: codegen.
 */
import { itemSize } from "../../../base/dtype.ts";
import type { Scalar } from "../../../ir/scalar.ts";
import {
  type Access,
  type LoopKernel,
  type Statement,
  holdsThroughout,
  laneLoop,
  laneStep,
  rowScratch,
} from "../../../schedule/kernel.ts";
import type { KernelFn } from "../driver.ts";
import { Fn, type Local } from "../function.ts";
import { type Width, loadLanes, loadNext, loadSplat, storeLanes, storeNext } from "../memory-access.ts";
import type { Lanes, VectorSpeller } from "../vector.ts";

/**
 * `noteFault(words, index, extent)`: notes an index that is out of range. Of several one is kept whatever the threads do:
 * the smallest extent, the smallest index.
 */
const noteFault = noteFaultFunction();

function noteFaultFunction(): Fn {
  const f = new Fn(["i32", "i32", "i32"]);
  const [words, index, extent] = f.params;
  f.loop((again) => f.push(words, 0, 1).atomic("i32.atomic.rmw.cmpxchg", 12).brIf(again));
  f.get(words).load("i32.load").op("i32.eqz");
  f.get(extent).get(words).load("i32.load", 8).op("i32.lt_s", "i32.or");
  f.get(extent).get(words).load("i32.load", 8).op("i32.eq");
  f.get(index).get(words).load("i32.load", 4).op("i32.lt_s", "i32.and", "i32.or");
  f.if(() => {
    f.push(words, 1).store("i32.store", 0);
    f.push(words, index).store("i32.store", 4);
    f.push(words, extent).store("i32.store", 8);
  });
  f.push(words, 0).store("i32.atomic.store", 12);
  return f;
}

export type StoreStatement = Extract<Statement, { kind: "store" }>;

export class LoopAccesses {
  readonly #kernel: LoopKernel;
  /** What `#isUniform` has found out. */
  readonly #uniform = new Map<Scalar, boolean>();
  readonly #f: KernelFn;
  readonly #lanes: Lanes;
  readonly #speller: VectorSpeller;
  readonly #fault: Local;
  /** Where each access is now: an address, or a count. */
  pointers: readonly Local[];

  constructor(kernel: LoopKernel, f: KernelFn, lanes: Lanes, speller: VectorSpeller) {
    this.#kernel = kernel;
    this.#f = f;
    this.#lanes = lanes;
    this.#speller = speller;
    this.pointers = kernel.accesses.map((access, i) => {
      const pointer = this.argument(this.#wordOf(i));
      if (access.buffer === rowScratch) f.push(pointer, f.params[3]).op("i32.add").set(pointer);
      return pointer;
    });
    this.#fault = this.argument(this.#wordOf(kernel.accesses.length));
  }

  /** The argument that an access starts with; for the number of accesses the one behind them. */
  #wordOf(access: number): number {
    const loops = this.#kernel.extents.length;
    return loops + (this.#kernel.lanes === "along" ? 1 : 0) + access * (loops + 3);
  }

  /** A new local with argument `i`. */
  argument(i: number): Local {
    const local = this.#f.local("i32");
    this.#f
      .get(this.#f.params[0])
      .load("i32.load", 4 * i)
      .set(local);
    return local;
  }

  /** Pushes the step of an access along a loop. */
  step(access: number, loop: number): void {
    this.#f.get(this.#f.params[0]).load("i32.load", 4 * (this.#wordOf(access) + 1 + loop));
  }

  /** Whether a computation, its arguments left aside, is the same in all lanes. */
  sameInAllLanes(s: Scalar): boolean {
    if (s.instruction === "load" && s.name === "row") return this.#kernel.lanes === "across";
    if (s.instruction !== "load" && s.instruction !== "index") return true;
    // A chosen place may be out of range, which must not be noticed for a loop that never runs.
    return s.args.length === 0 && laneStep(this.#kernel, this.#kernel.accesses[s.value] as Access) === "same";
  }

  /** Pushes the address of a lane of an access. */
  #lanePlace(access: number, lane: number): void {
    const f = this.#f;
    const kind = laneStep(this.#kernel, this.#kernel.accesses[access] as Access);
    f.get(this.pointers[access] as Local);
    if (lane === 0 || kind === "same") return;
    if (kind === "next") f.i32(lane * itemSize[(this.#kernel.accesses[access] as Access).dtype]);
    else {
      this.step(access, laneLoop(this.#kernel));
      f.i32(lane).op("i32.mul");
    }
    f.op("i32.add");
  }

  /** Pushes a number of the call in all lanes. */
  number(s: Scalar): void {
    const word = this.#wordOf(this.#kernel.accesses.length) + 1 + 2 * s.value;
    this.#f.get(this.#f.params[0]);
    if (s.dtype === "float64") this.#f.load("v128.load64_splat", 4 * word, 2);
    else if (itemSize[s.dtype] === 4) this.#f.load("v128.load32_splat", 4 * word);
    else this.#f.load(s.dtype === "bool" ? "i32.load8_s" : "i32.load8_u", 4 * word).op("i32x4.splat");
  }

  /** Pushes the count of a loop, lane by lane. */
  index(s: Scalar): void {
    const f = this.#f;
    const access = this.#kernel.accesses[s.value] as Access;
    f.get(this.pointers[s.value] as Local).op("i32x4.splat");
    const step = laneStep(this.#kernel, access);
    if (step === "same") return;
    f.i32x4(0, 1, 2, 3);
    if (step === "other") {
      this.step(s.value, laneLoop(this.#kernel));
      f.op("i32x4.splat", "i32x4.mul");
    }
    f.op("i32x4.add");
  }

  /** Pushes elements of a buffer. `push` pushes the index of a chosen place. */
  load(s: Scalar, width: Width, push: (arg: Scalar) => void): void {
    const f = this.#f;
    const access = this.#kernel.accesses[s.value] as Access;
    const pointer = this.pointers[s.value] as Local;
    const index = s.args[0];
    if (index !== undefined) {
      this.#loadChosen(s, access, index, width, push);
      return;
    }
    const step = laneStep(this.#kernel, access);
    if (width === "single" || step === "same") loadSplat(f, access.dtype, pointer);
    else if (step === "next") loadNext(f, access.dtype, this.#lanes, pointer);
    else loadLanes(f, access.dtype, this.#lanes, (lane) => this.#lanePlace(s.value, lane));
  }

  /** Clamps chosen places into range and notes a fault where one is outside. Leaves them in `index`. */
  #checkChosen(access: number, index: Local, width: Width): void {
    const f = this.#f;
    const loops = this.#kernel.extents.length;
    const size = f.local("i32");
    f.get(this.#f.params[0])
      .load("i32.load", 4 * (this.#wordOf(access) + 1 + loops))
      .set(size);
    const lanes = width === "single" ? 1 : this.#lanes;
    // 1 in each lane that is used and out of range.
    f.get(index)
      .get(size)
      .op("i32x4.splat", "i32x4.ge_u", "i32x4.bitmask")
      .i32((1 << lanes) - 1)
      .op("i32.and");
    f.if(() => {
      for (let lane = lanes - 1; lane >= 0; lane--) {
        f.get(index)
          .lane("i32x4.extract_lane", lane)
          .get(size)
          .op("i32.ge_u")
          .if(() => f.get(this.#fault).get(index).lane("i32x4.extract_lane", lane).get(size).call(noteFault));
      }
    });
    f.get(index).get(index).get(size).op("i32x4.splat", "i32x4.lt_u", "v128.and").set(index);
  }

  /** Pushes the address of a chosen place. */
  #chosenPlace(access: number, index: Local, lane: number, base: () => void): void {
    const f = this.#f;
    const loops = this.#kernel.extents.length;
    base();
    f.get(index).lane("i32x4.extract_lane", lane);
    f.get(this.#f.params[0]).load("i32.load", 4 * (this.#wordOf(access) + 2 + loops));
    f.op("i32.mul", "i32.add");
  }

  #loadChosen(s: Scalar, access: Access, index: Scalar, width: Width, push: (arg: Scalar) => void): void {
    const f = this.#f;
    const at = f.local("v128");
    push(index);
    f.set(at);
    this.#checkChosen(s.value, at, width);
    const step = laneStep(this.#kernel, access);
    if (width === "single" || (this.#isUniform(index) && step !== "other")) {
      const address = f.local("i32");
      this.#chosenPlace(s.value, at, 0, () => f.get(this.pointers[s.value] as Local));
      f.set(address);
      if (width === "single" || step === "same") loadSplat(f, access.dtype, address);
      else loadNext(f, access.dtype, this.#lanes, address);
      return;
    }
    loadLanes(f, access.dtype, this.#lanes, (lane) =>
      this.#chosenPlace(s.value, at, lane, () => this.#lanePlace(s.value, lane)),
    );
  }

  /** Whether a computation is the same in all lanes. */
  #isUniform(s: Scalar): boolean {
    const isChosen = (x: Scalar): boolean => x.instruction === "load" && x.name !== "row" && x.args.length > 0;
    return holdsThroughout(s, (x) => !isChosen(x) && this.sameInAllLanes(x), this.#uniform);
  }

  /** Adds to the element at a chosen place. */
  addChosen(s: StoreStatement, value: Local, index: Local, width: Width): void {
    const f = this.#f;
    const access = this.#kernel.accesses[s.access] as Access;
    const at = f.local("v128");
    f.get(index).set(at);
    this.#checkChosen(s.access, at, width);
    const sum = f.local("v128");
    const add = (): void => {
      const dtype = access.dtype;
      f.get(value).op(dtype === "float32" ? "f32x4.add" : dtype === "float64" ? "f64x2.add" : "i32x4.add");
      f.set(sum);
    };
    const address = f.local("i32");
    if (
      s.index !== undefined &&
      this.#isUniform(s.index) &&
      width === "vector" &&
      laneStep(this.#kernel, access) === "next"
    ) {
      this.#chosenPlace(s.access, at, 0, () => f.get(this.pointers[s.access] as Local));
      f.set(address);
      loadNext(f, access.dtype, this.#lanes, address);
      add();
      storeNext(f, access.dtype, this.#lanes, address, sum, this.#speller.temporary(0));
      return;
    }
    const count = width === "single" ? 1 : this.#lanes;
    for (let lane = 0; lane < count; lane++) {
      this.#chosenPlace(s.access, at, lane, () => this.#lanePlace(s.access, lane));
      f.set(address);
      // The element goes to all lanes, so that the lane of the value is the lane of the sum.
      loadSplat(f, access.dtype, address);
      add();
      this.#storeLane(access, address, sum, lane);
    }
  }

  #storeLane(access: Access, address: Local, value: Local, lane: number): void {
    const f = this.#f;
    if (access.dtype === "float64") f.get(address).get(value).memoryLane("v128.store64_lane", lane);
    else if (itemSize[access.dtype] === 4) f.get(address).get(value).memoryLane("v128.store32_lane", lane);
    else
      f.get(address)
        .get(value)
        .memoryLane("v128.store8_lane", lane * 4);
  }

  /** Writes lanes, or lane 0 alone. */
  store(s: StoreStatement, value: Local, width: Width): void {
    const access = this.#kernel.accesses[s.access] as Access;
    const pointer = this.pointers[s.access] as Local;
    const step = laneStep(this.#kernel, access);
    const temporary = this.#speller.temporary(0);
    if (width === "single" || step === "same") {
      storeLanes(this.#f, access.dtype, 1, value, temporary, () => this.#f.get(pointer));
    } else if (step === "next") {
      storeNext(this.#f, access.dtype, this.#lanes, pointer, value, temporary);
    } else {
      storeLanes(this.#f, access.dtype, this.#lanes, value, temporary, (lane) => this.#lanePlace(s.access, lane));
    }
  }
}
