import fc from "fast-check";
import { expect, test } from "vitest";
import { type WavAudio, decodeWav, encodeWav } from "../../src/data/index.ts";
import { type WavParts, wavFile } from "./wav-files.ts";

const read = (parts: Partial<WavParts>): WavAudio =>
  decodeWav(wavFile({ code: 1, bits: 16, channels: 1, samples: [], ...parts }), "f");

test("samples of each kind, little-endian, in [-1, 1)", () => {
  expect([...read({ bits: 8, samples: [0, 128, 255] }).data]).toEqual([-1, 0, 127 / 128]);
  expect([...read({ samples: [0, 0x80, 0, 0, 0xff, 0x7f, 1, 0] }).data]).toEqual([-1, 0, 32767 / 32768, 1 / 32768]);
  expect([...read({ bits: 24, samples: [0, 0, 0x80, 0xff, 0xff, 0xff, 0, 0, 0x40] }).data]).toEqual([
    -1,
    -(2 ** -23),
    0.5,
  ]);
  expect([...read({ bits: 32, samples: [0, 0, 0, 0x80, 0, 0, 0, 0x20] }).data]).toEqual([-1, 0.25]);
  const floats = new Uint8Array(Float32Array.of(-1.5, 0.25).buffer);
  expect([...read({ code: 3, bits: 32, samples: [...floats] }).data]).toEqual([-1.5, 0.25]);
  const doubles = new Uint8Array(Float64Array.of(-1.5, 0.1).buffer);
  expect([...read({ code: 3, bits: 64, samples: [...doubles] }).data]).toEqual([-1.5, Math.fround(0.1)]);
});

test("channels come one behind the other; chunks of other names and odd lengths are skipped", () => {
  const stereo = { bits: 8, channels: 2, samples: [128, 0, 192, 64, 128, 128], sampleRate: 44_100 };
  const expected = { data: Float32Array.of(0, 0.5, 0, -1, -0.5, 0), shape: [2, 3], sampleRate: 44_100 };
  expect(read(stereo)).toEqual(expected);
  expect(
    read({
      ...stereo,
      before: [
        ["LIST", [1, 2, 3]],
        ["junk", []],
      ],
    }),
  ).toEqual(expected);
  expect(read({ ...stereo, isExtensible: true })).toEqual(expected);
  expect(read({ samples: [] })).toEqual({ data: new Float32Array(0), shape: [1, 0], sampleRate: 8000 });
});

test("what is written is read: floats to the bit, int16 rounded and clipped", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3 }), fc.array(fc.float({ noNaN: true })), (channels, samples) => {
      const frames = Math.floor(samples.length / channels);
      const audio = { data: Float32Array.from(samples.slice(0, channels * frames)), shape: [channels, frames] };
      const exact = decodeWav(encodeWav(audio, { sampleRate: 16_000, format: "float32" }), "f");
      expect(exact).toEqual({ ...audio, sampleRate: 16_000 });
      const rounded = decodeWav(encodeWav(audio, { sampleRate: 16_000 }), "f");
      expect(rounded.shape).toEqual(audio.shape);
      rounded.data.forEach((x, i) => {
        const clipped = Math.min(Math.max(audio.data[i] as number, -1), 32767 / 32768);
        expect(Math.abs(x - clipped)).toBeLessThanOrEqual(2 ** -16);
      });
    }),
    { numRuns: 200, seed: 1 },
  );
});

test("the header is that of the format", () => {
  const bytes = encodeWav(Float32Array.of(0.5), { sampleRate: 8000 });
  const text = (at: number): string => String.fromCharCode(...bytes.subarray(at, at + 4));
  expect([text(0), text(8), text(12), text(36)]).toEqual(["RIFF", "WAVE", "fmt ", "data"]);
  const view = new DataView(bytes.buffer);
  expect([view.getUint32(4, true), view.getUint32(28, true), view.getUint16(34, true)]).toEqual([38, 16_000, 16]);
  expect(view.getInt16(44, true)).toBe(16_384);
});

const good = wavFile({ code: 1, bits: 16, channels: 1, samples: [1, 2, 3, 4] });
const edited = (at: number, ...bytes: number[]): Uint8Array => {
  const copy = good.slice();
  copy.set(bytes, at);
  return copy;
};
const parts = { code: 1, bits: 16, channels: 1, samples: [1, 2] };

test.each([
  ["an empty file", new Uint8Array(0), 'too short for WAV: "f", 0 bytes'],
  ["another format", edited(0, 0x4f, 0x67, 0x67, 0x53), 'not a WAV file: "f", it begins with "OggS"'],
  ["a file cut off among the samples", good.subarray(0, 46), 'chunk "data" of 4 bytes, found 2'],
  ["a file cut off before them", good.subarray(0, 36), 'no "data" chunk in 36 bytes'],
  ["a length of 4 GB", edited(40, 255, 255, 255, 255), 'chunk "data" of 4294967295 bytes, found 4'],
  ["samples before the format", edited(12, 0x64, 0x61, 0x74, 0x61), "no format before the samples"],
  ["a short format", edited(16, 2, 0, 0, 0), 'the format is too short: "f", 2 bytes'],
  ["MP3 inside", edited(20, 0x55), 'stored in an unknown way: "f", MP3, 16 bits'],
  ["PCM of 12 bits", edited(34, 12), "PCM, 12 bits"],
  ["no channels", edited(22, 0), "the format contradicts itself"],
  ["no rate", edited(24, 0, 0, 0, 0), "the format contradicts itself"],
  ["half a frame", wavFile({ ...parts, channels: 2, samples: [1, 2] }), "the last frame is incomplete"],
  ["an extended format cut off", edited(20, 0xfe, 0xff), "the extended format is too short"],
  ["another GUID", wavFile({ ...parts, isExtensible: true }).with(50, 1), "format -1, 16 bits"],
] as const)("%s is an error", (_, bytes, message) => {
  expect(() => decodeWav(bytes, "f")).toThrow(
    expect.objectContaining({ name: "TwopassError", message: expect.stringContaining(message) }),
  );
});

test("what cannot be written is named", () => {
  const one = Float32Array.of(0);
  expect(() => encodeWav(one, { sampleRate: 0.5 })).toThrow("sampleRate must be a whole number from 1: got 0.5");
  expect(() => encodeWav(one, { sampleRate: 1, format: "int8" as "int16" })).toThrow('format must be "int16" or');
  expect(() => encodeWav({ data: one, shape: [1] }, { sampleRate: 1 })).toThrow(
    "must be [channels, frames]: [1] for 1",
  );
  expect(() => encodeWav(Float32Array.of(0, Number.NaN), { sampleRate: 1 })).toThrow(
    "a sample is NaN: channel 0, frame 1",
  );
  expect(() => decodeWav([] as unknown as Uint8Array, "f")).toThrow("expected a Uint8Array");
});

test("what has no samples or no sample rate is refused", () => {
  expect(() => encodeWav([0, 1] as never, { sampleRate: 8 })).toThrow("encodeWav: takes a Float32Array");
  expect(() => encodeWav(Float32Array.of(0), undefined as never)).toThrow("encodeWav: sampleRate must be");
});
