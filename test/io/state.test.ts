import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { decodeSafetensors, encodeSafetensors, load, save } from "../../src/io/index.ts";
import type { SafetensorsDtype, SafetensorsEntry } from "../../src/io/index.ts";
import { loadFile, saveFile } from "../../src/io/node.ts";
import { bool, float64, int32, tensor, uint8, zeros } from "../../src/tensor/creation.ts";
import { StoredTensor } from "../../src/tensor/stored.ts";

function fileOf(dtype: SafetensorsDtype, data: SafetensorsEntry["data"]): Uint8Array {
  return encodeSafetensors([["x", { dtype, shape: [data.length], data }]]);
}

async function loaded(dtype: SafetensorsDtype, data: SafetensorsEntry["data"]): Promise<[string, unknown]> {
  const x = load(fileOf(dtype, data))["x"];
  return [x?.dtype ?? "", await x?.array()];
}

test("a state comes back as it was saved", async () => {
  const state = {
    weight: tensor([
      [1, 2],
      [3, 4],
    ]),
    double: float64([Math.PI]),
    steps: int32([-7]),
    image: uint8([0, 255]),
    mask: bool([true, false]),
    "a.b-c ü": tensor(5),
    empty: zeros(0, 3),
  };
  const back = load(await save(state));
  expect(Object.keys(back)).toEqual(Object.keys(state));
  for (const [name, x] of Object.entries(state)) {
    expect([back[name]?.dtype, back[name]?.shape]).toEqual([x.dtype, x.shape]);
    expect(await back[name]?.array()).toEqual(await x.array());
  }
});

test("what is pending is saved, and saving changes nothing", async () => {
  const stored = new StoredTensor(tensor([1, 2]));
  stored.mul_(10);
  const bytes = await save({ stored, sum: stored.sum() });
  stored.fill_(0);
  const back = load(bytes);
  expect([await back["stored"]?.array(), await back["sum"]?.item()]).toEqual([[10, 20], 30]);
  expect(await stored.array()).toEqual([0, 0]);
});

test("loaded tensors are copies of the bytes", async () => {
  const bytes = await save({ x: tensor([1, 2]) });
  const { x } = load(bytes);
  bytes.fill(255);
  expect(await x?.array()).toEqual([1, 2]);
});

test("metadata are kept", async () => {
  const bytes = await save({ x: tensor([1]) }, { metadata: { epoch: "3" } });
  expect(decodeSafetensors(bytes).metadata).toEqual({ epoch: "3" });
});

test("dtypes that tensors do not have are converted", async () => {
  // 1, −2, the smallest above 0, the largest below 2^−14, the largest, ∞ and NaN.
  const halves = new Uint16Array([0x3c00, 0xc000, 0x0001, 0x03ff, 0x7bff, 0xfc00, 0x7e00]);
  const wanted = [1, -2, 2 ** -24, 1023 * 2 ** -24, 65504, Number.NEGATIVE_INFINITY, Number.NaN];
  expect(await loaded("F16", halves)).toEqual(["float32", wanted]);
  expect(await loaded("BF16", new Uint16Array([0x3f80, 0xc000, 0x4049, 0x7f80]))).toEqual([
    "float32",
    [1, -2, 3.140625, Number.POSITIVE_INFINITY],
  ]);
  expect(await loaded("I8", new Int8Array([-128, 127]))).toEqual(["int32", [-128, 127]]);
  expect(await loaded("I16", new Int16Array([-5]))).toEqual(["int32", [-5]]);
  expect(await loaded("U16", new Uint16Array([65535]))).toEqual(["int32", [65535]]);
  expect(await loaded("U32", new Uint32Array([2 ** 31 - 1]))).toEqual(["int32", [2 ** 31 - 1]]);
  expect(await loaded("I64", new BigInt64Array([-(2n ** 31n), 9n]))).toEqual(["int32", [-(2 ** 31), 9]]);
});

test("64-bit numbers without a sign, and dtypes that no tensor has", async () => {
  expect(await loaded("U64", new BigUint64Array([7n]))).toEqual(["int32", [7]]);
  expect(() => load(fileOf("U64", new BigUint64Array([2n ** 31n])))).toThrow('U64 element 0 of "x" is 2147483648');
  for (const dtype of ["F8_E4M3", "F8_E5M2", "F8_E8M0"] as const) {
    const data = new Uint8Array([1, 255]);
    expect(decodeSafetensors(fileOf(dtype, data)).entries.get("x")?.data).toEqual(data);
    expect(() => load(fileOf(dtype, data))).toThrow(
      `load: no tensor has the dtype ${dtype}: tensor "x" (decodeSafetensors() gives its bytes)`,
    );
  }
});

test("floating tensors in 16 bits", async () => {
  const state = { x: tensor([1, 0.1, 65519]), d: float64([1 / 3]), n: int32([5]) };
  const half = await save(state, { dtype: "float16" });
  const entries = [...decodeSafetensors(half).entries].map(([name, { dtype, shape }]) => [name, dtype, shape]);
  expect(entries).toEqual([
    ["x", "F16", [3]],
    ["d", "F16", [1]],
    ["n", "I32", [1]],
  ]);
  expect(await load(half)["x"]?.array()).toEqual([1, 0.0999755859375, 65504]);
  expect(await load(half)["d"]?.array()).toEqual([0.333251953125]);
  const brain = await save(state, { dtype: "bfloat16" });
  expect(await load(brain)["x"]?.array()).toEqual([1, 0.10009765625, 65536]);
  const large = { a: { x: tensor([1, -1e6, Number.POSITIVE_INFINITY]) } };
  await expect(save(large, { dtype: "float16" })).rejects.toThrow(
    'save: a number is too large for float16: element 1 of "a.x" is -1000000 (use "bfloat16", or leave the option out)',
  );
  const back = load<typeof large>(await save(large, { dtype: "bfloat16" }));
  expect((await back.a.x.array(1))[2]).toBe(Number.POSITIVE_INFINITY);
  await expect(save(state, { dtype: "float32" } as never)).rejects.toThrow('"float16" or "bfloat16": got "float32"');
});

test("zero keeps its sign in 16 bits", async () => {
  expect(await loaded("F16", new Uint16Array([0x8000, 0]))).toEqual(["float32", [-0, 0]]);
  expect(await loaded("BF16", new Uint16Array([0x8000, 0]))).toEqual(["float32", [-0, 0]]);
});

test("whole numbers outside of int32 are refused", () => {
  expect(() => load(fileOf("U32", new Uint32Array([1, 2 ** 31])))).toThrow(
    'load: a whole number does not fit int32: U32 element 1 of "x" is 2147483648',
  );
  expect(() => load(fileOf("I64", new BigInt64Array([2n ** 53n + 1n])))).toThrow("is 9007199254740993");
});

test("nested states", async () => {
  const state = {
    model: { "fc.weight": tensor([1, 2]), "fc.bias": tensor(3) },
    optimizer: { state: { 0: { step: 4, expAvg: tensor([5, 6]) } }, paramGroups: [{ lr: 0.1, betas: [0.9, 0.999] }] },
    epoch: 7,
    note: "@fc",
    done: false,
    best: null,
    list: [tensor([8])],
    empty: {},
  };
  const bytes = await save(state, { metadata: { by: "us" } });
  expect(decodeSafetensors(bytes).metadata["by"]).toBe("us");
  expect([...decodeSafetensors(bytes).entries.keys()]).toContain("optimizer.state.0.expAvg");
  const back = load<typeof state>(bytes);
  const { model, optimizer, list, ...rest } = back;
  expect(rest).toEqual({ epoch: 7, note: "@fc", done: false, best: null, empty: {} });
  expect(optimizer.paramGroups).toEqual([{ lr: 0.1, betas: [0.9, 0.999] }]);
  expect(optimizer.state[0].step).toBe(4);
  expect(await model["fc.weight"].array()).toEqual([1, 2]);
  expect(await model["fc.bias"].item()).toBe(3);
  expect(await optimizer.state[0].expAvg.array()).toEqual([5, 6]);
  expect(await list[0]?.array()).toEqual([8]);
});

test("two tensors of one name are refused", async () => {
  await expect(save({ a: { b: tensor(1) }, "a.b": tensor(2) })).rejects.toThrow('two tensors named "a.b"');
});

test.for([
  ["[1]", "it is no object in JSON"],
  ["{", "it is no object in JSON"],
  ['"@x"', "it is no object in JSON"],
  ['{"a":"@y"}', '"@y" is neither a text nor a tensor of the file'],
  [`${'{"a":'.repeat(200)}1${"}".repeat(200)}`, "more than 64 levels"],
] as const)("a damaged form: %s", ([form, message]) => {
  const x = { dtype: "F32", shape: [], data: new Float32Array([1]) } as const;
  expect(() => load(encodeSafetensors([["x", x]], { "twopass.form": form }))).toThrow(message);
});

test("what is no state is refused", async () => {
  const start = "save: a state is an object of tensors, numbers, texts, lists and such objects: ";
  await expect(save(tensor([1]))).rejects.toThrow(`${start}a Tensor (give model.stateDict()`);
  await expect(save(null as never)).rejects.toThrow(`${start}null`);
  await expect(save([tensor([1])])).rejects.toThrow(`${start}an array of length 1`);
  await expect(save({ a: { b: new Map() } })).rejects.toThrow(`${start}a Map at "a.b"`);
  await expect(save({ rate: Number.NaN })).rejects.toThrow(`${start}NaN at "rate"`);
  await expect(save({ x: tensor(1) }, { metdata: {} } as never)).rejects.toThrow('did you mean "metadata"?');
  await expect(save({}, { metadata: { "twopass.form": "" } })).rejects.toThrow("is taken");
  const loop: Record<string, unknown> = {};
  loop["again"] = loop;
  await expect(save(loop)).rejects.toThrow("more than 64 levels");
});

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "twopass-state-"));
});
afterAll(() => rm(folder, { recursive: true }));

test("files", async () => {
  const path = join(folder, "model.safetensors");
  await saveFile({ x: tensor([1, 2]) }, path);
  expect(await (await loadFile(path))["x"]?.array()).toEqual([1, 2]);
  await expect(loadFile(join(folder, "none"))).rejects.toThrow("cannot read the file");
  await writeFile(path, "no tensors here");
  await expect(loadFile(path)).rejects.toThrow(
    /^loadFile: cannot load the file: ".*model\.safetensors", decodeSafetensors: /,
  );
});
