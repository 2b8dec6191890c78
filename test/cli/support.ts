/** Command lines in this process, for tests. */
import { Writable } from "node:stream";
import { run } from "../../src/cli/run.ts";

/** What a command line prints. Words are parted by spaces; `{}` in one stands for the next of `texts`. */
export async function cli(line: string, ...texts: readonly string[]): Promise<string> {
  return cliIn("en_US.UTF-8", line, ...texts);
}

/** The same in a locale. */
export async function cliIn(locale: string, line: string, ...texts: readonly string[]): Promise<string> {
  let printed = "";
  const stream = new Writable({
    write(piece: Buffer, _, done) {
      printed += piece.toString();
      done();
    },
  });
  let next = 0;
  const args = line.split(" ").map((word) => word.replaceAll("{}", () => texts[next++] ?? ""));
  await run(args, { stream, environment: { LC_ALL: locale } });
  return printed;
}

/** The JSON in the last line of what was printed. */
export function lastJson(printed: string): Readonly<Record<string, unknown>> {
  return JSON.parse(printed.trimEnd().split("\n").at(-1) ?? "") as Readonly<Record<string, unknown>>;
}

/** The message of the error that a command line ends with. */
export async function mistakeOf(line: string, ...texts: readonly string[]): Promise<string> {
  const error: unknown = await cli(line, ...texts).catch((thrown: unknown) => thrown);
  if (error instanceof Error && error.name === "TwopassError") return error.message;
  throw new Error(`no mistake: ${String(error)}`);
}

/** Rows of houses: the price follows from the rest. */
export function housesCsv(rows: number): string {
  const lines = Array.from({ length: rows }, (_, i) => {
    const [rooms, area, town] = [1 + (i % 5), 40 + ((i * 37) % 90), ["Bonn", "Ulm", "Trier"][i % 3] as string];
    return `${rooms},${area},${town},${(20 * rooms + 3 * area + (town === "Ulm" ? 50 : 0)).toFixed(1)},${area > 85 ? "large" : "small"}`;
  });
  return `rooms,area,town,price,size\n${lines.join("\n")}\n`;
}
