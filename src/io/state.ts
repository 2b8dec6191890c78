/**
 * States as the bytes of a safetensors file and back. A state is tensors by name, as `model.stateDict()` gives them, or
 * objects and lists of tensors, numbers and texts, as an optimiser's. Tensors by name make a plain file, which PyTorch's
 * safetensors package reads; what is nested keeps its form in the file's metadata. Floor: io.
 */
import type { Dtype } from "../base/dtype.ts";
import { TwopassError, checkOptions, describe } from "../base/errors.ts";
import { bool, fromElements, tensor } from "../tensor/creation.ts";
import { Tensor } from "../tensor/tensor.ts";
import { widenBfloat, widenHalf } from "./half.ts";
import { type SafetensorsDtype, type SafetensorsEntry, decodeSafetensors, encodeSafetensors } from "./safetensors.ts";

export interface SaveOptions {
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
 */
export async function save(state: object, options: SaveOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
  checkOptions("save", options, ["metadata"]);
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
    async ([name, x]): Promise<[string, SafetensorsEntry]> => [
      name,
      { dtype: fileDtypes[x.dtype], shape: [...x.shape], data: await x.data() },
    ],
  );
  return encodeSafetensors(await Promise.all(entries), metadata);
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
 * F16 and BF16 become float32; I8, I16, U16, U32 and I64 become int32, with a check of the range.
 *
 * @throws for bytes that are not exactly the format, and for whole numbers outside of int32.
 * @example
 * model.loadStateDict(load(bytes));
 */
export function load<S extends object = Record<string, Tensor>>(bytes: Uint8Array): S {
  const { entries, metadata } = decodeSafetensors(bytes);
  const tensors = new Map([...entries].map(([name, entry]) => [name, tensorOf(name, entry)]));
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

function tensorOf(name: string, { dtype, shape, data }: SafetensorsEntry): Tensor {
  if (data instanceof Uint32Array || data instanceof BigInt64Array) {
    return fromElements(narrow(name, dtype, data), shape, "int32");
  }
  if (dtype === "F16") return fromElements(widenHalf(data as Uint16Array), shape, "float32");
  if (dtype === "BF16") return fromElements(widenBfloat(data as Uint16Array), shape, "float32");
  return dtype === "BOOL" ? bool(data, { shape }) : tensor(data, { shape });
}

function narrow(name: string, dtype: string, data: Uint32Array | BigInt64Array): Int32Array {
  const out = new Int32Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const element = data[i] as number | bigint;
    out[i] = Number(element);
    if (out[i] === Number(element)) continue;
    throw new TwopassError({
      op: "load",
      problem: "a whole number does not fit int32",
      facts: `${dtype} element ${i} of ${describe(name)} is ${element}`,
      hint: "decodeSafetensors() gives the elements as they are",
    });
  }
  return out;
}
