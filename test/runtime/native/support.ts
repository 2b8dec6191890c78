/** What the tests of the native runtime share: folders that go away, programs in processes of their own. */
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import { type NativeLibrary, startNative } from "../../../src/runtime/native/node/library.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));

/** A program in `programs`, as one file of JavaScript that starts fast. */
export async function bundle(name: string, folder: string): Promise<string> {
  const file = join(folder, `${name}.mjs`);
  const input = fileURLToPath(new URL(`programs/${name}.ts`, import.meta.url));
  const build = await rolldown({ input, platform: "node", logLevel: "silent" });
  await build.write({ file, format: "esm" });
  await build.close();
  return file;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly output: string;
  readonly errors: string;
}

export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

/** Starts a process that finds this repository's packages, unless the environment says otherwise. */
export function start(command: readonly string[], environment: Readonly<Record<string, string>> = {}): Started {
  const [program, ...words] = command as [string, ...string[]];
  const env = { ...process.env, NODE_PATH: join(root, "node_modules"), ...environment };
  const child = spawn(program, words, { env, stdio: ["ignore", "pipe", "pipe"] });
  const texts = { output: "", errors: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (texts.output += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (texts.errors += text));
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject).on("close", (code, signal) => resolve({ code, signal, ...texts }));
  });
  return { child, ended };
}

export const runNode = (file: string, words: readonly string[], environment: Readonly<Record<string, string>> = {}) =>
  start([process.execPath, file, ...words], environment);

/** A folder that is gone after the callback given to `remove`. */
export function temporaryFolder(remove: (callback: () => void) => void): string {
  const folder = mkdtempSync(join(tmpdir(), "twopass-test-"));
  remove(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A program that a shell reads. */
export function writeScript(path: string, lines: string): string {
  writeFileSync(path, `#!/bin/sh\n${lines}\n`);
  chmodSync(path, 0o755);
  return path;
}

export function startedLibrary(options: Parameters<typeof startNative>[0] = {}): NativeLibrary {
  const started = startNative(options);
  if ("reason" in started) throw new Error(started.reason);
  return started.library;
}
