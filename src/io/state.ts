/**
 * States as the bytes of a safetensors file and back. A state is tensors by name, as `model.stateDict()` gives them, or
 * objects and lists of tensors, numbers and texts, as an optimiser's. Tensors by name make a plain file, which PyTorch's
 * safetensors package reads; what is nested keeps its form in the file's metadata. Floor: io.
 */
import type { Dtype } from "../base/dtype.ts";
import { TwopassError, checkOptions, describe } from "../base/errors.ts";
import { Tensor } from "../tensor/tensor.ts";
import { tensorOf } from "./elements.ts";
import { bfloat, half, isInfinite, narrow } from "./half.ts";
import { isOpaque } from "./safetensors-layout.ts";
import { type SafetensorsDtype, type SafetensorsEntry, decodeSafetensors, encodeSafetensors } from "./safetensors.ts";

export interface SaveOptions {
  /**
   * How floating tensors are written: half of the bytes, or less, each number rounded to the nearest. `load` gives
   * float32 back. Default: as they are.
   */
  readonly dtype?: "float16" | "bfloat16";
  /** Texts to keep beside the tensors; `decodeSafetensors(bytes).metadata` has them back. Default none. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Where the form of a nested state is kept: JSON in which a text "@name" stands for a tensor and "=text" for a text. */
const formKey = "twopass.form";
/** Lists and objects one in the other; a bound, so that a file cannot exhaust the stack. */
const mostLevels = 64;

const fileDtypes = {
  float32: "F32",
  float64: "F64",
  int32: "I32",
  uint8: "U8",
  bool: "BOOL",
} as const satisfies Record<Dtype, SafetensorsDtype>;

/**
 * The bytes of a safetensors file that holds a state as it is now: an object of tensors, or of lists and objects of
 * tensors, finite numbers, texts, booleans and null.
 *
 * @throws for anything else in the state, naming the place.
 * @example
 * const bytes = await save({ model: model.stateDict(), optimizer: optimizer.stateDict(), epoch: 3 });
 * load(bytes).epoch; // 3
 */
export async function save(state: object, options: SaveOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
  checkOptions("save", options, ["dtype", "metadata"]);
  checkFloats(options.dtype);
  if (!isRecord(state)) throw notAState(describe(state));
  if (options.metadata !== undefined && Object.hasOwn(options.metadata, formKey)) {
    throw new TwopassError({ op: "save", problem: `the metadata name ${formKey} is taken`, hint: "choose another" });
  }
  const tensors: [string, Tensor][] = [];
  const form = formOf(state, [], tensors);
  const isFlat = Object.values(state).every((value) => value instanceof Tensor);
  const metadata = isFlat ? options.metadata : { ...options.metadata, [formKey]: JSON.stringify(form) };
  // All reads begin here: what the program writes to a parameter from now on does not reach the file.
  const entries = tensors.map(
    async ([name, x]): Promise<[string, SafetensorsEntry]> => [name, await entryFrom(name, x, options.dtype)],
  );
  return encodeSafetensors(await Promise.all(entries), metadata);
}

function checkFloats(dtype: unknown): void {
  if (dtype === undefined || dtype === "float16" || dtype === "bfloat16") return;
  throw new TwopassError({
    op: "save",
    problem: 'the option dtype must be "float16" or "bfloat16"',
    facts: `got ${describe(dtype)}`,
    hint: "leave it out to write each tensor as it is",
  });
}

async function entryFrom(name: string, x: Tensor, floats: SaveOptions["dtype"]): Promise<SafetensorsEntry> {
  const shape = [...x.shape];
  const data = await x.data();
  if (floats === undefined || !(data instanceof Float32Array || data instanceof Float64Array)) {
    return { dtype: fileDtypes[x.dtype], shape, data };
  }
  const format = floats === "float16" ? half : bfloat;
  const bits = narrow(data, format);
  const lost = bits.findIndex((bit, i) => isInfinite(bit, format) && Number.isFinite(data[i]));
  if (lost >= 0) {
    throw new TwopassError({
      op: "save",
      problem: `a number is too large for ${floats}`,
      facts: `element ${lost} of ${describe(name)} is ${data[lost]}`,
      hint: floats === "float16" ? 'use "bfloat16", or leave the option out' : "leave the option out",
    });
  }
  return { dtype: floats === "float16" ? "F16" : "BF16", shape, data: bits };
}

/** A part of a state as JSON holds it; its tensors are appended to `tensors` under their paths. */
function formOf(part: unknown, path: readonly string[], tensors: [string, Tensor][]): unknown {
  const name = path.join(".");
  if (part instanceof Tensor) {
    tensors.push([name, part]);
    return `@${name}`;
  }
  if (typeof part === "string") return `=${part}`;
  if (part === null || typeof part === "boolean" || (typeof part === "number" && Number.isFinite(part))) return part;
  if (path.length > mostLevels) throw notAState(`more than ${mostLevels} levels at ${name}`);
  if (Array.isArray(part)) return part.map((item, i) => formOf(item, [...path, String(i)], tensors));
  if (!isRecord(part)) throw notAState(`${describe(part)} at ${describe(name)}`);
  return Object.fromEntries(Object.entries(part).map(([key, item]) => [key, formOf(item, [...path, key], tensors)]));
}

/** Whether it is a plain object: one of a class would come back as something else. */
function isRecord(x: unknown): x is Readonly<Record<string, unknown>> {
  if (typeof x !== "object" || x === null) return false;
  const prototype: unknown = Object.getPrototypeOf(x);
  return prototype === Object.prototype || prototype === null;
}

function notAState(facts: string): TwopassError {
  return new TwopassError({
    op: "save",
    problem: "a state is an object of tensors, numbers, texts, lists and such objects",
    facts,
    hint: "give model.stateDict(), or { model: model.stateDict(), epoch }",
  });
}

/**
 * The state in the bytes of a safetensors file; its tensors are copies. S says what the program takes it for and is not
 * checked: `loadStateDict` checks what it is given.
 *
 * F16 and BF16 become float32; I8, I16, U16, U32, I64 and U64 become int32, with a check of the range.
 *
 * @throws for bytes that are not exactly the format, for whole numbers outside of int32, and for the dtypes that no
 * tensor has, such as F8_E4M3.
 * @example
 * const bytes = await save({ w: tensor([1, 2]), b: tensor(3) });
 * await load(bytes).w.array(); // [1, 2]
 */
export function load<S extends object = Record<string, Tensor>>(bytes: Uint8Array): S {
  const { entries, metadata } = decodeSafetensors(bytes);
  const tensors = new Map([...entries].map(([name, entry]) => [name, tensorFrom("load", name, entry, false)]));
  return stateFrom<S>(tensors, metadata);
}

/** The state that a file holds, of its tensors by name. */
export function stateFrom<S extends object>(
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>>,
): S {
  const form = metadata[formKey];
  if (form === undefined) return Object.fromEntries(tensors) as S;
  try {
    const state = stateOf(JSON.parse(form), tensors, 0);
    if (isRecord(state)) return state as S;
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
  }
  throw badForm("it is no object in JSON");
}

/** The tensor of an entry; `isOwn` says that nobody else holds its data. */
export function tensorFrom(op: string, name: string, { dtype, shape, data }: SafetensorsEntry, isOwn: boolean): Tensor {
  if (!isOpaque(dtype)) {
    const hint = "decodeSafetensors() gives the elements as they are";
    return tensorOf(dtype, data, shape, isOwn, { op, typeName: dtype, name: describe(name), hint });
  }
  throw new TwopassError({
    op,
    problem: `no tensor has the dtype ${dtype}`,
    facts: `tensor ${describe(name)}`,
    hint: "decodeSafetensors() gives its bytes",
  });
}

/** The part of a state that `formOf` gave a form. */
function stateOf(form: unknown, tensors: ReadonlyMap<string, Tensor>, level: number): unknown {
  if (level > mostLevels + 1) throw badForm(`more than ${mostLevels} levels`);
  if (typeof form === "string") {
    if (form.startsWith("=")) return form.slice(1);
    const found = form.startsWith("@") ? tensors.get(form.slice(1)) : undefined;
    if (found === undefined) throw badForm(`${describe(form)} is neither a text nor a tensor of the file`);
    return found;
  }
  if (Array.isArray(form)) return form.map((item) => stateOf(item, tensors, level + 1));
  if (!isRecord(form)) return form;
  return Object.fromEntries(Object.entries(form).map(([key, item]) => [key, stateOf(item, tensors, level + 1)]));
}

function badForm(facts: string): TwopassError {
  return new TwopassError({ op: "load", problem: `the metadata ${formKey} are damaged`, facts });
}
