/** Layers one behind the other. Floor: nn. */
import { TwopassError, describe } from "../../base/errors.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { Module } from "./module.ts";

/** What takes one tensor and gives one: most layers. */
export interface Layer {
  forward(x: Tensor): Tensor;
}

/**
 * Layers one behind the other. Layers given one by one are named "0", "1", ...; those of an object by its keys.
 *
 * @example
 * const model = new nn.Sequential(new nn.Linear(2, 8), new nn.Tanh(), new nn.Linear(8, 1));
 * Object.keys(model.stateDict()); // ["0.weight", "0.bias", "2.weight", "2.bias"]
 */
export class Sequential extends Module {
  [index: number]: Layer;

  constructor(...layers: readonly Layer[] | readonly [Readonly<Record<string, Layer>>]) {
    super();
    const [first] = layers;
    const isNamed = layers.length === 1 && first !== undefined && Object.getPrototypeOf(first) === Object.prototype;
    for (const [name, layer] of Object.entries(isNamed ? first : layers)) this.#set(name, layer);
  }

  #set(name: string, layer: unknown): void {
    if (!(layer instanceof Module)) {
      throw new TwopassError({
        op: "nn.Sequential",
        problem: "takes modules",
        facts: `layer ${name} is ${describe(layer)}`,
        hint:
          typeof layer === "function"
            ? "use the module, such as new nn.ReLU()"
            : "give modules one by one, or an object of them",
      });
    }
    if (name in this || name.includes(".")) {
      throw new TwopassError({ op: "nn.Sequential", problem: "a name that cannot be used", facts: `"${name}"` });
    }
    Object.defineProperty(this, name, { value: layer, writable: true, enumerable: true, configurable: true });
  }

  /** Adds a layer at the end, named by its position. */
  append(layer: Layer): this {
    this.#set(String(this.length), layer);
    return this;
  }

  /** The layers in order. */
  get layers(): readonly Layer[] {
    return Object.values(this).filter((value) => value instanceof Module) as (Module & Layer)[];
  }

  /** Number of layers. */
  get length(): number {
    return this.layers.length;
  }

  /** A layer by position (negative counts from the end) or by name. */
  at(key: number | string): Layer {
    const layer = typeof key === "number" ? this.layers.at(key) : Object.getOwnPropertyDescriptor(this, key)?.value;
    if (layer instanceof Module) return layer as Module & Layer;
    throw new TwopassError({
      op: "nn.Sequential",
      problem: `no layer ${describe(key)}`,
      facts: `there are ${this.length}`,
    });
  }

  [Symbol.iterator](): Iterator<Layer> {
    return this.layers[Symbol.iterator]();
  }

  forward(input: Tensor): Tensor {
    let x = input;
    for (const layer of this.layers) x = layer.forward(x);
    return x;
  }
}
