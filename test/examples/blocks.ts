/** The programs in a document and what they print. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./run-program.ts";

export interface Block {
  readonly name: string;
  readonly program: string;
  /** The block of text that follows it. */
  readonly output: string | undefined;
}

export function blocksOf(document: string): Block[] {
  const text = readFileSync(join(root, document), "utf8");
  const found = [...text.matchAll(/^```ts\n(.*?)^```\n(?:\n^```text\n(.*?)^```\n)?/gms)];
  return found.map(([, program = "", output], i) => ({ name: `${document}, program ${i + 1}`, program, output }));
}
