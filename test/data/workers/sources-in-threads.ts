/** Threads that can read TypeScript: those of a test run cannot by themselves. */
import process from "node:process";
import threads from "node:worker_threads";
import { vi } from "vitest";

/** What a program or a thread imports first to read TypeScript. */
export const preload = new URL("./read-typescript.mjs", import.meta.url).href;

class SourceWorker extends threads.Worker {
  constructor(file: URL) {
    super(file, { execArgv: ["--import", preload] });
  }
}

const usual = process.getBuiltinModule.bind(process);

/** From here on new worker threads read TypeScript. */
export function readSourcesInThreads(): void {
  vi.spyOn(process, "getBuiltinModule").mockImplementation(((name: string) =>
    name === "node:worker_threads" ? { ...threads, Worker: SourceWorker } : usual(name)) as typeof usual);
}
