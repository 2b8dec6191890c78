/** The JSON of tokenizers: read, and then used on a text. */
import { TwopassError } from "../../../src/base/errors.ts";
import { BPETokenizer, CharTokenizer, type CharTokenizerJson } from "../../../src/data/index.ts";
import { type FuzzTarget, utf8 } from "../target.ts";

const text = "low lower lowest, new newer newest; é 7";
const json = (x: unknown): Uint8Array => utf8(JSON.stringify(x));

/** What is no JSON never reaches a tokenizer. */
function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new TwopassError({ op: "fuzz", problem: "no JSON", cause });
  }
}

export const targets: readonly FuzzTarget[] = [
  {
    name: "tokenizer-bpe",
    seeds: [
      json(BPETokenizer.train(text, { vocabSize: 262 }).toJSON()),
      json(BPETokenizer.train(text, { vocabSize: 260, specialTokens: ["<end>"] }).toJSON()),
    ],
    tokens: ['"merges":[', '"vocab":{', "null", '"type":"BPE"', '"a b"', '["a","b"]', "\\u0120", '"id":'],
    read: (bytes) => {
      const tokenizer = BPETokenizer.fromJSON(parse(bytes));
      tokenizer.decode(tokenizer.encode(text));
    },
  },
  {
    name: "tokenizer-char",
    seeds: [json(CharTokenizer.fit("abc é").toJSON())],
    tokens: ['"a"', "null", '"type":"char"', "\\ud800"],
    read: (bytes) => CharTokenizer.fromJSON(parse(bytes) as CharTokenizerJson),
  },
];
