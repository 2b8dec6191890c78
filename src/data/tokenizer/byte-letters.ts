/**
 * One visible letter for each byte, as vocabularies of GPT-2's kind write them: a byte that is a printable character of
 * Latin-1 stands for itself, the others are U+0100, U+0101 and so on in the order of the bytes. Floor: data.
 */

const isPrintable = (byte: number): boolean =>
  (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;

/** The letter of each byte. */
export const letterOfByte: readonly string[] = (() => {
  let others = 0;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isPrintable(byte) ? byte : 0x100 + others++));
})();

const byteOfLetter: ReadonlyMap<string, number> = new Map(letterOfByte.map((letter, byte) => [letter, byte]));

/** Bytes in the order of their letters, which is that of their numbers in a vocabulary. */
export const bytesByLetter: readonly number[] = letterOfByte
  .map((letter, byte) => [letter.charCodeAt(0), byte] as const)
  .sort(([a], [b]) => a - b)
  .map(([, byte]) => byte);

/** The bytes that letters stand for; undefined where one stands for none. */
export function bytesOf(letters: string): Uint8Array | undefined {
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) {
    const byte = byteOfLetter.get(letters[i] as string);
    if (byte === undefined) return undefined;
    bytes[i] = byte;
  }
  return bytes;
}
