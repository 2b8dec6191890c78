/**
 * Named streams of random numbers, and the seed of the process. The model, a loader and a worker each take a stream of
 * their own by name, so that one drawing more does not move the others. Random tensors take only a key from here;
 * their bits are made on the device. Floor: base.
 */
import { TwopassError, describe } from "./errors.ts";
import { fillThreefry2x32, threefry2x32 } from "./threefry.ts";

/** Where a stream stands, as plain numbers: it survives JSON. */
export interface RandomStreamState {
  /** The two int32 words of the key, which stand for the seed and the name. */
  readonly key0: number;
  readonly key1: number;
  /** How many 32-bit words have been taken. */
  readonly position: number;
}

const two32 = 2 ** 32;
/** Words made at a time. It changes the speed, never the numbers: a state holds the position alone. */
const bufferWords = 256;

/**
 * A stream of random numbers: the same seed and name give the same numbers, other names independent ones.
 *
 * @example
 * const stream = new RandomStream(1, "model");
 * [...stream.permutation(3)].sort(); // [0, 1, 2]
 */
export class RandomStream {
  #key0: number;
  #key1: number;
  #position = 0;
  /** Words from `#start`, an even position, on. */
  readonly #words = new Int32Array(bufferWords);
  #start = -bufferWords;

  /** @throws TwopassError where `seed` is no safe integer. */
  constructor(seed: number, name: string) {
    checkSeed("RandomStream", seed);
    [this.#key0, this.#key1] = keyOf(seed, name);
  }

  /**
   * Fills `out` with numbers uniform in [from, to), one word each: from + (to − from) · (word >>> 8) · 2^−24.
   * The bounds are first rounded to the element type; what would round up to `to` becomes `from`.
   *
   * @throws TwopassError where a bound is not finite or `from > to`.
   */
  fillUniform(out: Float32Array | Float64Array, from: number, to: number): void {
    const [low, high] = out instanceof Float32Array ? [Math.fround(from), Math.fround(to)] : [from, to];
    if (!(Number.isFinite(high - low) && low <= high)) {
      throw new TwopassError({
        op: "uniform",
        problem: "the bounds must be finite and in order",
        facts: `from ${describe(from)} to ${describe(to)}`,
      });
    }
    const step = (high - low) * 2 ** -24;
    for (let i = 0; i < out.length; i++) {
      out[i] = low + step * (this.#next() >>> 8);
      if ((out[i] as number) >= high) out[i] = low;
    }
  }

  /**
   * Fills `out` with numbers of the normal distribution, in float64 and then stored, a pair from each two words
   * (Box and Muller 1958): r = sqrt(−2 ln u), u in (0, 1], then r cos(2πv) and r sin(2πv). So |z| < 6.67.
   * An odd last number takes two words too.
   *
   * @throws TwopassError where `mean` or `std` is not finite or `std < 0`.
   */
  fillNormal(out: Float32Array | Float64Array, mean: number, std: number): void {
    if (!(Number.isFinite(mean) && Number.isFinite(std) && std >= 0)) {
      throw new TwopassError({
        op: "normal",
        problem: "mean and std must be finite, and std not negative",
        facts: `mean ${describe(mean)}, std ${describe(std)}`,
      });
    }
    for (let i = 0; i < out.length; i += 2) {
      const u = ((this.#next() >>> 0) + 1) / two32;
      const angle = ((this.#next() >>> 0) / two32) * (2 * Math.PI);
      const radius = std * Math.sqrt(-2 * Math.log(u));
      out[i] = mean + radius * Math.cos(angle);
      if (i + 1 < out.length) out[i + 1] = mean + radius * Math.sin(angle);
    }
  }

  /**
   * An integer from 0 to n − 1, each equally likely: words in the incomplete last run of n are drawn again.
   *
   * @throws TwopassError where `n` is no whole number from 1 to 2^32.
   */
  int(n: number): number {
    if (!(Number.isInteger(n) && n >= 1 && n <= two32)) {
      throw new TwopassError({
        op: "RandomStream.int",
        problem: "the bound must be a whole number from 1 to 2^32",
        facts: `got ${describe(n)}`,
      });
    }
    const limit = two32 - (two32 % n);
    let word = this.#next() >>> 0;
    while (word >= limit) word = this.#next() >>> 0;
    return word % n;
  }

  /**
   * The numbers 0 to n − 1 in random order, each order equally likely (Fisher and Yates).
   *
   * @throws TwopassError where `n` is no whole number from 0 to 2^31 − 1.
   */
  permutation(n: number): Int32Array {
    if (!(Number.isInteger(n) && n >= 0 && n < two32 / 2)) {
      throw new TwopassError({
        op: "permutation",
        problem: "the length must be a whole number from 0 to 2^31 - 1",
        facts: `got ${describe(n)}`,
      });
    }
    const order = new Int32Array(n);
    for (let i = 0; i < n; i++) {
      const j = this.int(i + 1);
      order[i] = order[j] as number;
      order[j] = i;
    }
    return order;
  }

  /** A fresh key of two int32 words, for a random tensor whose bits are made on the device. */
  key(): [number, number] {
    return [this.#next(), this.#next()];
  }

  /** Where the stream stands. A stream that restores it goes on with the same numbers. */
  state(): RandomStreamState {
    return { key0: this.#key0, key1: this.#key1, position: this.#position };
  }

  /**
   * Goes back, or on, to a saved state. The seed and the name of the saved stream come with it.
   *
   * @throws TwopassError where the state does not hold the numbers that `state()` gave.
   */
  restore(state: RandomStreamState): void {
    const { key0, key1, position } = state;
    if ((key0 | 0) !== key0 || (key1 | 0) !== key1 || !Number.isSafeInteger(position) || position < 0) {
      throw new TwopassError({
        op: "RandomStream.restore",
        problem: "not the state of a random stream",
        facts: `key0 ${describe(key0)}, key1 ${describe(key1)}, position ${describe(position)}`,
        hint: "pass what state() returned",
      });
    }
    this.#key0 = key0;
    this.#key1 = key1;
    this.#position = position;
    this.#start = -bufferWords;
  }

  #next(): number {
    let offset = this.#position - this.#start;
    if (offset >= bufferWords) offset = this.#refill();
    this.#position++;
    return this.#words[offset] as number;
  }

  /** Fills the buffer so that it holds the word at the position, and returns its index. */
  #refill(): number {
    const block = Math.floor(this.#position / 2);
    fillThreefry2x32(this.#words, this.#key0, this.#key1, block % two32, Math.floor(block / two32));
    this.#start = block * 2;
    return this.#position - this.#start;
  }
}

function checkSeed(op: string, seed: number): void {
  if (Number.isSafeInteger(seed)) return;
  throw new TwopassError({
    op,
    problem: "the seed must be a whole number",
    facts: `got ${describe(seed)}`,
    hint: "from -(2^53 - 1) to 2^53 - 1",
  });
}

/**
 * The key of a stream: Threefry keyed by the seed, then by each result in turn, over the code units of the name and at
 * last its length. The −1 of the last step is the index of no code unit: the key of "a" is not a step on the way to "ab".
 */
function keyOf(seed: number, name: string): [number, number] {
  let key: [number, number] = [seed | 0, Math.floor(seed / two32) | 0];
  for (let i = 0; i < name.length; i++) key = threefry2x32(key[0], key[1], name.charCodeAt(i), i);
  return threefry2x32(key[0], key[1], name.length, -1);
}

let processSeed: number | undefined;
let seedGiven = false;
const streams = new Map<string, RandomStream>();

/**
 * Seeds the process: every stream, also one that is already in use, starts again from the seed.
 *
 * @throws TwopassError where `seed` is no safe integer.
 */
export function seedAll(seed: number): void {
  checkSeed("manualSeed", seed);
  processSeed = seed;
  seedGiven = true;
  for (const [name, stream] of streams) stream.restore(new RandomStream(seed, name).state());
}

/** The seed of the process. A process that was not seeded draws one, once, from 0 to 2^32 − 1. */
export function currentSeed(): number {
  processSeed ??= entropy();
  return processSeed;
}

/** Whether the program chose the seed. */
export function isSeeded(): boolean {
  return seedGiven;
}

/** Where the process-wide streams stand, by name; those that nobody has used yet follow from the seed. */
export function streamStates(): Record<string, RandomStreamState> {
  const states: Record<string, RandomStreamState> = {};
  for (const [name, one] of streams) states[name] = one.state();
  return states;
}

/**
 * Puts process-wide streams where `streamStates()` found them; others stay as they are.
 *
 * @throws TwopassError where a state does not hold the numbers of a stream.
 */
export function restoreStreams(states: Readonly<Record<string, RandomStreamState>>): void {
  for (const [name, state] of Object.entries(states)) stream(name).restore(state);
}

/** The process-wide stream of this name: always the same object. */
export function stream(name: string): RandomStream {
  let found = streams.get(name);
  if (found === undefined) {
    found = new RandomStream(currentSeed(), name);
    streams.set(name, found);
  }
  return found;
}

/** What a host may have of entropy and clocks; this floor has the types of none. */
interface Host {
  readonly crypto?: { getRandomValues(out: Uint32Array): unknown };
  readonly performance?: { now(): number };
}

function entropy(): number {
  const host = globalThis as Host;
  if (host.crypto !== undefined) {
    const word = new Uint32Array(1);
    host.crypto.getRandomValues(word);
    return word[0] as number;
  }
  // Both clocks count: Date alone is equal in processes started together.
  const microseconds = (host.performance?.now() ?? 0) * 1000;
  return threefry2x32(Date.now() | 0, Math.floor(Date.now() / two32), microseconds | 0, 0)[0] >>> 0;
}
