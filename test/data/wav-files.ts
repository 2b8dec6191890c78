/** WAV files that `encodeWav` does not write, for tests. */
export interface WavParts {
  /** Number of the format: 1 PCM, 3 float. */
  readonly code: number;
  readonly bits: number;
  readonly channels: number;
  /** The bytes of the samples. */
  readonly samples: readonly number[];
  readonly sampleRate?: number;
  /** Chunks before the format and between format and samples: name and bytes. */
  readonly before?: readonly (readonly [string, readonly number[]])[];
  readonly isExtensible?: boolean;
}

export function wavFile(parts: WavParts): Uint8Array {
  const { code, bits, channels, samples, sampleRate = 8000, before = [], isExtensible = false } = parts;
  const frame = (channels * bits) / 8;
  const format = [
    ...le(isExtensible ? 0xfffe : code, 2),
    ...le(channels, 2),
    ...le(sampleRate, 4),
    ...le(sampleRate * frame, 4),
    ...le(frame, 2),
    ...le(bits, 2),
    ...(isExtensible
      ? [...le(22, 2), ...le(bits, 2), ...le(4, 4), ...le(code, 2), 0, 0, 0, 0, 16, 0, 128, 0, 0, 170, 0, 56, 155, 113]
      : []),
  ];
  const body = [
    ...before.flatMap(chunk),
    ...chunk(["fmt ", format]),
    ...before.flatMap(chunk),
    ...chunk(["data", samples]),
  ];
  return Uint8Array.from([...ascii("RIFF"), ...le(body.length + 4, 4), ...ascii("WAVE"), ...body]);
}

function chunk([name, bytes]: readonly [string, readonly number[]]): number[] {
  return [...ascii(name), ...le(bytes.length, 4), ...bytes, ...(bytes.length % 2 === 1 ? [0] : [])];
}

function le(x: number, width: number): number[] {
  return Array.from({ length: width }, (_, i) => Math.floor(x / 2 ** (8 * i)) & 255);
}

function ascii(text: string): number[] {
  return Array.from(text, (c) => c.charCodeAt(0));
}
