/** The comparison as Markdown, for the console and for docs/performance.md. */
import { readFileSync, writeFileSync } from "node:fs";
import type { Machine } from "../machine.ts";
import { micros } from "../micro/index.ts";
import { reasonIn } from "../run-child.ts";
import { show } from "../statistics.ts";
import { workloadNames } from "../workloads/index.ts";
import type { Group } from "./contestants.ts";
import { type Entry, summaries } from "./records.ts";
import { verdicts } from "./targets.ts";

export interface Head {
  readonly kind: "head";
  readonly machine: Machine;
  readonly command: string;
  readonly rounds: number;
  /** What was asked for: other workloads have no row. */
  readonly workloads: readonly string[];
  readonly absent: readonly string[];
}

const groups: readonly Group[] = ["native", "wasm", "torch", "jax-js", "tfjs"];

export function markdown(head: Head, entries: readonly Entry[]): string {
  const { machine: m } = head;
  return [
    `\`${head.command}\`, ${m.date}, commit ${m.commit}; ${head.rounds} rounds in turn, medians. ${m.cpu}, ${m.cores} cores, ` +
      `${m.system}, Node ${m.node}, ${m.compiler}; load ${show(m.load)} at the start.`,
    ...(m.load > m.cores / 4 ? ["**The machine was busy with something else: trust none of this.**"] : []),
    stepTable(head, entries),
    targetTable(head, entries),
    notes(head, entries),
  ].join("\n\n");
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function table(head: readonly string[], body: readonly (readonly string[])[]): string {
  return [row(head), row(head.map(() => "---")), ...body.map(row)].join("\n");
}

/** The fastest of each group for each workload: milliseconds, and which one it is. */
function stepTable(head: Head, entries: readonly Entry[]): string {
  const names = workloadNames
    .flatMap((name) => [name, `${name}-compiled`])
    .filter((name) => isAsked(head, name) && groups.some((group) => summaries(entries, name, group).length > 0));
  const body = names.map((name) => [
    name,
    ...groups.map((group) => {
      const best = summaries(entries, name, group)[0];
      return best === undefined
        ? ""
        : `${show(best.ms)} (${best.contestant.replace(group, "").trim() || "1T"}), ${best.rss} MB`;
    }),
  ]);
  return `Milliseconds a step of the fastest setting of each, and most memory of the process:\n\n${table(["", ...groups], body)}`;
}

function isAsked({ workloads }: Head, name: string): boolean {
  return workloads.includes(micros[name] === undefined ? name.replace("-compiled", "") : "micro");
}

function targetTable(head: Head, entries: readonly Entry[]): string {
  const asked = verdicts(entries).filter((v) => isAsked(head, v.workload));
  const body = asked.map((v) => {
    const met = v.isMet === undefined ? "" : v.isMet ? "yes" : "**no**";
    return [`${v.workload}: ${v.target}`, v.ours, v.theirs, v.reached, v.wanted, met];
  });
  return table(["target", "ours", "theirs, or the limit", "reached", "wanted", "met"], body);
}

function notes(head: Head, entries: readonly Entry[]): string {
  const failures = new Map<string, string>();
  for (const e of entries) {
    if (e.kind !== "failure") continue;
    failures.set(`${e.contestant} ${e.workload}`, reasonIn(e.reason).slice(0, 160));
  }
  const lines = [...head.absent, ...[...failures].map(([what, why]) => `${what}: ${why}`)];
  return lines.length === 0 ? "Nothing was absent." : `Absent:\n\n${lines.map((line) => `- ${line}`).join("\n")}`;
}

const begin = "<!-- peers: written by npm run bench:peers -->";
const end = "<!-- peers: end -->";

/** Puts the text between the markers of a document; says whether they are there. */
export function writeBetweenMarkers(file: string, text: string): boolean {
  const before = readFileSync(file, "utf8");
  const [from, to] = [before.indexOf(begin), before.indexOf(end)];
  if (from < 0 || to < from) return false;
  writeFileSync(file, `${before.slice(0, from + begin.length)}\n\n${text}\n\n${before.slice(to)}`);
  return true;
}
