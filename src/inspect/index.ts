/** `twopass/inspect`: what one training step does, in both passes, as data; and a whole run. Floor: inspect. */
export {
  type ExplainOptions,
  type ChainLink,
  type Contribution,
  type WeightExplanation,
  explainWeight,
} from "./explain-weight.ts";
export { type Finding, type FindingKind, health } from "./health.ts";
export type { TraceLoss } from "./passes.ts";
export {
  type RunComparison,
  type RunDifference,
  type RunGradientDifference,
  type RunPair,
  compareRuns,
} from "./run-comparing.ts";
export type {
  Run,
  RunCurve,
  RunInfo,
  RunParameter,
  RunRecord,
  RunSettings,
  RunSink,
  RunStatistics,
} from "./run-format.ts";
export type { ListedFile, ListedRun, RunList, UnreadableRun } from "./run-list.ts";
export { MemoryRun } from "./run-memory.ts";
export { type RunState, parseRun, runAt, runTraceFile } from "./run-reading.ts";
export { summaryOf } from "./statistics.ts";
export { type TraceOptions, trace } from "./trace.ts";
export type {
  Trace,
  TraceCall,
  TraceElements,
  TraceHistogram,
  TraceKernel,
  TraceModule,
  TraceOperation,
  TraceParameter,
  TracePhase,
  TraceStatistics,
  TraceValue,
} from "./trace-format.ts";
export { readTrace, traceText } from "./trace-text.ts";
export type { TraceOptimizer } from "./update-record.ts";
export { type WatchOptions, watch } from "./watch.ts";
