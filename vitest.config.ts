import { defineConfig } from "vitest/config";

// "package" tests the packed tarball, so it needs dist/ and runs after the build; "unit" runs from the sources.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          // Graphs and plans are checked against their written rules after each pass.
          env: { TWOPASS_VERIFY: "1" },
          include: ["test/**/*.test.ts"],
          exclude: ["test/package/**"],
        },
      },
      { test: { name: "package", include: ["test/package/**/*.test.ts"], testTimeout: 120_000 } },
    ],
  },
});
