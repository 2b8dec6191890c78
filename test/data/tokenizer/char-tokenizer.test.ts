import fc from "fast-check";
import { expect, test } from "vitest";
import { CharTokenizer } from "../../../src/data/index.ts";

test("characters are code points in sorted order, and any text of them comes back", () => {
  const tokenizer = CharTokenizer.fit("hello 🐋");
  expect(tokenizer.tokens).toEqual([" ", "e", "h", "l", "o", "🐋"]);
  expect(tokenizer.size).toBe(6);
  expect(tokenizer.encode("hole🐋")).toEqual(Int32Array.of(2, 4, 3, 1, 5));
  fc.assert(
    fc.property(fc.string({ unit: "binary", minLength: 1 }), (text) => {
      const fitted = CharTokenizer.fit([text, "x"]);
      expect(fitted.decode(fitted.encode(text))).toBe(text);
      expect(CharTokenizer.fromJSON(JSON.parse(JSON.stringify(fitted))).encode(text)).toEqual(fitted.encode(text));
    }),
  );
});

test("an unknown character is named, or becomes the unknown token", () => {
  const strict = CharTokenizer.fit("abc");
  expect(() => strict.encode("ab\u00e9")).toThrow(
    'CharTokenizer.encode: an unknown character: "é" (U+00E9), character 2 of the text',
  );
  const lenient = CharTokenizer.fit("abc", { unknown: "?" });
  expect(lenient.encode("axb")).toEqual(Int32Array.of(1, 0, 2));
  expect(lenient.decode([1, 0, 2])).toBe("a?b");
  expect(CharTokenizer.fromJSON(lenient.toJSON()).decode([0])).toBe("?");
});

test("what cannot be is said", () => {
  expect(() => CharTokenizer.fit("")).toThrow("CharTokenizer.fit: the text is empty");
  expect(() => CharTokenizer.fit("a").decode([1])).toThrow("CharTokenizer.decode: no such token: 1 of 1");
  expect(() => CharTokenizer.fromJSON({ type: "char", characters: ["ab"] })).toThrow("not a tokenizer of characters");
  expect(() => CharTokenizer.fromJSON(null as never)).toThrow("not a tokenizer of characters: got null");
});
