/**
 * PyTorch's files, `.pt` and `.pth`, read without executing anything: the zip archives of torch.save since 1.6, and the row
 * of pickles that it wrote before. Only reading; PyTorch's safetensors package reads what `save` writes. Floor: io.
 */
import { TwopassError, checkOptions, describe } from "../base/errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Budget, type MemoryOptions } from "./budget.ts";
import { fileItemSize } from "./elements.ts";
import { PyDict, type PickleHost, unpickle } from "./pickle.ts";
import { TorchStorage, op, torchHost } from "./torch-globals.ts";
import { type StorageSource, stateOf } from "./torch-state.ts";
import { readZip, unzip } from "./zip.ts";

/**
 * The state in the bytes of a file of torch.save: a state dict, a checkpoint of nested dicts and lists, or one tensor. Dicts
 * become objects, tuples become lists, ints beyond 2^53 become bigints; tensors are copies, also where PyTorch shares
 * memory between them. float16 and bfloat16 become float32; int8, int16 and int64 become int32, with a check of the range.
 * S says what the program takes it for and is not checked.
 *
 * Nothing in the file is executed: it may hold dicts, lists, numbers, texts and tensors, and every other name is refused.
 *
 * @param options.maxBytes the most bytes that the tensors may take. Default: 4 times the file.
 * @throws for names that are no part of a state, for damaged files, and for whole numbers outside of int32.
 * @example
 * // In Python: torch.save(model.state_dict(), "model.pt")
 * const state = loadTorch(await readFileBytes("model.pt"));
 * Object.keys(state); // ["weight", "bias"]
 * model.loadStateDict(state).unexpectedKeys; // []
 */
export function loadTorch<S = Record<string, Tensor>>(bytes: Uint8Array, options: MemoryOptions = {}): S {
  checkOptions(op, options, ["maxBytes"]);
  if (!(bytes instanceof Uint8Array)) {
    throw fault("expected a Uint8Array", `got ${describe(bytes)}`, "use new Uint8Array(buffer)");
  }
  const budget = new Budget(op, bytes.length, options);
  if (bytes[0] === 0x50 && bytes[1] === 0x4b) return fromZip(bytes, budget) as S;
  if (bytes[0] === 0x80) return fromPickles(bytes, budget) as S;
  const facts = `${bytes.length} bytes, which begin with neither a zip archive nor a pickle`;
  throw fault("this is no file of torch.save", facts, "files of PyTorch 0.1 must be saved again");
}

/** Since 1.6: an archive with `name/data.pkl`, and a file `name/data/key` for each storage. */
function fromZip(bytes: Uint8Array, budget: Budget): unknown {
  const entries = readZip(op, bytes);
  const folder = [...entries.keys()].find((name) => /^[^/]*\/data\.pkl$/.test(name))?.slice(0, -"data.pkl".length);
  if (folder === undefined) {
    throw fault("this is no file of torch.save", "a zip archive without data.pkl", "loadNpz reads .npz files");
  }
  if (entries.has(`${folder}constants.pkl`)) {
    throw fault(
      "this is a TorchScript archive",
      "of torch.jit.save",
      "save its state: torch.save(m.state_dict(), path)",
    );
  }
  const read = (name: string): Uint8Array => {
    const entry = entries.get(folder + name);
    if (entry === undefined) throw fault("a part of the file is missing", describe(folder + name), "it is damaged");
    return unzip(op, entry, budget);
  };
  const order = entries.has(`${folder}byteorder`) ? String.fromCharCode(...read("byteorder").subarray(0, 8)) : "little";
  if (order !== "little" && order !== "big") throw fault("unknown byte order", describe(order), "the file is damaged");
  const pickle = read("data.pkl");
  const { value, end } = unpickle(op, pickle, 0, torchHost);
  if (end !== pickle.length) throw fault("bytes behind the pickle", describe(`${folder}data.pkl`), "it is damaged");
  const source = { littleEndian: order === "little", read: (key: string) => read(`data/${key}`) };
  return stateOf(value, source, pickle.length, budget);
}

const legacyMagic = 0x1950a86a20f9469cfc6cn;
const legacyVersion = 1001;

/**
 * Before 1.6: pickles of a magic number, a version, facts of the machine, the object and the list of storage keys; then for
 * each key the number of elements (i64) and the elements.
 */
function fromPickles(bytes: Uint8Array, budget: Budget): unknown {
  const storages = new Map<string, TorchStorage>();
  const persistent = (key: unknown): unknown => {
    const storage = torchHost.persistent(key);
    if (storage instanceof TorchStorage) storages.set(storage.key, storage);
    return storage;
  };
  const host: PickleHost = { ...torchHost, persistent };
  let at = 0;
  const next = (): unknown => {
    const { value, end } = unpickle(op, bytes, at, host);
    at = end;
    return value;
  };
  const [magic, version] = [next(), next()];
  if (magic !== legacyMagic || version !== legacyVersion) {
    throw fault("this is no file of torch.save", "a pickle with another beginning", "save it with torch.save");
  }
  const machine = next();
  const isLittle = machine instanceof PyDict ? machine.items.get("little_endian") : undefined;
  if (typeof isLittle !== "boolean") throw fault("unknown byte order", "little_endian is missing", "it is damaged");
  const start = at;
  const root = next();
  const pickleBytes = at - start;
  const keys = next();
  if (!Array.isArray(keys)) throw fault("the list of storages is missing", describe(keys), "the file is damaged");
  const parts = new Map<string, Uint8Array>();
  for (const key of keys as unknown[]) {
    const storage = typeof key === "string" ? storages.get(key) : undefined;
    if (storage === undefined || parts.has(storage.key)) {
      throw fault("a storage that no tensor has, or that comes twice", describe(key), "the file is damaged");
    }
    const begin = at + 8;
    at = begin + storage.count * fileItemSize(storage.type);
    if (at > bytes.length)
      throw fault("the file is cut off", `${bytes.length} bytes, ${at} are needed`, "save it again");
    const count = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(begin - 8, isLittle);
    if (count !== BigInt(storage.count)) {
      throw fault("a storage has two sizes", `${describe(key)}, ${count} and ${storage.count}`, "the file is damaged");
    }
    parts.set(storage.key, bytes.subarray(begin, at));
  }
  if (at !== bytes.length) throw fault("bytes behind the last storage", `${bytes.length - at}`, "the file is damaged");
  const source: StorageSource = {
    littleEndian: isLittle,
    read: (key) => {
      const part = parts.get(key);
      if (part === undefined) throw fault("a storage is missing", describe(key), "the file is damaged");
      return part;
    },
  };
  return stateOf(root, source, pickleBytes, budget);
}

function fault(problem: string, facts: string, hint: string): TwopassError {
  return new TwopassError({ op, problem, facts, hint });
}
