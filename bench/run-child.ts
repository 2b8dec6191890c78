/** Runs measurements in processes of their own, of the code as it is built for users: sources compiled by tsc. */
import { spawn, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { DeviceName } from "../src/tensor/engines.ts";

export const root = fileURLToPath(new URL("..", import.meta.url));

export interface Request {
  readonly workload: string;
  /** Default: the one that a program gets that says nothing. */
  readonly device?: DeviceName;
  /** Default: one for each core. */
  readonly threads?: number;
  /** For the steps that count; a quarter of it is spent on warming up before. */
  readonly seconds: number;
}

/** What a measurement tells: see TrainingResult and MicroResult. */
export type Result = Readonly<Record<string, unknown>>;

let folder: string | undefined;

/**
 * The measuring program in JavaScript, in a folder that goes with this process. The loader that runs TypeScript directly
 * would be measured too: it keeps names of functions at run time and needs 60 MB.
 */
function build(): string {
  if (folder !== undefined) return folder;
  const made = mkdtempSync(join(tmpdir(), "twopass-bench-"));
  process.on("exit", () => rmSync(made, { recursive: true, force: true }));
  const config = {
    extends: join(root, "tsconfig.base.json"),
    compilerOptions: { lib: ["ES2023"], types: [], noEmit: false, noCheck: true, rootDir: root, outDir: made },
    // Threads begin with files that nothing imports, and the native device is imported by another name.
    files: [
      "bench/child.ts",
      "src/runtime/native/node/machine.ts",
      "src/runtime/wasm/pool-entry.ts",
      "src/runtime/worker/entry.ts",
    ].map((file) => join(root, file)),
  };
  writeFileSync(join(made, "tsconfig.json"), JSON.stringify(config));
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const { status } = spawnSync(process.execPath, [tsc, "-p", made], { stdio: ["ignore", 2, 2] });
  if (status !== 0) throw new Error("bench: the sources do not compile");
  cpSync(join(root, "package.json"), join(made, "package.json"));
  const names = readFileSync(join(root, "src/package.json"), "utf8");
  writeFileSync(join(made, "src/package.json"), names.replaceAll('.ts"', '.js"'));
  symlinkSync(join(root, "node_modules"), join(made, "node_modules"), "junction");
  folder = made;
  return folder;
}

/** Starts a process; resolves to the last line of JSON that it prints, or to why there is none. */
export function lastJson(
  command: string,
  args: readonly string[],
  options: {
    readonly cwd: string;
    readonly env?: Readonly<Record<string, string | undefined>>;
    readonly seconds: number;
  },
): Promise<Result | string> {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [out, err] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => void (out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => void (err += text));
  return new Promise((resolve) => {
    const timer = setTimeout(() => child.kill("SIGKILL"), options.seconds * 1000);
    child.on("error", (error) => resolve(error.message));
    child.on("close", (status, signal) => {
      clearTimeout(timer);
      const line = out.trim().split("\n").at(-1) ?? "";
      if (line.startsWith("{")) resolve(JSON.parse(line) as Result);
      else if (signal === "SIGKILL") resolve(`ended after ${options.seconds} s`);
      else resolve(err.trim().slice(-4000) || `ended with status ${status ?? signal}`);
    });
  });
}

/** The line of a failure's text that says most, without its stack. */
export function reasonIn(text: string): string {
  const lines = text.split("\n");
  return (lines.find((line) => /^\w*Error\b/.test(line)) ?? lines.at(-1) ?? "").trim();
}

/** Measures in a new process. Resolves to the result, or to why there is none. */
export function runChild(request: Request, env: Readonly<Record<string, string>> = {}): Promise<Result | string> {
  const program = join(build(), "bench/child.js");
  return lastJson(process.execPath, [program, JSON.stringify(request)], { cwd: root, env, seconds: 600 });
}
