/** Where a run stands, copied out of a network and brought back into it. */
import { Tensor, tensor } from "twopass";
import type { OptimizerState } from "twopass/optim";
import type { Network } from "./network.ts";

interface Content {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

/** What the optimiser keeps for one parameter: tensors by name, and how often it was updated. */
type Kept = Readonly<Record<string, Content | number>>;

/** All that the next steps depend on. Orders and batches follow from `step`; no step draws a random number. */
export interface State {
  /** Updates made. */
  readonly step: number;
  readonly parameters: readonly Float32Array[];
  readonly optimizer: Readonly<Record<number, Kept>>;
  readonly groups: OptimizerState["paramGroups"];
  /** Norm of each layer's gradient in the last update. */
  readonly norms: readonly number[];
}

export function copyParameters({ model }: Network): Float32Array[] {
  return model.parameters().map((parameter) => parameter.dataSync() as Float32Array);
}

export function loadParameters({ model }: Network, contents: readonly Float32Array[]): void {
  model.parameters().forEach((parameter, i) => parameter.load(contents[i] as Float32Array));
}

export function takeState(network: Network, step: number, norms: readonly number[]): State {
  const { state, paramGroups } = network.optimizer.stateDict();
  const optimizer: Record<number, Kept> = {};
  for (const [number, entries] of Object.entries(state)) {
    const kept: Record<string, Content | number> = {};
    for (const [name, x] of Object.entries(entries)) {
      kept[name] = x instanceof Tensor ? { data: x.dataSync() as Float32Array, shape: [...x.shape] } : x;
    }
    optimizer[Number(number)] = kept;
  }
  return { step, parameters: copyParameters(network), optimizer, groups: paramGroups, norms };
}

export function restoreState(network: Network, { parameters, optimizer, groups }: State): void {
  const before = tensorsOf(network.optimizer.stateDict());
  const state: Record<number, Record<string, Tensor | number>> = {};
  for (const [number, entries] of Object.entries(optimizer)) {
    const kept: Record<string, Tensor | number> = {};
    for (const [name, x] of Object.entries(entries)) {
      kept[name] = typeof x === "number" ? x : tensor(x.data, { shape: x.shape, copy: false });
    }
    state[Number(number)] = kept;
  }
  network.optimizer.loadStateDict({ state, paramGroups: groups });
  // The optimiser has made others of its own: these are nobody's now.
  for (const x of before) x.dispose();
  loadParameters(network, parameters);
}

function tensorsOf({ state }: OptimizerState): Tensor[] {
  return Object.values(state).flatMap((entries) => Object.values(entries).filter((x) => x instanceof Tensor));
}

/** Whether all parameters are finite. */
export function isFiniteState({ parameters }: Pick<State, "parameters">): boolean {
  return parameters.every((data) => data.every(Number.isFinite));
}

export function bytesOf({ parameters, optimizer }: State): number {
  let size = 0;
  for (const data of parameters) size += data.byteLength;
  for (const entries of Object.values(optimizer)) {
    for (const x of Object.values(entries)) if (typeof x !== "number") size += x.data.byteLength;
  }
  return size;
}
