/** Small numbers for texts, for structural keys. Floor: base. */

const texts = new Map<string, number>();

/** A small number for a text: equal texts have equal numbers within a process. */
export function intern(text: string): number {
  let code = texts.get(text);
  if (code === undefined) {
    code = texts.size + 1;
    texts.set(text, code);
  }
  return code;
}
