/**
 * Threefry-2x32 with 20 rounds: a keyed mixing of a 64-bit counter into 64 random bits.
 * Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011, section 4.
 * It has no state: the same key and counter give the same bits, in any order and on any device.
 * It is not a stream; random-stream.ts keeps the position. Floor: base.
 */

/** The constant that closes the key schedule: the exclusive or of all key words is never all zeros. */
const parity = 0x1bd11bda;

/**
 * Fills `out` with the bits of consecutive counters: words 2j and 2j + 1 are the two words of the block at
 * counter + j, where `c0` is the low and `c1` the high half of the counter. An odd last word is the first of its block.
 */
export function fillThreefry2x32(out: Int32Array, key0: number, key1: number, c0: number, c1: number): void {
  const k0 = key0 | 0;
  const k1 = key1 | 0;
  const k2 = parity ^ k0 ^ k1;
  let low = c0 | 0;
  let high = c1 | 0;
  for (let i = 0; i < out.length; i += 2) {
    let x = (low + k0) | 0;
    let y = (high + k1) | 0;

    // Each round is x += y; y = rotate(y, r) ^ x. The distances r repeat after eight rounds, and a shifted key with
    // the number of the injection is added after every fourth. Written out: with a table of distances
    // it takes more than twice the time.
    x = (x + y) | 0;
    y = ((y << 13) | (y >>> 19)) ^ x;
    x = (x + y) | 0;
    y = ((y << 15) | (y >>> 17)) ^ x;
    x = (x + y) | 0;
    y = ((y << 26) | (y >>> 6)) ^ x;
    x = (x + y) | 0;
    y = ((y << 6) | (y >>> 26)) ^ x;
    x = (x + k1) | 0;
    y = (y + k2 + 1) | 0;

    x = (x + y) | 0;
    y = ((y << 17) | (y >>> 15)) ^ x;
    x = (x + y) | 0;
    y = ((y << 29) | (y >>> 3)) ^ x;
    x = (x + y) | 0;
    y = ((y << 16) | (y >>> 16)) ^ x;
    x = (x + y) | 0;
    y = ((y << 24) | (y >>> 8)) ^ x;
    x = (x + k2) | 0;
    y = (y + k0 + 2) | 0;

    x = (x + y) | 0;
    y = ((y << 13) | (y >>> 19)) ^ x;
    x = (x + y) | 0;
    y = ((y << 15) | (y >>> 17)) ^ x;
    x = (x + y) | 0;
    y = ((y << 26) | (y >>> 6)) ^ x;
    x = (x + y) | 0;
    y = ((y << 6) | (y >>> 26)) ^ x;
    x = (x + k0) | 0;
    y = (y + k1 + 3) | 0;

    x = (x + y) | 0;
    y = ((y << 17) | (y >>> 15)) ^ x;
    x = (x + y) | 0;
    y = ((y << 29) | (y >>> 3)) ^ x;
    x = (x + y) | 0;
    y = ((y << 16) | (y >>> 16)) ^ x;
    x = (x + y) | 0;
    y = ((y << 24) | (y >>> 8)) ^ x;
    x = (x + k1) | 0;
    y = (y + k2 + 4) | 0;

    x = (x + y) | 0;
    y = ((y << 13) | (y >>> 19)) ^ x;
    x = (x + y) | 0;
    y = ((y << 15) | (y >>> 17)) ^ x;
    x = (x + y) | 0;
    y = ((y << 26) | (y >>> 6)) ^ x;
    x = (x + y) | 0;
    y = ((y << 6) | (y >>> 26)) ^ x;
    x = (x + k2) | 0;
    y = (y + k0 + 5) | 0;

    out[i] = x;
    if (i + 1 < out.length) out[i + 1] = y;
    low = (low + 1) | 0;
    if (low === 0) high = (high + 1) | 0;
  }
}

const block = new Int32Array(2);

/**
 * The 64 random bits of one counter, as two int32 words.
 *
 * @example
 * threefry2x32(0, 0, 0, 0).map((word) => (word >>> 0).toString(16)); // ["6b200159", "99ba4efe"]
 */
export function threefry2x32(k0: number, k1: number, c0: number, c1: number): [number, number] {
  fillThreefry2x32(block, k0, k1, c0, c1);
  return [block[0] as number, block[1] as number];
}
