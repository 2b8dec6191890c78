import fc from "fast-check";
import { beforeEach, expect, test, vi } from "vitest";
import { RandomStream } from "../../src/base/random-stream.ts";

/** Words of a stream, which keys hand out as they are. */
const words = (stream: RandomStream, pairs: number): number[] =>
  Array.from({ length: pairs }, () => stream.key()).flat();

test("the numbers of seed and name are fixed for ever (computed elsewhere)", () => {
  expect(new RandomStream(1, "model").state()).toEqual({ key0: -1941722426, key1: -255746572, position: 0 });
  expect(words(new RandomStream(1, "model"), 2)).toEqual([646057434, 286641016, 256768105, 240270945]);
  expect(words(new RandomStream(2 ** 53 - 1, "loader"), 2)).toEqual([-93224610, -1060218137, 412960263, 1764708545]);
  expect(words(new RandomStream(-5, ""), 2)).toEqual([-1166410162, 911154608, 1044163380, 501842520]);

  const uniform = new Float32Array(4);
  new RandomStream(1, "model").fillUniform(uniform, 0, 1);
  expect([...uniform]).toEqual([0.15042191743850708, 0.0667387843132019, 0.0597834587097168, 0.055942416191101074]);

  const normal = new Float64Array(4);
  new RandomStream(1, "model").fillNormal(normal, 0, 1);
  const expected = [1.7778007080155933, 0.7924937005988274, 2.2284891819661747, 0.8172439496264707];
  for (const [i, z] of expected.entries()) expect(normal[i]).toBeCloseTo(z, 13);
});

test("a position beyond 2^32 blocks carries into the high word of the counter", () => {
  const stream = new RandomStream(1, "model");
  stream.restore({ ...stream.state(), position: 2 ** 33 - 1 });
  expect(words(stream, 2)).toEqual([-29232377, -2045702242, 2096636031, 2059965843]);
  expect(stream.state().position).toBe(2 ** 33 + 3);
  stream.restore({ ...stream.state(), position: 2 ** 33 + 1 });
  expect(words(stream, 1)).toEqual([2096636031, 2059965843]);
});

test("other seeds and other names give independent numbers", () => {
  const streams = [
    [1, "model"],
    [2, "model"],
    [1 + 2 ** 32, "model"],
    [1, "loader"],
    [1, "mode"],
    [1, "modell"],
    [1, "ledom"],
    [1, ""],
  ].map(([seed, name]) => new RandomStream(seed as number, name as string));
  const n = 20_000;
  const columns = streams.map((stream) => {
    const out = new Float64Array(n);
    stream.fillNormal(out, 0, 1);
    return out;
  });
  for (const [i, a] of columns.entries()) {
    for (const b of columns.slice(i + 1)) {
      const correlation = a.reduce((sum, x, k) => sum + x * (b[k] ?? 0), 0) / n;
      expect(Math.abs(correlation)).toBeLessThan(4 / Math.sqrt(n));
    }
  }
});

test("a restored state goes on with the same numbers, whatever was drawn before", () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), fc.string(), fc.nat(600), fc.nat(600), (seed, name, before, after) => {
      const stream = new RandomStream(seed, name);
      for (let i = 0; i < before; i++) stream.int(2 ** 32);
      const saved = JSON.parse(JSON.stringify(stream.state()));
      const expected = Array.from({ length: after }, () => stream.int(2 ** 32));

      const other = new RandomStream(0, "other");
      other.int(7);
      other.restore(saved);
      expect(Array.from({ length: after }, () => other.int(2 ** 32))).toEqual(expected);
      expect(other.state()).toEqual(stream.state());
    }),
    { numRuns: 50 },
  );
});

test("fills do not depend on the length of the fill", () => {
  const whole = new Float32Array(1001);
  new RandomStream(3, "a").fillNormal(whole, 2, 3);
  const part = new Float32Array(333);
  new RandomStream(3, "a").fillNormal(part, 2, 3);
  expect(part).toEqual(whole.slice(0, 333));
});

test("uniform numbers fill [from, to) evenly and never reach `to`", () => {
  const out = new Float32Array(100_000);
  new RandomStream(5, "uniform").fillUniform(out, -3, 5);
  const counts = new Array<number>(16).fill(0);
  for (const x of out) counts[Math.floor((x + 3) * 2)] = (counts[Math.floor((x + 3) * 2)] ?? 0) + 1;
  expect(counts).toHaveLength(16);
  expect(chiSquare(counts)).toBeLessThan(37.7); // 15 degrees of freedom, 1 in 1000

  // In float32 nearly half of these would round up to 1 + 2^-23.
  const narrow = new Float32Array(1000);
  new RandomStream(5, "uniform").fillUniform(narrow, 1, 1 + 2 ** -23);
  expect(new Set(narrow)).toEqual(new Set([1]));

  const single = new Float32Array(10);
  new RandomStream(5, "uniform").fillUniform(single, 0.1, 0.1);
  expect(new Set(single)).toEqual(new Set([Math.fround(0.1)]));
});

test("float64 holds the same uniform numbers as float32", () => {
  const narrow = new Float32Array(100);
  const wide = new Float64Array(100);
  new RandomStream(5, "x").fillUniform(narrow, 0, 1);
  new RandomStream(5, "x").fillUniform(wide, 0, 1);
  expect([...wide]).toEqual([...narrow]);
});

test("normal numbers have the moments and the tails of the distribution", () => {
  const n = 200_000;
  const out = new Float64Array(n);
  new RandomStream(6, "normal").fillNormal(out, 10, 2);
  const z = out.map((x) => (x - 10) / 2);
  const moment = (power: number): number => z.reduce((sum, x) => sum + x ** power, 0) / n;
  // Standard errors of the moments: sqrt(1 / n), sqrt(2 / n), sqrt(15 / n), sqrt(96 / n).
  expect(Math.abs(moment(1))).toBeLessThan(4 * Math.sqrt(1 / n));
  expect(Math.abs(moment(2) - 1)).toBeLessThan(4 * Math.sqrt(2 / n));
  expect(Math.abs(moment(3))).toBeLessThan(4 * Math.sqrt(15 / n));
  expect(Math.abs(moment(4) - 3)).toBeLessThan(4 * Math.sqrt(96 / n));
  const beyond = (bound: number): number => z.filter((x) => Math.abs(x) > bound).length / n;
  expect(beyond(1)).toBeCloseTo(0.3173, 2);
  expect(beyond(3)).toBeCloseTo(0.0027, 3);
  // The two numbers of a pair share a radius and must still be independent.
  const pairs = z.filter((_, i) => i % 2 === 0).reduce((sum, x, i) => sum + x * (z[2 * i + 1] ?? 0), 0) / (n / 2);
  expect(Math.abs(pairs)).toBeLessThan(4 / Math.sqrt(n / 2));
});

test("the integers below n are equally likely, for n that do not divide 2^32", () => {
  for (const n of [2, 3, 10, 37]) {
    const stream = new RandomStream(7, `below ${n}`);
    const counts = new Array<number>(n).fill(0);
    for (let i = 0; i < n * 2000; i++) {
      const value = stream.int(n);
      counts[value] = (counts[value] ?? 0) + 1;
    }
    expect(counts).toHaveLength(n);
    expect(chiSquare(counts)).toBeLessThan(n - 1 + 4 * Math.sqrt(2 * (n - 1)) + 4);
  }
  // Two thirds of 2^32: without drawing again, the lower half of the range would come up twice as often.
  const stream = new RandomStream(7, "two thirds");
  const n = Math.floor((2 ** 32 * 2) / 3);
  const low = Array.from({ length: 10_000 }, () => stream.int(n)).filter((value) => value < n / 2).length;
  expect(Math.abs(low / 10_000 - 0.5)).toBeLessThan(0.02);
});

test("a permutation holds every number once, and all orders are equally likely", () => {
  const order = new RandomStream(8, "order").permutation(1000);
  expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  expect([...new RandomStream(8, "order").permutation(0)]).toEqual([]);

  const stream = new RandomStream(8, "orders");
  const counts = new Map<string, number>();
  for (let i = 0; i < 24_000; i++) {
    const key = stream.permutation(4).join("");
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  expect(counts.size).toBe(24);
  expect(chiSquare([...counts.values()])).toBeLessThan(49.8); // 23 degrees of freedom, 1 in 1000
});

test("keys do not repeat", () => {
  const stream = new RandomStream(9, "keys");
  const keys = new Set(Array.from({ length: 20_000 }, () => stream.key().join()));
  expect(keys.size).toBe(20_000);
});

test.each([
  ["a fraction as seed", () => new RandomStream(0.5, "x"), "the seed must be a whole number: got 0.5"],
  ["a seed that JavaScript cannot hold", () => new RandomStream(2 ** 53, "x"), "got 9007199254740992"],
  ["bounds in the wrong order", () => stream().fillUniform(new Float32Array(1), 1, 0), "from 1 to 0"],
  ["a bound that is not finite", () => stream().fillUniform(new Float32Array(1), 0, Number.NaN), "to NaN"],
  ["a bound beyond float32", () => stream().fillUniform(new Float32Array(1), 0, 1e300), "to 1e+300"],
  ["a negative std", () => stream().fillNormal(new Float32Array(1), 0, -1), "std -1"],
  ["no integer below 0", () => stream().int(0), "from 1 to 2^32: got 0"],
  ["a negative length", () => stream().permutation(-1), "got -1"],
  ["a state without a key", () => stream().restore(JSON.parse("{}")), "key0 undefined"],
  ["a negative position", () => stream().restore({ key0: 0, key1: 0, position: -1 }), "position -1"],
])("%s is an error", (_, call, message) => {
  expect(call).toThrow(expect.objectContaining({ name: "TwopassError", message: expect.stringContaining(message) }));
});

test("a failed restore changes nothing", () => {
  const one = stream();
  expect(() => one.restore({ key0: 1, key1: 0.5, position: 3 })).toThrow("not the state");
  expect(words(one, 2)).toEqual(words(stream(), 2));
});

const stream = (): RandomStream => new RandomStream(1, "x");

function chiSquare(counts: readonly number[]): number {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

/** The seed of the process is state of the module: each test below takes a fresh one. */
let fresh: typeof import("../../src/base/random-stream.ts");
beforeEach(async () => {
  vi.resetModules();
  vi.unstubAllGlobals();
  fresh = await import("../../src/base/random-stream.ts");
});

test("the streams of the process follow its seed", () => {
  fresh.seedAll(11);
  const model = fresh.stream("model");
  expect(fresh.stream("model")).toBe(model);
  const first = words(model, 3);
  expect(first).toEqual(words(new RandomStream(11, "model"), 3));
  expect(words(fresh.stream("loader"), 3)).not.toEqual(first);

  fresh.seedAll(11);
  expect(words(model, 3)).toEqual(first);
  fresh.seedAll(12);
  expect(words(model, 3)).toEqual(words(new RandomStream(12, "model"), 3));
  expect(fresh.currentSeed()).toBe(12);
});

test("a refused seed leaves the seed as it was", () => {
  fresh.seedAll(11);
  expect(() => fresh.seedAll(Number.NaN)).toThrow("manualSeed: the seed must be a whole number");
  expect(fresh.currentSeed()).toBe(11);
});

test("an unseeded process draws one seed and keeps it", async () => {
  const seed = fresh.currentSeed();
  expect(seed).toBe(fresh.currentSeed());
  expect(seed).toBeGreaterThanOrEqual(0);
  expect(seed).toBeLessThan(2 ** 32);
  expect(words(fresh.stream("a"), 2)).toEqual(words(new RandomStream(seed, "a"), 2));

  const seeds = new Set<number>();
  for (let i = 0; i < 4; i++) {
    vi.resetModules();
    seeds.add((await import("../../src/base/random-stream.ts")).currentSeed());
  }
  expect(seeds.size).toBeGreaterThan(1);
});

test("without a source of entropy the seed comes from the clocks", () => {
  vi.stubGlobal("crypto", undefined);
  const seed = fresh.currentSeed();
  expect(Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32).toBe(true);
});
