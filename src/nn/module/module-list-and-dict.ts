/** Modules in lists and dictionaries: they hold, they do not compute. Floor: nn. */
import { TwopassError, describe, nearest } from "../../base/errors.ts";
import { structureChanged } from "../../tensor/capture.ts";
import { Module } from "./module.ts";

function checkModule(op: string, where: string, module: unknown): asserts module is Module {
  if (module instanceof Module) return;
  throw new TwopassError({ op, problem: "takes modules", facts: `${where} is ${describe(module)}` });
}

/** Puts a module where the walks find it: an own property. */
function hold(owner: Module, key: string, module: Module): void {
  Object.defineProperty(owner, key, { value: module, writable: true, enumerable: true, configurable: true });
  structureChanged("a container of modules changed");
}

abstract class Container extends Module {
  /** Containers do not compute. @throws always. */
  forward(): never {
    const op = `nn.${this.constructor.name}`;
    throw new TwopassError({
      op,
      problem: "has no forward",
      hint: "call its modules one by one, or use nn.Sequential for layers one behind the other",
    });
  }
}

/**
 * Modules by position, named "0", "1", ... as in PyTorch's states. It has no `forward`.
 *
 * @example
 * class Tower extends nn.Module {
 *   layers = new nn.ModuleList([4, 4, 4].map((n) => new nn.Linear(n, n)));
 *   override forward(x: Tensor) {
 *     for (const layer of this.layers) x = layer.forward(x).relu();
 *     return x;
 *   }
 * }
 * new Tower().forward(zeros(2, 4)).shape; // [2, 4]
 */
export class ModuleList<M extends Module = Module> extends Container {
  [index: number]: M;

  constructor(modules: Iterable<M> = []) {
    super();
    this.extend(modules);
  }

  #all(): M[] {
    const all: M[] = [];
    for (let i = 0; Object.hasOwn(this, i); i++) all.push(this[i] as M);
    return all;
  }

  /** Number of modules. */
  get length(): number {
    return this.#all().length;
  }

  /** A module by position; a negative one counts from the end. @throws where there is none. */
  at(index: number): M {
    const found = this.#all().at(index);
    if (found !== undefined && Number.isInteger(index)) return found;
    throw new TwopassError({
      op: "nn.ModuleList",
      problem: `no module ${describe(index)}`,
      facts: `there are ${this.length}`,
    });
  }

  /** Adds modules at the end; gives the new length. */
  push(...modules: readonly M[]): number {
    return this.extend(modules).length;
  }

  /** Adds a module at the end. */
  append(module: M): this {
    return this.extend([module]);
  }

  /** Adds all modules of an iterable at the end. */
  extend(modules: Iterable<M>): this {
    const before = this.length;
    const added = [...readIterable(modules)];
    added.forEach((module, i) => checkModule("nn.ModuleList", `module ${before + i}`, module));
    added.forEach((module, i) => hold(this, String(before + i), module as Module));
    return this;
  }

  /** Puts a module in front of the one at `index`, which may count from the end; the others move up by one. */
  insert(index: number, module: M): this {
    const all = this.#all();
    checkModule("nn.ModuleList", "the module", module);
    if (!Number.isInteger(index) || index < -all.length || index > all.length) {
      throw new TwopassError({
        op: "nn.ModuleList",
        problem: `cannot insert at ${describe(index)}`,
        facts: `there are ${all.length}`,
      });
    }
    const at = index < 0 ? index + all.length : index;
    all.splice(at, 0, module);
    for (let i = at; i < all.length; i++) hold(this, String(i), all[i] as M);
    return this;
  }

  [Symbol.iterator](): Iterator<M> {
    return this.#all()[Symbol.iterator]();
  }
}

function readIterable(modules: unknown): Iterable<unknown> {
  if (typeof modules === "object" && modules !== null && Symbol.iterator in modules)
    return modules as Iterable<unknown>;
  throw new TwopassError({
    op: "nn.ModuleList",
    problem: "takes modules in an array",
    facts: `got ${describe(modules)}`,
    hint: "new nn.ModuleList([a, b])",
  });
}

/**
 * Modules by name. The names are the paths in states, as in PyTorch; whole numbers among them come first. It has no `forward`.
 * Differs from PyTorch: iterating gives [name, module], as a Map does.
 *
 * @example
 * const heads = new nn.ModuleDict({ mean: new nn.Linear(4, 1), deviation: new nn.Linear(4, 1) });
 * Object.keys(heads.stateDict())[0]; // "mean.weight"
 */
export class ModuleDict<M extends Module = Module> extends Container {
  constructor(modules: Readonly<Record<string, M>> | Iterable<readonly [string, M]> = {}) {
    super();
    if (typeof modules !== "object" || modules === null) {
      throw new TwopassError({
        op: "nn.ModuleDict",
        problem: "takes an object of modules, or pairs of a name and a module",
        facts: `got ${describe(modules)}`,
        hint: "new nn.ModuleDict({ a, b })",
      });
    }
    const entries =
      Symbol.iterator in modules ? [...(modules as Iterable<readonly [string, M]>)] : Object.entries<M>(modules);
    for (const [name, module] of entries) this.set(name, module);
  }

  /** Names and modules. */
  entries(): [name: string, module: M][] {
    return Object.entries(this).filter((entry): entry is [string, M] => entry[1] instanceof Module);
  }

  keys(): string[] {
    return this.entries().map(([name]) => name);
  }

  values(): M[] {
    return this.entries().map(([, module]) => module);
  }

  /** Number of modules. */
  get length(): number {
    return this.entries().length;
  }

  has(name: string): boolean {
    return Object.getOwnPropertyDescriptor(this, name)?.value instanceof Module;
  }

  /** The module of a name. @throws where there is none. */
  get(name: string): M {
    const found: unknown = Object.getOwnPropertyDescriptor(this, name)?.value;
    if (found instanceof Module) return found as M;
    const near = nearest(String(name), this.keys());
    throw new TwopassError({
      op: "nn.ModuleDict",
      problem: `no module ${describe(name)}`,
      hint: near === undefined ? `there are: ${this.keys().join(", ") || "none"}` : `did you mean "${near}"?`,
    });
  }

  /** Adds or replaces a module. */
  set(name: string, module: M): this {
    checkModule("nn.ModuleDict", `"${name}"`, module);
    if (name === "" || name.includes(".") || (name in this && !this.has(name))) {
      throw new TwopassError({
        op: "nn.ModuleDict",
        problem: "a name that cannot be used",
        facts: `"${name}"`,
        hint: 'names are not empty, have no ".", and are not those of methods',
      });
    }
    hold(this, name, module);
    return this;
  }

  /** Takes a module out; gives whether it was there. */
  delete(name: string): boolean {
    if (!this.has(name)) return false;
    structureChanged("a container of modules changed");
    return Reflect.deleteProperty(this, name);
  }

  [Symbol.iterator](): Iterator<[name: string, module: M]> {
    return this.entries()[Symbol.iterator]();
  }
}
