import { defineConfig } from "vitest/config";
import { alias } from "./site/sources.ts";

// "package" tests the packed tarball, and "browser" its pages, so they need dist/ and run after the build; "unit" runs
// from the sources.
export default defineConfig({
  test: {
    projects: [
      {
        // The page's code names the package as users do.
        resolve: { alias },
        test: {
          name: "unit",
          // For what hangs; a busy machine is no failure.
          testTimeout: 30_000,
          // Graphs and plans are checked against their written rules after each pass. What is not about a device runs on
          // the one that every host has; test/devices.ts has all of them.
          env: { TWOPASS_VERIFY: "1", TWOPASS_DEVICE: "wasm" },
          include: ["test/**/*.test.ts"],
          exclude: ["test/package/**", "test/browser/**"],
        },
      },
      { test: { name: "package", include: ["test/package/**/*.test.ts"], testTimeout: 120_000 } },
      {
        resolve: { alias },
        test: {
          name: "browser",
          include: ["test/browser/**/*.test.ts"],
          // Pages are timed, and two browsers at a time would disturb each other.
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
