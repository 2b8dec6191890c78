/** The pages of the guide: the programs of a page, put together, run and print what stands below them. */
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { blocksOf } from "./blocks.ts";
import { root, runProgram } from "./run-program.ts";

const folder = mkdtempSync(join(tmpdir(), "twopass-guide-"));
afterAll(() => rmSync(folder, { recursive: true }));

const pages = (language: string): string[] => readdirSync(join(root, "docs/guide", language)).sort();

/** A program without its comments, which are translated. */
const bare = (program: string): string => program.replaceAll(/ *\/\/.*|\/\*\*.*\*\//g, "");

test("each page is there in both languages, with the same programs", () => {
  expect(pages("zh")).toEqual(pages("en"));
  for (const page of pages("en")) {
    const [english, chinese] = ["en", "zh"].map((language) =>
      blocksOf(`docs/guide/${language}/${page}`).map(({ program, output }) => [bare(program), output]),
    );
    expect(chinese).toEqual(english);
  }
});

test.for(pages("en"))("%s", { timeout: 120_000 }, async (page) => {
  const blocks = blocksOf(`docs/guide/en/${page}`);
  expect(blocks.length).toBeGreaterThan(0);
  const file = join(folder, page.replace(".md", ".mts"));
  writeFileSync(file, blocks.map(({ program }) => program).join("\n"));
  expect(await runProgram(file)).toBe(blocks.map(({ output = "" }) => output).join(""));
});

test("links between pages lead somewhere", () => {
  for (const language of ["en", "zh"]) {
    for (const page of pages(language)) {
      const path = join(root, "docs/guide", language, page);
      for (const [, target = ""] of readFileSync(path, "utf8").matchAll(/\]\(((?!https?:)[^)#]+)/g)) {
        expect(() => readFileSync(join(path, "..", target)), `${page}: ${target}`).not.toThrow();
      }
    }
  }
});
