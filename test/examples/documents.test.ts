/** The programs in the READMEs: they run, and print what stands below them. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type Block, blocksOf } from "./blocks.ts";
import { root, runProgram } from "./run-program.ts";

const folder = mkdtempSync(join(tmpdir(), "twopass-documents-"));
afterAll(() => rmSync(folder, { recursive: true }));

const english = blocksOf("README.md");
const chinese = blocksOf("README.zh-CN.md");

test.for([...english, ...chinese])("$name", { timeout: 60_000 }, async ({ name, program, output }) => {
  const file = join(folder, `${name.replaceAll(/[^\w.]/g, "-")}.mts`);
  writeFileSync(file, program);
  const printed = await runProgram(file);
  expect(printed).not.toBe("");
  expect(output ?? printed).toBe(printed);
});

test("the first program is the second example", () => {
  expect(english[0]?.program).toBe(readFileSync(join(root, "examples/02-xor.ts"), "utf8"));
});

test("both languages have the same programs", () => {
  const bare = ({ program, output }: Block): unknown => [program.replaceAll(/ *\/\/.*/g, ""), output];
  expect(english.length).toBeGreaterThan(1);
  expect(chinese.map(bare)).toEqual(english.map(bare));
});
