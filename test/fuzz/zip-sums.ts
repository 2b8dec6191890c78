/** Mends the check sums of a damaged zip archive, so that what is inside of its entries is reached. */
import { inflateRawSync } from "node:zlib";
import { crc32 } from "../../src/io/zip.ts";

/** Puts the right sum into each record of the list of entries that can be followed; leaves all else as it is. */
export function mendZip(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at + 46 <= bytes.length; at++) {
    if (view.getUint32(at, true) !== 0x02014b50) continue;
    const local = view.getUint32(at + 42, true);
    if (local + 30 > bytes.length) continue;
    const begin = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
    const packed = bytes.subarray(begin, begin + view.getUint32(at + 20, true));
    try {
      const content =
        view.getUint16(at + 10, true) === 8 ? inflateRawSync(packed, { maxOutputLength: 1 << 20 }) : packed;
      view.setUint32(at + 16, crc32(content), true);
    } catch {
      // What cannot be inflated has no sum.
    }
  }
  return bytes;
}
