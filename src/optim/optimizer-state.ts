/**
 * What an optimiser keeps for its parameters: how often each was updated, and tensors by name. How it is saved and loaded
 * is here too; what is written to it is up to the optimiser. Floor: optim.
 */
import { allocate } from "../base/dtype.ts";
import { TwopassError } from "../base/errors.ts";
import { sizeOf } from "../base/shape.ts";
import { hostEffect } from "../tensor/capture.ts";
import { type DeviceName, withDevice } from "../tensor/engines.ts";
import { type Inner, inner } from "../tensor/inner.ts";
import { StoredTensor } from "../tensor/stored.ts";
import { Tensor } from "../tensor/tensor.ts";

/** State of all parameters by their number, and the settings of the groups. The tensors are live. */
export interface OptimizerState {
  readonly state: Readonly<Record<number, Readonly<Record<string, Tensor | number>>>>;
  readonly paramGroups: readonly Readonly<Record<string, unknown>>[];
}

/** How often the parameters that share it were updated. */
export interface Counter {
  steps: number;
}

/** The parameters of one counter: those with a gradient, and those without one, which keep their count. */
export interface Counted {
  readonly counter: Counter;
  readonly active: StoredTensor[];
  readonly idle: StoredTensor[];
}

/** What is kept for one parameter. */
interface Kept {
  counter: Counter;
  readonly tensors: Map<string, StoredTensor>;
}

export class StateStore {
  readonly #kept = new Map<StoredTensor, Kept>();

  has(parameter: StoredTensor): boolean {
    return this.#kept.has(parameter);
  }

  add(parameter: StoredTensor, counter: Counter): void {
    this.#kept.set(parameter, { counter, tensors: new Map() });
  }

  /** Parameters of one group by their counters, of which each has one with a gradient at least. */
  byCounter(parameters: readonly StoredTensor[]): Counted[] {
    const all = new Map<Counter, Counted>();
    for (const parameter of parameters) {
      const { counter } = this.#of(parameter);
      let counted = all.get(counter);
      if (counted === undefined) {
        counted = { counter, active: [], idle: [] };
        all.set(counter, counted);
      }
      (parameter[inner].gradient === undefined ? counted.idle : counted.active).push(parameter);
    }
    return [...all.values()].filter(({ active }) => active.length > 0);
  }

  /** Counts a step of the active parameters; it is taken back where the run of that step fails. */
  count({ counter, idle }: Counted): void {
    const held = { steps: counter.steps };
    for (const parameter of idle) this.#of(parameter).counter = held;
    hostEffect(() => {
      counter.steps++;
      return () => {
        counter.steps--;
      };
    }, true);
  }

  /** The state `name` of a parameter: `initial` everywhere at first. */
  stateOf(parameter: StoredTensor, name: string, initial = 0): Inner {
    const { tensors } = this.#of(parameter);
    let tensor = tensors.get(name);
    if (tensor === undefined) {
      const data = allocate(parameter.dtype, sizeOf(parameter.shape)).fill(initial);
      tensor = store({ data, shape: parameter.shape, dtype: parameter.dtype }, parameter, name);
      tensors.set(name, tensor);
    }
    // A parameter that was moved takes its state along.
    if (tensor.dtype !== parameter.dtype || tensor[inner].engine !== parameter[inner].engine) {
      tensor.to_({ device: parameter.device as DeviceName, dtype: parameter.dtype });
    }
    return tensor[inner];
  }

  /** What is saved of a parameter; undefined where it was never updated. */
  saved(parameter: StoredTensor): Record<string, Tensor | number> | undefined {
    const { counter, tensors } = this.#of(parameter);
    return counter.steps > 0 ? { step: counter.steps, ...Object.fromEntries(tensors) } : undefined;
  }

  /** Takes what `saved` gave, by the numbers of the parameters through all groups. It must fit. */
  load(groups: readonly (readonly StoredTensor[])[], from: OptimizerState["state"]): void {
    let number = 0;
    for (const parameters of groups) {
      // Parameters of one group with equal counts share a counter, and so their numbers.
      const counters = new Map<number, Counter>();
      for (const parameter of parameters) {
        const { step = 0, ...entries } = from[number++] ?? {};
        const steps = Number(step);
        const counter = counters.get(steps) ?? { steps };
        counters.set(steps, counter);
        const tensors = new Map<string, StoredTensor>();
        for (const [name, value] of Object.entries(entries)) {
          if (!(value instanceof Tensor)) continue;
          const content = value.dtype === parameter.dtype ? value : value.to(parameter.dtype);
          tensors.set(name, store(content, parameter, name));
        }
        this.#kept.set(parameter, { counter, tensors });
      }
    }
  }

  #of(parameter: StoredTensor): Kept {
    return this.#kept.get(parameter) as Kept;
  }
}

/** Throws for a state that the optimiser `op` does not name. */
export function checkStateName(op: string, name: string, names: readonly string[]): void {
  if (names.includes(name)) return;
  throw new TwopassError({
    op,
    problem: `the state "${name}" is not in stateNames`,
    facts: names.length === 0 ? "which is empty" : `which has ${names.join(", ")}`,
    hint: `protected override readonly stateNames = ["${name}"]`,
  });
}

/** A state tensor on the device of its parameter. */
function store(
  content: ConstructorParameters<typeof StoredTensor>[0],
  parameter: StoredTensor,
  name: string,
): StoredTensor {
  return withDevice(
    parameter.device as DeviceName,
    () => new StoredTensor(content, { label: `${name} of ${parameter.label}` }),
  );
}
