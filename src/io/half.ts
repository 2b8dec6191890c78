/** 16-bit floating numbers as files hold them: widened to float32 without loss, narrowed to the nearest. Floor: io. */

/** IEEE half precision: 1 sign bit, 5 exponent bits, 10 fraction bits. */
export function widenHalf(bits: Uint16Array): Float32Array<ArrayBuffer> {
  const wide = new Float32Array(bits.length);
  const words = new Uint32Array(wide.buffer);
  for (let i = 0; i < bits.length; i++) {
    const h = bits[i] as number;
    if ((h & 0x7c00) === 0x7c00) {
      words[i] = 0x7f800000 | ((h & 0x3ff) << 13); // infinity or NaN
    } else {
      // The bits in float32's places stand for 2^−112 of the number, as the exponents start at −15 and at −127.
      words[i] = (h & 0x7fff) << 13;
      wide[i] = (wide[i] as number) * 2 ** 112;
    }
    words[i] = (words[i] as number) | ((h & 0x8000) << 16);
  }
  return wide;
}

/** bfloat16: the upper half of a float32. */
export function widenBfloat(bits: Uint16Array): Float32Array<ArrayBuffer> {
  const words = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) words[i] = (bits[i] as number) << 16;
  return new Float32Array(words.buffer);
}

export interface Format {
  readonly fractionBits: number;
  readonly leastExponent: number;
}
export const half: Format = { fractionBits: 10, leastExponent: -14 };
export const bfloat: Format = { fractionBits: 7, leastExponent: -126 };

/** All bits of the exponent. */
function infinityOf({ fractionBits, leastExponent }: Format): number {
  return (3 - 2 * leastExponent) << fractionBits;
}

export function isInfinite(bits: number, format: Format): boolean {
  return (bits & 0x7fff) === infinityOf(format);
}

const scratch = new Float64Array(1);
const scratchWords = new Uint32Array(scratch.buffer);
/** Which word of a double holds the sign and the exponent. */
const upper = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0;

/** The bits of the nearest number of a 16-bit format, the even one of two; what is too large becomes infinity. */
export function narrow(data: Float32Array | Float64Array, format: Format): Uint16Array<ArrayBuffer> {
  const { fractionBits, leastExponent } = format;
  const infinity = infinityOf(format);
  // Units of the last place in 1, for each exponent.
  const scales = Float64Array.from(
    { length: 2 - 2 * leastExponent },
    (_, i) => 2 ** (fractionBits - leastExponent - i),
  );
  const bits = new Uint16Array(data.length);
  for (let i = 0; i < data.length; i++) {
    scratch[0] = data[i] as number;
    const top = scratchWords[upper] as number;
    const sign = (top >>> 16) & 0x8000;
    const size = Math.abs(scratch[0]);
    const exponent = Math.max(((top >>> 20) & 0x7ff) - 1023, leastExponent);
    if (Number.isNaN(size)) bits[i] = sign | infinity | (1 << (fractionBits - 1));
    else if (exponent > 1 - leastExponent) bits[i] = sign | infinity;
    else {
      // Adding 2^52 rounds to a whole number of units, half to even. A carry goes into the exponent by itself.
      const units = size * (scales[exponent - leastExponent] as number) + 2 ** 52 - 2 ** 52;
      bits[i] = sign | (((exponent - leastExponent) << fractionBits) + units);
    }
  }
  return bits;
}
