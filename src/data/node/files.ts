/** Texts, tables and sounds from files. The formats are in `twopass/data`. Floor: data; Node only. */
import { createReadStream } from "node:fs";
import { TwopassError, describe } from "../../base/errors.ts";
import { readFileBytes, writeFileSafely } from "../../io/node.ts";
import { type CsvOptions, type CsvRowsOptions, parseCsv, readCsvRows } from "../formats/csv.ts";
import type { Row, Table } from "../table/table.ts";
import { decodeText } from "../formats/text.ts";
import { type WavAudio, type WavOptions, decodeWav, encodeWav } from "../formats/wav.ts";

/**
 * The text in a UTF-8 file.
 *
 * @throws where the file cannot be read or is not UTF-8.
 * @example
 * (await readTextFile("story.txt")).length; // 16
 */
export async function readTextFile(path: string): Promise<string> {
  return decodeText(await readFileBytes(path), path);
}

/**
 * The values in a file of JSON lines, one a line. Empty lines are left out.
 *
 * @throws where the file cannot be read, is not UTF-8, or a line is no JSON, naming the line.
 * @example
 * await readJsonLinesFile("reviews.jsonl"); // [{ text: "good", stars: 5 }, { text: "bad", stars: 1 }]
 */
export async function readJsonLinesFile(path: string): Promise<unknown[]> {
  const values: unknown[] = [];
  for (const [i, line] of (await readTextFile(path)).split("\n").entries()) {
    if (line.trim() === "") continue;
    try {
      values.push(JSON.parse(line));
    } catch (cause) {
      const facts = `${JSON.stringify(path)}, line ${i + 1}, ${cause instanceof Error ? cause.message : describe(cause)}`;
      throw new TwopassError({ op: "readJsonLinesFile", problem: "a line is no JSON", facts, cause });
    }
  }
  return values;
}

/**
 * The table in a CSV file, as `parseCsv` gives it.
 *
 * @throws where the file cannot be read, and where `parseCsv` does.
 * @example
 * const table = await readCsvFile("houses.csv", { columns: { zip: "text" } });
 * table.column("zip").values; // ["01234", "56789"]
 */
export async function readCsvFile(path: string, options: Omit<CsvOptions, "name"> = {}): Promise<Table> {
  return parseCsv(await readFileBytes(path), { ...options, name: path });
}

/**
 * The rows of a CSV file one by one, as `readCsvRows` gives them: for a file larger than memory. Each loop reads the file
 * again.
 *
 * @throws while it reads, where the file cannot be read, and where `readCsvRows` does.
 * @example
 * const rows = readCsvFileRows("houses.csv", { columns: { zip: "text" } });
 * for await (const row of new DataLoader(rows, { batchSize: 2 })) row.zip; // ["01234", "56789"]
 */
export function readCsvFileRows(path: string, options: Omit<CsvRowsOptions, "name"> = {}): AsyncIterable<Row> {
  return readCsvRows(() => chunksOf(path), { ...options, name: path });
}

async function* chunksOf(path: string): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const chunk of createReadStream(path)) yield chunk as Uint8Array;
  } catch (cause) {
    const facts = `${JSON.stringify(path)}, ${cause instanceof Error ? cause.message : describe(cause)}`;
    throw new TwopassError({ op: "readCsvFileRows", problem: "cannot read the file", facts, cause });
  }
}

/**
 * The samples in a WAV file, as `decodeWav` gives them.
 *
 * @throws where the file cannot be read, and where `decodeWav` does.
 * @example
 * await writeWavFile("word.wav", Float32Array.of(0, 0.5, -0.5), { sampleRate: 8000 });
 * (await readWavFile("word.wav")).sampleRate; // 8000
 */
export async function readWavFile(path: string): Promise<WavAudio> {
  return decodeWav(await readFileBytes(path), path);
}

/**
 * Writes a WAV file, as `encodeWav` makes it: whole or not at all. @throws where it cannot be written.
 *
 * @example
 * await writeWavFile("word.wav", Float32Array.of(0, 0.5, -0.5), { sampleRate: 8000 });
 * (await readFileBytes("word.wav")).length; // 50
 */
export async function writeWavFile(
  path: string,
  audio: Parameters<typeof encodeWav>[0],
  options: WavOptions,
): Promise<void> {
  await writeFileSafely(path, encodeWav(audio, options));
}
