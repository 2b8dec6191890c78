/** The examples in the comments of src/io run, and give what their own comments say. */
import { copyFileSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { inspect } from "node:util";
import { compileFunction } from "node:vm";
import { afterAll, beforeAll, expect, test } from "vitest";
import * as core from "../../src/index.ts";
import * as node from "../../src/io/node.ts";
import * as io from "../../src/io/index.ts";
import * as nn from "../../src/nn/index.ts";
import { Adam } from "../../src/optim/index.ts";

const source = new URL("../../src/io/", import.meta.url).pathname;

interface Example {
  readonly file: string;
  readonly name: string;
  readonly lines: readonly string[];
}

const examples: Example[] = readdirSync(source).flatMap((file) =>
  [
    ...readFileSync(join(source, file), "utf8").matchAll(
      /^ \* @example\n((?: \* .*\n)+) \*\/\nexport (?:async )?function (\w+)/gm,
    ),
  ].map(([, text = "", name = ""]) => ({
    file,
    name,
    lines: text
      .trimEnd()
      .split("\n")
      .map((line) => line.slice(3)),
  })),
);

const folder = mkdtempSync(join(tmpdir(), "twopass-examples-"));
const cwd = process.cwd();
beforeAll(() => {
  copyFileSync(new URL("fixtures/linear-half.pt", import.meta.url), join(folder, "model.pt"));
  process.chdir(folder);
});
afterAll(() => {
  process.chdir(cwd);
  rmSync(folder, { recursive: true });
});

test("every function has one", () => {
  const names = [...Object.keys(io), ...Object.keys(node)].sort();
  expect(examples.map(({ name }) => name).sort()).toEqual(names);
});

const shown = (value: unknown): string => inspect(value, { breakLength: Number.POSITIVE_INFINITY });
const plain = (text: string): string => text.replaceAll("'", '"').replaceAll(" ", "");

test.for(examples)("$file: $name", async ({ file, lines }) => {
  const body = lines.map((line) => {
    const [, expression, wanted] = /^(?!const |\/\/)(.+); \/\/ (.+)$/.exec(line) ?? [];
    return expression === undefined ? line : `check(${expression}, ${JSON.stringify(wanted)});`;
  });
  const model = new nn.Linear(4, 3);
  const optimizer = new Adam(model.parameters(), { lr: 0.1 });
  const check = (value: unknown, wanted: string): void => expect(plain(shown(value))).toBe(plain(wanted));
  // A function of both entries is that of the file's own.
  const scope = { ...core, ...node, ...io, ...(file.startsWith("node") ? node : {}), model, optimizer, check };
  const used = Object.entries(scope).filter(([name]) => new RegExp(`\\b${name}\\b`).test(body.join()));
  const run = compileFunction(
    `return (async () => {\n${body.join("\n")}\n})();`,
    used.map(([name]) => name),
  ) as (...scope: unknown[]) => Promise<void>;
  await run(...used.map(([, value]) => value));
  expect(body.length).toBeGreaterThan(0);
});
