/** Names of numbers that are watched: checked before a training begins, not at the end of its first epoch. Floor: train. */
import { TwopassError, nearest } from "../../base/errors.ts";
import type { Scalars } from "../loggers/logger.ts";

/** Throws for a name that no epoch will have. */
export function checkMonitor(op: string, name: string, known: readonly string[]): void {
  if (known.includes(name)) return;
  const near = nearest(name, known) ?? known.find((one) => one.endsWith(`/${name}`));
  const hint = near === undefined ? `known: ${known.join(", ")}` : `did you mean "${near}"? known: ${known.join(", ")}`;
  throw new TwopassError({ op, problem: `nothing is named "${name}"`, hint });
}

/** The number of that name. */
export function monitored(op: string, name: string, scalars: Scalars): number {
  const value = scalars[name];
  if (value !== undefined) return value;
  checkMonitor(op, name, Object.keys(scalars));
  throw new TwopassError({ op, problem: `"${name}" is no number` });
}

/** Whether more is better of what has this name, where it does not say: for an accuracy or a score, not for a loss. */
export type MonitorMode = "min" | "max";
