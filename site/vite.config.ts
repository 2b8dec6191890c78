/** Builds the page as files that work from any folder, and serves it with the headers that threads need. */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { digits } from "./digits-plugin.ts";
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

export default defineConfig({
  base: "./",
  resolve: { alias },
  plugins: [digits()],
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  // Traces name classes.
  worker: { format: "es", rolldownOptions: { ...rolldownOptions, output: { keepNames: true } } },
  build: { target: "es2023", rolldownOptions, license: { fileName: "licenses.md" } },
  server: { headers },
  preview: { headers },
});
