import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bfloat, half, narrow, widenBfloat, widenHalf } from "../../src/io/half.ts";

const all = Uint16Array.from({ length: 65536 }, (_, i) => i);

describe.each([
  ["float16", half, widenHalf],
  ["bfloat16", bfloat, widenBfloat],
] as const)("%s", (_, format, widen) => {
  const wide = widen(all);

  test("every number comes back", () => {
    const back = narrow(wide, format);
    expect(all.filter((bits) => !Number.isNaN(wide[bits]) && back[bits] !== bits)).toHaveLength(0);
    expect(Array.from(widen(back), Number.isNaN)).toEqual(Array.from(wide, Number.isNaN));
  });

  test("in between, the nearer is taken, and the even one of two", () => {
    for (let bits = 1; bits < all.length && Number.isFinite(wide[bits + 1]); bits += 37) {
      const [low, high] = [wide[bits] as number, wide[bits + 1] as number];
      const middle = (low + high) / 2;
      const near = new Float64Array([middle, middle - low / 2 ** 40, middle + low / 2 ** 40, -middle]);
      const even = bits + (bits % 2);
      expect([bits, ...narrow(near, format)]).toEqual([bits, even, bits, bits + 1, even | 0x8000]);
    }
  });

  test("what is too large becomes infinity, from half a step above the largest", () => {
    const infinity = all.find((bits) => wide[bits] === Number.POSITIVE_INFINITY) as number;
    const [below, largest] = [wide[infinity - 2] as number, wide[infinity - 1] as number];
    const edge = largest + (largest - below) / 2;
    const given = new Float64Array([
      edge,
      -edge,
      edge * (1 - 2 ** -40),
      Number.MAX_VALUE,
      Number.POSITIVE_INFINITY,
      5e-324,
    ]);
    expect([...narrow(given, format)]).toEqual([infinity, infinity | 0x8000, infinity - 1, infinity, infinity, 0]);
  });

  test("rounding changes a number by half a step at most", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, min: -6e4, max: 6e4 }), (x) => {
        const y = widen(narrow(new Float64Array([x]), format))[0] as number;
        const step =
          2 ** (Math.max(Math.floor(Math.log2(Math.abs(x) || 1e-300)), format.leastExponent) - format.fractionBits);
        expect(Math.abs(x - y)).toBeLessThanOrEqual(step / 2);
      }),
      { seed: 1 },
    );
  });
});

test("numbers of float16 by their definition", () => {
  const wide = widenHalf(all);
  const wrong = all.filter((bits) => {
    const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
    const finite = exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25);
    const wanted = sign * (exponent < 31 ? finite : fraction === 0 ? Number.POSITIVE_INFINITY : Number.NaN);
    return !Object.is(wide[bits], wanted);
  });
  expect(wrong).toHaveLength(0);
  expect(wide[0x3c00]).toBe(1);
});
