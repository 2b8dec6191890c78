/** Text cut into words before byte pair encoding: merges do not cross their borders. Floor: data. */
import { TwopassError, describe } from "../../base/errors.ts";

/**
 * The pattern of GPT-2 (Radford et al. 2019): English endings, letters, digits or other marks with the space before
 * them, and white space. The last space before a word belongs to the word.
 */
export const gpt2Pattern = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;

/**
 * A pattern as tokenizer.json has it, for JavaScript: \s is the white space of Unicode, and a group (?i:...) of plain
 * letters becomes a class for each letter.
 *
 * @throws TwopassError where JavaScript does not know the syntax.
 */
export function compilePattern(op: string, source: string): RegExp {
  try {
    const spaced = source.replaceAll(/\\[\\sS]/g, (found) => whiteSpace[found] ?? found);
    const translated = spaced.replaceAll(/\(\?i:([^()[\]\\]*)\)/g, (_, group: string) => `(?:${anyCase(group)})`);
    return new RegExp(translated, "gu");
  } catch (error) {
    throw new TwopassError({
      op,
      problem: "cannot use this pattern",
      facts: `${describe(source)}, ${error instanceof Error ? error.message : describe(error)}`,
      cause: error,
    });
  }
}

const whiteSpace: Readonly<Record<string, string>> = { "\\s": "\\p{White_Space}", "\\S": "\\P{White_Space}" };

function anyCase(text: string): string {
  return text.replaceAll(/\p{L}/gu, (letter) => {
    const cases = new Set([letter, letter.toLowerCase(), letter.toUpperCase()]);
    return `[${[...cases].filter((other) => Array.from(other).length === 1).join("")}]`;
  });
}

/** The matches of a pattern and what is between them, so that nothing of the text is lost. */
export function* piecesOf(text: string, pattern: RegExp): Generator<string, void, undefined> {
  let end = 0;
  for (const match of text.matchAll(pattern)) {
    const [piece] = match;
    if (piece === "") continue;
    if (match.index > end) yield text.slice(end, match.index);
    yield piece;
    end = match.index + piece.length;
  }
  if (end < text.length) yield text.slice(end);
}
