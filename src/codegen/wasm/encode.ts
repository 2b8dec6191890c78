/**
 * Numbers, names, vectors and sections of the WebAssembly binary format as arrays of bytes.
 * Knows nothing of instructions or modules. Floor: codegen.
 */

export type Bytes = readonly number[] | Uint8Array<ArrayBuffer>;

export function concatenate(parts: readonly Bytes[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Types a WebAssembly value can have here. */
export type ValueType = "i32" | "i64" | "f32" | "f64" | "v128";

const valueTypeBytes: Record<ValueType, number> = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
};

export function valueTypeByte(type: ValueType): number {
  return valueTypeBytes[type];
}

/** Unsigned LEB128 of an integer in [0, 2^32). */
export function unsignedLeb(value: number): number[] {
  const bytes: number[] = [];
  let rest = value >>> 0;
  while (rest >= 0x80) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  bytes.push(rest);
  return bytes;
}

/** Unsigned LEB128 padded to five bytes, for a value that is filled in later. */
export function paddedLeb(value: number): number[] {
  const bytes: number[] = [];
  for (let i = 0; i < 5; i++) bytes.push(((value >>> (7 * i)) & 0x7f) | (i < 4 ? 0x80 : 0));
  return bytes;
}

/** Signed LEB128 of a 32-bit integer (given signed or unsigned). */
export function signedLeb(value: number): number[] {
  const bytes: number[] = [];
  let rest = value | 0;
  // The last byte's bit 6 is the sign that the reader extends.
  while (rest < -0x40 || rest >= 0x40) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>= 7;
  }
  bytes.push(rest & 0x7f);
  return bytes;
}

/** Signed LEB128 of a 64-bit integer (given signed or unsigned). */
export function signedLeb64(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asIntN(64, value);
  while (rest < -0x40n || rest >= 0x40n) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest & 0x7fn));
  return bytes;
}

export function float32Bytes(value: number): number[] {
  return [...new Uint8Array(Float32Array.of(value).buffer)];
}

export function float64Bytes(value: number): number[] {
  return [...new Uint8Array(Float64Array.of(value).buffer)];
}

/** A UTF-8 name with its length in front. */
export function nameBytes(text: string): number[] {
  const bytes = new TextEncoder().encode(text);
  return [...unsignedLeb(bytes.length), ...bytes];
}

/** A vector: the count, then the items. */
export function vector(items: readonly Bytes[]): Bytes {
  return concatenate([unsignedLeb(items.length), ...items]);
}

/** A section: its id, its length in bytes, its contents. An empty vector makes no section. */
export function section(id: number, items: readonly Bytes[]): Bytes {
  if (items.length === 0) return [];
  const contents = vector(items);
  return concatenate([[id], unsignedLeb(contents.length), contents]);
}

/** A function type: parameters, then results. */
export function functionTypeBytes(params: readonly ValueType[], results: readonly ValueType[]): Bytes {
  const types = (list: readonly ValueType[]): Bytes => vector(list.map((type) => [valueTypeByte(type)]));
  return concatenate([[0x60], types(params), types(results)]);
}
