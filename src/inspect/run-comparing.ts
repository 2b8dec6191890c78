/** Two runs side by side. Floor: inspect. */
import type { Run, RunRecord } from "./run-format.ts";

/** Numbers of one step, undefined where a run has none. */
export type RunPair = readonly [step: number, a: number | undefined, b: number | undefined];

export interface RunDifference {
  /** The first step at which both runs have a number that differs. */
  readonly step: number;
  /** A scalar, or what was recorded, such as "0.weight gradient norm". */
  readonly name: string;
  readonly a: number;
  readonly b: number;
}

/** How far the gradients of a parameter are apart, at the step where they are most. */
export interface RunGradientDifference {
  readonly path: string;
  readonly step: number;
  /** Norms. */
  readonly a: number;
  readonly b: number;
  /** |a − b| / max(a, b), from 0 to 1. */
  readonly difference: number;
}

export interface RunComparison {
  /** By name, of all scalars of both. */
  readonly scalars: Readonly<Record<string, readonly RunPair[]>>;
  /** Absent where all that both have is equal, to the bit. */
  readonly first?: RunDifference;
  /** Parameters of both, those that differ most first. */
  readonly gradients: readonly RunGradientDifference[];
}

/** Scalars that differ between equal runs. */
const ofTheClock: readonly string[] = ["seconds"];

/**
 * Puts two runs side by side: all scalars by step, the first step at which a scalar or a recorded norm differs, and the
 * parameters whose gradients differ most. Times are shown and not compared.
 *
 * @example
 * const record = async (lr: number) => {
 *   const net = new nn.Linear(4, 3);
 *   net.loadStateDict(model.stateDict());
 *   const memory = new MemoryRun();
 *   const loss = new nn.CrossEntropyLoss();
 *   const trainer = new Trainer({ model: net, optimizer: new SGD(net.parameters(), { lr }), loss });
 *   watch(trainer, { sink: memory, every: 1 });
 *   await trainer.fit(loader);
 *   return memory.run;
 * };
 * const { first, gradients } = compareRuns(await record(0.1), await record(0.2));
 * first; // { step: 1, name: "lr", a: 0.1, b: 0.2 }
 * gradients.map(({ step }) => step > 1); // [true, true]
 */
export function compareRuns(a: Run, b: Run): RunComparison {
  const names = new Set([...Object.keys(a.scalars), ...Object.keys(b.scalars)]);
  const scalars = Object.fromEntries(
    [...names].map((name) => [name, pairsOf(new Map(a.scalars[name]), new Map(b.scalars[name]))]),
  );
  const others = new Map(b.records.map((record) => [record.step, record]));
  const records = a.records.flatMap((record) => {
    const other = others.get(record.step);
    return other === undefined ? [] : [[record, other] as const];
  });
  const ofScalars = Object.entries(scalars).flatMap(([name, pairs]) => {
    const found = ofTheClock.includes(name) ? undefined : pairs.find(([, x, y]) => differs(x, y));
    return found === undefined ? [] : [{ step: found[0], name, a: found[1] as number, b: found[2] as number }];
  });
  const ofRecords = records.flatMap(([x, y]) => differenceOf(x, y) ?? []).slice(0, 1);
  const [first] = [...ofScalars, ...ofRecords].sort((x, y) => x.step - y.step);
  return { scalars, ...(first === undefined ? {} : { first }), gradients: gradientsOf(records) };
}

function pairsOf(a: ReadonlyMap<number, number>, b: ReadonlyMap<number, number>): RunPair[] {
  const steps = [...new Set([...a.keys(), ...b.keys()])].sort((x, y) => x - y);
  return steps.map((step) => [step, a.get(step), b.get(step)]);
}

function differs(a: number | undefined, b: number | undefined): boolean {
  return a !== undefined && b !== undefined && !Object.is(a, b);
}

function differenceOf(a: RunRecord, b: RunRecord): RunDifference | undefined {
  const [numbers, others] = [numbersOf(a), new Map(numbersOf(b))];
  const found = numbers.find(([name, value]) => differs(value, others.get(name)));
  return found === undefined
    ? undefined
    : { step: a.step, name: found[0], a: found[1], b: others.get(found[0]) as number };
}

/** What is compared of a record, by name, in the order in which a step makes it. */
function numbersOf({ loss, activations, parameters }: RunRecord): [name: string, value: number][] {
  const found: [string, number][] = [["loss", loss]];
  for (const [path, { norm }] of Object.entries(activations)) found.push([`${path} result norm`, norm]);
  for (const kind of ["gradient", "change", "weight"] as const) {
    for (const [path, parameter] of Object.entries(parameters)) {
      const norm = parameter[kind]?.norm;
      if (norm !== undefined) found.push([`${path} ${kind} norm`, norm]);
    }
  }
  return found;
}

function gradientsOf(records: readonly (readonly [RunRecord, RunRecord])[]): RunGradientDifference[] {
  const most = new Map<string, RunGradientDifference>();
  for (const [{ step, parameters }, other] of records) {
    for (const [path, { gradient }] of Object.entries(parameters)) {
      const [a, b] = [gradient?.norm, other.parameters[path]?.gradient?.norm];
      if (a === undefined || b === undefined) continue;
      const largest = Math.max(a, b);
      const difference = a === b ? 0 : Number.isFinite(largest) ? Math.abs(a - b) / largest : 1;
      const before = most.get(path);
      if (before === undefined || difference > before.difference) most.set(path, { path, step, a, b, difference });
    }
  }
  return [...most.values()].sort((x, y) => y.difference - x.difference);
}
