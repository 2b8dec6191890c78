/** Random tensors over the kit: bits of a counter under a key of two int32 words, made into numbers. Floor: ops. */
import type { Dtype } from "../../base/dtype.ts";
import type { Value } from "../../ir/value.ts";
import type { Kit } from "../kit.ts";
import { table } from "../table.ts";

/** The two words under which a random tensor counts. */
export type Key = readonly [Value, Value];

function bits(k: Kit, size: number, key: Key): Value {
  return k.randomBits(size, key[0], key[1]);
}

/** Uniform in [0, 1), [size]: multiples of 2⁻²⁴ for float32, of 2⁻⁵³ (from two words) for float64. */
export function uniform(k: Kit, size: number, key: Key, dtype: Dtype): Value {
  const upper = (words: Value, n: number): Value => k.cast(k.map(table.ushr, words, 32 - n), dtype);
  if (dtype === "float32") return k.mul(upper(bits(k, size, key), 24), 2 ** -24);
  const words = bits(k, 2 * size, key);
  const high = upper(k.range(words, 0, 0, size), 27);
  const low = upper(k.range(words, 0, size, 2 * size), 26);
  return k.mul(k.add(k.mul(high, 2 ** 26), low), 2 ** -53);
}

/**
 * Normal with mean 0 and variance 1, [size]: r cos(2πv) and r sin(2πv) with r = √(−2 log u) and u in (0, 1].
 * Box and Muller, "A Note on the Generation of Random Normal Deviates" (1958).
 */
export function normal(k: Kit, size: number, key: Key, dtype: Dtype): Value {
  const pairs = Math.ceil(size / 2);
  const both = uniform(k, 2 * pairs, key, dtype);
  const u = k.sub(1, k.range(both, 0, 0, pairs));
  const angle = k.mul(k.range(both, 0, pairs, 2 * pairs), 2 * Math.PI);
  const radius = k.sqrt(k.mul(k.log(u), -2));
  return k.range(k.concat([k.mul(radius, k.cos(angle)), k.mul(radius, k.sin(angle))], 0), 0, 0, size);
}

/** Whole numbers in [0, n), int32 [size]: 31 bits modulo n, so that the odds differ by less than n / 2³¹. */
export function integers(k: Kit, size: number, key: Key, n: Value): Value {
  return k.map(table.irem, k.map(table.ushr, bits(k, size, key), 1), n);
}

/** The numbers 0 to size − 1 in random order, int32 [size]: the order of random words. */
export function permutation(k: Kit, size: number, key: Key): Value {
  return k.sort(bits(k, size, key), false);
}
