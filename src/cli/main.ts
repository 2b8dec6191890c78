#!/usr/bin/env node
/**
 * The entry of the command line: `twopass train digits [options]`. A mistake of the user is one line on stderr and exit
 * code 2, a failure of ours a stack and exit code 1. Floor: cli; Node only.
 */
import process from "node:process";
import { TwopassError } from "../base/errors.ts";
import { run } from "./run.ts";

// A reader that has seen enough, such as `head`, is no failure.
process.stdout.on("error", (error: Error & { code?: string }) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

try {
  await run(process.argv.slice(2));
} catch (error) {
  const isMistake = error instanceof TwopassError && error.op !== "internal";
  process.exitCode = isMistake ? 2 : 1;
  console.error(isMistake ? error.message : error);
}
