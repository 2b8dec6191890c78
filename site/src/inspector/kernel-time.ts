/** Where the time of a step went: kernel by kernel, and by module. */
import type { TraceKernel, TracePhase } from "twopass/inspect";

export interface KernelRow {
  readonly kernel: TraceKernel;
  /** Place in the order in which they ran. */
  readonly place: number;
  /** Path of the module, "" where the label has none. */
  readonly path: string;
  /** What it computes. */
  readonly label: string;
  /** 0 to 1 of all kernels together. */
  readonly share: number;
  /** 10⁹ operations a second; undefined where it is no product or took no time. */
  readonly gflops: number | undefined;
  /** 10⁹ bytes a second. */
  readonly gigabytes: number | undefined;
}

/** One bar of the drawing by module; what stands below another is a part of it. */
export interface TimeBar {
  readonly path: string;
  readonly name: string;
  readonly depth: number;
  /** Milliseconds to the left of it. */
  readonly from: number;
  readonly milliseconds: number;
  readonly phases: Readonly<Record<TracePhase, number>>;
}

export function totalTime(kernels: readonly TraceKernel[]): number {
  return kernels.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
}

export function kernelRows(kernels: readonly TraceKernel[]): KernelRow[] {
  const total = totalTime(kernels);
  return kernels.map((kernel, place) => {
    const { milliseconds, operations, bytes } = kernel;
    const rate = (amount: number): number | undefined =>
      amount > 0 && milliseconds > 0 ? amount / (milliseconds * 1e6) : undefined;
    return {
      kernel,
      place,
      ...partsOf(kernel.label),
      share: total > 0 ? milliseconds / total : 0,
      gflops: rate(operations),
      gigabytes: rate(bytes),
    };
  });
}

/** A label is the path of a module, a colon, and operations; or operations alone. */
function partsOf(label: string): { path: string; label: string } {
  const colon = label.indexOf(": ");
  return colon < 0 ? { path: "", label } : { path: label.slice(0, colon), label: label.slice(colon + 2) };
}

interface Node {
  readonly path: string;
  readonly name: string;
  readonly below: Map<string, Node>;
  readonly phases: Record<TracePhase, number>;
}

const node = (path: string, name: string): Node => ({
  path,
  name,
  below: new Map(),
  phases: { forward: 0, backward: 0, update: 0 },
});

const timeOf = ({ phases }: Node): number => phases.forward + phases.backward + phases.update;

/** The bars, each in front of those below it; modules in the order in which they first ran. */
export function timeBars(kernels: readonly TraceKernel[]): TimeBar[] {
  const root = node("", "");
  for (const row of kernelRows(kernels)) {
    const { phase, milliseconds } = row.kernel;
    let at = root;
    at.phases[phase] += milliseconds;
    for (const name of row.path === "" ? [] : row.path.split(".")) {
      let below = at.below.get(name);
      if (below === undefined) {
        below = node(at.path === "" ? name : `${at.path}.${name}`, name);
        at.below.set(name, below);
      }
      below.phases[phase] += milliseconds;
      at = below;
    }
  }
  const bars: TimeBar[] = [];
  const lay = (one: Node, depth: number, from: number): void => {
    bars.push({ path: one.path, name: one.name, depth, from, milliseconds: timeOf(one), phases: one.phases });
    let left = from;
    for (const below of one.below.values()) {
      lay(below, depth + 1, left);
      left += timeOf(below);
    }
  };
  lay(root, 0, 0);
  return bars;
}
