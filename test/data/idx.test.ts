import fc from "fast-check";
import { expect, test } from "vitest";
import { TwopassError } from "../../src/base/errors.ts";
import { type IdxArray, type IdxData, type IdxDtype, decodeIdx } from "../../src/data/formats/idx.ts";

const types: Record<IdxDtype, { code: number; itemSize: number; set: (v: DataView, at: number, x: number) => void }> = {
  uint8: { code: 0x08, itemSize: 1, set: (v, at, x) => v.setUint8(at, x) },
  int8: { code: 0x09, itemSize: 1, set: (v, at, x) => v.setInt8(at, x) },
  int16: { code: 0x0b, itemSize: 2, set: (v, at, x) => v.setInt16(at, x) },
  int32: { code: 0x0c, itemSize: 4, set: (v, at, x) => v.setInt32(at, x) },
  float32: { code: 0x0d, itemSize: 4, set: (v, at, x) => v.setFloat32(at, x) },
  float64: { code: 0x0e, itemSize: 8, set: (v, at, x) => v.setFloat64(at, x) },
};

/** The bytes of an IDX file, `pad` bytes into their buffer. */
function encodeIdx({ dtype, shape, data }: IdxArray, pad = 0): Uint8Array {
  const { code, itemSize, set } = types[dtype];
  const dataStart = 4 + 4 * shape.length;
  const view = new DataView(new ArrayBuffer(pad + dataStart + data.length * itemSize), pad);
  view.setUint8(2, code);
  view.setUint8(3, shape.length);
  for (const [i, extent] of shape.entries()) view.setUint32(4 + 4 * i, extent);
  for (const [i, value] of data.entries()) set(view, dataStart + i * itemSize, value);
  return new Uint8Array(view.buffer, pad);
}

const dataOf: { readonly [D in IdxDtype]: (size: { minLength: number; maxLength: number }) => fc.Arbitrary<IdxData> } =
  {
    uint8: (size) => fc.uint8Array(size),
    int8: (size) => fc.int8Array(size),
    int16: (size) => fc.int16Array(size),
    int32: (size) => fc.int32Array(size),
    float32: (size) => fc.float32Array(size),
    float64: (size) => fc.float64Array(size),
  };

const arrays: fc.Arbitrary<IdxArray> = fc
  .record({
    dtype: fc.constantFrom<IdxDtype>("uint8", "int8", "int16", "int32", "float32", "float64"),
    shape: fc.array(fc.nat(4), { maxLength: 4 }),
  })
  .chain(({ dtype, shape }) => {
    const length = shape.reduce((a, b) => a * b, 1);
    return dataOf[dtype]({ minLength: length, maxLength: length }).map((data) => ({ dtype, shape, data }));
  });

test("what is encoded is decoded, at any place in a buffer", () => {
  fc.assert(
    fc.property(arrays, fc.nat(7), (array, pad) => {
      expect(decodeIdx(encodeIdx(array, pad), "array")).toEqual(array);
    }),
  );
});

test("elements are big-endian, and bytes are a view of the file", () => {
  const file = new Uint8Array([0, 0, 0x0b, 1, 0, 0, 0, 2, 0x01, 0x02, 0xff, 0xfe]);
  expect(decodeIdx(file, "two").data).toEqual(new Int16Array([258, -2]));
  const bytes = new Uint8Array([0, 0, 8, 1, 0, 0, 0, 2, 7, 9]);
  expect(decodeIdx(bytes, "two").data.buffer).toBe(bytes.buffer);
});

test.each([
  ["an empty file", [], 'decodeIdx: too short for IDX: "f", 0 bytes (the file is cut off)'],
  ["another format", [0x89, 0x50, 0x4e, 0x47], '"f", it begins with 89 50 4e 47 (expected 00 00 and a type'],
  ["a gzip file", [0x1f, 0x8b, 8, 0, 0, 0], "it is compressed: gunzip it first"],
  ["an unknown type", [0, 0, 0x0a, 1, 0, 0, 0, 1, 5], "not an IDX file"],
  ["dims that are cut off", [0, 0, 8, 2, 0, 0, 0, 1], "the file ends among its dims"],
  ["too few elements", [0, 0, 8, 1, 0, 0, 0, 3, 5], 'too few elements: "f", uint8 [3] is 3 bytes, found 1'],
  ["a last element in half", [0, 0, 0x0b, 1, 0, 0, 0, 1, 5], "too few elements"],
  ["trailing bytes", [0, 0, 8, 1, 0, 0, 0, 1, 5, 6], "bytes behind the last element"],
  ["huge dims", [0, 0, 8, 2, ...new Array(8).fill(0xff)], 'the dims are too large: "f", [4294967295, 4294967295]'],
  ["huge dims behind a small one", [0, 0, 8, 2, 0, 0, 0, 1, 255, 255, 255, 255], "found 0"],
] as const)("%s is an error", (_, bytes, message) => {
  expect(() => decodeIdx(new Uint8Array(bytes), "f")).toThrow(
    expect.objectContaining({ name: "TwopassError", message: expect.stringContaining(message) }),
  );
});

test("5,000 damaged files: an error of ours or an array that fits the file", () => {
  const damage = fc.record({
    at: fc.nat(40),
    value: fc.oneof(fc.constantFrom(0, 1, 8, 14, 255), fc.nat(255)),
    cut: fc.option(fc.nat(60), { freq: 4 }),
  });
  let refused = 0;
  fc.assert(
    fc.property(arrays, fc.array(damage, { minLength: 1, maxLength: 3 }), (array, damages) => {
      let file = encodeIdx(array);
      for (const { at, value, cut } of damages) {
        if (cut !== null) file = file.subarray(0, cut);
        if (at < file.length) file[at] = value;
      }
      try {
        const { shape, data } = decodeIdx(file, "damaged");
        expect(data.length).toBe(shape.reduce((a, b) => a * b, 1));
        expect(data.byteLength).toBe(file.length - 4 - 4 * shape.length);
      } catch (error) {
        if (!(error instanceof TwopassError)) throw error;
        refused++;
      }
    }),
    { numRuns: 5000 },
  );
  expect(refused).toBeGreaterThan(1000);
});
