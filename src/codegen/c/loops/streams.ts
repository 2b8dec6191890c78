/**
 * Stores past the caches. A result that no cache will hold until it is read is written without being fetched first, which
 * saves a third of the traffic of a copy. When a kernel runs it is told by the size and places of its buffers, since one
 * kernel serves all sizes. Floor: codegen.
 */
import { type LoopKernel, laneLoop, laneStep } from "../../../schedule/kernel.ts";
import type { Suffix } from "../scalar.ts";
import { type CTarget, hasStreams } from "../target.ts";
import type { CText } from "../text.ts";
import type { LoopWords } from "./arguments.ts";

/**
 * Bytes of a result from which it pays, half of a usual last cache: a chain of kernels, each of which reads what the one
 * before wrote, runs at 73 and 60 GB/s (stored as usual and past the caches) with 4 MiB, 53 and 52 with 8, 43 and 50 with
 * 16, 35 and 46 with 32.
 */
const leastBytes = 16 * 2 ** 20;

export class Streams {
  readonly #kernel: LoopKernel;
  readonly #words: LoopWords;
  readonly #mask: number;
  /** Accesses that may be stored so. */
  readonly #stores: ReadonlySet<number>;
  readonly #loads: readonly number[];

  constructor(kernel: LoopKernel, words: LoopWords, target: CTarget, suffix: Suffix) {
    this.#kernel = kernel;
    this.#words = words;
    this.#mask = target.vectorBytes - 1;
    const stores = new Set<number>();
    for (const { row, loop } of kernel.levels) {
      for (const s of [...row, ...loop]) if (s.kind === "store" && s.index === undefined) stores.add(s.access);
    }
    const memory = [...kernel.accesses.keys()].filter((a) => (kernel.accesses[a]?.buffer ?? -1) >= 0);
    this.#loads = memory.filter((a) => !stores.has(a));
    const isAble = hasStreams(target) && suffix === "v";
    this.#stores = new Set(isAble ? memory.filter((a) => stores.has(a) && this.#maySkipCaches(a)) : []);
  }

  /** Whole vectors of float32, not read in the same kernel. */
  #maySkipCaches(a: number): boolean {
    const access = this.#kernel.accesses[a];
    if (access?.dtype !== "float32" || laneStep(this.#kernel, access) !== "next") return false;
    return this.#loads.every((load) => this.#kernel.accesses[load]?.buffer !== access.buffer);
  }

  has(access: number): boolean {
    return this.#stores.has(access);
  }

  /** Definitions of far0, far1 ..., which say of accesses whether they are stored past the caches in this call. */
  declare(text: CText): void {
    const loops = this.#kernel.extents.map((_, loop) => loop);
    for (const a of this.#stores) {
      const step = (loop: number): string => `args[${this.#words.step(a, loop)}]`;
      const outside = loops.filter((loop) => loop !== laneLoop(this.#kernel));
      const elements = [`e${laneLoop(this.#kernel)}`, ...outside.map((loop) => `(${step(loop)} == 0 ? 1 : e${loop})`)];
      const start = `args[${this.#words.start(a)}]`;
      const places = [start, ...outside.map(step)].join(" | ");
      // What is updated in place is in the cache already.
      const apart = this.#loads.map((load) => ` && ${start} != args[${this.#words.start(load)}]`);
      text.line(
        `const int far${a} = 4 * ${elements.join(" * ")} >= ${leastBytes} && ((${places}) & ${this.#mask}) == 0${apart.join("")};`,
      );
    }
  }

  /** Other threads see what was stored so only behind a fence. */
  fence(text: CText): void {
    const any = [...this.#stores].map((a) => `far${a}`).join(" | ");
    if (any !== "") text.line(`if (${any}) STREAMED();`);
  }
}
