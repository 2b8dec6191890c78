import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeText } from "../../src/data/index.ts";
import { badUtf8 } from "../../src/data/formats/text.ts";

test("text is decoded without its byte order mark", () => {
  expect(decodeText(new Uint8Array([0xef, 0xbb, 0xbf, 0xc3, 0xa4, 0x20, 0xf0, 0x9f, 0x98, 0x80]), "f")).toBe("ä 😀");
  expect(() => decodeText(new Uint8Array([97, 98, 0xff]), "f")).toThrow(
    'decodeText: the text is not UTF-8: "f", byte 2 is 0xff (save it as UTF-8',
  );
});

test.each([
  ["a lone continuation", [0x80], 0],
  ["a cut character", [97, 0xe2, 0x82], 1],
  ["an overlong slash", [0xc0, 0xaf], 0],
  ["an overlong form of three bytes", [0xe0, 0x80, 0xaf], 0],
  ["a surrogate", [97, 98, 0xed, 0xa0, 0x80], 2],
  ["above U+10FFFF", [0xf4, 0x90, 0x80, 0x80], 0],
  ["a wrong third byte", [0xe2, 0x82, 0x41], 0],
] as const)("%s is not UTF-8", (_, bytes, at) => {
  expect(badUtf8(new Uint8Array(bytes))).toBe(at);
});

const byte = fc.oneof(fc.nat(255), fc.constantFrom(0x80, 0xbf, 0xc2, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0x9f, 0x90, 0x8f));

test("it agrees with the decoder of the host", () => {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const isGood = (bytes: Uint8Array): boolean => {
    try {
      decoder.decode(bytes);
      return true;
    } catch {
      return false;
    }
  };
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 6 }), (list) => {
      const bytes = Uint8Array.from(list);
      const at = badUtf8(bytes);
      expect(at < 0).toBe(isGood(bytes));
      expect(isGood(bytes.subarray(0, Math.max(at, 0)))).toBe(true);
    }),
    { numRuns: 5000, seed: 1 },
  );
});

test("a text is no bytes", () => {
  expect(() => decodeText("hi" as never, "greeting")).toThrow('decodeText: expected a Uint8Array: got "hi"');
});
