/** Tensors in nested arrays, plain objects and Maps, as modules take and give them. Floor: nn. */
import { Tensor } from "../../tensor/tensor.ts";

/** The structure with each tensor replaced; the same object where none is. */
export function mapTensors(structure: unknown, change: (x: Tensor) => Tensor): unknown {
  if (structure instanceof Tensor) return change(structure);
  if (Array.isArray(structure)) return structure.map((item) => mapTensors(item, change));
  if (structure instanceof Map) return new Map([...structure].map(([key, item]) => [key, mapTensors(item, change)]));
  if (typeof structure === "object" && structure !== null && Object.getPrototypeOf(structure) === Object.prototype) {
    return Object.fromEntries(Object.entries(structure).map(([key, item]) => [key, mapTensors(item, change)]));
  }
  return structure;
}

/** All tensors of the structure. */
export function tensorsIn(structure: unknown): Tensor[] {
  const found: Tensor[] = [];
  mapTensors(structure, (x) => {
    found.push(x);
    return x;
  });
  return found;
}
