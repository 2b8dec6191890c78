/**
 * Runs a program to its end and waits, with a time limit after which it and all that it started are killed. Floor:
 * runtime; Node only.
 */
import { type StdioOptions, spawnSync } from "node:child_process";
import process from "node:process";

export interface ProgramOptions {
  readonly seconds: number;
  readonly cwd?: string;
  readonly environment?: NodeJS.ProcessEnv;
  /** A file that the program has open as number 3. */
  readonly third?: number;
}

export interface ProgramResult {
  readonly output: string;
  /** What it wrote as errors, trimmed. */
  readonly errors: string;
  /** Why it did not end well; undefined where it did. */
  readonly problem: string | undefined;
  /** Whether that is the time limit. */
  readonly isTimeout: boolean;
}

export function runProgram(program: string, words: readonly string[], options: ProgramOptions): ProgramResult {
  const stdio: StdioOptions = ["ignore", "pipe", "pipe", ...(options.third === undefined ? [] : [options.third])];
  // A session of its own makes it the leader of a group, which can be killed as a whole.
  const spawnOptions = {
    cwd: options.cwd,
    env: options.environment ?? process.env,
    stdio,
    encoding: "utf8" as const,
    maxBuffer: 2 ** 26,
    timeout: 1000 * options.seconds,
    killSignal: "SIGKILL" as const,
    detached: true,
  };
  const { pid, status, signal, stdout, stderr, error } = spawnSync(program, words, spawnOptions);
  const isTimeout = (error as NodeJS.ErrnoException | undefined)?.code === "ETIMEDOUT";
  if (error !== undefined) killGroup(pid);
  const problem = isTimeout ? `it did not end within ${options.seconds} s` : (error?.message ?? ending(status, signal));
  return { output: stdout ?? "", errors: (stderr ?? "").trim(), problem, isTimeout };
}

function ending(status: number | null, signal: string | null): string | undefined {
  if (status === 0) return undefined;
  return signal === null ? `it ended with code ${status}` : `it was ended by ${signal}`;
}

function killGroup(leader: number): void {
  // 0 where nothing was started, and a group 0 or 1 would not be ours.
  if (leader <= 1) return;
  try {
    process.kill(-leader, "SIGKILL");
  } catch {
    // All of them are gone.
  }
}
