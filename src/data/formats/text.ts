/** Bytes to text, with errors that name the place. Floor: data. */
import { TwopassError, describe } from "../../base/errors.ts";

/**
 * The text in UTF-8 bytes, without a byte order mark. `name` names the file in errors.
 *
 * @throws where the bytes are not UTF-8, naming the first byte that is wrong.
 * @example
 * decodeText(new Uint8Array([104, 105]), "greeting.txt"); // "hi"
 */
export function decodeText(bytes: Uint8Array, name: string): string {
  if (!(bytes instanceof Uint8Array)) {
    throw new TwopassError({ op: "decodeText", problem: "expected a Uint8Array", facts: `got ${describe(bytes)}` });
  }
  checkUtf8("decodeText", bytes, name);
  return new TextDecoder("utf-8").decode(bytes);
}

/** Throws where bytes are not UTF-8. `offset` is where they begin in their file. */
export function checkUtf8(op: string, bytes: Uint8Array, name: string, offset = 0): void {
  const at = badUtf8(bytes);
  if (at < 0) return;
  const [first, second] = bytes;
  const isUtf16 = offset === 0 && ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff));
  throw new TwopassError({
    op,
    problem: "the text is not UTF-8",
    facts: `${JSON.stringify(name)}, byte ${offset + at} is 0x${(bytes[at] as number).toString(16).padStart(2, "0")}`,
    hint: isUtf16 ? "it is UTF-16: save it as UTF-8" : "save it as UTF-8; it may be Latin-1, or no text at all",
  });
}

/** The offset of the first byte that cannot be part of UTF-8 (Unicode 15, table 3-7), or -1. */
export function badUtf8(bytes: Uint8Array): number {
  const size = bytes.length;
  for (let i = 0; i < size; ) {
    const lead = bytes[i] as number;
    if (lead < 0x80) {
      i++;
      continue;
    }
    const rest = lead < 0xc2 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : lead < 0xf5 ? 3 : 0;
    if (rest === 0 || i + rest >= size) return i;
    // No overlong forms, no surrogates, nothing above U+10FFFF: the second byte has a narrower range for some leads.
    const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
    const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
    const second = bytes[i + 1] as number;
    if (second < low || second > high) return i;
    for (let j = 2; j <= rest; j++) if (((bytes[i + j] as number) & 0xc0) !== 0x80) return i;
    i += rest + 1;
  }
  return -1;
}
