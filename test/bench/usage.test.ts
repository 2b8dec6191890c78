/** `npm run bench` as a program: it tells how it is used, and measures nothing before it knows what. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

function bench(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const all = ["--import", "tsx", "bench/main.ts", ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, all, { cwd: root, encoding: "utf8", timeout: 25_000 });
  return { status, stdout, stderr };
}

test("--help prints each flag", () => {
  const { status, stdout, stderr } = bench("--help");
  expect([status, stderr]).toEqual([0, ""]);
  expect(stdout).toMatch(/^npm run bench -- \[workloads\]/);
  for (const flag of ["device", "threads", "seconds", "cold", "json", "list", "write-counts", "help"]) {
    expect(stdout).toContain(`  --${flag}`);
  }
});

test("an unknown flag is named, with the usage, and the exit code is 2", () => {
  const { status, stdout, stderr } = bench("w6", "--second", "1");
  expect([status, stdout]).toEqual([2, ""]);
  expect(stderr).toMatch(/^bench: Unknown option '--second'/);
  expect(stderr).toContain(bench("--help").stdout);
});
