/**
 * What a learner's choices can make impossible. Each fault has a code and values, by which the page finds a sentence in the
 * reader's language; the message is the English one. No error of ours: those have no code.
 */

/** English sentences; names in braces are filled in. */
export const faultTexts = {
  notBuilt: "There is no network yet: build one first.",
  tooFewExamples: "There are {count} examples: at least {least} are needed.",
  noPoints: "There are no points yet: draw some, of two colours.",
  oneClass: "All examples are of one class, {name}: there is nothing to tell apart. Add examples of another class.",
  classesNeeded: "Cross-entropy needs classes, and this data has numbers to predict: choose another loss, such as mse.",
  noDigits: "There are no digits: draw some of your own.",
  wrongDigit: "Digit number {number} is none: it must have 784 numbers from 0 to 1 and a label from 0 to 9.",
  shortText: "The line has {count} letters: write at least {least}.",
  longText: "The line has {count} letters: at most {most} are learnt.",
  oneLetter: "The line has one letter only, {name}: there is nothing to predict. Write at least two different ones.",
  unknownLetter: "The letter {name} is not in the line that was learnt: use letters of the line.",
  csvNone: "There is no table: choose a CSV file with a line of names and a line for each example.",
  csvUnreadable: "The file cannot be read as a table: {detail}",
  csvOneColumn: "The table has one column only, {name}: it needs one to predict and one to predict it from.",
  csvNoColumn: "The table has no column {name}: choose one of {names}.",
  csvHole: "Row {row} has nothing in column {name}: fill it in, or delete the row. ({count} fields are empty.)",
  csvEmptyColumn: "Column {name} is empty: delete it.",
  csvBrokenNumber:
    "Row {row} has {text} in column {name}, where most fields are numbers: correct it, or delete the row.",
  csvManyTexts: "Column {name} has {count} different texts: delete it, or use at most {most}.",
  csvManyClasses:
    "Column {name} has {count} different values, too many for classes (at most {most}): choose mse as the loss, or another column.",
  csvManyRows: "The table has {count} rows: at most {most} can be used.",
  outOfRange: "{name} is {value}: it must be from {low} to {high}.",
  notWhole: "{name} is {value}: it must be a whole number.",
  unknownChoice: "{name} is {value}, which does not exist: choose one of {names}.",
  nesterovWithoutMomentum: "Nesterov looks ahead by the momentum, which is 0: raise it, or choose SGD.",
  notFinite:
    "The network has numbers that are not finite any more: step back, or start again with a smaller learning rate.",
  unknownParameter: "The network has no parameter {name}.",
  noSuchElement: "{name} has no element {index}.",
  noSuchExample: "The batch has no example number {index}.",
  noSuchInput: "An example has no input number {index}.",
  wrongInputCount: "{count} numbers were given, and the network takes {wanted}.",
  notANumber: "{name} is no number.",
  noLetters: "Only a network that has learnt a line of text can write.",
} as const;

export type FaultCode = keyof typeof faultTexts;
export type FaultValues = Readonly<Record<string, string | number>>;

/** An error that is told to the learner. `code` is undefined where it is a bug. */
export class SessionError extends Error {
  override readonly name: string = "SessionError";
  readonly code: FaultCode | undefined;
  readonly values: FaultValues;

  constructor(message: string, code?: FaultCode, values: FaultValues = {}) {
    super(message);
    this.code = code;
    this.values = values;
  }
}

/** A sentence with its values filled in. */
export function fill(text: string, values: FaultValues): string {
  return text.replace(/\{(\w+)\}/g, (place, name: string) => String(values[name] ?? place));
}

export function fault(code: FaultCode, values: FaultValues = {}): SessionError {
  return new SessionError(fill(faultTexts[code], values), code, values);
}

/** Throws unless a number is within its bounds. */
export function checkRange(name: string, value: number, low: number, high: number): void {
  if (typeof value === "number" && value >= low && value <= high) return;
  throw fault("outOfRange", { name, value: String(value), low, high });
}

export function checkWhole(name: string, value: number, low: number, high: number): void {
  checkRange(name, value, low, high);
  if (!Number.isInteger(value)) throw fault("notWhole", { name, value });
}

export function checkChoice(name: string, value: string, choices: readonly string[]): void {
  if (choices.includes(value)) return;
  throw fault("unknownChoice", { name, value: String(value), names: choices.join(", ") });
}
