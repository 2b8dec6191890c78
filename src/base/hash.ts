/** A 32-bit mixing hash for structural keys. Floor: base. */

/** Mixes one 32-bit word into a hash (the round of MurmurHash3 x86_32). */
export function mix(hash: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51);
  k = (k << 15) | (k >>> 17);
  const h = hash ^ Math.imul(k, 0x1b873593);
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
}

const texts = new Map<string, number>();

/** A small number for a text: equal texts have equal numbers within a process. */
export function intern(text: string): number {
  let code = texts.get(text);
  if (code === undefined) {
    code = texts.size + 1;
    texts.set(text, code);
  }
  return code;
}
