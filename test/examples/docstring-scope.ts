/** What the examples in comments find: all public names, a small model with its data, and some files. */
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import * as data from "../../src/data/index.ts";
import * as dataNode from "../../src/data/node/index.ts";
import * as debug from "../../src/debug.ts";
import * as core from "../../src/index.ts";
import * as inspect from "../../src/inspect/index.ts";
import * as inspectNode from "../../src/inspect/node/index.ts";
import * as io from "../../src/io/index.ts";
import * as ioNode from "../../src/io/node.ts";
import * as functional from "../../src/nn/functional.ts";
import * as nn from "../../src/nn/index.ts";
import * as optim from "../../src/optim/index.ts";
import * as train from "../../src/train/index.ts";
import * as trainNode from "../../src/train/node/index.ts";
import { declarationsOf } from "./docstrings.ts";
import { root } from "./run-program.ts";

export interface Entry {
  /** What a program imports. */
  readonly name: string;
  readonly file: string;
  readonly exports: Readonly<Record<string, unknown>>;
  /** Whether its names are read with the name of the module before them, so that they do not hide others. */
  readonly isQualified?: true;
}

export const entries: readonly Entry[] = [
  { name: "twopass", file: "src/index.ts", exports: core },
  { name: "twopass/debug", file: "src/debug.ts", exports: debug },
  { name: "twopass/nn", file: "src/nn/index.ts", exports: nn, isQualified: true },
  { name: "twopass/nn/init", file: "src/nn/init.ts", exports: nn.init, isQualified: true },
  { name: "twopass/nn/functional", file: "src/nn/functional.ts", exports: functional, isQualified: true },
  { name: "twopass/optim", file: "src/optim/index.ts", exports: optim },
  { name: "twopass/data", file: "src/data/index.ts", exports: data },
  { name: "twopass/data/node", file: "src/data/node/index.ts", exports: dataNode },
  { name: "twopass/train", file: "src/train/index.ts", exports: train },
  { name: "twopass/train/node", file: "src/train/node/index.ts", exports: trainNode },
  { name: "twopass/inspect", file: "src/inspect/index.ts", exports: inspect },
  { name: "twopass/inspect/node", file: "src/inspect/node/index.ts", exports: inspectNode },
  { name: "twopass/io", file: "src/io/index.ts", exports: io },
  { name: "twopass/io/node", file: "src/io/node.ts", exports: ioNode },
];

/** Where the names come from that a program of a file uses: of two entries with one name from the file's own. */
function importsOf(file: string, program: string): ReadonlyMap<string, Entry> {
  const declares = (entry: Entry): boolean => [...declarationsOf(entry.file).values()].some((d) => d.file === file);
  const own = entries.filter((entry) => !/nn$|init$/.test(entry.name) && declares(entry));
  const all = [...entries.filter((entry) => entry.isQualified !== true), ...own];
  const pairs = all.flatMap((entry) => Object.keys(entry.exports).map((name) => [name, entry] as const));
  // `var` is a word of the language.
  return new Map(pairs.filter(([name]) => name !== "var" && new RegExp(`\\b${name}\\b`).test(program)));
}

export interface Fixture {
  readonly model: nn.Linear;
  readonly optimizer: optim.Adam;
  readonly x: core.Tensor;
  readonly labels: core.Tensor;
  readonly loader: data.DataLoader<[core.Tensor, core.Tensor]>;
}

function makeFixture(): Fixture {
  core.manualSeed(0);
  const model = new nn.Linear(4, 3);
  const x = core.randn(12, 4);
  const labels = core.arange(12).remainder(3);
  const loader = new data.DataLoader(new data.TensorDataset(x, labels), { batchSize: 4 });
  return { model, optimizer: new optim.Adam(model.parameters(), { lr: 0.1 }), x, labels, loader };
}

/** The names that an example of a file uses, with their values. */
export function scopeOf(file: string, program: string): Record<string, unknown> {
  const imports = [...importsOf(file, program)].map(([name, { exports }]) => [name, exports[name]] as const);
  return { nn, ...Object.fromEntries(imports), ...makeFixture() };
}

/** The examples of a file as a module, to check their types. */
export function moduleOf(file: string, programs: readonly string[]): string {
  const imports = [...importsOf(file, programs.join("\n"))];
  return [
    'import * as nn from "twopass/nn";',
    `import type { Fixture } from "${join(root, "test/examples/docstring-scope.ts")}";`,
    ...imports.map(([name, entry]) => `import { ${name} } from "${entry.name}";`),
    "declare const fixture: Fixture;",
    "const { model, optimizer, x, labels, loader } = fixture;",
    ...programs.map((program, i) => `async function example${i}() {\n${program}\n}`),
  ].join("\n");
}

/** Writes the files that examples read. */
export async function writeFiles(folder: string): Promise<void> {
  copyFileSync(join(root, "test/io/fixtures/linear-half.pt"), join(folder, "model.pt"));
  writeFileSync(join(folder, "houses.csv"), "zip,rooms\n01234,3\n56789,5\n");
  writeFileSync(join(folder, "reviews.jsonl"), '{"text":"good","stars":5}\n{"text":"bad","stars":1}\n');
  writeFileSync(join(folder, "story.txt"), "Call me Ishmael.");
  for (const kind of ["cat", "dog"]) {
    mkdirSync(join(folder, "pets", kind), { recursive: true });
    const create = { width: 8, height: 8, channels: 3, background: "red" } as const;
    await sharp({ create }).toFile(join(folder, "pets", kind, "1.png"));
  }
}
