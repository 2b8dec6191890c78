/** How many threads this process can run at the same time. Floor: runtime; Node only. */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/** Cores, or fewer where a container has a share of them: more threads would be stopped in the middle of their work. */
export function coreCount(): number {
  const cores = availableParallelism();
  try {
    // Microseconds of computing in so many of time; "max" where there is no limit.
    const [share, time] = readFileSync("/sys/fs/cgroup/cpu.max", "latin1").split(" ").map(Number) as [number, number];
    return share > 0 ? Math.min(cores, Math.max(Math.floor(share / time), 1)) : cores;
  } catch {
    return cores;
  }
}
