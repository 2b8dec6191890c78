/**
 * `npm test`: sets up what is missing, runs every step below whether or not an earlier one failed, and ends with the
 * line `N passed, N failed`. A step that counts nothing itself is one test.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { installBrowser, main, root, setup } from "./setup.mjs";
import { checkSupportTables } from "./support-table.mjs";

/**
 * @typedef {object} Step
 * @property {string} script name in package.json's scripts
 * @property {string[]} [args] for that script
 * @property {Record<string, string>} [env] variables of its environment
 * @property {boolean} [native] it is for hosts with a C compiler
 * @property {boolean} [vitest] it runs vitest, whose JSON report has the counts; any other script may print a line
 *   `N passed, N failed`, of which the last one counts
 * @typedef {{ passed: number, failed: number, skipped: number, wrong?: string[] }} Counts `wrong` says what failed
 */

/** Reference cases from PyTorch: a folder named in the environment, or the one beside this repository. */
const conformance = process.env["TWOPASS_CONFORMANCE"] ?? join(root, "../shared/conformance");

/** What is about devices alone: it runs again on each machine that a device can have. */
const deviceTests = [
  "test/ops/sweep",
  "test/runtime/fuzz",
  "test/runtime/cpu",
  "test/runtime/fault",
  "test/schedule/fuse",
];
const programTests = ["test/lifetime"];

/** @type {Step[]} */
const steps = [
  { script: "typecheck" },
  { script: "lint" },
  { script: "build" },
  { script: "test:unit", vitest: true },
  {
    script: "test:unit",
    vitest: true,
    args: [...deviceTests, ...programTests],
    env: { TWOPASS_THREADS: "1" },
  },
  ...[
    { isa: undefined, files: [...deviceTests, ...programTests] },
    { isa: "avx2", files: [...deviceTests, ...programTests] },
    { isa: "plain", files: deviceTests },
  ].map(({ isa, files }) => ({
    script: "test:unit",
    vitest: true,
    native: true,
    args: files,
    env: { TWOPASS_TEST_MACHINE: "native", ...(isa === undefined ? {} : { TWOPASS_ISA: isa }) },
  })),
  { script: "test:exit", native: true },
  { script: "test:package", vitest: true },
  { script: "test:browser", vitest: true },
  { script: "test:fuzz" },
  ...(existsSync(conformance)
    ? [
        { device: "js" },
        { device: "wasm" },
        { device: "wasm", env: { TWOPASS_THREADS: "1" } },
        { device: "wasm", args: ["--worker"] },
        { device: "native", native: true },
        { device: "native", native: true, env: { TWOPASS_ISA: "avx2" } },
      ].map(({ device, args = [], ...rest }) => ({
        script: "conformance",
        args: ["--dir", conformance, "--device", device, ...args],
        ...rest,
      }))
    : []),
];

/** Why the native device cannot be here; undefined where it can. */
async function reasonAgainstNative() {
  const { startNative } = await import(new URL("../dist/runtime/native/node/library.js", import.meta.url).href);
  /** @type {{ reason?: string }} */
  const started = startNative();
  return started.reason;
}

/** @param {Step} step @param {string} notes file for what works where @param {string} report file for vitest's JSON @returns {Promise<Counts>} */
async function run({ script, args = [], env = {}, vitest = false }, notes, report) {
  const all = vitest ? [...args, "--reporter=default", "--reporter=json", `--outputFile.json=${report}`] : args;
  const child = spawn("npm", ["run", "--silent", script, "--", ...all], {
    cwd: root,
    env: { ...process.env, ...env, TWOPASS_SUPPORT: notes, ...(process.stdout.isTTY ? { FORCE_COLOR: "1" } : {}) },
    shell: process.platform === "win32",
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (/** @type {string} */ text) => {
    process.stdout.write(text);
    output += text;
  });
  child.stderr.setEncoding("utf8").on("data", (/** @type {string} */ text) => {
    process.stderr.write(text);
    errors = (errors + text).slice(-10_000);
  });
  const code = await new Promise((resolve) => child.on("close", resolve).on("error", () => resolve(1)));
  /** @type {Counts} */
  const counts = (vitest ? fromReport(report) : fromOutput(output)) ?? {
    passed: code === 0 ? 1 : 0,
    failed: 0,
    skipped: 0,
  };
  // A step can fail without a failed test: a file that does not load, an error outside the tests.
  if (code !== 0 && counts.failed === 0) {
    counts.failed = 1;
    counts.wrong = [`exit code ${code}`, ...(errors.trim() || output.trim()).split("\n").slice(-15)];
  }
  return counts;
}

/** @param {string} report @returns {Counts | undefined} */
function fromReport(report) {
  if (!existsSync(report)) return undefined;
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(
    readFileSync(report, "utf8"),
  );
  const wrong = [];
  for (const { name, message, assertionResults } of testResults) {
    if (message) wrong.push(`${relative(root, name)}: ${firstLines(message)}`);
    for (const { status, fullName, failureMessages } of assertionResults) {
      if (status === "failed")
        wrong.push(`${relative(root, name)}: ${fullName}: ${firstLines(failureMessages.join("\n"))}`);
    }
  }
  return { passed: numPassedTests, failed: numFailedTests, skipped: numPendingTests + numTodoTests, wrong };
}

const firstLines = (/** @type {string} */ text) => text.split("\n").slice(0, 3).join("\n    ");

/** @param {string} output @returns {Counts | undefined} */
function fromOutput(output) {
  const last = [...output.matchAll(/^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/gm)].at(-1);
  return last && { passed: Number(last[1]), failed: Number(last[2]), skipped: Number(last[3] ?? 0) };
}

await main(async () => {
  setup();
  installBrowser();
  const folder = mkdtempSync(join(tmpdir(), "twopass-test-"));
  const notes = join(folder, "support.jsonl");
  const total = { passed: 0, failed: 0, skipped: 0 };
  const summary = [];
  for (const [index, step] of steps.entries()) {
    const settings = Object.values(step.env ?? {}).join(" ");
    const name = [step.script, ...(step.script === "conformance" ? (step.args ?? []).slice(3) : []), settings]
      .join(" ")
      .trim();
    console.log(`\n== ${name}`);
    const reason = step.native === true ? await reasonAgainstNative() : undefined;
    if (reason !== undefined) {
      console.log(`skipped: ${reason}`);
      summary.push(`${name.padEnd(32)}         skipped`);
      total.skipped++;
      continue;
    }
    const start = performance.now();
    const { passed, failed, skipped, wrong = [] } = await run(step, notes, join(folder, `${index}.json`));
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    summary.push(`${name.padEnd(32)} ${seconds.padStart(6)} s  ${failed === 0 ? "ok" : "FAILED"}`);
    summary.push(...wrong.map((line) => `  ${line}`));
    total.passed += passed;
    total.failed += failed;
    total.skipped += skipped;
  }
  const write = process.argv.includes("--write-support");
  const wrong = checkSupportTables(notes, { write });
  rmSync(folder, { recursive: true, force: true });
  if (wrong.length > 0 && !write) console.error(`\nThe table in ${wrong.join(" and ")} is not what the tests say.`);
  if (wrong.length > 0 && !write) console.error("`npm test -- --write-support` writes it.");
  summary.push(`${"support table".padEnd(42)}  ${wrong.length === 0 || write ? "ok" : "FAILED"}`);
  total[wrong.length === 0 || write ? "passed" : "failed"]++;
  console.log(`\n${summary.join("\n")}\n`);
  console.log(`${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ""}`);
  if (total.failed > 0) process.exitCode = 1;
});
