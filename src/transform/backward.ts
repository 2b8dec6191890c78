/**
 * The backward pass of a loss, which is mostly that of the step before over other vertices: the graph that `pullback`
 * made for a forward pass is kept as a body, and a forward pass of the same structure calls it. Floor: transform.
 */
import { dtypeCode } from "../base/dtype.ts";
import { mode, withMode } from "../ir/mode.ts";
import { type Value, newestId, sortGraph } from "../ir/value.ts";
import { Recent, type Worded, Words } from "../ir/words.ts";
import { callBody, resultOf } from "../ops/call.ts";
import { type Pullback, type Reached, hasHooks, isVariable, pullback } from "./grad.ts";
import { type Outline, outline } from "./outline.ts";

/** Where a vertex of a new step is found: by its position in the forward pass, or it is the gradient of the loss. */
type Place = number;
const seed: Place = -1;

/** A variable, and its gradient: an output of the body, or, where `output` is negative, the vertex at `place`. */
interface KnownReached {
  readonly at: Place;
  readonly output: number;
  readonly place: Place;
  /** The vertex whose module path the gradient has. */
  readonly pathOf: Place;
}

interface Known extends Worded {
  /** Undefined where the pass must be made anew each time. */
  readonly outline: Outline | undefined;
  readonly reached: readonly KnownReached[];
  readonly visited: readonly Place[];
}

const known = new Recent<Known>(64);
const words = new Words();

/** `pullback` of a loss to all vertices that have an owner, where gradients are not recorded. */
export function backwardOf(loss: Value, gradient: Value): Pullback {
  const make = (): Pullback => pullback("backward", [{ value: loss, gradient }]);
  // Hooks do what they like, and lines are those of each step.
  if (hasHooks() || mode.lines) return make();
  const { order, walk } = sortGraph([loss], isVariable);
  // What was used up must not be used again: that is an error to be made.
  if (!writeWords(order, gradient, gradient.mark === walk ? gradient.position : seed)) return make();
  const hash = words.hash();
  const found = known.find(words, hash) ?? known.add(learn(hash, words.copy(), order, gradient, make));
  const { outline: made } = found;
  // Restores the module path, which is that of each gradient.
  return made === undefined ? make() : withMode({}, () => callAgain(found, made, order, gradient));
}

/** All that a backward pass follows from. False where a vertex was used up. */
function writeWords(order: readonly Value[], gradient: Value, seedAt: Place): boolean {
  words.length = 0;
  for (let i = 0; i < order.length; i++) {
    const value = order[i] as Value;
    if (value.released && value.requiresGrad) return false;
    if (isVariable(value)) writeEnd(value);
    else words.vertex(value);
    words.push((value.requiresGrad ? 1 : 0) + (value.owner === undefined ? 0 : 2) + (value.leaf === undefined ? 0 : 4));
  }
  writeEnd(gradient);
  words.push(seedAt);
  return true;
}

/** A vertex whose inputs do not matter. Rules may look at what it is, such as a constant. */
function writeEnd(value: Value): void {
  const { op, phase, leaf } = value;
  words.push(-1 - (8 * (leaf === undefined ? phase : 3) + dtypeCode[value.dtype]));
  words.push(op.code);
  words.numbers(value.shape);
  if (leaf === undefined) words.attrs(value.attrs);
}

function learn(hash: number, copy: Int32Array, order: readonly Value[], gradient: Value, make: () => Pullback): Known {
  const start = newestId();
  const { reached, visited } = make();
  const places = new Map<Value, Place>([[gradient, seed]]);
  order.forEach((value, i) => places.set(value, i));
  const outputs = [...new Set(reached.map((r) => r.gradient))].filter((value) => !places.has(value));
  return {
    hash,
    words: copy,
    outline: outline(outputs, places, start),
    reached: reached.map((r) => ({
      at: places.get(r.value) as Place,
      output: outputs.indexOf(r.gradient),
      place: places.get(r.gradient) ?? seed,
      pathOf: order.findIndex(({ path }) => path === r.gradient.path),
    })),
    visited: visited.map((value) => places.get(value) as Place),
  };
}

/** The pass of a forward pass that has the words of a known one. */
function callAgain(found: Known, { body, inputs }: Outline, order: readonly Value[], gradient: Value): Pullback {
  const vertex = (place: Place): Value => (place === seed ? gradient : (order[place] as Value));
  const call = callBody(body, inputs.map(vertex));
  const results: Value[] = [];
  const reached: Reached[] = found.reached.map(({ at, output, place, pathOf }) => {
    if (output < 0) return { value: vertex(at), gradient: vertex(place) };
    let result = results[output];
    if (result === undefined) {
      mode.path = pathOf < 0 ? "" : vertex(pathOf).path;
      result = resultOf(call, output);
      results[output] = result;
    }
    return { value: vertex(at), gradient: result };
  });
  return { reached, visited: found.visited.map(vertex) };
}
