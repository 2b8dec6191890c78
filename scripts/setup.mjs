/**
 * Brings a clone to the state that a command needs: packages installed, dist/ built. Does nothing where that is so.
 * Plain JavaScript on Node alone, because it runs before anything is installed. Everything it prints goes to stderr.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));

/** A mistake that the user can mend: printed without a stack. */
export class SetupError extends Error {}

/** Runs `npm` with these arguments, its output on our stderr. @param {...string} args */
function npm(...args) {
  const result = spawnSync("npm", args, {
    cwd: root,
    shell: process.platform === "win32",
    stdio: ["ignore", process.stderr, process.stderr],
  });
  if (result.error) throw new SetupError(`npm ${args.join(" ")} did not start: ${result.error.message}`);
  if (result.status !== 0) throw new SetupError(`npm ${args.join(" ")} failed (its messages are above)`);
}

/** Whether node_modules holds what package-lock.json asks for, by the record that npm leaves when it has finished. */
function installed() {
  const record = `${root}node_modules/.package-lock.json`;
  if (!existsSync(record)) return false;
  const wanted = JSON.parse(readFileSync(`${root}package-lock.json`, "utf8")).packages;
  const found = JSON.parse(readFileSync(record, "utf8")).packages;
  // Optional packages are those of other systems. The entry "" is this package itself.
  return Object.keys(wanted).every(
    (path) => path === "" || wanted[path].optional || found[path]?.version === wanted[path].version,
  );
}

/** Time of the last change below a path; a folder's own time tells of files that were removed. @param {string} path @returns {number} */
function changed(path) {
  const info = statSync(path);
  if (!info.isDirectory()) return info.mtimeMs;
  return Math.max(info.mtimeMs, ...readdirSync(path).map((name) => changed(`${path}/${name}`)));
}

function built() {
  const entry = `${root}dist/index.js`;
  if (!existsSync(entry)) return false;
  const inputs = ["src", "package.json", "tsconfig.base.json", "tsconfig.build.json"];
  return inputs.every((name) => changed(root + name) < statSync(entry).mtimeMs);
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  throw new SetupError(`Node ${process.versions.node} is too old (20.19 or newer is needed)`);
}

/** Installs if needed; with `build`, then builds if needed. @param {{ build?: boolean }} [needs] */
export function setup({ build = false } = {}) {
  checkNode();
  if (!installed()) {
    console.error("Installing the development packages (once) ...");
    // No package here needs its install script, so none may run one.
    npm("ci", "--ignore-scripts");
  }
  if (build && !built()) {
    console.error("Building ...");
    npm("run", "--silent", "build");
  }
}

/** Programs that the tests take as a browser. */
const browsers = [process.env["CHROMIUM"] ?? "", "/usr/bin/chromium", "/usr/bin/google-chrome"];

/**
 * Installs Debian's Chromium for the tests of pages where none is there and this process may do it. Where it cannot,
 * those tests are skipped.
 */
export function installBrowser() {
  const aptGet = "/usr/bin/apt-get";
  if (browsers.some((path) => existsSync(path)) || process.getuid?.() !== 0 || !existsSync(aptGet)) return;
  console.error("Installing Chromium for the tests of pages (once) ...");
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  for (const args of [["update"], ["install", "--yes", "--no-install-recommends", "chromium"]]) {
    const { status } = spawnSync(aptGet, ["--quiet", ...args], { env, stdio: "ignore", timeout: 300_000 });
    if (status === 0) continue;
    console.error(`apt-get ${args[0]} failed: the tests of pages are skipped`);
    return;
  }
}

/** Runs a script's body; a SetupError ends it with its message and exit code 1. @param {() => void | Promise<void>} body */
export async function main(body) {
  try {
    await body();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
