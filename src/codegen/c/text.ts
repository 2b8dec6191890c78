/** Lines of C with their indentation, and names that are used once. Floor: codegen. */

export class CText {
  readonly #lines: string[] = [];
  #depth = 0;
  #count = 0;

  line(text: string): void {
    this.#lines.push("  ".repeat(this.#depth) + text);
  }

  /** Lines between braces, behind a head or none. */
  block(head: string, body: () => void): void {
    this.line(`${head} {`.trimStart());
    this.inside(body);
    this.line("}");
  }

  inside(body: () => void): void {
    this.#depth++;
    body();
    this.#depth--;
  }

  /** A name that no other thing of this function has. */
  name(prefix: string): string {
    return `${prefix}${this.#count++}`;
  }

  toString(): string {
    return `${this.#lines.join("\n")}\n`;
  }
}
