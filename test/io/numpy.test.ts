import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { strToU8, zipSync } from "fflate";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Tensor, bool, float64, int32, tensor, uint8, zeros } from "../../src/index.ts";
import { decodeNpy, loadNpy, loadNpz, saveNpy, saveNpz } from "../../src/io/index.ts";
import { loadFile, saveFile } from "../../src/io/node.ts";

const fixture = (name: string): string => new URL(`fixtures/${name}`, import.meta.url).pathname;
const fromBase64 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "base64"));

interface Case {
  readonly file: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: readonly number[];
}
const { read, refused } = JSON.parse(readFileSync(fixture("numpy.json"), "utf8")) as {
  read: Record<string, Case>;
  refused: Record<string, [string, string]>;
};

const tensorDtype = (dtype: string): string => {
  if (dtype === "float16") return "float32";
  return /^u?int/.test(dtype) && dtype !== "uint8" ? "int32" : dtype;
};

describe("files of NumPy are read", () => {
  test.for(Object.entries(read))("%s", async ([, { file, dtype, shape, data }]) => {
    const x = loadNpy(fromBase64(file));
    expect([x.dtype, x.shape]).toEqual([tensorDtype(dtype), shape]);
    expect(Array.from(await x.data(), Number)).toEqual(data);
  });

  test("at any offset in a buffer", async () => {
    const bytes = fromBase64(read["float64 <"]?.file as string);
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    expect(await loadNpy(shifted.subarray(3)).array()).toEqual([
      [0, 1, 100],
      [2, 0, 1],
    ]);
    expect(await loadNpy(Buffer.from(shifted.buffer, 3)).array()).toEqual([
      [0, 1, 100],
      [2, 0, 1],
    ]);
  });

  test("elements as they are", () => {
    const of = (name: string): Uint8Array => fromBase64(read[name]?.file as string);
    const rows = [0n, 1n, 100n, 2n, 0n, 1n];
    expect(decodeNpy(of("int64 >"))).toEqual({ descr: ">i8", shape: [2, 3], data: new BigInt64Array(rows) });
    expect(decodeNpy(of("int64 fortran"))).toEqual({ descr: "<i8", shape: [2, 3], data: new BigInt64Array(rows) });
    expect(decodeNpy(of("int8 fortran")).data).toEqual(new Int8Array(rows.map(Number)));
    expect(decodeNpy(of("float16 <")).data).toEqual(new Uint16Array([0, 0x3c00, 0x5640, 0x4000, 0, 0x3c00]));
    const large = fromBase64((refused["a large uint64"] as [string, string])[0]);
    expect(decodeNpy(large).data).toEqual(new BigUint64Array([2n ** 63n]));
  });
});

describe("refused by name", () => {
  test.for(Object.entries(refused))("%s", ([, [file, message]]) => {
    expect(() => loadNpy(fromBase64(file))).toThrow(
      expect.objectContaining({ name: "TwopassError", op: "loadNpy", message: expect.stringContaining(message) }),
    );
  });
});

/** An .npy file with a header of this text. */
function npyOf(text: string, dataBytes = 0, version = 1): Uint8Array {
  const header = strToU8(text, true);
  const bytes = new Uint8Array(10 + header.length + dataBytes);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0, header.length & 255, header.length >> 8]);
  bytes.set(header, 10);
  return bytes;
}

describe("damaged .npy files", () => {
  const f4 = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}";
  test.for<[string, Uint8Array, string]>([
    ["no bytes", new Uint8Array(0), "this is no .npy file: 0 bytes"],
    ["another magic", strToU8("hello, world"), "this is no .npy file"],
    ["version 4", npyOf(f4, 4, 4), "unknown version: 4.0"],
    ["a header that is cut off", npyOf(f4).subarray(0, 20), "a header of 55 bytes in a file of 20"],
    ["a header that is no text", npyOf("\xff\xfe"), "the header is no text"],
    ["too few bytes", npyOf(f4, 3), "the data do not fit the shape: <f4 [1], 3 bytes of data"],
    ["too many bytes", npyOf(f4, 8), "8 bytes of data (the file is cut off, damaged, or holds more than one array)"],
    ["no shape", npyOf("{'descr': '<f4', 'fortran_order': False}"), "descr, fortran_order and shape must be there"],
    ["a key twice", npyOf("{'shape': (), 'shape': ()}"), 'the key "shape" is unknown or appears twice'],
    ["another key", npyOf("{'x': ()}"), 'the key "x" is unknown'],
    ["a negative dim", npyOf(f4.replace("1", "-1"), 4), "expected a whole number"],
    ["a dim beyond 2^53", npyOf(f4.replace("1", "9007199254740993"), 4), "9007199254740993 is too large"],
    ["a size beyond 2^53", npyOf(f4.replace("1,", "99999999, 99999999"), 4), "the data do not fit the shape"],
    ["65 dims", npyOf(f4.replace("1,", "1,".repeat(65)), 4), "more than 64 dims"],
    ["a call", npyOf(f4.replace("False", "print()"), 4), "expected True or False"],
    ["text behind", npyOf(`${f4} 1`, 4), "text behind the header"],
    ["an open tuple", npyOf(f4.replace(",)}", ""), 4), "expected a whole number"],
    ["an unknown type", npyOf(f4.replace("<f4", "<q7"), 4), 'no tensor has the NumPy type "<q7"'],
    ["no byte order", npyOf(f4.replace("<f4", "f4"), 4), 'no tensor has the NumPy type "f4"'],
    [
      "a bool of 2",
      npyOf(f4.replace("<f4", "|b1"), 1).fill(2, -1),
      "a |b1 that is not 0 or 1: element 0 of the array is 2",
    ],
  ])("%s", ([, bytes, message]) => {
    expect(() => loadNpy(bytes)).toThrow(
      expect.objectContaining({ name: "TwopassError", op: "loadNpy", message: expect.stringContaining(message) }),
    );
  });

  test("Python 2 wrote long numbers", () => {
    expect(loadNpy(npyOf(f4.replace("1", "1L"), 4)).shape).toEqual([1]);
  });
});

const states: Record<string, Tensor> = {
  matrix: tensor([
    [1, -2],
    [0.5, 4],
  ]),
  double: float64([Math.PI]),
  steps: int32([-7, 2 ** 31 - 1]),
  image: uint8([0, 255]),
  mask: bool([true, false]),
  scalar: tensor(5),
  empty: zeros(0, 3),
};

describe("round trips", () => {
  test.for(Object.entries(states))(".npy: %s", async ([, x]) => {
    const back = loadNpy(await saveNpy(x));
    expect([back.dtype, back.shape, await back.array()]).toEqual([x.dtype, x.shape, await x.array()]);
  });

  test.for([{}, { compress: true }])(".npz with %o", async (options) => {
    const bytes = await saveNpz(states, options);
    expect(await saveNpz(states, options)).toEqual(bytes);
    const back = loadNpz(bytes);
    expect(Object.keys(back)).toEqual(Object.keys(states));
    for (const [name, x] of Object.entries(states)) expect(await back[name]?.array()).toEqual(await x.array());
  });

  test("elements begin at a multiple of 64, as NumPy has it", async () => {
    for (const rank of [0, 1, 4, 12, 30]) {
      const x = zeros(...new Array<number>(rank).fill(1));
      const bytes = await saveNpy(x);
      expect(bytes.length % 64).toBe(4);
      expect(loadNpy(bytes).shape).toEqual(x.shape);
    }
  });

  test("names are only keys", async () => {
    const odd = {
      "../../up": tensor(1),
      "/root": tensor(2),
      __proto__x: tensor(3),
      "a/b.npy": tensor(4),
      "": tensor(5),
    };
    const back = loadNpz(await saveNpz(odd));
    expect(Object.keys(back)).toEqual(Object.keys(odd));
    expect(Object.getPrototypeOf(loadNpz(await saveNpz({ ["__proto__"]: tensor(1) })))).toBe(Object.prototype);
  });
});

describe("archives of NumPy", () => {
  test("stored", async () => {
    const { x, mask, "layer/weight": weight } = await loadFile(fixture("arrays.npz"));
    expect(x?.shape).toEqual([2, 3, 4]);
    expect(await x?.sum().item()).toBe(276);
    expect([mask?.dtype, await mask?.array()]).toEqual(["bool", [1, 0]]);
    expect(await weight?.array()).toEqual([[0.5, -2]]);
  });

  test("zip64", async () => {
    const bytes = new Uint8Array(readFileSync(fixture("zip64.npz")));
    expect(Buffer.from(bytes).includes(Buffer.from("PK\u0006\u0006"))).toBe(true);
    const { x, y } = loadNpz(bytes);
    expect([x?.shape, await x?.sum().item(), await y?.array()]).toEqual([[2, 3, 4], 276, [1, 2]]);
    const locator = bytes.length - 22 - 20;
    for (const at of [locator + 8, locator + 15]) {
      const damaged = bytes.with(at, 0x7f);
      expect(() => loadNpz(damaged)).toThrow("a zip64 record is missing");
    }
  });

  test("deflated", async () => {
    const { x, y } = loadNpz(new Uint8Array(readFileSync(fixture("compressed.npz"))));
    expect(await x?.sum().item()).toBe(276);
    expect(await y?.array()).toEqual([5, 4, 3, 2, 1, 0]);
  });
});

describe("damaged archives", () => {
  const damaged = (change: (bytes: Uint8Array, view: DataView) => void): Uint8Array => {
    const bytes = new Uint8Array(readFileSync(fixture("arrays.npz")));
    change(bytes, new DataView(bytes.buffer));
    return bytes;
  };
  const find = (bytes: Uint8Array, signature: number, nth = 0): number => {
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    for (let at = 0, left = nth; at + 4 <= bytes.length; at++) {
      if (view.getUint32(at, true) === signature && left-- === 0) return at;
    }
    return -1;
  };
  const [central, end] = [0x02014b50, 0x06054b50];

  test.for<[string, Uint8Array, string]>([
    ["no bytes", new Uint8Array(0), "the end of the archive is missing"],
    ["a cut archive", damaged(() => undefined).subarray(0, -5), "the end of the archive is missing"],
    ["bytes behind", Buffer.concat([damaged(() => undefined), new Uint8Array(1)]), "the end of the archive is missing"],
    [
      "an encrypted entry",
      damaged((b, v) => v.setUint16(find(b, central) + 8, 1, true)),
      'the entry "x.npy" is encrypted',
    ],
    [
      "another method",
      damaged((b, v) => v.setUint16(find(b, central) + 10, 93, true)),
      "is compressed by method 93, known are stored (0) and deflated (8)",
    ],
    ["two sizes", damaged((b, v) => v.setUint32(find(b, central) + 24, 7, true)), 'the entry "x.npy" has two sizes'],
    [
      "an entry that is elsewhere",
      damaged((b, v) => v.setUint32(find(b, central) + 42, 1, true)),
      'the entry "x.npy" is not where the list says',
    ],
    [
      "two entries over the same bytes",
      damaged((b, v) => {
        const [first, second] = [find(b, central), find(b, central, 1)];
        for (const at of [16, 20, 24, 42]) v.setUint32(second + at, v.getUint32(first + at, true), true);
      }),
      "two entries overlap",
    ],
    ["many parts", damaged((b, v) => v.setUint16(find(b, end) + 4, 1, true)), "an archive in several parts"],
    [
      "too many entries",
      damaged((b, v) => [8, 10].forEach((o) => v.setUint16(find(b, end) + o, 9999, true))),
      "9999 entries",
    ],
    ["a list beyond the end", damaged((b, v) => v.setUint32(find(b, end) + 16, 5000, true)), "outside of the file"],
    ["a changed element", damaged((b) => b.fill(9, 200, 201)), 'a check sum does not fit: the entry "x.npy"'],
    ["something else inside", zipSync({ "x.txt": strToU8("hi") }), 'not an array: the entry "x.txt"'],
    ["an array that is none", zipSync({ "x.npy": strToU8("hi") }), 'cannot load "x": loadNpy: this is no .npy file'],
  ])("%s", ([, bytes, message]) => {
    expect(() => loadNpz(bytes)).toThrow(
      expect.objectContaining({ name: "TwopassError", op: "loadNpz", message: expect.stringContaining(message) }),
    );
  });

  test("the same name twice", () => {
    const bytes = zipSync({ "a.npy": strToU8("1"), "b.npy": strToU8("2") }, { level: 0 });
    for (const at of [0, 1]) bytes[find(bytes, central, at) + 46] = 0x61;
    expect(() => loadNpz(bytes)).toThrow('two entries named "a.npy"');
  });
});

describe("memory", () => {
  test("what a small file stands for is bounded, and named", async () => {
    const bomb = await saveNpz({ x: zeros(1000, 1000, { dtype: "uint8" }) }, { compress: true });
    expect(bomb.length).toBeLessThan(5000);
    expect(() => loadNpz(bomb)).toThrow(
      /^loadNpz: the file asks for too much memory: 1000\d+ bytes with the entry "x.npy", at most \d+ \(if you trust the file, allow more with { maxBytes: 1048576 }\)$/,
    );
    expect(
      await loadNpz(bomb, { maxBytes: 2 ** 20 })
        ["x"]?.sum()
        .item(),
    ).toBe(0);
    expect(() => loadNpz(bomb, { maxBytes: -1 })).toThrow("maxBytes must be a number from 0: got -1");
    expect(() => loadNpz(bomb, { most: 1 } as never)).toThrow('unknown option "most"');
  });

  test("conversion counts too", async () => {
    const text = "{'descr': '|i1', 'fortran_order': False, 'shape': (900000,)}";
    const bomb = zipSync({ "x.npy": npyOf(text, 900_000) });
    expect(() => loadNpz(bomb, { maxBytes: 2 ** 20 })).toThrow('4500070 bytes with the array "x"');
    expect(loadNpz(bomb, { maxBytes: 2 ** 23 })["x"]?.shape).toEqual([900_000]);
  });

  test("an entry that inflates to more than it says", () => {
    // Large enough, when deflated, to go through in pieces.
    let seed = 1;
    const noise = new Uint8Array(300_000).map(() => (seed = (Math.imul(seed, 1664525) + 1013904223) | 0) >>> 24);
    const bytes = zipSync({ "x.npy": noise }, { level: 9 });
    const view = new DataView(bytes.buffer);
    const at = bytes.length - 22 - 46 - "x.npy".length;
    expect(view.getUint32(at, true)).toBe(0x02014b50);
    view.setUint32(at + 24, 1000, true);
    expect(() => loadNpz(bytes)).toThrow('the entry "x.npy" cannot be inflated');
    view.setUint32(at + 24, 300_000, true);
    expect(() => loadNpz(bytes)).toThrow('cannot load "x": loadNpy: this is no .npy file');
  });
});

test("what is no tensor is refused", async () => {
  await expect(saveNpy([1, 2] as never)).rejects.toThrow("saveNpy: expected a tensor: got an array of length 2");
  await expect(saveNpz({ x: 1 } as never)).rejects.toThrow('saveNpz: expected an object of tensors: got 1 at "x"');
  await expect(saveNpz(tensor(1) as never)).rejects.toThrow("got a Tensor");
  await expect(saveNpz({}, { compresed: true } as never)).rejects.toThrow('did you mean "compress"?');
  expect(() => loadNpy(new ArrayBuffer(8) as never)).toThrow("use new Uint8Array(buffer)");
  expect(() => loadNpz(new ArrayBuffer(8) as never)).toThrow("use new Uint8Array(buffer)");
});

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "twopass-numpy-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

test("the ending of the name chooses the format", async () => {
  const [npy, npz] = [join(folder, "x.npy"), join(folder, "x.NPZ")];
  await saveFile(tensor([1, 2]), npy);
  await saveFile({ a: tensor([1, 2]) }, npz, { compress: true });
  expect(await (await loadFile<Tensor>(npy)).array()).toEqual([1, 2]);
  await expect(loadFile("none.npz")).rejects.toThrow('loadFile: cannot read the file: "none.npz"');
  await expect(loadFile(3 as never)).rejects.toThrow("loadFile: the path must be a text: got 3");
  expect(await (await loadFile(npz))["a"]?.array()).toEqual([1, 2]);
  await expect(saveFile({}, join(folder, "x.pt"))).rejects.toThrow("PyTorch's files are only read");
  await expect(saveFile(tensor(1), npy, { compress: true })).rejects.toThrow('unknown option "compress"');
  writeFileSync(npz, "no archive");
  await expect(loadFile(npz)).rejects.toThrow(/^loadFile: cannot load the file: ".*x\.NPZ", loadNpz: the zip archive/);
});

const python = "/usr/bin/python3";
const hasNumpy = existsSync(python) && existsSync("/usr/lib/python3/dist-packages/numpy");

test.skipIf(!hasNumpy)("NumPy reads what is saved", async () => {
  await saveFile(states, join(folder, "all.npz"));
  await saveFile(states, join(folder, "small.npz"), { compress: true });
  const script = `
import json, numpy, sys
for name in ("all.npz", "small.npz"):
    with numpy.load(sys.argv[1] + "/" + name) as file:
        print(json.dumps({key: [str(x.dtype), list(x.shape), x.tolist()] for key, x in file.items()}))`;
  const lines = execFileSync(python, ["-c", script, folder], { encoding: "utf8" }).trim().split("\n");
  for (const line of lines) {
    const seen = JSON.parse(line) as Record<string, [string, number[], unknown]>;
    for (const [name, x] of Object.entries(states)) {
      const [dtype, shape, elements] = seen[name] as [string, number[], unknown[]];
      const numbers = dtype === "bool" ? elements.map(Number) : elements;
      expect([dtype, shape, numbers]).toEqual([x.dtype, x.shape, await x.array()]);
    }
  }
  expect(lines).toHaveLength(2);
});
