/** What a run of the comparison leaves: one record for each measurement, and how they are summed up. */
import type { MicroResult } from "../micro/measure.ts";
import type { Result } from "../run-child.ts";
import { median } from "../statistics.ts";
import type { Group } from "./contestants.ts";

export interface StepRecord {
  readonly kind: "step";
  readonly workload: string;
  readonly group: Group;
  readonly contestant: string;
  readonly round: number;
  readonly ms_median: number;
  readonly ms_min: number;
  readonly first_step_ms: number;
  readonly rss_mb: number;
  readonly loss_first: number;
  readonly loss_last: number;
  /** Cores that were busy with something else meanwhile, where it is told. */
  readonly others_cores?: number;
}

export interface FailureRecord {
  readonly kind: "failure";
  readonly workload: string;
  readonly group: Group;
  readonly contestant: string;
  readonly round: number;
  readonly reason: string;
}

export interface MicroRecord extends MicroResult {
  readonly kind: "micro";
}

export type Entry = StepRecord | FailureRecord | MicroRecord;

/** A record of what a contestant printed; peers name two fields otherwise. */
export function recordOf(
  head: Pick<StepRecord, "workload" | "group" | "contestant" | "round">,
  result: Result | string,
): StepRecord | FailureRecord {
  if (typeof result === "string") return { kind: "failure", ...head, reason: result };
  const { error } = result;
  if (error !== undefined) {
    return { kind: "failure", ...head, reason: typeof error === "string" ? error : JSON.stringify(error) };
  }
  const number = (...keys: string[]): number => {
    const key = keys.find((k) => result[k] !== undefined && result[k] !== null);
    return key === undefined ? Number.NaN : Number(result[key]);
  };
  return {
    kind: "step",
    ...head,
    ms_median: number("ms_median", "ms_per_step_median"),
    ms_min: number("ms_min"),
    first_step_ms: number("first_step_ms"),
    rss_mb: number("rss_mb"),
    loss_first: number("loss_first"),
    loss_last: number("loss_last"),
    ...(result["others_cores"] === undefined ? {} : { others_cores: number("others_cores") }),
  };
}

/** A contestant's rounds of one workload. */
export interface Summary {
  readonly contestant: string;
  /** Median over the rounds of the median step, and the least and the most of them. */
  readonly ms: number;
  readonly low: number;
  readonly high: number;
  readonly rounds: number;
  readonly rss: number;
  /** First step minus the round's median step: of the first round, and the median of the later ones. */
  readonly cold: number;
  readonly warm: number;
}

/** The contestants of a group, the fastest first. */
export function summaries(records: readonly Entry[], workload: string, group: Group): Summary[] {
  const byName = new Map<string, StepRecord[]>();
  for (const r of records) {
    if (r.kind !== "step" || r.workload !== workload || r.group !== group || !Number.isFinite(r.ms_median)) continue;
    byName.set(r.contestant, [...(byName.get(r.contestant) ?? []), r]);
  }
  const list = [...byName].map(([contestant, rounds]): Summary => {
    const times = rounds.map((r) => r.ms_median);
    const extra = (r: StepRecord): number => r.first_step_ms - r.ms_median;
    return {
      contestant,
      ms: median(times),
      low: Math.min(...times),
      high: Math.max(...times),
      rounds: rounds.length,
      rss: median(rounds.map((r) => r.rss_mb)),
      cold: median(rounds.filter((r) => r.round === 1).map(extra)),
      warm: median(rounds.filter((r) => r.round > 1).map(extra)),
    };
  });
  return list.sort((a, b) => a.ms - b.ms);
}
