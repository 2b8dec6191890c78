import { expect, test } from "vitest";
import { LabelEncoder, Standardizer } from "../../src/data/index.ts";
import { float64, int32, tensor } from "../../src/tensor/creation.ts";

test("columns get mean 0 and std 1, and come back", async () => {
  const rows = [
    [1, 10, 5],
    [3, 30, 5],
    [5, 50, 5],
  ];
  const scaler = Standardizer.fit(rows);
  expect(scaler.mean).toEqual([3, 30, 5].map((x) => expect.closeTo(x, 12) as unknown));
  const std = Math.sqrt(8 / 3);
  expect(scaler.std).toEqual([std, 10 * std, 1].map((x) => expect.closeTo(x, 12) as unknown));
  const x = scaler.transform(float64(rows));
  expect(await x.mean(0).array(1)).toEqual([0, 0, 0].map((value) => expect.closeTo(value, 12) as unknown));
  expect(await scaler.inverse(x).array(2)).toEqual(rows.map((row) => row.map((v) => expect.closeTo(v, 12) as unknown)));
  const again = Standardizer.fromJSON(JSON.parse(JSON.stringify(scaler)));
  expect([again.mean, again.std]).toEqual([scaler.mean, scaler.std]);
  expect(scaler.transform(int32(rows)).dtype).toBe("float32");
  expect(Standardizer.fit(new Array(7).fill([0.1])).std).toEqual([1]);
  expect(Standardizer.fit(tensor([1, 3])).mean).toEqual([1, 3]);
});

test("labels get numbers in sorted order, and come back", async () => {
  const encoder = LabelEncoder.fit(["dog", "cat", "dog", "ant"]);
  expect(encoder.classes).toEqual(["ant", "cat", "dog"]);
  expect(encoder.encode(["dog", "ant"])).toEqual(Int32Array.of(2, 0));
  expect(encoder.decode([1, 1])).toEqual(["cat", "cat"]);
  expect(await encoder.oneHot(["dog", "ant"]).array()).toEqual([
    [0, 0, 1],
    [1, 0, 0],
  ]);
  expect(LabelEncoder.fromJSON(JSON.parse(JSON.stringify(encoder))).encode(["cat"])).toEqual(Int32Array.of(1));
  expect(LabelEncoder.fit([true, 10, "b", 9, false]).classes).toEqual([9, 10, "b", false, true]);
});

test("what cannot be is said", () => {
  expect(() => Standardizer.fit([[1, Number.NaN]])).toThrow("numbers must be finite: column 1 has NaN");
  expect(() => Standardizer.fit([])).toThrow("needs rows and columns: [0]");
  expect(() => Standardizer.fit([[1, 2]]).transform(tensor([1]))).toThrow("2 columns were fitted, the tensor is [1]");
  expect(() => Standardizer.fromJSON({ mean: [1], std: [0] })).toThrow("not a standardizer");
  const encoder = LabelEncoder.fit(["a"]);
  expect(() => encoder.encode(["a", "b"])).toThrow('LabelEncoder.encode: an unknown label: "b", number 1');
  expect(() => encoder.decode([1])).toThrow("LabelEncoder.decode: no such class: 1 of 1");
  expect(() => LabelEncoder.fit([])).toThrow("got none");
  expect(() => LabelEncoder.fit([Number.NaN])).toThrow("got NaN");
});
