import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  readCsvFile,
  readCsvFileRows,
  readJsonLinesFile,
  readTextFile,
  readWavFile,
  writeWavFile,
} from "../../../src/data/node/index.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "twopass-files-"));
});
afterEach(() => rm(folder, { recursive: true }));

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

test("texts and JSON lines", async () => {
  expect(await readTextFile(await file("a.txt", "hé\n"))).toBe("hé\n");
  await expect(readTextFile(await file("b.txt", new Uint8Array([97, 0xe9])))).rejects.toThrow('b.txt", byte 1 is 0xe9');
  expect(await readJsonLinesFile(await file("a.jsonl", '{"a":1}\r\n\n[2]\n'))).toEqual([{ a: 1 }, [2]]);
  await expect(readJsonLinesFile(await file("b.jsonl", "1\n{\n"))).rejects.toThrow('b.jsonl", line 2, ');
});

test("a table, whole and row by row; errors name the file", async () => {
  const rows = Array.from({ length: 30_000 }, (_, i) => `${i},name ${i}`);
  const path = await file("big.csv", `n,text\n${rows.join("\n")}\n`);
  const table = await readCsvFile(path);
  expect([table.length, table.get(29_999)]).toEqual([30_000, { n: 29_999, text: "name 29999" }]);
  for (let epoch = 0; epoch < 2; epoch++) {
    let sum = 0;
    for await (const row of readCsvFileRows(path)) sum += row["n"] as number;
    expect(sum).toBe((30_000 * 29_999) / 2);
  }
  const bad = await file("bad.csv", "a,b\n1\n");
  await expect(readCsvFile(bad)).rejects.toThrow('bad.csv", line 2 has 1 field, expected 2');
  await expect(readCsvFile(join(folder, "none.csv"))).rejects.toThrow("none.csv");
  const drain = async (): Promise<void> => {
    for await (const row of readCsvFileRows(join(folder, "none.csv"))) expect(row).toBeUndefined();
  };
  await expect(drain()).rejects.toMatchObject({ name: "TwopassError", message: expect.stringContaining("none.csv") });
  await mkdir(join(folder, "folder.csv"));
  await expect(readCsvFile(join(folder, "folder.csv"))).rejects.toMatchObject({ name: "TwopassError" });
});

test("a sound is written and read", async () => {
  const path = join(folder, "a.wav");
  await writeWavFile(path, Float32Array.of(0, 0.5, -1), { sampleRate: 8000 });
  expect(await readWavFile(path)).toEqual({ data: Float32Array.of(0, 0.5, -1), shape: [1, 3], sampleRate: 8000 });
  await expect(readWavFile(await file("b.wav", "no sound at all"))).rejects.toThrow('b.wav", it begins with "no s"');
});
