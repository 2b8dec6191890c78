/** What a pickle of torch.save made, turned into a state: plain objects and lists with tensors. Floor: io. */
import { TwopassError, describe } from "../base/errors.ts";
import type { Budget } from "./budget.ts";
import {
  type ElementArray,
  type ElementType,
  copyType,
  countOf,
  elementsOf,
  fileItemSize,
  rowMajor,
  rowMajorStrides,
  tensorItemSize,
  tensorOf,
} from "./elements.ts";
import { PyDict } from "./pickle.ts";
import { Known, TorchStorage, TorchTensor, op } from "./torch-globals.ts";

/** Dicts and lists one in the other; as many as `save` writes. */
const mostLevels = 64;

/** The bytes of storages, by key. */
export interface StorageSource {
  readonly littleEndian: boolean;
  read(key: string): Uint8Array;
}

/** A part of the state, and the number of values in it where shared parts count every time. */
interface Part {
  readonly value: unknown;
  readonly values: number;
}

/**
 * The state. Shared lists and dicts stay shared; a state that holds itself, or that shared parts make far larger than its
 * pickle, is refused.
 */
export function stateOf(root: unknown, source: StorageSource, pickleBytes: number, budget: Budget): unknown {
  return new StateMaker(source, budget, 1000 + 16 * pickleBytes).part(root, []).value;
}

class StateMaker {
  readonly #source: StorageSource;
  readonly #budget: Budget;
  readonly #mostValues: number;
  readonly #made = new Map<object, Part | undefined>();
  readonly #storages = new Map<string, { readonly type: ElementType; readonly data: ElementArray }>();

  constructor(source: StorageSource, budget: Budget, mostValues: number) {
    this.#source = source;
    this.#budget = budget;
    this.#mostValues = mostValues;
  }

  part(given: unknown, path: readonly string[]): Part {
    if (given instanceof Known || given instanceof TorchStorage) {
      const what = given instanceof Known ? given.name : "a storage without a tensor";
      throw this.#refused("a value that is no part of a state", `${what} at ${describe(path.join("."))}`);
    }
    if (typeof given !== "object" || given === null) return { value: given, values: 1 };
    const done = this.#made.get(given);
    if (done !== undefined) return done;
    if (this.#made.has(given)) throw this.#refused("a value that holds itself", `at ${describe(path.join("."))}`);
    if (path.length > mostLevels) throw this.#refused(`more than ${mostLevels} levels`, `at ${path.join(".")}`);
    this.#made.set(given, undefined);
    const made = given instanceof TorchTensor ? this.#tensorPart(given, path) : this.#container(given, path);
    if (made.values > this.#mostValues) {
      throw this.#refused("shared parts make it far larger than the file", `${made.values} values`);
    }
    this.#made.set(given, made);
    return made;
  }

  #container(given: object, path: readonly string[]): Part {
    if (Array.isArray(given)) {
      const parts = given.map((item, i) => this.part(item, [...path, String(i)]));
      return { value: parts.map(({ value }) => value), values: sum(parts) };
    }
    const parts = new Map<string, Part>();
    for (const [key, item] of (given as PyDict).items) {
      const name = String(key);
      if (parts.has(name)) throw this.#refused("two keys of the same text", describe([...path, name].join(".")));
      parts.set(name, this.part(item, [...path, name]));
    }
    const value = Object.fromEntries([...parts].map(([name, part]) => [name, part.value]));
    return { value, values: sum(parts.values()) };
  }

  #tensorPart({ storage, place }: TorchTensor, path: readonly string[]): Part {
    const name = path.length === 0 ? "the tensor" : describe(path.join("."));
    const { type } = storage;
    const { shape, offset } = place;
    const count = countOf(shape) ?? Number.POSITIVE_INFINITY;
    const inOrder = isRowMajor(place.shape, place.strides);
    this.#budget.take(count * (tensorItemSize(type) + (inOrder ? 0 : fileItemSize(type))), name);
    const data = this.#storage(storage);
    const hint = "save it in PyTorch as int32 or as float64";
    const origin = { op, typeName: type, name, hint };
    if (inOrder) {
      const part = data.subarray(offset, offset + count);
      return { value: tensorOf(type, part, shape, false, origin), values: 1 };
    }
    const wide = copyType(type);
    return { value: tensorOf(wide, rowMajor(wide, data, place), shape, true, origin), values: 1 };
  }

  #storage({ type, key, count }: TorchStorage): ElementArray {
    const known = this.#storages.get(key);
    if (known !== undefined) {
      if (known.type === type && known.data.length === count) return known.data;
      throw this.#refused("a storage has two types", `${describe(key)}, ${known.type} and ${type}`);
    }
    const bytes = this.#source.read(key);
    if (bytes.length !== count * fileItemSize(type)) {
      const facts = `${describe(key)} of ${count} ${type} has ${bytes.length} bytes`;
      throw this.#refused("the size of a storage does not fit", facts);
    }
    const data = elementsOf(type, bytes, this.#source.littleEndian);
    this.#storages.set(key, { type, data });
    return data;
  }

  #refused(problem: string, facts: string): TwopassError {
    return new TwopassError({ op, problem, facts, hint: "save a state dict: torch.save(model.state_dict(), path)" });
  }
}

function sum(parts: Iterable<Part>): number {
  let total = 1;
  for (const { values } of parts) total += values;
  return total;
}

/** Strides of dims with one element or none say nothing. */
function isRowMajor(shape: readonly number[], strides: readonly number[]): boolean {
  if (shape.includes(0)) return true;
  const wanted = rowMajorStrides(shape);
  return shape.every((extent, dim) => extent === 1 || strides[dim] === wanted[dim]);
}
