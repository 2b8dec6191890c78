/** All adapters by PyTorch's name. An operation without one is looked for under its name in camelCase. */
import { camelCase } from "../api.ts";
import { type Adapter, adapter, methodTarget } from "../signature.ts";
import { functional } from "./functional.ts";
import { indexing } from "./indexing.ts";
import { linear } from "./linear.ts";
import { pointwise } from "./pointwise.ts";
import { reduction } from "./reduction.ts";
import { shape } from "./shape.ts";

const adapters: Map<string, Adapter> = new Map([
  ...pointwise,
  ...reduction,
  ...shape,
  ...indexing,
  ...linear,
  ...functional,
]);

export function adapterOf(op: string): Adapter {
  let found = adapters.get(op);
  if (found === undefined) {
    found = byName(op);
    adapters.set(op, found);
  }
  return found;
}

/** `special.entr` is `entr(...args, options)` where the library has it, `masked.amax` is `maskedAmax`. */
function byName(op: string): Adapter {
  const [space, name = ""] = op.includes(".") ? op.split(".").slice(-2) : ["", op];
  const target = methodTarget(camelCase(space === "masked" || space === "linalg" ? `${space}_${name}` : name));
  return adapter([target], (args, keywords) => {
    const options = Object.entries(keywords).map(([key, value]) => [camelCase(key), value]);
    return target.invoke(options.length === 0 ? args : [...args, Object.fromEntries(options)]);
  });
}
