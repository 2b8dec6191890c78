/** Rows of texts as lines of equal columns. Floor: cli; Node only. */

/** Cells on a terminal: letters of East Asia take two. */
export function widthOf(text: string): number {
  let width = 0;
  for (const letter of text)
    width += /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60]/.test(letter) ? 2 : 1;
  return width;
}

/** A line of names, then the rows; columns are two spaces apart. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [head, ...rows];
  const widths = head.map((_, i) => Math.max(...all.map((row) => widthOf(row[i] ?? ""))));
  return all.map((row) =>
    row
      .map((cell, i) => cell + " ".repeat((widths[i] as number) - widthOf(cell)))
      .join("  ")
      .trimEnd(),
  );
}
