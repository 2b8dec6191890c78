/** One random graph on all devices, and the search for the smallest recipe that still fails. */
import type { TypedArray } from "../../../src/base/dtype.ts";
import { allocate } from "../../../src/base/dtype.ts";
import { showGraph } from "../../../src/ir/show.ts";
import { type Value, sortGraph } from "../../../src/ir/value.ts";
import type { Device } from "../../../src/runtime/device.ts";
import { JsDevice } from "../../../src/runtime/js/device.ts";
import { makeDevice } from "../../cpu-machine.ts";
import { CompiledGraph, runOnce, sameBits } from "../compiled-graph.ts";
import { type FuzzGraph, type Recipe, generate } from "./generate.ts";

const js = new JsDevice();
const device = makeDevice();
const unfused = makeDevice({ fuse: false });

interface Results {
  readonly kept: readonly (TypedArray | undefined)[];
  /** The cells after one run, and after a second one that starts from what the first one wrote. */
  readonly cells: readonly TypedArray[];
  readonly again: readonly TypedArray[];
}

function resultsOn(device: Device, graph: FuzzGraph): Results {
  graph.cells.forEach((cell, i) => {
    const data = allocate(cell.dtype, (graph.start[i] as ArrayLike<number>).length);
    data.set(graph.start[i] as ArrayLike<number>);
    cell.host = data;
    cell.buffer = undefined;
  });
  const compiled = new CompiledGraph(device, graph.wanted);
  const kept = compiled.run();
  const cells = graph.cells.map((cell) => device.read(cell));
  compiled.run();
  const again = graph.cells.map((cell) => device.read(cell));
  compiled.plan.dispose();
  for (const cell of graph.cells) device.release(cell);
  return { kept, cells, again };
}

/** How large the numbers get anywhere in the graph: roundings are seen against that. */
function largestIn(graph: FuzzGraph): number {
  graph.cells.forEach((cell, i) => {
    const data = allocate(cell.dtype, (graph.start[i] as ArrayLike<number>).length);
    data.set(graph.start[i] as ArrayLike<number>);
    cell.host = data;
  });
  const { order } = sortGraph(
    graph.wanted.map((w) => w.value),
    (value) => value.leaf !== undefined,
  );
  const floats = order.filter((value: Value) => value.dtype === "float32" || value.dtype === "float64");
  let most = 1;
  for (const data of runOnce(js, floats))
    for (const x of data) if (Math.abs(x) < 1e30) most = Math.max(most, Math.abs(x));
  return most;
}

function near(got: TypedArray, want: TypedArray, exact: boolean, largest: number): string {
  if (got.constructor !== want.constructor || got.length !== want.length)
    return `${got.length} elements, not ${want.length}`;
  const most = exact ? 0 : 1e-4 * largest;
  for (let i = 0; i < want.length; i++) {
    const [a, b] = [got[i] as number, want[i] as number];
    if (a === b || (a !== a && b !== b) || Math.abs(a - b) <= most) continue;
    return `element ${i} is ${a}, not ${b}`;
  }
  return "";
}

/** What is wrong with a graph, or "". */
export function check(graph: FuzzGraph): string {
  try {
    const fused = resultsOn(device, graph);
    const alone = resultsOn(unfused, graph);
    for (const [i, data] of fused.kept.entries()) {
      if (data === undefined) continue;
      const other = alone.kept[i] as TypedArray;
      if (!sameBits(data, other)) return `output ${i}: ${difference(data, other)}`;
    }
    for (const run of ["cells", "again"] as const) {
      for (const [i, data] of fused[run].entries()) {
        const other = alone[run][i] as TypedArray;
        if (!sameBits(data, other)) return `cell ${i} (${run}): ${difference(data, other)}`;
      }
    }
    const moved = rerun();
    if (moved !== "") return moved;
    keep(graph);
    if (graph.wild) return "";
    const largest = largestIn(graph);
    const reference = resultsOn(js, graph);
    for (const [i, data] of fused.kept.entries()) {
      if (data === undefined) continue;
      const wrong = near(data, reference.kept[i] as TypedArray, graph.exact[i] === true, largest);
      if (wrong !== "") return `output ${i} against js: ${wrong}`;
    }
    for (const [i, data] of fused.cells.entries()) {
      const wrong = near(data, reference.cells[i] as TypedArray, false, largest);
      if (wrong !== "") return `cell ${i} against js: ${wrong}`;
    }
    return "";
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
}

/** A plan that was made some graphs ago, with what it gave. */
interface Earlier {
  readonly compiled: CompiledGraph;
  readonly kept: readonly (TypedArray | undefined)[];
}
let earlier: Earlier | undefined;

/** Keeps a plan of a graph without cells, to be run again when others have moved things. */
function keep(graph: FuzzGraph): void {
  if (graph.cells.length > 0) return;
  earlier?.compiled.plan.dispose();
  const compiled = new CompiledGraph(device, graph.wanted);
  earlier = { compiled, kept: compiled.run() };
}

/** Whether the plan that was kept still gives the same. */
function rerun(): string {
  if (earlier === undefined) return "";
  const kept = earlier.compiled.run();
  const at = kept.findIndex((data, i) => !sameBits(data as TypedArray, earlier?.kept[i] as TypedArray));
  return at < 0 ? "" : `an earlier plan gives another output ${at} than before`;
}

function difference(fused: TypedArray, unfused: TypedArray): string {
  const at = fused.findIndex((x, i) => !Object.is(x, unfused[i]));
  return `element ${at} is ${fused[at]} fused and ${unfused[at]} unfused`;
}

/** The failure of a recipe, or ""; building the graph may fail too. */
export function failure(recipe: Recipe): string {
  try {
    return check(generate(recipe));
  } catch (error) {
    return `generate: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
  }
}

/** Leaves genes out as long as it still fails. */
export function smallest(recipe: Recipe): Recipe {
  let best = recipe;
  for (const part of ["steps", "wishes"] as const) {
    for (let size = best[part].length; size >= 1; size = Math.floor(size / 2)) {
      for (let at = 0; at < best[part].length; ) {
        const fewer = { ...best, [part]: best[part].toSpliced(at, size) };
        if (failure(fewer) !== "") best = fewer;
        else at += size;
      }
    }
  }
  return best;
}

/** What a failing seed is worth reading: the smallest graph and what is wrong with it. */
export function report(recipe: Recipe): string {
  const small = smallest(recipe);
  const text = showGraph(generate(small).wanted.map((w) => w.value));
  return [
    `TWOPASS_FUZZ_SEED=${recipe.seed} TWOPASS_FUZZ_COUNT=1`,
    failure(small).split("\n").slice(0, 12).join("\n"),
    text,
    `cells: ${generate(small)
      .wanted.map((w) => w.cell?.label ?? "-")
      .join(", ")}`,
    `recipe ${JSON.stringify(small)}`,
  ].join("\n");
}
