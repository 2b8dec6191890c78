/** Builds the page as files that work from any folder, and serves it with the headers that threads need. */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { digits } from "./digits-plugin.ts";
import { instead } from "./instead/places.ts";
import { alias } from "./sources.ts";

const headers = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
};

/** The library's sources, which have no side effects, as its package.json says of what is built from them. */
const library = fileURLToPath(new URL("../src/", import.meta.url)).replace(/[^\w/]/g, "\\$&");
const rolldownOptions = {
  treeshake: { moduleSideEffects: [{ test: new RegExp(`^${library}`), sideEffects: false }] },
};

/** Traces and errors name classes; nothing names functions, which would be 8 kB. */
const keepNames = { class: true, function: false };

const worker = {
  ...rolldownOptions,
  output: {
    minify: { compress: { keepNames }, mangle: { keepNames } },
    // One file, since files are compressed apart.
    codeSplitting: { groups: [{ name: "worker", test: /./ }] },
  },
};

/** As files are compressed apart, few: what all rooms have, and all lessons together. */
const page = {
  ...rolldownOptions,
  output: {
    codeSplitting: {
      includeDependenciesRecursively: false,
      groups: [
        { name: "lessons", test: /\/site\/src\/(text\/)?lessons\// },
        { name: "index", test: /\/site\/src\/(app|session|text|view)\/|\/node_modules\/@?preact\// },
      ],
    },
  },
};

export default defineConfig({
  base: "./",
  resolve: { alias },
  plugins: [digits(), instead()],
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  worker: { format: "es", plugins: () => [instead()], rolldownOptions: worker },
  // Into the package: `twopass inspect` serves it.
  build: {
    target: "es2023",
    outDir: "../dist/page",
    emptyOutDir: true,
    rolldownOptions: page,
    cssCodeSplit: false,
    license: { fileName: "licenses.md" },
  },
  server: { headers },
  preview: { headers },
});
