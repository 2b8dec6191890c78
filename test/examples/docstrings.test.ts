/** What is public has an example in its comment, which has the right types and prints what it says. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { removeEngine } from "../../src/tensor/engines.ts";
import { StoredTensor } from "../../src/tensor/stored.ts";
import { readSourcesInThreads } from "../data/workers/sources-in-threads.ts";
import { entries, moduleOf, scopeOf, writeFiles } from "./docstring-scope.ts";
import { type Docstring, agrees, declarationsOf, docstringsOf, outputsOf, sourceFiles } from "./docstrings.ts";
import { root } from "./run-program.ts";

const declared = entries.flatMap(({ file }) => [...declarationsOf(file).values()].filter(({ head }) => head !== ""));
const publicFiles = new Set(declared.map(({ file }) => file));
// The methods of tensors are in files that declare no public name.
const files = sourceFiles.filter((file) => publicFiles.has(file) || file.startsWith("src/tensor/"));
const docstrings = files.flatMap(docstringsOf);
const examples = docstrings.flatMap(({ file, name, example }) =>
  example === undefined ? [] : { file, name, ...example },
);

const folder = mkdtempSync(join(tmpdir(), "twopass-docstrings-"));
const cwd = process.cwd();
beforeAll(async () => {
  await writeFiles(folder);
  process.chdir(folder);
});
afterAll(() => {
  process.chdir(cwd);
  rmSync(folder, { recursive: true });
});

test.for(examples)("$file:$line, $name", async ({ file, name, program }, { skip }) => {
  skip(name === "fashionMnist" && !existsSync("/usr/share/datasets/fashion-mnist"), "the data set is not there");
  const scope = scopeOf(file, program);
  if (name === "startDevice") {
    // It must be the first thing that a program does.
    readSourcesInThreads();
    removeEngine("wasm");
  }
  for (const output of await outputsOf(program, scope)) {
    expect(agrees(output) ? output.wanted : output.printed).toBe(output.wanted);
  }
});

test("examples have the right types", { timeout: 60_000 }, () => {
  const modules = join(folder, "modules");
  mkdirSync(modules);
  for (const file of new Set(examples.map((example) => example.file))) {
    const programs = examples.filter((example) => example.file === file).map(({ program }) => program);
    writeFileSync(join(modules, `${file.replaceAll("/", "-")}.mts`), moduleOf(file, programs));
  }
  const compilerOptions = {
    lib: ["ES2023"],
    types: ["node"],
    typeRoots: [join(root, "node_modules/@types")],
    rewriteRelativeImportExtensions: false,
    // Stricter than what users must have set.
    noUncheckedIndexedAccess: false,
    noPropertyAccessFromIndexSignature: false,
    noUnusedLocals: false,
  };
  const include = ["*.mts", join(root, "src/webassembly.d.ts")];
  const config = { extends: join(root, "tsconfig.base.json"), compilerOptions, include };
  writeFileSync(join(modules, "tsconfig.json"), JSON.stringify(config));
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  const { status, stdout } = spawnSync(process.execPath, [compiler, "-p", modules], { encoding: "utf8" });
  expect({ status, stdout }).toEqual({ status: 0, stdout: "" });
});

describe("what is public has an example", () => {
  /** For layers and methods of tensors one line is enough: it is the formula. */
  const isShort = ({ text }: Docstring): boolean => !text.trim().includes("\n");
  const documented = new Map(docstrings.map((docstring) => [`${docstring.file} ${docstring.name}`, docstring]));

  test.for(entries)("$name", ({ name: entry, file, exports }) => {
    const declarations = declarationsOf(file);
    expect([...declarations.keys()].sort()).toEqual(Object.keys(exports).sort());
    const without = [...declarations].filter(([name, declaration]) => {
      const docstring = documented.get(`${declaration.file} ${declaration.name}`);
      // A method as a function: the method has the example.
      if (typeof exports[name] !== "function" || declaration.head.includes(" = free(")) return false;
      if (docstring === undefined) return true;
      return docstring.example === undefined && !(entry.startsWith("twopass/nn") && isShort(docstring));
    });
    expect(without.map(([name]) => name)).toEqual([]);
  });

  test("each file of layers", () => {
    const without = files.filter((file) => file.startsWith("src/nn/") && examples.every((e) => e.file !== file));
    expect(without).toEqual([]);
  });

  test("methods of tensors", () => {
    const names = new Set<string>();
    for (let x: object = StoredTensor.prototype; x !== Object.prototype; x = Object.getPrototypeOf(x) as object) {
      for (const name of Object.getOwnPropertyNames(x)) names.add(name);
    }
    const methods = docstrings.filter((d) => d.isMember && d.file.startsWith("src/tensor/") && names.has(d.name));
    expect(methods.length).toBeGreaterThan(200);
    expect(methods.filter((d) => d.example === undefined && !isShort(d)).map(({ name }) => name)).toEqual([]);
  });
});

test("what an example prints is compared", async () => {
  const program = ["const x = [1, 0.123456];", "x; // [1, 0.1235]", "x; // [1, 0.1236]", 'if (!x) "never"; // 1'];
  const outputs = await outputsOf([...program, 'console.log("a  b"); // a b'].join("\n"), {});
  expect(outputs.map(({ printed }) => printed)).toEqual(["[ 1, 0.123456 ]", "[ 1, 0.123456 ]", "", "a  b"]);
  expect(outputs.map(agrees)).toEqual([true, false, false, true]);
  expect(agrees({ wanted: "2", printed: "2.4" })).toBe(false);
  expect(agrees({ wanted: "1.5e-7", printed: "1.4999e-7" })).toBe(true);
});
