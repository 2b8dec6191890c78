/** The fuzz itself: it finds what it is for, and makes the same files again. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { beforeAll, expect, test } from "vitest";
import { TwopassError, internal } from "../../src/base/errors.ts";
import { installCounter, startCount } from "./allocations.ts";
import { fileOf, runTarget } from "./run-target.ts";
import { type FuzzTarget, utf8 } from "./target.ts";

beforeAll(installCounter);

const seeds = [utf8("length 12, end"), new Uint8Array([0, 0, 0, 4, 1, 2, 3, 4])];
const refuse = (): never => {
  throw new TwopassError({ op: "read", problem: "refused" });
};

async function problems(read: FuzzTarget["read"], count = 200, mostMilliseconds = 1000): Promise<string[]> {
  const { failures } = await runTarget({ name: "test", seeds, read }, { seed: 1, from: 0, count, mostMilliseconds });
  return failures.map(({ problem }) => problem);
}

test("a reader that keeps its promises passes, and each file counts once", async () => {
  let calls = 0;
  const read = (bytes: Uint8Array): unknown => (calls++ > 1 && bytes.length % 2 === 1 ? refuse() : bytes.slice());
  const result = await runTarget({ name: "test", seeds, read }, { seed: 1, from: 0, count: 500 });
  expect(result.failures).toEqual([]);
  expect(result.accepted + result.refused).toBe(500);
  expect(Math.min(result.accepted, result.refused)).toBeGreaterThan(100);
});

test("other errors, our own bugs, refused seeds and slow or greedy readers are found", async () => {
  const isSeed = (bytes: Uint8Array): boolean => seeds.some((seed) => Buffer.compare(seed, bytes) === 0);
  const onDamaged =
    (act: (bytes: Uint8Array) => unknown) =>
    (bytes: Uint8Array): unknown =>
      isSeed(bytes) ? undefined : act(bytes);
  expect((await problems(refuse))[0]).toMatch(/^a good file is refused: .*read: refused/);
  expect((await problems(onDamaged(() => new Uint8Array(-1))))[0]).toMatch(/^threw RangeError/);
  const fail = (): never => {
    throw internal("broken");
  };
  expect((await problems(onDamaged(fail)))[0]).toContain("broken");
  expect((await problems(onDamaged(async () => Promise.reject(new TypeError("late")))))[0]).toContain("late");
  const greedy = onDamaged((bytes) => new Float64Array(bytes.length + 10_000));
  expect((await problems(greedy))[0]).toMatch(
    /^allocated 80\d{3} bytes of array buffers for a file of \d+, at most 65/,
  );
  // Kept, and with nothing else to free: a collection would hide it. The program has room for much before one comes.
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  const kept: number[][] = [];
  const list = onDamaged(() => kept.push(new Array<number>(1_000_000).fill(0.5)));
  expect((await problems(list, 1))[0]).toMatch(/^allocated \d{7,} bytes on the heap/);
  const slow = onDamaged(() => {
    const end = performance.now() + 30;
    while (performance.now() < end);
  });
  expect((await problems(slow, 1, 20))[0]).toMatch(/^took \d+ ms/);
});

test("files are made again from seed and number, and are seldom the seeds themselves", () => {
  const target: FuzzTarget = { name: "test", seeds, read: refuse, tokens: ["end"] };
  const texts = Array.from({ length: 300 }, (_, i) => Buffer.from(fileOf(target, 7, i)).toString("hex"));
  expect(texts).toEqual(Array.from({ length: 300 }, (_, i) => Buffer.from(fileOf(target, 7, i)).toString("hex")));
  expect(new Set(texts).size).toBeGreaterThan(270);
});

test("array buffers are counted, however they are made", () => {
  const counted = (make: () => unknown): number => {
    const end = startCount();
    make();
    return end().buffers;
  };
  const some = new Float32Array(100);
  expect(counted(() => new ArrayBuffer(1000))).toBe(1000);
  expect(counted(() => new Float64Array(10))).toBe(80);
  expect(counted(() => new Uint8Array([1, 2, 3]))).toBe(3);
  expect(counted(() => Int16Array.from([1, 2]))).toBe(4);
  expect(counted(() => some.slice())).toBe(400);
  expect(counted(() => some.map((x) => x + 1))).toBe(400);
  expect(counted(() => new Uint8Array(some.buffer))).toBe(0);
  expect(counted(() => some.subarray(10))).toBe(0);
});
