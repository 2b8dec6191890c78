/** What the product is held to, and whether a run of the comparison meets it. Ratios are of the best of each side. */
import { show } from "../statistics.ts";
import { type Group, tunedMalloc } from "./contestants.ts";
import { type Entry, type MicroRecord, type Summary, summaries } from "./records.ts";

export interface Verdict {
  readonly workload: string;
  readonly target: string;
  readonly ours: string;
  readonly theirs: string;
  readonly reached: string;
  /** "" where nothing is asked. */
  readonly wanted: string;
  /** Undefined where nothing is asked, or something was not measured. */
  readonly isMet: boolean | undefined;
}

/** Times faster than the best of some groups. */
interface Ratio {
  readonly workload: string;
  readonly peer: string;
  readonly least?: number;
}

const nativeAgainstTorch: readonly Ratio[] = [
  { workload: "w1", peer: "w1", least: 2.5 },
  { workload: "w2", peer: "w2", least: 2.5 },
  { workload: "w3", peer: "w3", least: 1.5 },
  { workload: "w4", peer: "w4", least: 2 },
  { workload: "w5", peer: "w5", least: 3 },
  { workload: "w6-compiled", peer: "w6", least: 10 },
];

/** The same steps through compile(), for which nothing is asked but of w6. */
const compiledAgainstTorch: readonly Ratio[] = ["w1", "w2", "w3", "w4", "w5"].map((peer) => ({
  workload: `${peer}-compiled`,
  peer,
}));

const wasmAgainstJavaScript: readonly Ratio[] = [
  { workload: "w1", peer: "w1", least: 2.5 },
  { workload: "w2", peer: "w2", least: 60 },
  { workload: "w3-batch1", peer: "w3-batch1", least: 60 },
  { workload: "w4", peer: "w4", least: 6 },
  { workload: "w5", peer: "w5", least: 5 },
  { workload: "w6-compiled", peer: "w6", least: 15 },
];

const wasmAgainstTorch: readonly Ratio[] = [
  { workload: "w1", peer: "w1", least: 0.6 },
  { workload: "w2", peer: "w2", least: 0.6 },
  { workload: "w4", peer: "w4", least: 0.6 },
  { workload: "w5", peer: "w5", least: 0.6 },
  { workload: "w6-compiled", peer: "w6", least: 1 },
];

/** Milliseconds of a compiled step of w6 at most. */
const tinyStep = 0.006;
/** Milliseconds of the first step above a later one: with an empty compile cache, and with a full one. */
const firstStep = { cold: 1500, warm: 150 };
/** Resident memory in parts of PyTorch's. */
const memoryShare = 0.6;

/** Shares of the limit that is measured in turn with each operation. */
export const microTargets: readonly {
  readonly device: "native" | "wasm";
  readonly share: number;
  readonly names: readonly string[];
}[] = [
  { device: "native", share: 0.9, names: ["matmul256", "matmul512"] },
  { device: "native", share: 0.85, names: ["matmul1024", "matmul2048"] },
  { device: "wasm", share: 0.85, names: ["matmul256", "matmul512", "matmul1024", "matmul2048"] },
  { device: "native", share: 0.8, names: ["conv64-forward", "conv64-input", "conv64-weight"] },
  { device: "native", share: 0.8, names: ["softmax4096x1024", "layernorm4096x1024", "gelu4M", "gelu4M_erf", "adam4M"] },
];

export function verdicts(entries: readonly Entry[]): Verdict[] {
  const bestOf = (list: readonly Entry[], workload: string, groups: readonly Group[]): Summary | undefined =>
    groups.flatMap((group) => summaries(list, workload, group).slice(0, 1)).sort((a, b) => a.ms - b.ms)[0];
  const best = (workload: string, ...groups: Group[]): Summary | undefined => bestOf(entries, workload, groups);
  // glibc told to keep memory is a setting of the system's, not of PyTorch's.
  const untuned = entries.filter((e) => e.kind !== "step" || !e.contestant.includes(tunedMalloc));
  const ratio = (
    device: "native" | "wasm",
    against: string,
    groups: readonly Group[],
    list: readonly Ratio[],
    peers = entries,
  ): Verdict[] =>
    list.map(({ workload, peer, least }) => {
      const [own, other] = [best(workload, device), bestOf(peers, peer, groups)];
      const times = own === undefined || other === undefined ? undefined : other.ms / own.ms;
      return verdict(workload, `${device} against ${against}`, time(own), time(other), times, "times faster", least, 1);
    });
  const first = nativeAgainstTorch.flatMap(({ workload }) =>
    (["cold", "warm"] as const).map((cache) => {
      const own = best(workload, "native");
      const extra = own === undefined || Number.isNaN(own[cache]) ? undefined : own[cache];
      return verdict(
        workload,
        `first step above the others, ${cache} cache`,
        "",
        "",
        extra,
        "ms",
        firstStep[cache],
        -1,
      );
    }),
  );
  const memory = ["w3", "w4"].map((workload) => {
    const [own, other] = [best(workload, "native"), best(workload, "torch")];
    const share = own === undefined || other === undefined ? undefined : own.rss / other.rss;
    const size = (s: Summary | undefined): string => (s === undefined ? "" : `${s.rss} MB`);
    return verdict(workload, "memory against PyTorch", size(own), size(other), share, "of it", memoryShare, -1);
  });
  const tiny = best("w6-compiled", "native");
  return [
    ...ratio("native", "PyTorch", ["torch"], nativeAgainstTorch),
    ...ratio("native", "PyTorch", ["torch"], compiledAgainstTorch),
    ...ratio("native", "PyTorch, glibc untuned", ["torch"], nativeAgainstTorch, untuned),
    verdict("w6-compiled", "native", "", "", tiny?.ms, "ms", tinyStep, -1),
    ...ratio("wasm", "jax-js and tfjs", ["jax-js", "tfjs"], wasmAgainstJavaScript),
    ...ratio("wasm", "PyTorch", ["torch"], wasmAgainstTorch),
    ...ratio("wasm", "PyTorch, glibc untuned", ["torch"], wasmAgainstTorch, untuned),
    ...first,
    ...memory,
    ...microVerdicts(entries),
  ];
}

function microVerdicts(entries: readonly Entry[]): Verdict[] {
  const found = entries.filter((e): e is MicroRecord => e.kind === "micro");
  return microTargets.flatMap(({ device, share, names }) =>
    names.flatMap((name) => {
      const own = found.filter((m) => m.device === device && m.workload === name);
      if (own.length === 0) return [verdict(name, device, "", "", undefined, "of the limit", share, 1)];
      return own.map((m) => {
        const rate = m.gflops === undefined ? `${show(m.gb_per_s ?? 0)} GB/s` : `${show(m.gflops)} GFLOP/s`;
        const limit = `${show(m.limit_rate)} (${m.limit})`;
        return verdict(name, `${device} ${m.threads}T`, rate, limit, m.share, "of the limit", share, 1);
      });
    }),
  );
}

/** @param sign 1 where more is better, -1 where less is */
function verdict(
  workload: string,
  target: string,
  ours: string,
  theirs: string,
  reached: number | undefined,
  unit: string,
  wanted: number | undefined,
  sign: 1 | -1,
): Verdict {
  return {
    workload,
    target,
    ours,
    theirs,
    reached: reached === undefined ? "not measured" : `${show(reached)} ${unit}`,
    wanted: wanted === undefined ? "" : `${sign > 0 ? "≥" : "≤"} ${wanted}`,
    isMet: reached === undefined || wanted === undefined ? undefined : sign * (reached - wanted) >= 0,
  };
}

function time(s: Summary | undefined): string {
  if (s === undefined) return "";
  return `${show(s.ms)} ms (${s.contestant}; ${show(s.low)} to ${show(s.high)} in ${s.rounds})`;
}
