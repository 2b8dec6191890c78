/** The public API as tables of names, so that the runner finds out by name what is there. */
import * as core from "../../src/index.ts";
import * as nn from "../../src/nn/index.ts";
import * as functional from "../../src/nn/functional.ts";
import * as optim from "../../src/optim/index.ts";

/** The entries of the package: "" is `twopass`, F is `twopass/nn/functional`. */
const namespaces = { "": core, F: functional, nn, optim } as const;
export type Namespace = keyof typeof namespaces;

/** What the library exports under a name: `conv2d` of F, `Linear` of nn, `zeros` of "". */
function exported(space: Namespace, name: string): unknown {
  return Reflect.get(namespaces[space], name) as unknown;
}

export function exportedFunction(space: Namespace, name: string): ((...args: unknown[]) => unknown) | undefined {
  const found = exported(space, name);
  return typeof found === "function" ? (...args) => Reflect.apply(found, undefined, args) as unknown : undefined;
}

export function exportedClass(space: Namespace, name: string): (new (...args: unknown[]) => object) | undefined {
  const found = exported(space, name);
  return typeof found === "function" ? (found as new (...args: unknown[]) => object) : undefined;
}

/** Whether every tensor, or for names that end in `_` every stored tensor, has a method or an accessor of this name. */
export function tensorHas(name: string): boolean {
  return name in (name.endsWith("_") ? core.StoredTensor.prototype : core.Tensor.prototype);
}

export function camelCase(name: string): string {
  return name.replace(/_+([a-zA-Z0-9])/g, (whole, letter: string, at: number) =>
    at === 0 ? whole : letter.toUpperCase(),
  );
}
