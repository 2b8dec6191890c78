/** What the page's build takes in place of parts of the library that are large for what the page has of them. */
import { fileURLToPath } from "node:url";
import type { Plugin } from "vite";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const places: readonly (readonly [part: string, instead: string])[] = [
  ["runtime/debug-passes.ts", "debug.ts"],
  ["codegen/wasm/show.ts", "debug.ts"],
];

/** For builds alone. */
export function instead(): Plugin {
  const files = new Map(places.map(([part, file]) => [here(`../../src/${part}`), here(file)]));
  return {
    name: "instead",
    apply: "build",
    enforce: "pre",
    resolveId(source, importer) {
      if (source === "#csv-parse") return here("csv-parse.ts");
      if (importer === undefined || !source.startsWith(".")) return undefined;
      return files.get(fileURLToPath(new URL(source, `file://${importer}`)));
    },
  };
}
