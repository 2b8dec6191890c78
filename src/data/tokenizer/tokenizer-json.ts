/** The form of tokenizer.json of Hugging Face's tokenizers, for byte-level BPE alone. Floor: data. */
import { TwopassError, describe } from "../../base/errors.ts";
import { gpt2Pattern } from "./pieces.ts";

export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly single_word: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly normalized: boolean;
  readonly special: boolean;
}

/** What `BPETokenizer.toJSON` gives. */
export interface BPETokenizerJson {
  readonly version: "1.0";
  readonly truncation: null;
  readonly padding: null;
  readonly added_tokens: readonly AddedToken[];
  readonly normalizer: null;
  readonly pre_tokenizer: object;
  readonly post_processor: null;
  readonly decoder: object;
  readonly model: {
    readonly type: "BPE";
    readonly dropout: null;
    readonly unk_token: null;
    readonly continuing_subword_prefix: null;
    readonly end_of_word_suffix: null;
    readonly fuse_unk: boolean;
    readonly byte_fallback: boolean;
    readonly vocab: Readonly<Record<string, number>>;
    readonly merges: readonly (readonly [string, string])[];
  };
}

/** What a tokenizer is made of, by letters of bytes. */
export interface BPEParts {
  readonly vocabulary: ReadonlyMap<string, number>;
  readonly merges: readonly (readonly [string, string])[];
  readonly specialTokens: ReadonlyMap<string, number>;
  readonly pattern: string;
}

const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true };

export function writeTokenizerJson({ vocabulary, merges, specialTokens, pattern }: BPEParts): BPETokenizerJson {
  const split = { type: "Split", pattern: { Regex: pattern }, behavior: "Isolated", invert: false };
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: Array.from(specialTokens, ([content, id]) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer:
      pattern === gpt2Pattern
        ? { ...byteLevel, use_regex: true }
        : { type: "Sequence", pretokenizers: [split, { ...byteLevel, use_regex: false }] },
    post_processor: null,
    decoder: { ...byteLevel, use_regex: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      vocab: Object.fromEntries(vocabulary),
      merges,
    },
  };
}

type Fields = Readonly<Record<string, unknown>>;

const op = "BPETokenizer.fromJSON";

/**
 * Reads such a file, also those of published models. Post-processors are not used: they add tokens around a text.
 *
 * @throws TwopassError where something is missing, damaged, or of a kind that is not there.
 */
export function readTokenizerJson(json: unknown): BPEParts {
  const file = fieldsOf(json, "the file");
  const model = fieldsOf(file["model"], "model");
  if (model["type"] !== undefined && model["type"] !== "BPE") throw cannot(`model.type ${describe(model["type"])}`);
  for (const key of ["dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback"]) {
    const value = model[key];
    if (value !== undefined && value !== null && value !== false && value !== "") {
      // A byte-level vocabulary has all bytes, so an unknown token is never used.
      if (key !== "unk_token") throw cannot(`model.${key} ${describe(value)}`);
    }
  }
  if (model["ignore_merges"] === true) throw cannot("model.ignore_merges true");
  if ((file["normalizer"] ?? null) !== null) throw cannot("a normalizer");
  const vocabulary = readVocabulary(model["vocab"]);
  return {
    vocabulary,
    merges: listOf(model["merges"], "model.merges").map((merge, i) => readMerge(merge, i)),
    specialTokens: readAdded(file["added_tokens"] ?? []),
    pattern: readPattern(file["pre_tokenizer"]),
  };
}

function readVocabulary(vocab: unknown): Map<string, number> {
  const entries = Object.entries(fieldsOf(vocab, "model.vocab"));
  const ids = new Set<number>();
  return new Map(
    entries.map(([token, id]) => {
      if (!isId(id)) throw damaged(`model.vocab[${JSON.stringify(token)}] is ${describe(id)}`);
      if (ids.has(id)) throw damaged(`model.vocab has the number ${id} twice`);
      ids.add(id);
      return [token, id];
    }),
  );
}

/** Either two texts in a list, or with a space between them. */
function readMerge(merge: unknown, i: number): [string, string] {
  const parts: unknown = typeof merge === "string" ? merge.split(" ") : merge;
  if (Array.isArray(parts) && parts.length === 2) {
    const [left, right] = parts as unknown[];
    if (typeof left === "string" && typeof right === "string") return [left, right];
  }
  throw damaged(`model.merges[${i}] is ${describe(merge)}`);
}

function readAdded(added: unknown): Map<string, number> {
  return new Map(
    listOf(added, "added_tokens").map((token, i) => {
      const { id, content, single_word, lstrip, rstrip } = fieldsOf(token, `added_tokens[${i}]`);
      if (typeof content !== "string" || content === "" || !isId(id)) throw damaged(`added_tokens[${i}]`);
      if (single_word === true || lstrip === true || rstrip === true) {
        throw cannot(`single_word, lstrip or rstrip of the token ${describe(content)}`);
      }
      return [content, id];
    }),
  );
}

function readPattern(given: unknown): string {
  const first = fieldsOf(given, "pre_tokenizer");
  const steps = first["type"] === "Sequence" ? listOf(first["pretokenizers"], "pre_tokenizer.pretokenizers") : [first];
  let pattern: string | undefined;
  let hasBytes = false;
  for (const [i, step] of steps.entries()) {
    const {
      type,
      add_prefix_space,
      use_regex,
      pattern: split,
      behavior,
      invert,
    } = fieldsOf(step, `pre_tokenizer ${i}`);
    if (type === "ByteLevel" && i === steps.length - 1) {
      if (add_prefix_space === true) throw cannot("add_prefix_space true");
      hasBytes = true;
      if (use_regex !== false) {
        if (pattern !== undefined) throw cannot("two patterns");
        pattern = gpt2Pattern;
      }
    } else if (type === "Split" && pattern === undefined && behavior === "Isolated" && invert !== true) {
      const regex = fieldsOf(split, "pre_tokenizer.pattern")["Regex"];
      if (typeof regex !== "string") throw cannot("a Split without Regex");
      pattern = regex;
    } else throw cannot(`the pre_tokenizer ${describe(type)} at this place`);
  }
  if (!hasBytes) throw cannot("a pre_tokenizer without ByteLevel");
  // Without a pattern all of the text is one word.
  return pattern ?? "";
}

function isId(x: unknown): x is number {
  return typeof x === "number" && Number.isInteger(x) && x >= 0 && x < 2 ** 24;
}

function fieldsOf(x: unknown, what: string): Fields {
  if (typeof x === "object" && x !== null && !Array.isArray(x)) return x as Fields;
  throw damaged(`${what} is ${describe(x)}`);
}

function listOf(x: unknown, what: string): readonly unknown[] {
  if (Array.isArray(x)) return x;
  throw damaged(`${what} is ${describe(x)}`);
}

function damaged(facts: string): TwopassError {
  return new TwopassError({ op, problem: "not a tokenizer.json", facts });
}

function cannot(facts: string): TwopassError {
  const hint = "byte-level BPE, as GPT-2 has it, can be read";
  return new TwopassError({ op, problem: "cannot use this tokenizer", facts, hint });
}
