/** An independent reader of event files: bit by bit where the writer has tables, and by hand where it has a library. */
import { readFileSync } from "node:fs";
import { expect } from "vitest";

function slowCrc32c(bytes: Uint8Array): number {
  let crc = 0xffffffffn;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let i = 0; i < 8; i++) crc = crc & 1n ? (crc >> 1n) ^ 0x82f63b78n : crc >> 1n;
  }
  crc ^= 0xffffffffn;
  const turned = ((crc >> 15n) | (crc << 17n)) & 0xffffffffn;
  return Number((turned + 0xa282ead8n) & 0xffffffffn);
}

function readRecords(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const records: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = Number(view.getBigUint64(at, true));
    const data = bytes.subarray(at + 12, at + 12 + length);
    expect(view.getUint32(at + 8, true)).toBe(slowCrc32c(bytes.subarray(at, at + 8)));
    expect(view.getUint32(at + 12 + length, true)).toBe(slowCrc32c(data));
    records.push(data);
    at += length + 16;
  }
  return records;
}

export type Message = Map<number, (bigint | number | Uint8Array)[]>;

/** A message of protocol buffers: by field number what is there. 64 bits as float64, 32 as float32. */
function readMessage(bytes: Uint8Array): Message {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const fields: Message = new Map();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++] as number;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = Number(varint());
    let value: bigint | number | Uint8Array;
    if ((key & 7) === 0) value = varint();
    else if ((key & 7) === 1) {
      value = view.getFloat64(at, true);
      at += 8;
    } else if ((key & 7) === 5) {
      value = view.getFloat32(at, true);
      at += 4;
    } else {
      expect(key & 7).toBe(2);
      const length = Number(varint());
      value = bytes.subarray(at, at + length);
      at += length;
    }
    fields.set(key >> 3, [...(fields.get(key >> 3) ?? []), value]);
  }
  expect(at).toBe(bytes.length);
  return fields;
}

export const text = (value: unknown): string => new TextDecoder().decode(value as Uint8Array);
export const inside = (message: Message, field: number): Message => readMessage(message.get(field)?.[0] as Uint8Array);
export const doubles = (value: unknown): number[] => {
  const bytes = (value as Uint8Array).slice();
  return [...new Float64Array(bytes.buffer)];
};

export interface EventRead {
  readonly step: number;
  /** The messages of its values. */
  readonly values: readonly Message[];
  /** Whether what earlier files have from its step on is not valid any more. */
  readonly isRestart: boolean;
}

/** The version of a file, and its events. */
export function readEvents(path: string): { readonly version: string; readonly events: readonly EventRead[] } {
  const [first, ...rest] = readRecords(new Uint8Array(readFileSync(path))).map(readMessage);
  const events = rest.map((event) => {
    const seconds = event.get(1)?.[0] as number;
    expect(Math.abs(seconds - Date.now() / 1000)).toBeLessThan(60);
    const summary = event.has(5) ? inside(event, 5) : undefined;
    const values = (summary?.get(1) ?? []).map((bytes) => readMessage(bytes as Uint8Array));
    const isRestart = event.has(7) && inside(event, 7).get(1)?.[0] === 1n;
    return { step: Number(event.get(2)?.[0] ?? 0n), values, isRestart };
  });
  return { version: text(first?.get(3)?.[0]), events };
}
