/** Where the package's entries are as sources: the page and its tests need no build of the library. */
import { fileURLToPath } from "node:url";

const source = (path: string): string => fileURLToPath(new URL(`../src/${path}`, import.meta.url));

/** Entries of the package that are one file; each other one is the index of its folder. */
const files = ["nn/functional", "debug", "io/node"];

export const alias = [
  ...files.map((file) => ({ find: new RegExp(`^twopass/${file}$`), replacement: source(`${file}.ts`) })),
  { find: /^twopass$/, replacement: source("index.ts") },
  { find: /^twopass\/(.+)$/, replacement: source("$1/index.ts") },
];
