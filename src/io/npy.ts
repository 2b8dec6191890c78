/**
 * NumPy's `.npy` format: one array as magic bytes, a version, a header of text and the elements. Read in versions 1 to 3,
 * either byte order and either order of dims; written as NumPy writes it. Pickled objects are refused. Floor: io.
 */
import type { Dtype } from "../base/dtype.ts";
import { TwopassError, describe, showShape } from "../base/errors.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { Budget } from "./budget.ts";
import {
  type ElementArray,
  type ElementType,
  type Strided,
  copyType,
  countOf,
  elementsOf,
  fileItemSize,
  isTensorType,
  rowMajor,
  rowMajorStrides,
  tensorItemSize,
  tensorOf,
} from "./elements.ts";
import { type NpyHeader, npyError, npyType, parseNpyHeader } from "./npy-header.ts";

/** An array as a file holds it. */
export interface NpyArray {
  /** NumPy's word for the type in the file, such as "<i8". */
  readonly descr: string;
  readonly shape: readonly number[];
  /** Row-major, in the byte order of this machine; float16 as its 16 bits, bool as bytes 0 and 1. */
  readonly data: ElementArray;
}

/** "\x93NUMPY". */
const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
/** NumPy's own: the elements begin at a multiple of this. */
const alignment = 64;

/**
 * The tensor in the bytes of an `.npy` file; a copy. float16 becomes float32; int8, int16, int64, uint16, uint32 and
 * uint64 become int32, with a check of the range.
 *
 * @throws for bytes that are not exactly the format, whole numbers outside of int32, and types that no tensor has, by
 * name. Object arrays are refused: nothing in a file is executed.
 * @example
 * const bytes = await saveNpy(tensor([[1, 2], [3, 4]]));
 * await loadNpy(bytes).array(); // [[1, 2], [3, 4]]
 */
export function loadNpy(bytes: Uint8Array): Tensor {
  return npyTensor(bytes, "the array", { isOwn: false });
}

/**
 * As `loadNpy`. `isOwn` says that nobody else holds the bytes, so that the tensor may keep them; a tensor that takes
 * memory of its own counts against the budget.
 */
export function npyTensor(
  bytes: Uint8Array,
  name: string,
  { isOwn, budget }: { readonly isOwn: boolean; readonly budget?: Budget },
): Tensor {
  const { header, type, data, isCopy } = read(bytes);
  const inOrder = !isFortran(header);
  const canKeep = inOrder && (isOwn || isCopy);
  if (!(canKeep && isTensorType(type))) budget?.take(data.length * tensorItemSize(type), `the array ${name}`);
  const hint = "decodeNpy() gives the elements as they are";
  const origin = { op: "loadNpy", typeName: header.descr, name, hint };
  if (inOrder) return tensorOf(type, data, header.shape, canKeep, origin);
  const wide = copyType(type);
  return tensorOf(wide, rowMajor(wide, data, fortran(header)), header.shape, true, origin);
}

/**
 * The elements of an `.npy` file as they are, for types that a tensor would convert or refuse. They are a view of `bytes`
 * where order and alignment allow.
 *
 * @throws as `loadNpy`, but for the range of whole numbers.
 * @example
 * decodeNpy(await saveNpy(int32([7, 8]))); // { descr: "<i4", shape: [2], data: Int32Array(2) [7, 8] }
 */
export function decodeNpy(bytes: Uint8Array): NpyArray {
  const { header, type, data } = read(bytes);
  const { descr, shape } = header;
  return { descr, shape, data: isFortran(header) ? rowMajor(type, data, fortran(header)) : data };
}

function isFortran({ fortranOrder, shape }: NpyHeader): boolean {
  return fortranOrder && shape.length > 1;
}

/** The first dim lies fastest: the strides of the dims from behind. */
function fortran({ shape }: NpyHeader): Strided {
  return { offset: 0, shape, strides: rowMajorStrides([...shape].reverse()).reverse() };
}

function read(bytes: Uint8Array): { header: NpyHeader; type: ElementType; data: ElementArray; isCopy: boolean } {
  if (!(bytes instanceof Uint8Array)) {
    throw npyError("expected a Uint8Array", `got ${describe(bytes)}`, "use new Uint8Array(buffer)");
  }
  const [textStart, dataStart] = checkStart(bytes);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(textStart, dataStart));
  } catch (cause) {
    throw npyError("the header is no text", `${dataStart - textStart} bytes`, "the file is damaged", cause);
  }
  const header = parseNpyHeader(text);
  const { type, littleEndian } = npyType(header.descr);
  const part = bytes.subarray(dataStart);
  const count = countOf(header.shape);
  if (count === undefined || count * fileItemSize(type) !== part.length) {
    throw npyError(
      "the data do not fit the shape",
      `${header.descr} ${showShape(header.shape)}, ${part.length} bytes of data`,
      "the file is cut off, damaged, or holds more than one array",
    );
  }
  const data = elementsOf(type, part, littleEndian);
  return { header, type, data, isCopy: data.buffer !== bytes.buffer };
}

/** Where the text of the header begins and ends. */
function checkStart(bytes: Uint8Array): [number, number] {
  if (bytes.length < 10 || magic.some((byte, i) => bytes[i] !== byte)) {
    throw npyError("this is no .npy file", `${bytes.length} bytes`, "an .npy file begins with \\x93NUMPY");
  }
  const version = bytes[6] as number;
  if (version < 1 || version > 3 || bytes[7] !== 0) {
    throw npyError("unknown version", `${version}.${bytes[7]}`, "known: 1.0, 2.0, 3.0");
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (version > 1 && bytes.length < 12) throw npyError("the file is cut off", `${bytes.length} bytes`, "save it again");
  const textStart = version === 1 ? 10 : 12;
  const dataStart = textStart + (version === 1 ? view.getUint16(8, true) : view.getUint32(8, true));
  if (dataStart > bytes.length) {
    const facts = `a header of ${dataStart - textStart} bytes in a file of ${bytes.length}`;
    throw npyError("the header does not fit the file", facts, "the file is cut off or damaged");
  }
  return [textStart, dataStart];
}

const descrs: Readonly<Record<Dtype, string>> = {
  float32: "<f4",
  float64: "<f8",
  int32: "<i4",
  uint8: "|u1",
  bool: "|b1",
};

/**
 * The bytes of an `.npy` file that holds a tensor as it is now: what `numpy.load` reads.
 *
 * @throws for anything but a tensor.
 * @example
 * await writeFileSafely("x.npy", await saveNpy(tensor([1, 2])));
 * loadNpy(await readFileBytes("x.npy")).shape; // [2]
 */
export async function saveNpy(x: Tensor): Promise<Uint8Array<ArrayBuffer>> {
  if (!(x instanceof Tensor)) {
    throw new TwopassError({ op: "saveNpy", problem: "expected a tensor", facts: `got ${describe(x)}` });
  }
  const { dtype, shape } = x;
  const data = await x.data();
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const text = `{'descr': '${descrs[dtype]}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const dataStart = Math.ceil((10 + text.length + 1) / alignment) * alignment;
  const bytes = new Uint8Array(dataStart + data.byteLength);
  bytes.set(magic);
  bytes.set([1, 0, (dataStart - 10) & 255, (dataStart - 10) >> 8], 6);
  bytes.set(new TextEncoder().encode(`${text.padEnd(dataStart - 11)}\n`), 10);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), dataStart);
  return bytes;
}
