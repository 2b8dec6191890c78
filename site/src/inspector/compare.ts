/** Two traces side by side: norms by module and parameter, and where the two are not made alike. */
import { type Trace, type TraceOperation, type TraceValue, summaryOf } from "twopass/inspect";

export type Quantity = "value" | "gradient" | "update";
export const quantities: readonly Quantity[] = ["value", "gradient", "update"];

/** Undefined where a trace has none, which is not a norm of 0. */
export interface Pair {
  readonly a: number | undefined;
  readonly b: number | undefined;
}

export interface CompareRow {
  readonly kind: "module" | "parameter";
  readonly path: string;
  /** Norms √(Σ x²): of results or of the parameter, of their gradients, of the change. */
  readonly norms: Readonly<Record<Quantity, Pair>>;
  /** The largest |log₂(b / a)| of the three; infinite where only one of two is 0 or finite. */
  readonly difference: number;
}

/** Something that one trace has, or has otherwise. */
export interface StructureDifference {
  readonly kind: "model" | "optimizer" | "module" | "type" | "settings" | "parameter" | "shape" | "operations";
  readonly path: string;
  /** Undefined: it is not there. */
  readonly a: string | undefined;
  readonly b: string | undefined;
}

export interface Comparison {
  /** What differs most first. */
  readonly rows: readonly CompareRow[];
  readonly structure: readonly StructureDifference[];
}

type Norms = Readonly<Record<Quantity, number | undefined>>;

export function compareTraces(a: Trace, b: Trace): Comparison {
  const rows: CompareRow[] = [];
  const add = (kind: CompareRow["kind"], left: ReadonlyMap<string, Norms>, right: ReadonlyMap<string, Norms>): void => {
    for (const [path, one] of left) {
      const other = right.get(path);
      if (other === undefined) continue;
      const norms = {
        value: { a: one.value, b: other.value },
        gradient: { a: one.gradient, b: other.gradient },
        update: { a: one.update, b: other.update },
      };
      if (quantities.every((name) => norms[name].a === undefined && norms[name].b === undefined)) continue;
      rows.push({ kind, path, norms, difference: Math.max(...quantities.map((name) => distance(norms[name]))) });
    }
  };
  add("module", moduleNorms(a), moduleNorms(b));
  add("parameter", parameterNorms(a), parameterNorms(b));
  rows.sort((one, other) => other.difference - one.difference || (one.path < other.path ? -1 : 1));
  return { rows, structure: structureDifferences(a, b) };
}

/** b / a; undefined where there is nothing to divide. */
export function ratioOf({ a, b }: Pair): number | undefined {
  if (a === undefined || b === undefined) return undefined;
  return a === b ? 1 : b / a;
}

/** How far apart two norms are, 0 where one is missing. */
export function distance(pair: Pair): number {
  const ratio = ratioOf(pair);
  if (ratio === undefined) return 0;
  return Number.isFinite(ratio) && ratio > 0 ? Math.abs(Math.log2(ratio)) : Infinity;
}

/** Of the finite elements; infinite where there are others, so that they are not overlooked. */
function normOf(value: TraceValue | undefined): number | undefined {
  if (value === undefined) return undefined;
  const { norm, nonFinite } = summaryOf(value);
  return nonFinite > 0 ? Infinity : norm;
}

/** Of several tensors as one. */
function together(norms: readonly (number | undefined)[]): number | undefined {
  const known = norms.filter((norm) => norm !== undefined);
  return known.length === 0 ? undefined : Math.hypot(...known);
}

function moduleNorms({ modules, operations, parameters }: Trace): Map<string, Norms> {
  const valueNorm = (at: number | undefined): number | undefined =>
    at === undefined ? undefined : normOf((operations[at] as TraceOperation).value);
  const changes = new Map(parameters.map(({ path, change }) => [path, normOf(change)] as const));
  return new Map(
    modules.map(({ path, calls, parameters: own }) => {
      const outputs = [...new Set(calls.flatMap((call) => call.outputs))];
      return [
        path,
        {
          value: together(outputs.map(valueNorm)),
          gradient: together(outputs.map((at) => valueNorm(operations[at]?.gradient))),
          update: together(own.map((name) => changes.get(name))),
        },
      ];
    }),
  );
}

function parameterNorms({ parameters, operations }: Trace): Map<string, Norms> {
  return new Map(
    parameters.map(({ path, before, gradient, change }) => [
      path,
      {
        value: normOf(before),
        gradient: gradient === undefined ? undefined : normOf((operations[gradient] as TraceOperation).value),
        update: normOf(change),
      },
    ]),
  );
}

function structureDifferences(a: Trace, b: Trace): StructureDifference[] {
  const found: StructureDifference[] = [];
  const compare = (
    kind: StructureDifference["kind"],
    path: string,
    left: string | undefined,
    right: string | undefined,
  ): void => {
    if (left !== right) found.push({ kind, path, a: left, b: right });
  };
  compare("model", "", a.model, b.model);
  compare("optimizer", "", a.optimizer, b.optimizer);
  const modules = joined(byPath(a.modules), byPath(b.modules));
  const operations = [operationsByModule(a), operationsByModule(b)] as const;
  for (const [path, [left, right]] of modules) {
    if (left === undefined || right === undefined) {
      compare("module", path, left?.type, right?.type);
      continue;
    }
    compare("type", path, left.type, right.type);
    compare("settings", path, left.settings, right.settings);
  }
  for (const [path, [left, right]] of joined(byPath(a.parameters), byPath(b.parameters))) {
    const text = (
      one: { readonly shape: readonly number[]; readonly dtype: string } | undefined,
    ): string | undefined => (one === undefined ? undefined : `${one.dtype} [${one.shape.join(", ")}]`);
    compare(left === undefined || right === undefined ? "parameter" : "shape", path, text(left), text(right));
  }
  for (const [path, [left = [], right = []]] of joined(...operations)) {
    const isKnown = path === "loss" || modules.get(path)?.every((module) => module !== undefined) === true;
    if (!isKnown) continue;
    const at = left.findIndex((name, i) => name !== right[i]);
    const from = at >= 0 ? at : left.length;
    if (at < 0 && left.length === right.length) continue;
    compare("operations", path, excerpt(left, from), excerpt(right, from));
  }
  return found;
}

function byPath<T extends { readonly path: string }>(list: readonly T[]): Map<string, T> {
  return new Map(list.map((one) => [one.path, one]));
}

/** Names of the operations of the forward pass, leaves apart: numbers are not always the same ones. */
function operationsByModule({ operations }: Trace): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { phase, op, module } of operations) {
    if (phase !== "forward" || op === "leaf" || op === "constant") continue;
    const list = found.get(module);
    if (list === undefined) found.set(module, [op]);
    else list.push(op);
  }
  return found;
}

function joined<T>(a: ReadonlyMap<string, T>, b: ReadonlyMap<string, T>): Map<string, [T | undefined, T | undefined]> {
  const paths = new Set([...a.keys(), ...b.keys()]);
  return new Map([...paths].map((path) => [path, [a.get(path), b.get(path)]]));
}

const shownOperations = 4;

/** Some operations from the first one that differs, and how many there are. */
function excerpt(names: readonly string[], from: number): string {
  const some = names.slice(from, from + shownOperations).join(" ");
  return `${names.length}: ${from > 0 ? "… " : ""}${some}${from + shownOperations < names.length ? " …" : ""}`;
}
