/** Files of states: safetensors as a whole and tensor by tensor, .npy, .npz and PyTorch's two formats. */
import { readFileSync } from "node:fs";
import { dtypes } from "../../../src/base/dtype.ts";
import { decodeSafetensors, encodeSafetensors } from "../../../src/io/safetensors.ts";
import { decodeNpy, load, loadNpy, loadNpz, loadTorch, openSafetensors } from "../../../src/io/index.ts";
import type { FuzzTarget } from "../target.ts";
import { mendZip } from "../zip-sums.ts";

const fixtures = new URL("../../io/fixtures/", import.meta.url);
const fixture = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(name, fixtures)));

const small = encodeSafetensors(
  [
    ["a.weight", { dtype: "F32", shape: [2, 2], data: new Float32Array([1, 2, 3, 4]) }],
    ["b", { dtype: "I64", shape: [1], data: new BigInt64Array([5n]) }],
    ["c", { dtype: "BOOL", shape: [3], data: new Uint8Array([1, 0, 1]) }],
    ["d", { dtype: "F16", shape: [], data: new Uint16Array([0x3c00]) }],
  ],
  { format: "pt" },
);
const nested = encodeSafetensors([["model.w", { dtype: "BF16", shape: [2], data: new Uint16Array([0x3f80, 0]) }]], {
  "twopass.form": '{"model":{"w":"@model.w"},"epoch":3,"list":[1,"=x",null]}',
});
const opaque = encodeSafetensors([["q", { dtype: "F4", shape: [4], data: new Uint8Array(2) }]]);
const safetensorsTokens = [
  '"shape":[',
  '"data_offsets":[0,0]',
  '"dtype":"F8_E4M3"',
  '"__metadata__":{',
  "I8",
  "U64",
  "F4",
  "{}",
  "@",
  "\\u0061",
];

interface NumpyCases {
  readonly read: Readonly<Record<string, { readonly file: string }>>;
}
const numpyCases = JSON.parse(readFileSync(new URL("numpy.json", fixtures), "utf8")) as NumpyCases;
const npySeeds = Object.values(numpyCases.read).map(({ file }) => new Uint8Array(Buffer.from(file, "base64")));

/** Names and opcodes that a pickle of tensors may have, and some that it must not. */
const pickleTokens = [
  "cposix\nsystem\n",
  "ctorch\nLongStorage\n",
  "ctorch._utils\n_rebuild_tensor_v2\n",
  "ccollections\nOrderedDict\n",
  "X\u0002\0\0\0hi",
  "U\u0002hi",
  "K\u0001",
  "M\u0001\u0001",
  "J\0\0\0\0",
  "q\u0001",
  "h\u0001",
  "r\0\0\0\0",
  ..."N(tRuesa}])Qb.".split(""),
];

/** The tensors of a state, for a reader that is lazy about nothing else. */
function touch(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  if ("dtype" in value && "shape" in value) {
    if (!(dtypes as readonly unknown[]).includes(value.dtype)) throw new Error(`the dtype ${String(value.dtype)}`);
    return;
  }
  for (const part of Object.values(value)) touch(part);
}

export const targets: readonly FuzzTarget[] = [
  {
    name: "safetensors",
    seeds: [small, nested, opaque],
    tokens: safetensorsTokens,
    read: (bytes) => decodeSafetensors(bytes),
  },
  { name: "safetensors-load", seeds: [small, nested], tokens: safetensorsTokens, read: (bytes) => touch(load(bytes)) },
  {
    name: "safetensors-lazy",
    seeds: [small, nested, opaque],
    tokens: safetensorsTokens,
    read: async (bytes) => {
      const size = bytes.length;
      const slice = (begin: number, end: number): { arrayBuffer(): Promise<ArrayBuffer> } => ({
        arrayBuffer: () => Promise.resolve(bytes.slice(begin, end).buffer as ArrayBuffer),
      });
      const file = await openSafetensors({ size, slice });
      for (const name of file.keys()) {
        if (/^[FC]\d+_?/.test(file.info(name).dtype)) await file.entry(name);
        else touch(await file.get(name));
      }
      await file.close();
    },
  },
  {
    name: "npy",
    seeds: npySeeds,
    tokens: ["'descr': '<f8'", "'shape': ()", "'fortran_order': True", "(1,)", "|O", "<i8", ">f2", "[('a', '<f4')]"],
    read: (bytes) => {
      decodeNpy(bytes);
      touch(loadNpy(bytes));
    },
  },
  {
    name: "npz",
    seeds: [fixture("arrays.npz"), fixture("compressed.npz"), fixture("zip64.npz")],
    tokens: ["PK\u0001\u0002", "PK\u0003\u0004", "PK\u0005\u0006", ".npy", "\u0001\0\u0010\0"],
    repair: mendZip,
    // To inflate an entry takes tables of up to 128 KB for each of its blocks.
    mostBytes: (bytes) => 4 * bytes.length + 512 * 1024,
    read: (bytes) => touch(loadNpz(bytes)),
  },
  {
    name: "torch",
    seeds: ["tensor.pt", "views.pt", "dtypes.pt", "mlp-protocol4.pt"].map(fixture),
    tokens: [...pickleTokens, "PK\u0001\u0002", "PK\u0005\u0006", "data/0", "data.pkl", "byteorder"],
    repair: mendZip,
    read: (bytes) => touch(loadTorch(bytes)),
  },
  {
    name: "torch-legacy",
    seeds: ["views-legacy.pt", "dtypes-legacy.pt", "mlp-legacy.pt"].map(fixture),
    tokens: pickleTokens,
    read: (bytes) => touch(loadTorch(bytes)),
  },
];
