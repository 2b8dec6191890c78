/**
 * The names that a pickle of torch.save may use, and what each means here. This list is closed: any other name is refused,
 * so that nothing in a file is executed. Tensors are only described; their bytes are not here. Floor: io.
 */
import { TwopassError, describe } from "../base/errors.ts";
import type { ElementType, Strided } from "./elements.ts";
import { type PickleHost, PyDict } from "./pickle.ts";
import { mostDims } from "./safetensors-header.ts";

/** The function that users call. */
export const op = "loadTorch";

/** The elements that one or more tensors lie in. */
export class TorchStorage {
  readonly type: ElementType;
  readonly key: string;
  readonly count: number;

  constructor(type: ElementType, key: string, count: number) {
    this.type = type;
    this.key = key;
    this.count = count;
  }
}

/** A tensor of the file: a storage and the place in it. */
export class TorchTensor {
  readonly storage: TorchStorage;
  readonly place: Strided;

  constructor(storage: TorchStorage, place: Strided) {
    this.storage = storage;
    this.place = place;
  }
}

/** A name that may be used. */
export class Known {
  readonly name: string;
  /** What a call gives; undefined where calls are not allowed. */
  readonly call: ((parts: readonly unknown[]) => unknown) | undefined;
  /** Set on storage types. */
  readonly type: ElementType | undefined;

  constructor(name: string, call?: (parts: readonly unknown[]) => unknown, type?: ElementType) {
    this.name = name;
    this.call = call;
    this.type = type;
  }
}

const storageTypes: Readonly<Record<string, ElementType>> = {
  DoubleStorage: "F64",
  FloatStorage: "F32",
  HalfStorage: "F16",
  BFloat16Storage: "BF16",
  LongStorage: "I64",
  IntStorage: "I32",
  ShortStorage: "I16",
  CharStorage: "I8",
  ByteStorage: "U8",
  BoolStorage: "BOOL",
};

const calls: Readonly<Record<string, (parts: readonly unknown[]) => unknown>> = {
  "collections.OrderedDict": orderedDict,
  "collections.Counter": ([counts, ...more]) => {
    if (counts instanceof PyDict && more.length === 0) return counts;
    throw misused("collections.Counter");
  },
  "torch.Size": ([sizes, ...more]) => {
    if (Array.isArray(sizes) && more.length === 0) return sizes;
    throw misused("torch.Size");
  },
  "torch.device": (parts) => {
    if (parts.length > 0 && parts.every((part) => typeof part === "string" || typeof part === "number")) {
      return parts.join(":");
    }
    throw misused("torch.device");
  },
  "torch._utils._rebuild_tensor": tensorAt,
  "torch._utils._rebuild_tensor_v2": tensorAt,
  "torch._utils._rebuild_parameter": parameter,
  "torch._utils._rebuild_parameter_with_state": parameter,
};

const known = new Map<string, Known>([
  ...Object.entries(calls).map(([name, call]) => [name, new Known(name, call)] as const),
  ...Object.entries(storageTypes).map(
    ([name, type]) => [`torch.${name}`, new Known(`torch.${name}`, undefined, type)] as const,
  ),
]);

/** Settings of an optimiser may hold a dtype: it becomes its name. */
const dtypeNames = new Set(
  "float64 double float32 float float16 half bfloat16 int64 long int32 int int16 short int8 uint8 bool".split(" "),
);

/** What a pickle may ask for: the list above, and storages under their keys. */
export const torchHost: PickleHost = {
  find(module, name) {
    const full = `${module}.${name}`;
    const found = known.get(full);
    if (found !== undefined) return found;
    if (module === "torch" && dtypeNames.has(name)) return full;
    throw new TwopassError({
      op,
      problem: "the file asks for more than tensors",
      facts: `${describe(full)} is not a tensor type`,
      hint: "nothing in a file is executed; save tensors and plain values: torch.save(model.state_dict(), path)",
    });
  },
  call(callable, parts) {
    if (callable instanceof Known && callable.call !== undefined) return callable.call(parts);
    throw damaged(callable instanceof Known ? `${callable.name} is called` : "a call of what is no function");
  },
  persistent: storageOf,
};

/** `("storage", type, key, device, count)`; the oldest files have the place in another storage behind that. */
function storageOf(key: unknown): TorchStorage {
  const [tag, type, name, , count, view] = Array.isArray(key) ? (key as unknown[]) : [];
  if (tag !== "storage" || !(type instanceof Known) || type.type === undefined || typeof name !== "string") {
    throw damaged("a part outside of the pickle that is no storage");
  }
  if (!isSize(count)) throw damaged(`a storage of ${describe(count)} elements`);
  if (view !== undefined && view !== null) throw damaged("a storage inside of another, as PyTorch 0.3 wrote it");
  return new TorchStorage(type.type, name, count);
}

/** `(storage, offset, sizes, strides, ...)`; whether it requires a gradient and its hooks are no part of a state. */
function tensorAt([storage, offset, shape, strides]: readonly unknown[]): TorchTensor {
  if (!(storage instanceof TorchStorage) || !isSize(offset) || !isSizes(shape) || !isSizes(strides)) {
    throw misused("a tensor");
  }
  if (shape.length !== strides.length) throw damaged(`${shape.length} sizes and ${strides.length} strides`);
  if (!shape.includes(0)) {
    const last = shape.reduce((at, extent, dim) => at + (extent - 1) * (strides[dim] as number), offset);
    // A sum beyond 2^53 is inexact, and larger than any storage.
    if (last >= storage.count) {
      throw damaged(`a tensor reaches element ${last} of a storage that has ${storage.count}`);
    }
  }
  return new TorchTensor(storage, { offset, shape: [...shape], strides: [...strides] });
}

function parameter([data]: readonly unknown[]): TorchTensor {
  if (data instanceof TorchTensor) return data;
  throw misused("a parameter");
}

/** Empty, as Python 3 makes it, or of a list of pairs, as Python 2. */
function orderedDict([pairs, ...more]: readonly unknown[]): PyDict {
  const dict = new PyDict();
  if (!(pairs === undefined || Array.isArray(pairs)) || more.length > 0) throw misused("collections.OrderedDict");
  for (const pair of (pairs ?? []) as unknown[]) {
    const [key, value, ...rest] = Array.isArray(pair) ? (pair as unknown[]) : [];
    if (typeof key !== "string" || rest.length > 0) throw misused("collections.OrderedDict");
    dict.items.set(key, value);
  }
  return dict;
}

function isSize(x: unknown): x is number {
  return Number.isSafeInteger(x) && (x as number) >= 0;
}

function isSizes(x: unknown): x is readonly number[] {
  return Array.isArray(x) && x.length <= mostDims && x.every(isSize);
}

function misused(what: string): TwopassError {
  return damaged(`${what} is made of something else than PyTorch gives it`);
}

function damaged(facts: string): TwopassError {
  const hint = "the file is damaged, or of a version of PyTorch that is not known here";
  return new TwopassError({ op, problem: "the pickle does not describe tensors", facts, hint });
}
