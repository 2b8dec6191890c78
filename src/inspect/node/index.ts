/** `twopass/inspect/node`: runs in folders. Floor: inspect; Node only. */
export { readRun, readRunTrace } from "./read-run.ts";
export { RunFolder } from "./run-folder.ts";
export { type RunServer, type ServeRunsOptions, serveRuns } from "./serve-runs.ts";
