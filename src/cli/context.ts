/** What all commands share: where they print to, and in which language. Floor: cli; Node only. */
import type { Writable } from "node:stream";
import type { Texts } from "./texts.ts";

export interface Context {
  readonly texts: Texts;
  readonly stream: Writable & { readonly isTTY?: boolean };
}

export function printLine(context: Context, line: string): void {
  context.stream.write(`${line}\n`);
}

/** A block of the help: a heading and what is below it. */
export function block(heading: string, body: string): string {
  return `${heading}:\n${body}\n`;
}

/** A count with commas. */
export function count(n: number): string {
  return n.toLocaleString("en");
}

/** A number for people: five digits, or four places. */
export function number(x: number): string {
  if (!Number.isFinite(x)) return String(x);
  return String(Math.abs(x) < 1000 && Math.abs(x) >= 0.001 ? Number(x.toFixed(4)) : Number(x.toPrecision(5)));
}
