/**
 * Takes a part of a graph out as a body, so that it can be used again without making its vertices. Floor: transform.
 */
import { type Body, makeBody } from "../ir/body.ts";
import { Copier } from "../ir/copier.ts";
import { type Value, sortGraph } from "../ir/value.ts";
import { makeLeaf } from "../ops/leaf.ts";

export interface Outline {
  readonly body: Body;
  /** For each input of the body what `sources` says of the vertex that it stands for. */
  readonly inputs: readonly number[];
}

/**
 * The graph below `outputs` down to the vertices of `sources`; undefined where it needs others that are older than
 * vertex number `start` or have their elements, and where an output is no vertex of its own.
 */
export function outline(
  outputs: readonly Value[],
  sources: ReadonlyMap<Value, number>,
  start: number,
): Outline | undefined {
  if (outputs.length === 0 || new Set(outputs).size < outputs.length) return undefined;
  if (outputs.some((output) => sources.has(output))) return undefined;
  const copier = new Copier();
  const inputs: Value[] = [];
  const places: number[] = [];
  for (const value of sortGraph(outputs, (x) => sources.has(x)).order) {
    const source = sources.get(value);
    if (source !== undefined) {
      const input = makeLeaf(value.shape, value.dtype, { kind: "input", index: inputs.length });
      copier.set(value, input);
      inputs.push(input);
      places.push(source);
    } else if (value.leaf !== undefined || value.id <= start) return undefined;
    else copier.copy(value);
  }
  const results = outputs.map((output) => copier.get(output));
  return { body: makeBody(0, 0, inputs, results), inputs: places };
}
