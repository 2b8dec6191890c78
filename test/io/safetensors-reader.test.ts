import { open as openFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type SafetensorsReader, encodeSafetensors, openSafetensors as openBlob, save } from "../../src/io/index.ts";
import { loadFile, openSafetensors } from "../../src/io/node.ts";
import { bool, int32, tensor } from "../../src/index.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "twopass-reader-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function written(name: string, bytes: Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}

const state = { weight: tensor([[1, 2, 3]]), steps: int32([7]), mask: bool([true]), "a.b": tensor(2.5) };
const stateBytes = (): Promise<Uint8Array<ArrayBuffer>> => save(state, { metadata: { epoch: "3" } });

/** A blob that knows what was read of it. */
function watched(bytes: Uint8Array<ArrayBuffer>): { blob: Blob; reads: number[][] } {
  const blob = new Blob([bytes]);
  const reads: number[][] = [];
  const slice = (begin: number, end: number): Blob => {
    reads.push([begin, end]);
    return Blob.prototype.slice.call(blob, begin, end);
  };
  return { blob: Object.assign(blob, { slice }), reads };
}

describe.each<[string, (bytes: Uint8Array<ArrayBuffer>) => Promise<SafetensorsReader>]>([
  ["a path", async (bytes) => openSafetensors(await written("x.safetensors", bytes))],
  ["a blob", (bytes) => openBlob(new Blob([bytes]))],
])("%s", (_, open) => {
  test("names, texts, what the header says, and tensors", async () => {
    const file = await open(await stateBytes());
    expect(file.keys()).toEqual(["weight", "steps", "mask", "a.b"]);
    expect([file.has("steps"), file.has("step")]).toEqual([true, false]);
    expect(file.metadata).toEqual({ epoch: "3" });
    expect(file.info("weight")).toEqual({ dtype: "F32", shape: [1, 3], bytes: 12 });
    const tensors = await Promise.all(file.keys().map((name) => file.get(name)));
    for (const [i, x] of Object.values(state).entries()) {
      expect([tensors[i]?.dtype, tensors[i]?.shape]).toEqual([x.dtype, x.shape]);
      expect(await tensors[i]?.array()).toEqual(await x.array());
    }
    await file.close();
    await file.close();
    expect(await tensors[0]?.sum().item()).toBe(6);
  });

  test("a name that is not there, and a file that is closed", async () => {
    const file = await open(await stateBytes());
    expect(() => file.info("wieght")).toThrow(
      'info: the file has no tensor "wieght": it has 4 (did you mean "weight"?)',
    );
    await expect(file.get("nothing like it")).rejects.toThrow("(keys() lists them)");
    await file.close();
    await expect(file.get("weight")).rejects.toThrow("get: the file is closed (read before close()");
    expect(file.keys()).toHaveLength(4);
  });

  test("dtypes that no tensor has", async () => {
    const q = { dtype: "F8_E4M3", shape: [2], data: new Uint8Array([1, 2]) } as const;
    const n = { dtype: "I64", shape: [1], data: new BigInt64Array([2n ** 40n]) } as const;
    const file = await open(encodeSafetensors(Object.entries({ q, n })));
    await expect(file.get("q")).rejects.toThrow(
      'get: no tensor has the dtype F8_E4M3: tensor "q" (decodeSafetensors()',
    );
    expect(await file.entry("q")).toEqual(q);
    await expect(file.get("n")).rejects.toThrow('I64 element 0 of "n" is 1099511627776');
    expect(await file.entry("n")).toEqual(n);
    await file.close();
  });

  test("`await using` closes", async () => {
    const file = await open(await stateBytes());
    const dispose = (Symbol as { asyncDispose?: symbol }).asyncDispose ?? Symbol.for("Symbol.asyncDispose");
    await (file as unknown as Record<symbol, () => Promise<void>>)[dispose]?.();
    await expect(file.get("weight")).rejects.toThrow("the file is closed");
  });

  test.for<[string, (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>, RegExp]>([
    ["no bytes", () => new Uint8Array(0), /too short for a safetensors file: 0 bytes/],
    ["a header alone", (bytes) => bytes.subarray(0, 20), /a header of \d+ bytes in a file of 20/],
    ["data that are cut off", (bytes) => bytes.subarray(0, -1), /a tensor reaches beyond the file/],
    ["a byte too many", (bytes) => new Uint8Array([...bytes, 0]), /bytes behind the last tensor/],
    ["no JSON", (bytes) => bytes.fill(0x7b, 8, 20), /malformed header/],
    ["a bool of 2", (bytes) => bytes.fill(2, -1), /a BOOL that is not 0 or 1/],
  ])("refuses %s", async ([, change, message]) => {
    const all = async (): Promise<void> => {
      const file = await open(change(await stateBytes()));
      try {
        for (const name of file.keys()) await file.get(name);
      } finally {
        await file.close();
      }
    };
    await expect(all()).rejects.toThrow(expect.objectContaining({ name: "TwopassError" }));
    await expect(all()).rejects.toThrow(message);
  });
});

test("only what is asked for is read", async () => {
  const bytes = await stateBytes();
  const { blob, reads } = watched(bytes);
  const file = await openBlob(blob);
  const dataStart = 8 + new DataView(bytes.buffer).getUint32(0, true);
  expect(reads).toEqual([
    [0, 8],
    [8, dataStart],
  ]);
  await file.get("steps");
  expect(reads.slice(2)).toEqual([[dataStart + 12, dataStart + 16]]);
});

test("errors name the path", async () => {
  const path = await written("bad.safetensors", new Uint8Array(9));
  await expect(openSafetensors(path)).rejects.toThrow(
    /^openSafetensors: cannot open the file: ".*bad\.safetensors", decodeSafetensors: the header must begin/,
  );
  await expect(openSafetensors(join(folder, "none"))).rejects.toThrow(
    /^openSafetensors: cannot read the file: ".*none"/,
  );
  await expect(openSafetensors(folder)).rejects.toThrow("openSafetensors: not a file");
  await expect(openBlob("x" as never)).rejects.toThrow('expected a Blob: got "x" (for a path');
});

test("a file that becomes shorter while it is open", async () => {
  const path = await written("short.safetensors", await stateBytes());
  const file = await openSafetensors(path);
  await writeFile(path, new Uint8Array(100));
  await expect(file.get("weight")).rejects.toThrow("openSafetensors: the file became shorter while it was read");
  await file.close();
});

test("files over 4 GiB: offsets are exact, and only the header and the tensors asked for are read", async () => {
  const large = 5 * 2 ** 30 + 3;
  const header = JSON.stringify({
    first: { dtype: "F32", shape: [2], data_offsets: [0, 8] },
    large: { dtype: "U8", shape: [5, 2 ** 30], data_offsets: [8, 8 + 5 * 2 ** 30] },
    odd: { dtype: "U8", shape: [3], data_offsets: [8 + 5 * 2 ** 30, 8 + large] },
    last: { dtype: "F32", shape: [3], data_offsets: [8 + large, 20 + large] },
  });
  const path = join(folder, "large.safetensors");
  const out = await openFile(path, "w");
  const start = new Uint8Array(8 + header.length);
  new DataView(start.buffer).setUint32(0, header.length, true);
  start.set(new TextEncoder().encode(header), 8);
  await out.write(start);
  await out.write(new Float32Array([1, 2]));
  // The disk holds no more than what is written; between lie zeros.
  await out.write(new Uint8Array([7, 8, 9]), 0, 3, start.length + 8 + 5 * 2 ** 30);
  await out.write(new Float32Array([3, 4, 5]), 0, 12, start.length + 8 + large);
  await out.close();

  const file = await openSafetensors(path);
  expect(file.info("large")).toEqual({ dtype: "U8", shape: [5, 2 ** 30], bytes: 5 * 2 ** 30 });
  expect(await (await file.get("first")).array()).toEqual([1, 2]);
  expect(await (await file.get("odd")).array()).toEqual([7, 8, 9]);
  expect(await (await file.get("last")).array()).toEqual([3, 4, 5]);
  await file.close();
});

test("loadFile reads tensor by tensor", async () => {
  const nested = await save({ model: { w: tensor([1, 2]) }, epoch: 3 });
  const back = await loadFile<{ model: { w: typeof state.weight }; epoch: number }>(
    await written("nested.safetensors", nested),
  );
  expect(back.epoch).toBe(3);
  expect(await back.model.w.array()).toEqual([1, 2]);
});
