/** Runs a TypeScript file as a program of its own, with this repository's sources as the package. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));

/** What the program prints. Fails with its error output where it does. */
export function runProgram(file: string, ...args: string[]): Promise<string> {
  return new Promise((done, fail) => {
    execFile(process.execPath, ["--import", "tsx", file, ...args], { cwd: root }, (error, out, err) => {
      if (error === null && err === "") done(out);
      else fail(new Error(`${file}: ${err}`, { cause: error }));
    });
  });
}
