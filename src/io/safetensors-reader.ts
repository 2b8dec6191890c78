/**
 * Safetensors files read tensor by tensor, for those that do not fit memory. Opening reads the header alone and checks it
 * against the size of the file; each tensor's bytes are read when it is asked for. Where bytes come from is a ByteSource:
 * a blob here, a file in node-safetensors.ts. Floor: io.
 */
import { TwopassError, describe, nearest } from "../base/errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { AsyncDisposing } from "./async-disposing.ts";
import {
  type SafetensorsDtype,
  type TensorPlace,
  headerLength,
  lengthBytes,
  readLayout,
} from "./safetensors-layout.ts";
import { type SafetensorsEntry, entryOf } from "./safetensors.ts";
import { tensorFrom } from "./state.ts";

export interface ByteSource {
  readonly size: number;
  /** Exactly the bytes [begin, end), in an array of their own. */
  read(begin: number, end: number): Promise<Uint8Array<ArrayBuffer>>;
  close(): Promise<void>;
}

/** What a reader needs of a `Blob`, and so of a `File`. */
export interface BlobLike {
  readonly size: number;
  slice(begin: number, end: number): { arrayBuffer(): Promise<ArrayBuffer> };
}

/** What the header says of a tensor. */
export interface TensorInfo {
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  /** Bytes of its elements in the file. */
  readonly bytes: number;
}

/** An open safetensors file. Close it, or declare it with `await using`. */
export class SafetensorsReader extends AsyncDisposing {
  /** The free texts of the file; empty where there are none. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly #places: ReadonlyMap<string, TensorPlace>;
  readonly #source: ByteSource;
  readonly #dataStart: number;
  #isClosed = false;

  /** `openSafetensors` makes readers. */
  constructor(
    source: ByteSource,
    dataStart: number,
    places: readonly TensorPlace[],
    metadata: Readonly<Record<string, string>>,
  ) {
    super();
    this.metadata = metadata;
    this.#source = source;
    this.#dataStart = dataStart;
    this.#places = new Map(places.map((place) => [place.name, place]));
  }

  /** The names of the tensors, in the order of the header. */
  keys(): string[] {
    return [...this.#places.keys()];
  }

  has(name: string): boolean {
    return this.#places.has(name);
  }

  /**
   * What the header says of a tensor. Nothing is read.
   *
   * @throws where the file has no tensor of this name, with the nearest one.
   */
  info(name: string): TensorInfo {
    const { dtype, shape, begin, end } = this.#place("info", name);
    return { dtype, shape: [...shape], bytes: end - begin };
  }

  /**
   * One tensor; only its bytes are read. Types become dtypes as `load` says.
   *
   * @throws where `info` and `load` do, where the file is closed, and where it cannot be read.
   */
  async get(name: string): Promise<Tensor> {
    return tensorFrom("get", name, await this.#read("get", name), true);
  }

  /**
   * One tensor's elements as the file holds them, as `decodeSafetensors` gives them.
   *
   * @throws as `get`.
   */
  async entry(name: string): Promise<SafetensorsEntry> {
    return this.#read("entry", name);
  }

  /** Ends reading. What was read stays; a second call does nothing. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#source.close();
  }

  async #read(op: string, name: string): Promise<SafetensorsEntry> {
    const place = this.#place(op, name);
    if (this.#isClosed) {
      throw new TwopassError({ op, problem: "the file is closed", hint: "read before close(), or open it again" });
    }
    return entryOf(place, await this.#source.read(this.#dataStart + place.begin, this.#dataStart + place.end));
  }

  #place(op: string, name: string): TensorPlace {
    const place = this.#places.get(name);
    if (place !== undefined) return place;
    const near = nearest(name, this.#places.keys());
    throw new TwopassError({
      op,
      problem: `the file has no tensor ${describe(name)}`,
      facts: `it has ${this.#places.size}`,
      hint: near === undefined ? "keys() lists them" : `did you mean ${describe(near)}?`,
    });
  }
}

/**
 * Opens a safetensors file that is a `Blob`, such as one that a page's user chose, to read it tensor by tensor. For a path
 * there is the function of the same name in `twopass/io/node`.
 *
 * @throws for a header that is not exactly the format or does not fit the size, as `decodeSafetensors`.
 * @example
 * const file = await openSafetensors(new Blob([await save({ w: tensor([1, 2]), b: tensor(3) })]));
 * file.keys(); // ["w", "b"]
 * file.info("w"); // { dtype: "F32", shape: [2], bytes: 8 }
 * await (await file.get("w")).array(); // [1, 2]
 * await file.close();
 */
export async function openSafetensors(blob: BlobLike): Promise<SafetensorsReader> {
  if (typeof blob?.slice !== "function" || typeof blob.size !== "number") {
    throw new TwopassError({
      op: "openSafetensors",
      problem: "expected a Blob",
      facts: `got ${describe(blob)}`,
      hint: "for a path there is openSafetensors in twopass/io/node; for bytes there is load",
    });
  }
  return readerOf({
    size: blob.size,
    read: async (begin, end) => {
      const bytes = new Uint8Array(await blob.slice(begin, end).arrayBuffer());
      if (bytes.length !== end - begin) {
        const facts = `${bytes.length} bytes of ${end - begin}`;
        throw new TwopassError({ op: "openSafetensors", problem: "the blob gave too few bytes", facts });
      }
      return bytes;
    },
    close: () => Promise.resolve(),
  });
}

/** Reads the header alone. */
export async function readerOf(source: ByteSource): Promise<SafetensorsReader> {
  const first = await source.read(0, Math.min(lengthBytes, source.size));
  const dataStart = lengthBytes + headerLength(first, source.size);
  const { places, metadata } = readLayout(await source.read(lengthBytes, dataStart), source.size - dataStart);
  return new SafetensorsReader(source, dataStart, places, metadata);
}
