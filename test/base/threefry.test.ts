import fc from "fast-check";
import { expect, test } from "vitest";
import { fillThreefry2x32, threefry2x32 } from "../../src/base/threefry.ts";

const hex = (words: Iterable<number>): string[] =>
  Array.from(words, (word) => (word >>> 0).toString(16).padStart(8, "0"));

/** The vectors of Random123 (tests/kat_vectors, "threefry2x32 20"): counter, key, result. */
test.each([
  [
    [0, 0],
    [0, 0],
    ["6b200159", "99ba4efe"],
  ],
  [
    [0xffffffff, 0xffffffff],
    [0xffffffff, 0xffffffff],
    ["1cb996fc", "bb002be7"],
  ],
  [
    [0x243f6a88, 0x85a308d3],
    [0x13198a2e, 0x03707344],
    ["c4923a9c", "483df7a0"],
  ],
] as const)("the known answer for counter %j and key %j", ([c0, c1], [k0, k1], answer) => {
  expect(hex(threefry2x32(k0, k1, c0, c1))).toEqual(answer);
});

test("the words are int32, and signed and unsigned arguments are the same", () => {
  expect(threefry2x32(-1, -1, -1, -1)).toEqual([0x1cb996fc, 0xbb002be7 | 0]);
});

test("a bulk fill is the blocks of consecutive counters, with a carry and an odd end", () => {
  const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
  const low = fc.oneof(word, fc.integer({ min: -4, max: -1 }));
  fc.assert(
    fc.property(word, word, low, word, fc.integer({ min: 0, max: 13 }), (k0, k1, c0, c1, length) => {
      const out = new Int32Array(length);
      fillThreefry2x32(out, k0, k1, c0, c1);
      const counter = (BigInt(c1 >>> 0) << 32n) | BigInt(c0 >>> 0);
      const blocks = Array.from({ length: Math.ceil(length / 2) }, (_, j) => {
        const at = BigInt.asUintN(64, counter + BigInt(j));
        return threefry2x32(k0, k1, Number(at & 0xffffffffn), Number(at >> 32n));
      });
      expect([...out]).toEqual(blocks.flat().slice(0, length));
    }),
  );
});

test("the carry into the high word, against numbers computed elsewhere", () => {
  const out = new Int32Array(4);
  fillThreefry2x32(out, 1, 2, 0xffffffff, 7);
  expect(hex(out)).toEqual(["b628c3a4", "92d82e4b", "e5d63d18", "f23e78f4"]);
});

test("one flipped bit of key or counter flips about half of the result", () => {
  let flips = 0;
  let trials = 0;
  for (let bit = 0; bit < 128; bit++) {
    for (let c = 0; c < 64; c++) {
      const words: [number, number, number, number] = [c, 5, c * 77, 1];
      const [a0, a1] = threefry2x32(...words);
      words[bit >> 5] = (words[bit >> 5] ?? 0) ^ (1 << (bit & 31));
      const [b0, b1] = threefry2x32(...words);
      for (let difference of [a0 ^ b0, a1 ^ b1]) for (; difference !== 0; difference &= difference - 1) flips++;
      trials += 64;
    }
  }
  expect(flips / trials).toBeCloseTo(0.5, 2);
});
