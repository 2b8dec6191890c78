/**
 * WAV, the sound format of RIFF: chunks of a name, a length (u32, little-endian) and bytes, padded to an even length;
 * "fmt " says how the samples in "data" are stored. PCM and float samples, without compression. Works on bytes, not on
 * files. Floor: data.
 */
import { TwopassError, checkOptions, describe, showShape } from "../../base/errors.ts";

export interface WavAudio {
  /** [channels, frames], one channel behind the other. PCM samples are in [-1, 1), float samples as they are. */
  readonly data: Float32Array;
  /** [channels, frames]. */
  readonly shape: readonly [number, number];
  /** Frames a second. */
  readonly sampleRate: number;
}

export interface WavOptions {
  /** Frames a second. */
  readonly sampleRate: number;
  /** How a sample is stored; default "int16", which clips to [-1, 1). */
  readonly format?: "int16" | "float32";
}

/** How samples are stored. */
interface WavFormat {
  readonly isFloat: boolean;
  readonly channels: number;
  readonly sampleRate: number;
  /** Bytes of one sample of one channel. */
  readonly sampleBytes: number;
}

/** Names of chunks, as big-endian numbers. */
const tags = { RIFF: 0x52494646, WAVE: 0x57415645, fmt: 0x666d7420, data: 0x64617461 };
const [pcm, float, extensible] = [1, 3, 0xfffe];
/** What follows the two bytes of the format in an extensible header: a fixed part of a GUID. */
const guidEnd = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];
/** Formats by number that are met in practice, for errors. */
const otherFormats: ReadonlyMap<number, string> = new Map([
  [2, "ADPCM"],
  [6, "A-law"],
  [7, "mu-law"],
  [0x11, "IMA ADPCM"],
  [0x55, "MP3"],
]);

/**
 * The samples in the bytes of a WAV file: PCM of 8, 16, 24 or 32 bits, or float of 32 or 64 bits, any number of
 * channels. PCM is divided by 2^(bits − 1). `name` names the file in errors.
 *
 * @throws where the bytes are no such file, are compressed, or are cut off.
 * @example
 * const bytes = encodeWav(Float32Array.of(0, 0.5, -0.5), { sampleRate: 8000 });
 * const { data, shape, sampleRate } = decodeWav(bytes, "word.wav");
 * [shape, sampleRate]; // [[1, 3], 8000]
 * await tensor(data, { shape, copy: false }).array(); // [[0, 0.5, -0.5]]
 */
export function decodeWav(bytes: Uint8Array, name: string): WavAudio {
  if (!(bytes instanceof Uint8Array)) {
    throw new TwopassError({ op: "decodeWav", problem: "expected a Uint8Array", facts: `got ${describe(bytes)}` });
  }
  if (bytes.length < 12) throw wrong(name, "too short for WAV", `${bytes.length} bytes`, "the file is cut off");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint32(0) !== tags.RIFF || view.getUint32(8) !== tags.WAVE) {
    const facts = `it begins with ${tagAt(view, 0)}`;
    throw wrong(name, "not a WAV file", facts, "expected RIFF and WAVE; convert it to WAV first");
  }
  let format: WavFormat | undefined;
  // The length in the RIFF header says nothing that the chunks do not, and writers of streams get it wrong.
  for (let at = 12; at + 8 <= bytes.length; ) {
    const tag = view.getUint32(at);
    const size = view.getUint32(at + 4, true);
    const start = at + 8;
    if (size > bytes.length - start) {
      const facts = `chunk ${tagAt(view, at)} of ${size} bytes, found ${bytes.length - start}`;
      throw wrong(name, "a chunk reaches beyond the file", facts, "the file is cut off");
    }
    if (tag === tags.fmt) format = readFormat(new DataView(bytes.buffer, bytes.byteOffset + start, size), name);
    if (tag === tags.data) {
      if (format === undefined) throw wrong(name, "no format before the samples", `byte ${at}`, "the file is damaged");
      return readSamples(new DataView(bytes.buffer, bytes.byteOffset + start, size), format, name);
    }
    at = start + size + (size % 2);
  }
  throw wrong(name, "no samples", `no "data" chunk in ${bytes.length} bytes`, "the file is cut off or damaged");
}

function readFormat(chunk: DataView, name: string): WavFormat {
  if (chunk.byteLength < 16) throw wrong(name, "the format is too short", `${chunk.byteLength} bytes`, "it has 16");
  let code = chunk.getUint16(0, true);
  const channels = chunk.getUint16(2, true);
  const sampleRate = chunk.getUint32(4, true);
  const frameBytes = chunk.getUint16(12, true);
  const bits = chunk.getUint16(14, true);
  if (code === extensible) {
    if (chunk.byteLength < 40) {
      throw wrong(name, "the extended format is too short", `${chunk.byteLength} bytes`, "it has 40");
    }
    code = chunk.getUint16(24, true);
    if (guidEnd.some((byte, i) => chunk.getUint8(26 + i) !== byte)) code = -1;
  }
  const isFloat = code === float;
  const known = isFloat ? [32, 64] : [8, 16, 24, 32];
  if ((code !== pcm && !isFloat) || !known.includes(bits)) {
    const kind = code === pcm ? "PCM" : isFloat ? "float" : (otherFormats.get(code) ?? `format ${code}`);
    const hint = "convert it to PCM of 8, 16, 24 or 32 bits or to float of 32 or 64 bits";
    throw wrong(name, "the samples are stored in an unknown way", `${kind}, ${bits} bits`, hint);
  }
  const sampleBytes = bits / 8;
  if (channels === 0 || sampleRate === 0 || frameBytes !== channels * sampleBytes) {
    const facts = `${channels} channels, ${sampleRate} frames a second, ${bits} bits, ${frameBytes} bytes a frame`;
    throw wrong(name, "the format contradicts itself", facts, "the file is damaged");
  }
  return { isFloat, channels, sampleRate, sampleBytes };
}

function readSamples(chunk: DataView, format: WavFormat, name: string): WavAudio {
  const { isFloat, channels, sampleRate, sampleBytes } = format;
  const frames = chunk.byteLength / (channels * sampleBytes);
  if (!Number.isInteger(frames)) {
    const facts = `${chunk.byteLength} bytes, ${channels * sampleBytes} a frame`;
    throw wrong(name, "the last frame is incomplete", facts, "the file is cut off or damaged");
  }
  const data = new Float32Array(channels * frames);
  const read = isFloat ? floatReaders.get(sampleBytes) : pcmReaders.get(sampleBytes);
  const sampleAt = read as (view: DataView, at: number) => number;
  let at = 0;
  for (let frame = 0; frame < frames; frame++) {
    for (let channel = 0; channel < channels; channel++) {
      data[channel * frames + frame] = sampleAt(chunk, at);
      at += sampleBytes;
    }
  }
  return { data, shape: [channels, frames], sampleRate };
}

/** By the bytes of a sample. Only 8 bits have no sign: 128 is silence. */
const pcmReaders: ReadonlyMap<number, (view: DataView, at: number) => number> = new Map([
  [1, (view: DataView, at: number): number => (view.getUint8(at) - 128) / 2 ** 7],
  [2, (view: DataView, at: number): number => view.getInt16(at, true) / 2 ** 15],
  [3, (view: DataView, at: number): number => (view.getInt8(at + 2) * 2 ** 16 + view.getUint16(at, true)) / 2 ** 23],
  [4, (view: DataView, at: number): number => view.getInt32(at, true) / 2 ** 31],
]);

const floatReaders: ReadonlyMap<number, (view: DataView, at: number) => number> = new Map([
  [4, (view: DataView, at: number): number => view.getFloat32(at, true)],
  [8, (view: DataView, at: number): number => view.getFloat64(at, true)],
]);

/**
 * The bytes of a WAV file.
 *
 * @param audio samples of one channel, or `{ data, shape: [channels, frames] }` as `decodeWav` gives them.
 * @throws for a shape of other than two dims, a sample rate that is no whole number from 1, and NaN in "int16".
 * @example
 * encodeWav(Float32Array.of(0, 0.5, -0.5), { sampleRate: 8000 }).length; // 50
 */
export function encodeWav(
  audio: Float32Array | { readonly data: Float32Array; readonly shape: readonly number[] },
  options: WavOptions,
): Uint8Array<ArrayBuffer> {
  checkOptions("encodeWav", options, ["sampleRate", "format"]);
  const { sampleRate, format = "int16" } = options ?? {};
  if (!(Number.isInteger(sampleRate) && sampleRate >= 1 && sampleRate < 2 ** 32)) {
    throw unwritable("sampleRate must be a whole number from 1", `got ${describe(sampleRate)}`);
  }
  if (format !== "int16" && format !== "float32") {
    throw unwritable('format must be "int16" or "float32"', `got ${describe(format)}`);
  }
  const { data, shape } = audio instanceof Float32Array ? { data: audio, shape: [1, audio.length] } : (audio ?? {});
  if (!(data instanceof Float32Array) || !Array.isArray(shape)) {
    throw unwritable(
      "takes a Float32Array, or { data: Float32Array, shape: [channels, frames] }",
      `got ${describe(audio)}`,
    );
  }
  const [channels, frames] = shape as [number, number];
  if (shape.length !== 2 || channels < 1 || channels > 0xffff || channels * frames !== data.length) {
    throw unwritable("the shape must be [channels, frames]", `${showShape(shape)} for ${data.length} samples`);
  }
  const isFloat = format === "float32";
  const sampleBytes = isFloat ? 4 : 2;
  const dataBytes = data.length * sampleBytes;
  // Formats other than PCM have a longer format chunk, and a chunk with the number of frames.
  const headerBytes = isFloat ? 58 : 44;
  if (headerBytes + dataBytes >= 2 ** 32) throw unwritable("too large for WAV", `${dataBytes} bytes, at most 2^32`);
  const bytes = new Uint8Array(headerBytes + dataBytes);
  const view = new DataView(bytes.buffer);
  const chunk = (at: number, tag: string, size: number): void => {
    for (let i = 0; i < 4; i++) bytes[at + i] = tag.charCodeAt(i);
    view.setUint32(at + 4, size, true);
  };
  chunk(0, "RIFF", bytes.length - 8);
  chunk(8, "WAVE", 0);
  chunk(12, "fmt ", isFloat ? 18 : 16);
  view.setUint16(20, isFloat ? float : pcm, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, sampleRate, true);
  view.setUint32(28, sampleRate * channels * sampleBytes, true);
  view.setUint16(32, channels * sampleBytes, true);
  view.setUint16(34, sampleBytes * 8, true);
  if (isFloat) {
    chunk(38, "fact", 4);
    view.setUint32(46, frames, true);
  }
  chunk(headerBytes - 8, "data", dataBytes);
  for (let frame = 0, at = headerBytes; frame < frames; frame++) {
    for (let channel = 0; channel < channels; channel++, at += sampleBytes) {
      const sample = data[channel * frames + frame] as number;
      if (isFloat) view.setFloat32(at, sample, true);
      else if (Number.isNaN(sample)) throw unwritable("a sample is NaN", `channel ${channel}, frame ${frame}`);
      else view.setInt16(at, Math.min(Math.max(Math.round(sample * 2 ** 15), -(2 ** 15)), 2 ** 15 - 1), true);
    }
  }
  return bytes;
}

/** The name of a chunk, for errors. */
function tagAt(view: DataView, at: number): string {
  return JSON.stringify(String.fromCharCode(...[0, 1, 2, 3].map((i) => view.getUint8(at + i))));
}

function wrong(name: string, problem: string, facts: string, hint: string): TwopassError {
  return new TwopassError({ op: "decodeWav", problem, facts: `${JSON.stringify(name)}, ${facts}`, hint });
}

function unwritable(problem: string, facts: string): TwopassError {
  return new TwopassError({ op: "encodeWav", problem, facts });
}
