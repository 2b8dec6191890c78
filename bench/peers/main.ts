/**
 * npm run bench:peers -- [--quick] [--workloads w1,w3] [--groups native,torch] [--rounds N] [--seconds S] [--write]
 *
 * Ours and the peers on the same workloads in turn (A B C A B C ...), so that other load on the machine hits all. All
 * settings of a peer run in the first round, its fastest in the later ones. Writes bench/results/DATE-COMMIT.jsonl
 * and prints the tables; what cannot be had here is told and left out.
 *   --quick          two short rounds; leaves out what takes minutes a step
 *   --write          puts the tables into docs/performance.md
 *   --from FILE      makes the tables of an earlier run instead of measuring
 *   --shared DIR     the peers' scripts; default ../shared/bench
 *   --scratch DIR    where the peers are installed and run; default twopass-peers in the folder for temporary files
 */
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { reasonAgainst } from "../../src/tensor/engines.ts";
import { machineFacts } from "../machine.ts";
import type { MicroResult } from "../micro/measure.ts";
import { reasonIn, root, runChild } from "../run-child.ts";
import { show } from "../statistics.ts";
import { type Contestant, type Group, type Settings, jaxJs, ours, tfjs, torch, tunedMalloc } from "./contestants.ts";
import { type Entry, recordOf, summaries } from "./records.ts";
import { prepareScratch } from "./scratch.ts";
import { type Head, markdown, writeBetweenMarkers } from "./table.ts";
import { microTargets } from "./targets.ts";

const allWorkloads = ["w1", "w2", "w3", "w3-batch1", "w4", "w5", "w6", "micro"];
const allGroups: readonly Group[] = ["native", "wasm", "torch", "jax-js", "tfjs"];
/** The fastest settings of a group go on behind the first round, and the fastest with glibc as it comes. */
const goOn = 2;

const { values } = parseArgs({
  options: {
    quick: { type: "boolean" },
    workloads: { type: "string" },
    groups: { type: "string" },
    rounds: { type: "string" },
    seconds: { type: "string" },
    write: { type: "boolean" },
    from: { type: "string" },
    shared: { type: "string", default: join(root, "../shared/bench") },
    scratch: { type: "string", default: join(tmpdir(), "twopass-peers") },
  },
});

const isQuick = values.quick === true;

async function measure(): Promise<string> {
  if (!existsSync(join(values.shared, "bench_torch.py"))) {
    console.error(`bench:peers: no scripts of the peers in ${values.shared} (name their folder with --shared)`);
    process.exit(2);
  }
  const seconds = Number(values.seconds ?? (isQuick ? 1 : 2));
  const rounds = Number(values.rounds ?? (isQuick ? 2 : 5));
  const scratch = prepareScratch(resolve(values.shared), resolve(values.scratch), seconds);
  const machine = machineFacts();
  const threads = machine.cores > 1 ? [1, machine.cores] : [1];
  const caches = mkdtempSync(join(tmpdir(), "twopass-caches-"));
  const settings: Settings = { scratch, seconds, caches, threads };
  const chosen = values.groups?.split(",") ?? allGroups;
  const absent = [...scratch.absent];
  const groups = allGroups.filter((group) => {
    const reason = group === "native" || group === "wasm" ? reasonAgainst(group) : undefined;
    if (reason !== undefined) absent.push(`${group}: ${reason}`);
    return chosen.includes(group) && reason === undefined;
  });
  const command = ["npm run bench:peers", ...(process.argv.length > 2 ? ["--", ...process.argv.slice(2)] : [])].join(
    " ",
  );
  const workloads = values.workloads?.split(",") ?? allWorkloads;
  const head: Head = { kind: "head", machine, command, rounds, workloads, absent };
  mkdirSync(join(root, "bench/results"), { recursive: true });
  const file = freshName(`${machine.date}-${machine.commit.split(" ")[0]}`);
  const note = (entry: Head | Entry): void => appendFileSync(file, `${JSON.stringify(entry)}\n`);
  writeFileSync(file, "");
  note(head);
  for (const workload of workloads) {
    if (workload === "micro") await runMicros(groups, threads, note);
    else await runRounds(workload, groups, rounds, settings, note);
  }
  rmSync(caches, { recursive: true, force: true });
  return file;
}

/** A name that no earlier run has taken. */
function freshName(base: string): string {
  for (let i = 1; ; i++) {
    const file = join(root, `bench/results/${base}${i === 1 ? "" : `-${i}`}.jsonl`);
    if (!existsSync(file)) return file;
  }
}

/** A step as written and through compile() are compared with the peers' one; in WebAssembly where a step is tiny. */
function contestantsOf(workload: string, group: Group, settings: Settings): [string, Contestant][] {
  switch (group) {
    case "native":
    case "wasm": {
      const both = group === "native" ? workload !== "w3-batch1" : workload === "w6";
      const names = both ? [workload, `${workload}-compiled`] : [workload];
      return names.flatMap((name) => ours(group, name, settings).map((c): [string, Contestant] => [name, c]));
    }
    case "torch":
      return torch(workload, settings).map((c) => [workload, c]);
    case "jax-js":
      return jaxJs(workload, settings).map((c) => [workload, c]);
    case "tfjs":
      return tfjs(workload, settings).map((c) => [workload, c]);
  }
}

async function runRounds(
  workload: string,
  groups: readonly Group[],
  rounds: number,
  settings: Settings,
  note: (entry: Entry) => void,
): Promise<void> {
  const entries: Entry[] = [];
  let list = groups.flatMap((group) => contestantsOf(workload, group, settings));
  if (isQuick) list = list.filter(([, c]) => c.pace !== "minutes");
  for (let round = 1; round <= rounds; round++) {
    for (const [name, contestant] of list) {
      const head = { workload: name, group: contestant.group, contestant: contestant.name, round };
      const entry = recordOf(head, await contestant.run());
      entries.push(entry);
      note(entry);
      const result = entry.kind === "step" ? `${show(entry.ms_median)} ms` : reasonIn(entry.reason);
      console.error(`${name.padEnd(12)} ${String(round)}/${String(rounds)}  ${contestant.name.padEnd(24)} ${result}`);
    }
    if (round > 1) continue;
    list = list.filter(([name, { group, pace, name: contestant }]) => {
      const all = summaries(entries, name, group);
      const untuned = all.find((s) => !s.contestant.includes(tunedMalloc));
      return pace === undefined && [...all.slice(0, goOn), untuned].some((s) => s?.contestant === contestant);
    });
  }
}

async function runMicros(
  groups: readonly Group[],
  threads: readonly number[],
  note: (entry: Entry) => void,
): Promise<void> {
  for (const { device, names } of microTargets) {
    if (!groups.includes(device)) continue;
    for (const workload of names) {
      for (const count of threads) {
        const result = await runChild({ workload, device, threads: count, seconds: isQuick ? 0.5 : 1.5 });
        if (typeof result === "string") {
          note({
            kind: "failure",
            workload,
            group: device,
            contestant: `${device} ${count}T`,
            round: 1,
            reason: result,
          });
          continue;
        }
        note({ kind: "micro", ...(result as unknown as MicroResult) });
        console.error(`${workload.padEnd(20)} ${device} ${count}T  ${(100 * Number(result["share"])).toFixed(0)}%`);
      }
    }
  }
}

const file = values.from ?? (await measure());
const [head, ...entries] = readFileSync(file, "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as Head | Entry);
if (head?.kind !== "head") throw new Error(`${file} is no file of results`);
const text = markdown(head, entries as Entry[]);
console.log(text);
if (values.write === true && !writeBetweenMarkers(join(root, "docs/performance.md"), text)) {
  console.error("bench:peers: docs/performance.md has no markers for the tables");
  process.exitCode = 1;
}
