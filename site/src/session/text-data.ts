/** A line of text: the next letter from the letters before it. */
import type { DataSet } from "./data-set.ts";
import { fault } from "./faults.ts";

const mostBefore = 8;
const mostLetters = 2000;
const lower = "₀₁₂₃₄₅₆₇₈";

/** Letters before a place as numbers: for each of the places 1 at its letter, and nothing in front of the line. */
export class LetterWindows {
  /** The different letters, sorted. A letter is a code point. */
  readonly letters: readonly string[];
  /** How many letters before the next one are seen. */
  readonly before: number;
  readonly #places: ReadonlyMap<string, number>;

  constructor(line: readonly string[]) {
    this.letters = [...new Set(line)].sort();
    this.before = Math.min(mostBefore, line.length - 1);
    this.#places = new Map(this.letters.map((letter, i) => [letter, i]));
  }

  get width(): number {
    return this.before * this.letters.length;
  }

  /** Such as "a₋₂": whether the last letter but one is an a. */
  get names(): string[] {
    return Array.from({ length: this.before }, (_, i) => this.before - i).flatMap((back) =>
      this.letters.map((letter) => `${shownLetter(letter)}₋${lower[back]}`),
    );
  }

  /** The number of a letter. @throws for one that is not in the line. */
  numberOf(letter: string): number {
    const number = this.#places.get(letter);
    if (number === undefined) throw fault("unknownLetter", { name: shownLetter(letter) });
    return number;
  }

  /** The input for what follows the first `end` letters of a line. */
  inputAt(line: readonly string[], end: number): Float32Array {
    const input = new Float32Array(this.width);
    for (let i = 0; i < this.before; i++) {
      const letter = line[end - this.before + i];
      if (letter !== undefined) input[i * this.letters.length + this.numberOf(letter)] = 1;
    }
    return input;
  }
}

export function textSet(text: string): DataSet {
  const line = Array.from(text);
  if (line.length < 3) throw fault("shortText", { count: line.length, least: 3 });
  if (line.length > mostLetters) throw fault("longText", { count: line.length, most: mostLetters });
  const letters = new LetterWindows(line);
  if (letters.letters.length < 2) throw fault("oneLetter", { name: shownLetter(line[0] as string) });
  const { width } = letters;
  const count = line.length - 1;
  const inputs = new Float32Array(count * width);
  for (let i = 0; i < count; i++) inputs.set(letters.inputAt(line, i + 1), i * width);
  return {
    count,
    width,
    inputs,
    targets: Float32Array.from({ length: count }, (_, i) => letters.numberOf(line[i + 1] as string)),
    classes: letters.letters.map(shownLetter),
    inputNames: letters.names,
    targetName: "",
    isPlane: false,
    letters,
  };
}

/** Spaces can be seen. */
function shownLetter(letter: string): string {
  return letter === " " ? "␣" : letter;
}
