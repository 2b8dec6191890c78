import { expect, test } from "vitest";
import { tensor } from "../../src/index.ts";
import type { SafetensorsEntry } from "../../src/io/safetensors.ts";
import { Unsupported, compareTensor, compareValue, decode, isClose, toTensor } from "./values.ts";

const exact = { rtol: 0, atol: 0 };
const floats = (data: number[], shape = [data.length]): SafetensorsEntry => ({
  dtype: "F32",
  shape,
  data: new Float32Array(data),
});

test("isClose takes NaN for NaN, infinities exactly, and all else by the tolerance", () => {
  expect(isClose(Number.NaN, Number.NaN, exact)).toBe(true);
  expect(isClose(0, Number.NaN, { rtol: 1, atol: 1 })).toBe(false);
  expect(isClose(Number.NaN, 0, { rtol: 1, atol: 1 })).toBe(false);
  expect(isClose(1e38, Number.POSITIVE_INFINITY, { rtol: 1, atol: 1 })).toBe(false);
  expect(isClose(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, exact)).toBe(false);
  expect(isClose(1.1, 1, { rtol: 0.05, atol: 0.051 })).toBe(true);
  expect(isClose(1.1, 1, { rtol: 0.05, atol: 0.049 })).toBe(false);
});

test("compareTensor tells values, shapes and dtypes apart", async () => {
  expect(await compareTensor("x", tensor([1, 2]), floats([1, 2]), exact)).toBeUndefined();
  expect(await compareTensor("x", tensor([1, 2]), floats([1, 3]), exact)).toContain("x[1] is 2, expected 3");
  expect(await compareTensor("x", tensor([[1, 2]]), floats([1, 2]), exact)).toContain("shape [1, 2], expected [2]");
  expect(await compareTensor("x", tensor([1], { dtype: "int32" }), floats([1]), exact)).toContain(
    "dtype int32, expected float32",
  );
  expect(await compareTensor("x", 1, floats([1]), exact)).toContain("expected a tensor");
  expect(await compareTensor("x", tensor([9, 9]), floats([1, 2]), exact, true)).toBeUndefined();
});

test("integers match exactly whatever the tolerance, and int32 stands for int64", async () => {
  const expected: SafetensorsEntry = { dtype: "I64", shape: [2], data: new BigInt64Array([1n, 2n]) };
  expect(await compareTensor("x", tensor([1, 2], { dtype: "int32" }), expected, exact)).toBeUndefined();
  expect(await compareTensor("x", tensor([1, 3], { dtype: "int32" }), expected, { rtol: 1, atol: 1 })).toContain(
    "is 3, expected 2",
  );
  const large: SafetensorsEntry = { dtype: "I64", shape: [1], data: new BigInt64Array([2n ** 40n]) };
  expect(() => toTensor(large)).toThrow(Unsupported);
  await expect(compareTensor("x", tensor([0], { dtype: "int32" }), large, exact)).rejects.toThrow(Unsupported);
});

test("compareValue walks lists and compares numbers, booleans and dtypes", async () => {
  const lookUp = (): SafetensorsEntry => floats([1]);
  expect(await compareValue("out", [tensor([1]), true], [{ $tensor: "out0" }, true], lookUp, exact)).toBeUndefined();
  expect(await compareValue("out", [tensor([2]), true], [{ $tensor: "out0" }, true], lookUp, exact)).toContain(
    "out0[0] is 2",
  );
  expect(await compareValue("out", [tensor([1])], [{ $tensor: "out0" }, true], lookUp, exact)).toContain(
    "has 1 entries",
  );
  expect(await compareValue("out", tensor([1]), [{ $tensor: "out0" }], lookUp, exact)).toContain(
    "expected a list of 1",
  );
  expect(await compareValue("out", 1.01, { $float: 1 }, lookUp, { rtol: 0, atol: 0.1 })).toBeUndefined();
  expect(await compareValue("out", 1, true, lookUp, exact)).toContain("out is 1, expected true");
  expect(await compareValue("out", "int32", { $dtype: "int64" }, lookUp, exact)).toBeUndefined();
  expect(await compareValue("out", "float32", { $dtype: "int64" }, lookUp, exact)).toContain("expected int32");
});

test("decode reads the manifest's special values", () => {
  expect(decode({ a: [{ $float: "-inf" }, { $float: 2 }, null] }, String)).toEqual({
    a: [Number.NEGATIVE_INFINITY, 2, null],
  });
  expect(Object.is(decode({ $float: "-0" }, String), -0)).toBe(true);
  expect(decode([{ $tensor: "in0" }], (name) => `the tensor ${name}`)).toEqual(["the tensor in0"]);
  expect(() => decode({ $int: "9007199254740993" }, String)).toThrow(Unsupported);
  expect(() => decode({ $dtype: "float16" }, String)).toThrow(Unsupported);
});
