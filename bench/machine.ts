/** What the figures of a run depend on besides the code. */
import { execFileSync } from "node:child_process";
import { availableParallelism, cpus, loadavg, release, totalmem } from "node:os";
import { findCompiler } from "./limits/native.ts";
import { root } from "./run-child.ts";

export interface Machine {
  readonly date: string;
  readonly commit: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memory_gib: number;
  readonly system: string;
  readonly node: string;
  readonly v8: string;
  readonly compiler: string;
  /** Runnable processes, mean of a minute, before the first measurement. */
  readonly load: number;
}

export function machineFacts(): Machine {
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: commit(),
    cpu: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    memory_gib: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${process.arch} ${release()}`,
    node: process.versions.node,
    v8: process.versions.v8,
    compiler: findCompiler()?.version ?? "none",
    load: loadavg()[0] ?? 0,
  };
}

/** The commit that is checked out, and whether files differ from it. */
function commit(): string {
  const git = (...args: string[]): string =>
    execFileSync("git", args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  try {
    return (
      git("rev-parse", "--short", "HEAD") + (git("status", "--porcelain", "src", "bench") === "" ? "" : " and changes")
    );
  } catch {
    return "unknown";
  }
}
